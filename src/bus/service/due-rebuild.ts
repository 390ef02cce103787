/** The rebuild that follows an erasure which rows alone can't follow: a while later, so that several are one rebuild. */
import type { Logger } from 'pino';

export interface DueRebuildOptions {
  /** Why a rebuild is due; undefined: none is. */
  due: () => string | undefined;
  /** Whether it has to wait: another one runs, or what it would fold is not there yet. */
  waits: () => boolean;
  begin: () => void;
  logger: Logger;
  /** Milliseconds from when it became due. */
  afterMs: number;
  pollMs: number;
}

/** Polls; returns what ends it. */
export function scheduleDueRebuild({ due, waits, begin, logger, afterMs, pollMs }: DueRebuildOptions): () => void {
  let since: number | undefined;
  const timer = setInterval(() => {
    const reason = waits() ? undefined : due();
    since = reason === undefined ? undefined : (since ?? performance.now());
    if (since === undefined || performance.now() - since < afterMs) return;
    since = undefined;
    logger.info({ reason }, 'the service begins a rebuild after an erasure');
    begin();
  }, pollMs);
  timer.unref();
  return () => clearInterval(timer);
}
