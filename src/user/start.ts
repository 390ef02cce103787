import { createCoordinator } from '../bus/erasure/coordinator.ts';
import { type ErasureMetrics, observeErasures } from '../bus/erasure/metrics.ts';
import { prepareMentions } from '../bus/projection/mentions.ts';
import { prepareSaidLinks } from '../bus/projection/session-links.ts';
import type { RunningService, ServiceEnvironment } from '../bus/service/description.ts';
import { runService } from '../bus/service/service.ts';
import { userEndpoints } from './api.ts';
import { exportEndpoints } from './export.ts';
import { forgetEndpoints } from './forget.ts';
import { userProjection } from './projection.ts';

/** Starts the user service in this process. */
export function startUser(environment: ServiceEnvironment): Promise<RunningService> {
  // One set per process, because the service may cut over to a rebuilt projection several times.
  let metrics: ErasureMetrics | undefined;
  return runService(
    {
      description: 'Profiles, traits and histories of users',
      definition: userProjection(environment.config),
      rebuildsBeside: true,
      parts: ({ store, config, nc, log, loop, logger, registry, erasureKey }) => {
        metrics ??= observeErasures(registry);
        const observed = metrics;
        const mentions = prepareMentions(store.db);
        const coordinator = createCoordinator({
          nc,
          log,
          key: erasureKey,
          logger,
          pollMs: config.erasure.look_ms,
          deadlineMs: config.erasure.deadline_ms,
          overwrite: config.erasure.overwrite,
          serverIndexMs: config.erasure.server_index_ms,
          caughtUp: (seq) => loop.reached(seq, config.erasure.catch_up_ms),
          onDone: observed.done,
          sessionsOf: prepareSaidLinks(store.db).sessionsOf,
          mentionsOf: mentions.of,
          named: mentions.named,
        });
        return {
          endpoints: {
            ...userEndpoints(store.db, config),
            ...exportEndpoints(store.db, nc, config),
            ...forgetEndpoints(() => coordinator, config),
          },
          status: () => ({ erasures: coordinator.open() }),
          refreshMetrics: () => observed.show(coordinator.open()),
          start: () => {
            // Replicas accept requests too. Only the first instance carries out the open erasures.
            if ((environment.replica ?? 1) === 1) coordinator.start();
          },
          stop: () => coordinator.stop(),
        };
      },
    },
    environment,
  );
}
