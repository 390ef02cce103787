import { composeParts } from '../bus/service/compose.ts';
import type { RunningService, ServiceEnvironment } from '../bus/service/description.ts';
import { runService } from '../bus/service/service.ts';
import { contentEndpoints } from './api.ts';
import { contentProjection } from './projection.ts';
import { createSearchPart } from './search/part.ts';
import { createSearchReader } from './search/reader.ts';

/** Starts the content service in this process. */
export const startContent = (environment: ServiceEnvironment): Promise<RunningService> =>
  runService(
    {
      description: 'The catalogue: items, tags, availability',
      definition: contentProjection(),
      rebuildsBeside: true,
      parts: ({ store, config, nc, files }) => {
        const { search_cache_kib, search_waiting } = config.content;
        const reader = createSearchReader({ file: files.live, cacheKib: search_cache_kib, waiting: search_waiting });
        return composeParts([
          { name: 'catalogue', endpoints: contentEndpoints(store.db, config) },
          createSearchPart({ db: store.db, stale: store.stale, config, nc, reader }),
        ]);
      },
    },
    environment,
  );
