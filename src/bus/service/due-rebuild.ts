/**
 * Begins the rebuild that is due: after an erasure with a pause, so that one rebuild serves several erasures; after an
 * accepted loss at once, because the service does not answer until then.
 */
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import { createPoller } from '../nats/poller.ts';
import { isOfLoss } from '../projection/lost-rows.ts';

export interface DueRebuildOptions {
  /** Why a rebuild is due; undefined: it is not due. */
  due: () => string | undefined;
  /** Whether the rebuild must wait: another one runs. */
  waits: () => boolean;
  /** Whether a rebuild that is not urgent must wait, because its inputs, or the log, are not ready yet. */
  holds: () => boolean | Promise<boolean>;
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
    onError: (err) => logger.warn({ reason: messageOf(err) }, 'the service could not tell whether a rebuild must wait'),
    run: async () => {
      const reason = waits() ? undefined : due();
      const urgent = isOfLoss(reason);
      const now = reason !== undefined && (urgent || !(await holds()));
      since = now ? (since ?? performance.now()) : undefined;
      if (since === undefined || (!urgent && performance.now() - since < afterMs)) return;
      // The service may have begun another one meanwhile.
      if (waits()) return;
      since = undefined;
      logger.info({ reason }, 'the service begins a rebuild that is due');
      begin();
    },
  });
  poller.start();
  return poller.stop;
}
