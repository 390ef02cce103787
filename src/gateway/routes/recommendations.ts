/** `/v1/users/{id}/recommendations`, `/v1/recommendations`, `/v1/items/{id}/similar`, `/v1/trending`. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { createCodec } from '../../bus/event/codec.ts';
import type { Json } from '../../bus/nats/micro.ts';
import { type Caller, mayActFor } from '../access/caller.ts';
import { otherUser } from '../access/gate.ts';
import { ask, passOn } from '../ask.ts';
import type { GatewayContext } from '../context.ts';
import { withFilter } from '../filter.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { createServed } from '../served.ts';
import { type Trace, traceOf } from '../trace.ts';

const tags = ['recommendations'];

export function recommendationRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config, link, logger } = context;
  const { http, publisher } = config;
  const served = createServed({
    link,
    codec: createCodec(),
    logger,
    share: http.served_share,
    timeoutMs: http.served_timeout_ms,
    window: publisher.window,
  });

  interface Asker {
    /** Whether the list is to be reported as served. */
    report: boolean | undefined;
    user: string | undefined;
    caller: Caller;
    trace: Trace | undefined;
  }

  async function recommend(asked: Json, reply: FastifyReply, { report, user, caller, trace }: Asker): Promise<unknown> {
    if (report !== true) return passOn(context, 'freshet.engine.recommend', asked, reply);
    served.check(caller, user);
    const answer = await ask(context, 'freshet.engine.recommend', asked);
    return served.report(answer as Json, user as string, { trace, context: asked.context });
  }

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'recommend'> }>(
    '/v1/users/:id/recommendations',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'recommendForUser',
        summary: 'A list for a user',
        description:
          'What goes with what the user did, up to the newest event. Never an error for an unknown user: they get what is popular.',
        params: schemas.userPath,
        querystring: schemas.recommend,
        response: answers('Ranking', 'The list', READ_PROBLEMS),
      },
    },
    ({ params, query, caller, headers }, reply) => {
      const user = params.id;
      const { served: report, ...asked } = withFilter(query);
      return recommend({ ...asked, user }, reply, { report, user, caller, trace: traceOf(headers) });
    },
  );

  app.post<{ Body: RequestOf<'recommendBody'> }>(
    '/v1/recommendations',
    {
      config: { access: { scope: ['recommend'], token: 'handler' } },
      schema: {
        tags,
        operationId: 'recommend',
        summary: 'A list for a user, asked for with a body',
        description:
          'The same as the list for a user, with all that does not go into an address: a history of somebody unknown, candidates, more like these and ' +
          'not like those, filters, boosts, diversity, quotas.',
        body: schemas.recommendBody,
        response: answers('Ranking', 'The list', [400, 401, 403, 413, 415, 429, 503, 504]),
      },
    },
    ({ body, caller, headers }, reply) => {
      if (body.user !== undefined && !mayActFor(caller, body.user)) throw otherUser();
      const { served: report, ...asked } = body;
      return recommend(asked, reply, { report, user: body.user, caller, trace: traceOf(headers) });
    },
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'shelves'> }>(
    '/v1/users/:id/shelves',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'shelvesForUser',
        summary: 'Several titled rows for a user, with no item twice',
        description: 'For the user, because of what they took last, what is new, and what is popular now.',
        params: schemas.userPath,
        querystring: schemas.shelves,
        response: answers('Shelves', 'The rows', READ_PROBLEMS),
      },
    },
    ({ params, query }, reply) =>
      passOn(context, 'freshet.engine.shelves', { ...withFilter(query), user: params.id }, reply),
  );

  app.get<{ Params: RequestOf<'itemPath'>; Querystring: RequestOf<'similar'> }>(
    '/v1/items/:id/similar',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'similarItems',
        summary: 'Items that go with an item',
        params: schemas.itemPath,
        querystring: schemas.similar,
        response: answers('Ranking', 'The list', READ_PROBLEMS),
      },
    },
    ({ params, query }, reply) =>
      passOn(context, 'freshet.engine.similar', { ...withFilter(query), item: params.id }, reply),
  );

  app.get<{ Querystring: RequestOf<'trending'> }>(
    '/v1/trending',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'trendingItems',
        summary: 'Items that are taken most lately',
        querystring: schemas.trending,
        response: answers('Ranking', 'The list', READ_PROBLEMS),
      },
    },
    ({ query }, reply) => passOn(context, 'freshet.engine.trending', withFilter(query), reply),
  );

  app.get(
    '/v1/ping',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags: ['operations'],
        operationId: 'ping',
        summary: 'Nothing, from the engine: how long the way takes',
        response: answers('Nothing', 'An empty object', [401, 403, 429, 503]),
      },
    },
    (_request, reply) => passOn(context, 'freshet.engine.ping', {}, reply),
  );
}
