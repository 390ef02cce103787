/** `/v1/system` and `/v1/system/recent`: how the system is, and how it was. */
import type { FastifyInstance } from 'fastify';
import { repeated } from '../../bus/nats/repeated.ts';
import { CLOSED } from '../access/caller.ts';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';
import { createSystem } from '../system.ts';

const tags = ['operations'];

export function systemRoutes(app: FastifyInstance, { config, link, schemas, samples }: GatewayContext): void {
  const { http } = config;
  const system = repeated(createSystem({ config, link }), http.system_cache_ms);
  // An hour of samples takes longer to write as JSON than to read.
  const recentText = repeated(async () => {
    const recent = samples.recent();
    return JSON.stringify({ every_s: http.system_sample_ms / 1_000, since: recent[0]?.at ?? null, samples: recent });
  }, http.system_cache_ms);

  app.get(
    '/v1/system',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'system',
        summary: 'The whole system at a glance: services, log, dead letters, rankings, model, erasures, quality',
        description:
          'From the statuses of all instances of the services, at most `http.system_cache_ms` old. A service that does not answer is `down`.',
        querystring: schemas.nothing,
        response: answers('System', 'The system', [400, 401, 403, 429, 503]),
      },
    },
    () => system(),
  );

  app.get(
    '/v1/system/recent',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'recentSystem',
        summary: 'Samples of the system over the last hour',
        description:
          'The gateway takes a sample every `http.system_sample_ms` and keeps it in memory for `http.system_samples_s`, so a restart of the gateway begins anew.',
        querystring: schemas.nothing,
        response: answers('RecentSystem', 'The samples, oldest first', [400, 401, 403, 429]),
      },
    },
    async (_request, reply) => reply.type('application/json; charset=utf-8').send(await recentText()),
  );
}
