import { createCoordinator } from '../bus/erasure/coordinator.ts';
import { type RunningService, runService, type ServiceEnvironment } from '../bus/service.ts';
import { userEndpoints } from './api.ts';
import { exportEndpoints } from './export.ts';
import { forgetEndpoints, sessionsOf } from './forget.ts';
import { userProjection } from './projection.ts';

/** Starts the user service in this process. */
export const startUser = (environment: ServiceEnvironment): Promise<RunningService> =>
  runService(
    {
      description: 'Profiles, traits and histories of users',
      definition: userProjection(environment.config),
      rebuildsBeside: true,
      parts: ({ store, config, nc, log, logger, erasureKey }) => {
        const coordinator = createCoordinator({
          nc,
          log,
          key: erasureKey,
          logger,
          lookMs: config.erasure.look_ms,
          sessionsOf: (user) => sessionsOf(store.db, user),
        });
        return {
          endpoints: {
            ...userEndpoints(store.db, config),
            ...exportEndpoints(store.db, nc),
            ...forgetEndpoints(() => coordinator),
          },
          start: () => {
            // One instance carries out what is open; replicas take requests.
            if ((environment.replica ?? 1) === 1) coordinator.start();
          },
          stop: () => coordinator.stop(),
        };
      },
    },
    environment,
  );
