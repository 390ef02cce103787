/** For the operator: `/healthz`, `/readyz`, `/metrics`. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';

const tags = ['operations'];
const HEALTHY = '{"status":"ok"}\n';

/** Routes of probes and scrapes, which the gateway does not log. */
export const QUIET_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function operationRoutes(app: FastifyInstance, { metrics, ready }: GatewayContext): void {
  const startedAt = performance.now();

  app.get(
    '/healthz',
    {
      schema: {
        tags,
        operationId: 'health',
        summary: 'Whether the gateway process answers; it checks no service',
        response: { 200: Type.Object({ status: Type.Literal('ok') }, { description: 'The process answers' }) },
      },
    },
    (_request, reply) => reply.type('application/json').send(HEALTHY),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags,
        operationId: 'ready',
        summary: 'Whether the system serves requests, and what is not ready',
        response: {
          ...answers('Ready', 'The system serves requests', []),
          503: {
            description: 'A service or NATS is not ready',
            content: { 'application/json': { schema: Type.Ref('Ready#') } },
          },
        },
      },
    },
    async (_request, reply) => {
      const answer = await ready();
      if (!answer.ready) reply.code(503).header('retry-after', '1');
      return answer;
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        tags,
        operationId: 'metrics',
        summary: 'Metrics for Prometheus',
        produces: ['text/plain'],
        response: { 200: Type.String({ description: 'Metrics in the text format of Prometheus' }) },
      },
    },
    async (_request, reply) => {
      metrics.uptime((performance.now() - startedAt) / 1000);
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
    },
  );
}
