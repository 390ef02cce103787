/** `/v1/users/{id}/recommendations`, `/v1/recommendations`, `/v1/recommendations/batch`, `/v1/items/{id}/similar`, `/v1/trending`. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { createCodec } from '../../bus/event/codec.ts';
import type { Json } from '../../bus/nats/micro.ts';
import type { Trace } from '../../observability/tracing/trace-context.ts';
import { otherUser } from '../access/authorizer.ts';
import { type Caller, mayActFor } from '../access/caller.ts';
import { listsOfMany } from '../batch.ts';
import type { GatewayContext } from '../context.ts';
import { withFilter } from '../filter.ts';
import { createImpressionReporter } from '../impression-reporting.ts';
import type { StoredList } from '../published-list.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { forwardAnswer, requestService } from '../service-request.ts';
import { createSilence } from '../silence.ts';
import { createStoredLists, orStored, type StoredKey } from '../stored-lists.ts';
import { traceOfRequest } from '../traced-requests.ts';
import { whatIf } from '../what-if.ts';

const tags = ['recommendations'];

export function recommendationRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config, link, logger, metrics } = context;
  const { http, publisher } = config;
  const stored = createStoredLists({ link, config });
  const silence = createSilence({ afterMs: http.stored_after_ms, silentMs: http.stored_silent_ms });
  const impressions = createImpressionReporter({
    link,
    codec: createCodec(),
    logger,
    share: http.served_share,
    timeoutMs: http.served_timeout_ms,
    window: publisher.window,
    tracing: context.tracing,
  });

  interface Reporting {
    /** Whether the gateway reports the list as served. */
    report: boolean | undefined;
    user: string | undefined;
    caller: Caller;
    trace: Trace | undefined;
  }

  /** The stored list, for a request that the engine has not answered. */
  const storedFor = async (key: StoredKey, query: Json): Promise<StoredList> => {
    const list = await stored.answer(key, query);
    metrics.storedList();
    return list;
  };

  async function recommend(
    query: Json,
    reply: FastifyReply,
    { report, user, caller, trace }: Reporting,
  ): Promise<unknown> {
    if (report === true) impressions.check(caller, user);
    const key = user === undefined ? undefined : { user };
    const read = report === true ? requestService : forwardAnswer;
    const answer = await orStored(
      read(context, 'freshet.engine.recommend', query, reply),
      key && (() => storedFor(key, query)),
      silence,
      query.min_seq !== undefined,
    );
    if (report !== true) return answer;
    return impressions.report(answer as Json, user as string, { trace, context: query.context });
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
          'Items that fit what the user did, up to the newest event. An unknown user gets popular items, not an error.',
        params: schemas.userPath,
        querystring: schemas.recommend,
        response: answers('Ranking', 'The list', READ_PROBLEMS),
      },
    },
    (request, reply) => {
      const { params, query, caller } = request;
      const user = params.id;
      const { served: report, ...rest } = withFilter(query);
      return recommend({ ...rest, user }, reply, { report, user, caller, trace: traceOfRequest(request) });
    },
  );

  app.post<{ Body: RequestOf<'recommendBody'> }>(
    '/v1/recommendations',
    {
      config: { access: { scope: ['recommend'], token: 'handler' } },
      schema: {
        tags,
        operationId: 'recommend',
        summary: 'A list for a user, from a request with a body',
        description:
          'The same list, with options that do not fit into a URL: the history of an unknown user, candidates, more like these and ' +
          'not like those, filters, boosts, diversity, quotas.',
        body: schemas.recommendBody,
        response: answers('Ranking', 'The list', [400, 401, 403, 413, 415, 429, 503, 504]),
      },
    },
    (request, reply) => {
      const { body, caller } = request;
      if (body.user !== undefined && !mayActFor(caller, body.user)) throw otherUser();
      const { served: report, ...query } = body;
      return recommend(query, reply, { report, user: body.user, caller, trace: traceOfRequest(request) });
    },
  );

  app.post<{ Body: RequestOf<'whatIf'> }>(
    '/v1/what-if',
    {
      config: { access: { scope: ['recommend'], token: 'handler' } },
      schema: {
        tags,
        operationId: 'whatIf',
        summary: 'The list that a user would get if the history had other items; the log stays as it is',
        description:
          'The engine ranks for the items of the newest interactions of the user, without those of `leave_out` and `leave_out_seqs`, and with those of `add` behind them. ' +
          '`unchanged` is the list for the history as it is, by the same method, so that the difference between the two comes from the change alone. ' +
          'The method counts the items and their order. It does not count what the engine knows of this user beside them: dismissals, low ratings, traits (of a user without a history), the arm of an experiment, and, among kindred users, that one of them is this user. So `unchanged` may differ from the list of `/v1/users/{id}/recommendations`.',
        body: schemas.whatIf,
        response: answers('WhatIf', 'The two lists', [400, 401, 403, 413, 415, 429, 503, 504]),
      },
    },
    ({ body, caller }) => {
      if (!mayActFor(caller, body.user)) throw otherUser();
      return whatIf(context, body);
    },
  );

  app.post<{ Body: RequestOf<'batchBody'> }>(
    '/v1/recommendations/batch',
    {
      config: { access: { scope: ['recommend'], token: 'handler' } },
      schema: {
        tags,
        operationId: 'recommendForUsers',
        summary: 'The lists of several users, from one request',
        description:
          'The options are those of a request for one user, and apply to each of them. Each user gets a list or a problem, whatever the others get. ' +
          '`timeout_ms` limits the wait of all of them together for `min_seq`. For the rate limit, each user counts as one request.',
        body: schemas.batchBody,
        response: answers('Rankings', 'A list or a problem for each user', [400, 401, 403, 413, 415, 429, 503]),
      },
    },
    async (request) => {
      const { body, caller, log } = request;
      const { users, served: report, timeout_ms = http.min_seq_timeout_ms, ...query } = body;
      if (report === true) impressions.check(caller, users[0]);
      // The bus is away for all of them.
      link.bus();
      const trace = traceOfRequest(request);
      let counted = false;
      const listOf = async (user: string, waits: Json): Promise<unknown> => {
        if (!mayActFor(caller, user)) throw otherUser();
        // The request itself counts for the first one.
        const over = counted ? request.countAgain() : undefined;
        counted = true;
        if (over) throw over;
        const asked = { ...query, ...waits, user };
        const answer = await orStored(
          requestService(context, 'freshet.engine.recommend', asked),
          () => storedFor({ user }, asked),
          silence,
          query.min_seq !== undefined,
        );
        return report === true ? impressions.report(answer as Json, user, { trace, context: query.context }) : answer;
      };
      const found = await listsOfMany(users, listOf, {
        window: http.batch_window,
        waitMs: timeout_ms,
        limitMs: http.request_timeout_ms + (query.min_seq === undefined ? 0 : timeout_ms),
        onError: (err) => log.error({ err }, 'The gateway could not get a list of a batch.'),
      });
      return { answers: found };
    },
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'shelves'> }>(
    '/v1/users/:id/shelves',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'shelvesForUser',
        summary: 'Several titled rows for a user; no item is in two rows',
        description:
          'Rows for the user, because of the items that the user took last, of new items, and of items that are popular now.',
        params: schemas.userPath,
        querystring: schemas.shelves,
        response: answers('Shelves', 'The rows', READ_PROBLEMS),
      },
    },
    ({ params, query }, reply) =>
      forwardAnswer(context, 'freshet.engine.shelves', { ...withFilter(query), user: params.id }, reply),
  );

  app.get<{ Params: RequestOf<'itemPath'>; Querystring: RequestOf<'similar'> }>(
    '/v1/items/:id/similar',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'similarItems',
        summary: 'Items that go with an item',
        description: 'An item that is neither published nor in any event is 404.',
        params: schemas.itemPath,
        querystring: schemas.similar,
        response: answers('Ranking', 'The list', [...READ_PROBLEMS, 404]),
      },
    },
    ({ params, query }, reply) => {
      const item = params.id;
      const asked = { ...withFilter(query), item };
      return orStored(
        forwardAnswer(context, 'freshet.engine.similar', asked, reply),
        () => storedFor({ item }, asked),
        silence,
        query.min_seq !== undefined,
      );
    },
  );

  app.get<{ Querystring: RequestOf<'trending'> }>(
    '/v1/trending',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'trendingItems',
        summary: 'Items that users take most at present',
        querystring: schemas.trending,
        response: answers('Ranking', 'The list', READ_PROBLEMS),
      },
    },
    ({ query }, reply) => {
      const asked = withFilter(query);
      return orStored(
        forwardAnswer(context, 'freshet.engine.trending', asked, reply),
        () => storedFor('trending', asked),
        silence,
        query.min_seq !== undefined,
      );
    },
  );

  app.get(
    '/v1/ping',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags: ['operations'],
        operationId: 'ping',
        summary: 'An empty answer of the engine, to measure the time from caller to engine',
        response: answers('Nothing', 'An empty object', [401, 403, 429, 503]),
      },
    },
    (_request, reply) => forwardAnswer(context, 'freshet.engine.ping', {}, reply),
  );
}
