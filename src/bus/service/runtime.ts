/**
 * One life of a projection inside a running service: its file, its loop and the service's own parts. A cut-over, or a failure
 * of the state in memory, begins another one, while the connection, the endpoints and the metrics stay.
 */
import type { Config } from '../../config/schema.ts';
import type { Endpoint } from '../nats/micro.ts';
import type { ProjectionDefinition } from '../projection/definition.ts';
import {
  createProjectionLoop,
  LOOP_LIMITS,
  type LoopLimits,
  type LoopOptions,
  type ProjectionLoop,
} from '../projection/loop.ts';
import { createPersonalData, type PersonalDataReader } from '../projection/personal-data.ts';
import { openStore, type ProjectionStore, type StoreOptions } from '../projection/store.ts';
import type { ServiceContext, ServiceDescription, ServiceParts } from './description.ts';
import { stopAll } from './stop.ts';

export interface ProjectionRuntime {
  store: ProjectionStore;
  loop: ProjectionLoop;
  parts: ServiceParts;
  endpoints: Record<string, Endpoint>;
  personalData: PersonalDataReader;
  start(): void;
  /** Commits the messages that came; the file stays open. It stops each part, even if one before it fails to stop. */
  stop(): Promise<void>;
}

export interface ProjectionRuntimeOptions<Tables> {
  description: ServiceDescription<Tables>;
  store: StoreOptions<Tables>;
  loop: Omit<LoopOptions, 'store' | 'followers'>;
  context: Omit<ServiceContext, 'store' | 'loop' | 'definition'>;
  /** Wraps each endpoint of the service's own. */
  wrap: (endpoints: Readonly<Record<string, Endpoint>>, loop: ProjectionLoop) => Record<string, Endpoint>;
}

export async function createProjectionRuntime<Tables>(
  options: ProjectionRuntimeOptions<Tables>,
): Promise<ProjectionRuntime> {
  const store = openStore(options.store);
  try {
    let parts: ServiceParts | undefined;
    const loop = createProjectionLoop({
      ...options.loop,
      store,
      followers: {
        get state() {
          return parts?.state;
        },
        get effects() {
          return parts?.effects ?? [];
        },
      },
    });
    const definition = options.store.definition as ProjectionDefinition<unknown>;
    parts = await options.description.parts({ ...options.context, definition, store, loop });
    const own = parts;
    return {
      store,
      loop,
      parts,
      endpoints: options.wrap(parts.endpoints ?? {}, loop),
      personalData: createPersonalData(store.db, options.store.definition.personalData, parts.personalData),
      start: () => {
        loop.start();
        own.start?.();
      },
      stop: () =>
        stopAll([
          ['the parts', () => own.stop?.()],
          ['the loop', () => loop.stop()],
        ]),
    };
  } catch (err) {
    store.close();
    throw err;
  }
}

/** The settings' limits of the loop. */
export const loopLimits = ({ projection, erasure, http }: Config): LoopLimits => ({
  ...LOOP_LIMITS,
  batchMax: projection.batch_max,
  catchUpMax: projection.catch_up_max,
  rowsAloneMax: projection.batch_max,
  batchWaitMs: projection.batch_wait_ms,
  batchRestMs: projection.batch_rest_ms,
  idleCheckMs: projection.idle_check_ms,
  checkIntervalMs: projection.check_interval_ms,
  readyLag: projection.ready_lag,
  eraseRest: erasure.slice_rest,
  waitingBytes: http.min_seq_waiting_bytes,
  backoffMinMs: projection.backoff_min_ms,
  backoffMaxMs: projection.backoff_max_ms,
});
