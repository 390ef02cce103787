/** Begins the rebuild that an erasure needs, after a pause, so that one rebuild serves several erasures. */
import type { Logger } from 'pino';
import { createPoller } from '../nats/poller.ts';

export interface DueRebuildOptions {
  /** Why a rebuild is due; undefined: it is not due. */
  due: () => string | undefined;
  /** Whether the rebuild must wait: another one runs, or its inputs are not ready yet. */
  waits: () => boolean;
  begin: () => void;
  logger: Logger;
  /** Milliseconds from the moment at which the rebuild became due to its begin. */
  afterMs: number;
  pollMs: number;
}

/** Polls whether a rebuild is due. Returns a function that ends the polls. */
export function scheduleDueRebuild(options: DueRebuildOptions): () => Promise<void> {
  const { due, waits, begin, logger, afterMs, pollMs } = options;
  let since: number | undefined;
  const poller = createPoller({
    everyMs: pollMs,
    run: () => {
      const reason = waits() ? undefined : due();
      since = reason === undefined ? undefined : (since ?? performance.now());
      if (since === undefined || performance.now() - since < afterMs) return;
      since = undefined;
      logger.info({ reason }, 'the service begins a rebuild after an erasure');
      begin();
    },
  });
  poller.start();
  return poller.stop;
}
