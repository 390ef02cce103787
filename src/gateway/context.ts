/** Dependencies of the routes. */
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Tracing } from '../observability/tracing/tracing.ts';
import type { Authenticator } from './access/authenticator.ts';
import type { KeyTable } from './access/table.ts';
import type { Link } from './link.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { PastLists } from './past-lists.ts';
import type { ReadyAnswer } from './readiness.ts';
import type { Samples } from './samples.ts';
import type { RequestSchemas } from './schemas/requests.ts';
import type { SseBuffers } from './sse.ts';
import type { Watching } from './watch.ts';

export interface GatewayContext {
  config: Config;
  link: Link;
  metrics: GatewayMetrics;
  logger: Logger;
  schemas: RequestSchemas;
  ready: () => Promise<ReadyAnswer>;
  keys: KeyTable;
  authenticator: Authenticator;
  watching: Watching;
  samples: Samples;
  pastLists: PastLists;
  /** What waits for the readers of all streams. */
  buffers: SseBuffers;
  /** Undefined: traces are off. */
  tracing: Tracing | undefined;
}
