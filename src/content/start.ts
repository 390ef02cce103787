import type { RunningService, ServiceEnvironment } from '../bus/service/description.ts';
import { runService } from '../bus/service/service.ts';
import { contentEndpoints } from './api.ts';
import { contentProjection } from './projection.ts';

/** Starts the content service in this process. */
export const startContent = (environment: ServiceEnvironment): Promise<RunningService> =>
  runService(
    {
      description: 'The catalogue: items, tags, availability',
      definition: contentProjection(),
      rebuildsBeside: true,
      parts: ({ store, config }) => ({ endpoints: contentEndpoints(store.db, config) }),
    },
    environment,
  );
