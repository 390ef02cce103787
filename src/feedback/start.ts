import type { RunningService, ServiceEnvironment } from '../bus/service/description.ts';
import { runService } from '../bus/service/service.ts';
import { feedbackEndpoints } from './api.ts';
import { feedbackProjection } from './projection.ts';
import { createQualityReader } from './quality.ts';

/** Starts the feedback service in this process. */
export const startFeedback = (environment: ServiceEnvironment): Promise<RunningService> =>
  runService(
    {
      description: 'Impressions and reactions: click-through and conversion',
      definition: feedbackProjection(environment.config),
      rebuildsBeside: true,
      parts: ({ store, nc, logger }) => ({
        endpoints: feedbackEndpoints(store.db, createQualityReader(nc, logger), environment.config, store.stale),
      }),
    },
    environment,
  );
