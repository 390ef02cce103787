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
        summary: 'The catalogue in pages: all items, those with a tag, or those with certain ids',
        description:
          'With `ids`, such as `ids=i7,i8`, the answer holds these items in the order of the request, and `unknown` names the ids that the catalogue does not know. ' +
          'If an id holds a comma, `ids` is a JSON list. The head of a request holds about 16 kB; send more ids in several requests.',
        querystring: schemas.items,
        response: answers('Items', 'A page of the catalogue', READ_PROBLEMS),
      },
    },
    ({ query }) => requestService(context, 'freshet.content.list', query),
  );
}
