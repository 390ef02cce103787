/** `/v1/feedback/summary`. */
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
}
