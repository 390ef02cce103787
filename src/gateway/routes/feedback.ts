/** `/v1/feedback/summary`, `/v1/feedback/items` and `/v1/feedback/items/{id}`. */
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../context.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';

export function feedbackRoutes(app: FastifyInstance, context: GatewayContext): void {
  app.get<{ Querystring: RequestOf<'fresh'> }>(
    '/v1/feedback/summary',
    {
      config: { access: { scope: ['recommend'], token: 'none' } },
      schema: {
        tags: ['feedback'],
        operationId: 'feedbackSummary',
        summary:
          'Click-through and conversion rates: total and by snapshot, arm, position and day, with prequential quality',
        querystring: context.schemas.fresh,
        response: answers('FeedbackSummary', 'The rates', READ_PROBLEMS),
      },
    },
    ({ query }) => requestService(context, 'freshet.feedback.summary', query),
  );

  app.get<{ Querystring: RequestOf<'shownItems'> }>(
    '/v1/feedback/items',
    {
      config: { access: { scope: ['admin'], token: 'none' } },
      schema: {
        tags: ['feedback'],
        operationId: 'feedbackItems',
        summary: 'Impressions and reactions by item; or the items that no list has shown',
        querystring: context.schemas.shownItems,
        response: answers('FeedbackItems', 'A page of items', READ_PROBLEMS),
      },
    },
    ({ query }) => requestService(context, 'freshet.feedback.items', query),
  );

  app.get<{ Params: RequestOf<'itemPath'>; Querystring: RequestOf<'fresh'> }>(
    '/v1/feedback/items/:id',
    {
      config: { access: { scope: ['admin'], token: 'none' } },
      schema: {
        tags: ['feedback'],
        operationId: 'feedbackItem',
        summary: 'Impressions of an item and reactions to it, in all and by position',
        params: context.schemas.itemPath,
        querystring: context.schemas.fresh,
        response: answers('FeedbackItem', 'The rates of the item', [400, 401, 403, 404, 429, 503, 504]),
      },
    },
    ({ params, query }) => requestService(context, 'freshet.feedback.item', { ...query, item: params.id }),
  );
}
