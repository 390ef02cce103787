import { type RunningService, runService, type ServiceEnvironment } from '../bus/service.ts';
import { userEndpoints } from './api.ts';
import { userProjection } from './projection.ts';

/** Starts the user service in this process. */
export const startUser = (environment: ServiceEnvironment): Promise<RunningService> =>
  runService(
    {
      description: 'Profiles, traits and histories of users',
      definition: userProjection(environment.config),
      rebuildsBeside: true,
      parts: ({ store, config }) => ({ endpoints: userEndpoints(store.db, config) }),
    },
    environment,
  );
