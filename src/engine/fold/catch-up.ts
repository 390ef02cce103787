/** The catch-up of a start: the model reads the log again, from a snapshot or the beginning up to the rows' position. */
import type { Logger } from 'pino';

/** Milliseconds between two log messages. */
const LOG_MS = 5_000;

export interface CatchUpStatus {
  /** Snapshot that the engine read the model from; null: from the log alone. */
  snapshot: string | null;
  /** Position of this snapshot. */
  from: number;
  /** Position of the rows when the process started. The engine reads the log up to here for the model alone. */
  to: number;
  /** Position that the catch-up has reached; `to` at its end. */
  reached: number;
  /** Seconds since the catch-up began, or that it took. */
  seconds: number;
}

export interface CatchUpProgress {
  reached(seq: number): void;
  running(): boolean;
  status(): CatchUpStatus;
}

export interface CatchUpOptions {
  logger: Logger;
  from: number;
  to: number;
  snapshot: string | undefined;
  /** Milliseconds that reading the snapshot took. */
  readMs: number;
}

export function createCatchUpProgress({
  logger,
  from,
  to,
  snapshot = undefined,
  readMs,
}: CatchUpOptions): CatchUpProgress {
  const started = performance.now() - readMs;
  let at = from;
  let logged = { at: performance.now(), seq: from };
  let took: number | undefined;
  const seconds = (): number => took ?? (performance.now() - started) / 1000;
  const where = { snapshot: snapshot ?? null, from, to };

  function finish(): void {
    took = seconds();
    const read = at - from;
    logger.info(
      { ...where, seconds: took, per_second: read === 0 ? 0 : Math.round(read / took) },
      snapshot === undefined
        ? 'the engine read the model from the log'
        : 'the engine read the model from a snapshot and the log',
    );
  }

  if (from >= to) finish();
  else logger.info(where, 'the engine reads the model from the log; the catch-up ends at the position of its rows');

  return {
    running: () => took === undefined,
    reached: (seq) => {
      at = seq;
      if (took !== undefined) return;
      if (at >= to) {
        finish();
        return;
      }
      const now = performance.now();
      if (now - logged.at < LOG_MS) return;
      const rate = ((at - logged.seq) / (now - logged.at)) * 1000;
      logged = { at: now, seq: at };
      logger.info(
        { seq: at, to, per_second: Math.round(rate), seconds_left: Math.round((to - at) / Math.max(rate, 1)) },
        'the engine reads the model from the log',
      );
    },
    status: () => ({ ...where, reached: at, seconds: seconds() }),
  };
}
