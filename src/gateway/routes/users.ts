/** `/v1/users`, and `/v1/users/{id}` with history, export and erasure. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { exportChunks, exportDocument } from '../../user/export-document.ts';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';

const tags = ['users'];
const problems = [400, 401, 403, 404, 429, 503, 504] as const;

export function userRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas, config } = context;

  app.get<{ Querystring: RequestOf<'foundUsers'> }>(
    '/v1/users',
    {
      config: { access: { scope: ['admin'], token: 'none' } },
      schema: {
        tags,
        operationId: 'findUsers',
        summary: 'Users whose ids begin with a text',
        querystring: schemas.foundUsers,
        response: answers('FoundUsers', 'The first of them, in order of id', [400, 401, 403, 429, 503, 504]),
      },
    },
    ({ query }) => requestService(context, 'freshet.user.search', query),
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/users/:id',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'getUser',
        summary: 'The profile of a user',
        params: schemas.userPath,
        querystring: schemas.fresh,
        response: answers('User', 'The user', problems),
      },
    },
    ({ params, query }) => requestService(context, 'freshet.user.get', { ...query, user: params.id }),
  );

  app.delete<{ Params: RequestOf<'userPath'> }>(
    '/v1/users/:id',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'forgetUser',
        summary: 'Forget a user for good',
        description:
          'Erases the events, rows, statistics, lists and snapshots of the user and of the sessions that became this user. The erasure goes on by itself; the URL in Location shows its progress. The answer for an unknown user is the same.',
        params: schemas.userPath,
        response: answers('Erasure', 'The erasure has begun', problems, 202),
      },
    },
    async ({ params }, reply) => {
      const user = params.id;
      const begun = (await requestService(context, 'freshet.user.forget', { user })) as { erasure: string };
      return reply.code(202).header('location', `/v1/erasures/${begun.erasure}`).send(begun);
    },
  );

  app.get<{ Querystring: RequestOf<'erasures'> }>(
    '/v1/erasures',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'listErasures',
        summary: 'The erasures: those that are open, then the newest complete ones',
        description:
          'No erasure names its user. An export has no entry: it is complete when its answer ends, and Freshet keeps nothing of it.',
        querystring: schemas.erasures,
        response: answers('Erasures', 'The erasures', [400, 401, 403, 429, 503, 504]),
      },
    },
    ({ query: { n = config.user.erasures_max } }) => requestService(context, 'freshet.user.erasure', { n }),
  );

  app.get<{ Params: RequestOf<'erasurePath'> }>(
    '/v1/erasures/:erasure',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'getErasure',
        summary: 'The progress of an erasure, by service',
        params: schemas.erasurePath,
        response: answers('Erasure', 'The erasure', problems),
      },
    },
    ({ params }) => requestService(context, 'freshet.user.erasure', { erasure: params.erasure }),
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'history'> }>(
    '/v1/users/:id/history',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'getUserHistory',
        summary: 'The interactions of a user, newest first',
        params: schemas.userPath,
        querystring: schemas.history,
        response: answers('History', 'A page of the history', problems),
      },
    },
    ({ params, query }) => requestService(context, 'freshet.user.history', { ...query, user: params.id }),
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/users/:id/export',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'exportUser',
        summary: 'All data on a user',
        description:
          'Records by service, and the events of the user and of the sessions that became this user. The gateway sends the document while it reads; if it cannot complete the document, it cuts it off. A complete document ends with `}`.',
        params: schemas.userPath,
        querystring: schemas.fresh,
        response: answers('Export', 'The data', problems),
      },
    },
    async ({ params, query, log }, reply) => {
      const user = params.id;
      const text = exportDocument(exportChunks(context.link.bus().nc, user, query));
      // Errors show here, before the answer has begun.
      const first = await context.link.whileConnected(text.next());
      async function* all(): AsyncGenerator<string> {
        if (!first.done) yield first.value;
        yield* text;
      }
      const body = Readable.from(all());
      body.on('error', (err) => log.warn({ err }, 'The gateway cut off an export.'));
      return reply.type('application/json').send(body);
    },
  );
}
