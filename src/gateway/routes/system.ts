/** `/v1/system` and `/v1/system/recent`: how the system is, and how it was. */
import type { FastifyInstance } from 'fastify';
import { CLOSED } from '../access/caller.ts';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';
import { createSystem } from '../system.ts';

const tags = ['operations'];

export function systemRoutes(app: FastifyInstance, { config, link, schemas, samples }: GatewayContext): void {
  const { http } = config;
  const system = createSystem({ config, link });

  app.get(
    '/v1/system',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'system',
        summary: 'The whole system at a glance: services, log, dead letters, rankings, model, erasures, quality',
        description:
          'From the statuses of all instances of the services at this moment. A service that does not answer is `down`.',
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
    () => {
      const recent = samples.recent();
      return { every_s: http.system_sample_ms / 1_000, since: recent[0]?.at ?? null, samples: recent };
    },
  );
}
