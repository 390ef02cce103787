/** `/v1/users/{id}` and its history. */
import type { FastifyInstance } from 'fastify';
import { requiredId } from '../../bus/request.ts';
import { ask } from '../ask.ts';
import type { GatewayContext } from '../context.ts';
import { answers, type RequestOf } from '../schemas.ts';

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
    ({ params, query }) =>
      ask(context, 'freshet.user.get', { ...query, user: requiredId({ user: params.id }, 'user') }),
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
    ({ params, query }) =>
      ask(context, 'freshet.user.history', { ...query, user: requiredId({ user: params.id }, 'user') }),
  );
}
