/** `/v1/items` and `/v1/items/{id}`. */
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../context.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';

const tags = ['items'];

export function itemRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { schemas } = context;

  app.get<{ Params: RequestOf<'itemPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/items/:id',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'getItem',
        summary: 'An item of the catalogue',
        params: schemas.itemPath,
        querystring: schemas.fresh,
        response: answers('Item', 'The item', [400, 401, 403, 404, 429, 503, 504]),
      },
    },
    ({ params, query }) => requestService(context, 'freshet.content.get', { ...query, item: params.id }),
  );

  app.get<{ Querystring: RequestOf<'items'> }>(
    '/v1/items',
    {
      config: { access: { scope: ['recommend'], token: 'any' } },
      schema: {
        tags,
        operationId: 'listItems',
        summary: 'The catalogue in pages: all items, or those with a tag',
        querystring: schemas.items,
        response: answers('Items', 'A page of the catalogue', READ_PROBLEMS),
      },
    },
    ({ query }) => requestService(context, 'freshet.content.list', query),
  );
}
