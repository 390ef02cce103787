/** `/v1/users/{id}` and its history. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { exportChunks, exportDocument } from '../../user/export-document.ts';
import { ask } from '../ask.ts';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';

const tags = ['users'];
const problems = [400, 401, 403, 404, 429, 503, 504] as const;

export function userRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas } = context;

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/users/:id',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'getUser',
        summary: 'What is known of a user',
        params: schemas.userPath,
        querystring: schemas.fresh,
        response: answers('User', 'The user', problems),
      },
    },
    ({ params, query }) => ask(context, 'freshet.user.get', { ...query, user: params.id }),
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
          'Events, rows, statistics, lists and snapshots, sessions that became this user included. It goes on by itself; the address in Location shows how far it is. An unknown user gets the same answer.',
        params: schemas.userPath,
        response: answers('Erasure', 'The erasure has begun', problems, 202),
      },
    },
    async ({ params }, reply) => {
      const user = params.id;
      const begun = (await ask(context, 'freshet.user.forget', { user })) as { erasure: string };
      return reply.code(202).header('location', `/v1/erasures/${begun.erasure}`).send(begun);
    },
  );

  app.get<{ Params: RequestOf<'erasurePath'> }>(
    '/v1/erasures/:erasure',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'getErasure',
        summary: 'How far an erasure is, by service',
        params: schemas.erasurePath,
        response: answers('Erasure', 'The erasure', problems),
      },
    },
    ({ params }) => ask(context, 'freshet.user.erasure', { erasure: params.erasure }),
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'history'> }>(
    '/v1/users/:id/history',
    {
      config: { access: { scope: ['recommend'], token: 'user' } },
      schema: {
        tags,
        operationId: 'getUserHistory',
        summary: 'What a user did, newest first',
        params: schemas.userPath,
        querystring: schemas.history,
        response: answers('History', 'A page of the history', problems),
      },
    },
    ({ params, query }) => ask(context, 'freshet.user.history', { ...query, user: params.id }),
  );

  app.get<{ Params: RequestOf<'userPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/users/:id/export',
    {
      config: { access: { scope: ['erase'], token: 'none' } },
      schema: {
        tags,
        operationId: 'exportUser',
        summary: 'Everything that is held on a user',
        description:
          'By service, with their events from the log and those of the sessions that became this user. It is written as it is read, so that a long one is cut off where it can’t be completed: a document that is whole ends with `}`.',
        params: schemas.userPath,
        querystring: schemas.fresh,
        response: answers('Export', 'What is held', problems),
      },
    },
    async ({ params, query, log }, reply) => {
      const user = params.id;
      const text = exportDocument(exportChunks(context.link.bus().nc, user, query));
      // Whatever is wrong shows before the answer has begun.
      const first = await context.link.whileConnected(text.next());
      async function* all(): AsyncGenerator<string> {
        if (!first.done) yield first.value;
        yield* text;
      }
      const body = Readable.from(all());
      body.on('error', (err) => log.warn({ err }, 'an export was cut off'));
      return reply.type('application/json').send(body);
    },
  );
}
