/**
 * Begins the rebuild that is due: after an erasure with a pause, so that one rebuild serves several erasures; after an
 * accepted loss at once, because the service does not answer until then.
 */
import type { Logger } from 'pino';
import { createPoller } from '../nats/poller.ts';
import { isOfLoss } from '../projection/lost-rows.ts';

export interface DueRebuildOptions {
  /** Why a rebuild is due; undefined: it is not due. */
  due: () => string | undefined;
  /** Whether the rebuild must wait: another one runs. */
  waits: () => boolean;
  /** Whether a rebuild that is not urgent must wait, because its inputs are not ready yet. */
  holds: () => boolean;
  begin: () => void;
  logger: Logger;
  /** Milliseconds from the moment at which a rebuild after an erasure became due to its begin. */
  afterMs: number;
  pollMs: number;
}

/** Polls whether a rebuild is due. Returns a function that ends the polls. */
export function scheduleDueRebuild(options: DueRebuildOptions): () => Promise<void> {
  const { due, waits, holds, begin, logger, afterMs, pollMs } = options;
  let since: number | undefined;
  const poller = createPoller({
    everyMs: pollMs,
    run: () => {
      const reason = waits() ? undefined : due();
      const urgent = isOfLoss(reason);
      const now = reason !== undefined && (urgent || !holds());
      since = now ? (since ?? performance.now()) : undefined;
      if (since === undefined || (!urgent && performance.now() - since < afterMs)) return;
      since = undefined;
      logger.info({ reason }, 'the service begins a rebuild that is due');
      begin();
    },
  });
  poller.start();
  return poller.stop;
}
