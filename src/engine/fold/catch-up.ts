/** How a start comes to the rows' position: from a snapshot, or from nothing, by reading the log again. */
import type { Logger } from 'pino';

/** Milliseconds between two lines in the log. */
const SAY_MS = 5_000;

export interface CatchUpStatus {
  /** Snapshot that the model was read from; null: from the log alone. */
  snapshot: string | null;
  /** Position that it held. */
  from: number;
  /** Position of the rows when the process started: up to there the log is read for the model alone. */
  to: number;
  /** Position that was reached; `to` when it is done. */
  reached: number;
  /** Seconds since the model began to be read, or that it took. */
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
  let said = { at: performance.now(), seq: from };
  let took: number | undefined;
  const seconds = (): number => took ?? (performance.now() - started) / 1000;
  const where = { snapshot: snapshot ?? null, from, to };

  function finish(): void {
    took = seconds();
    const read = at - from;
    logger.info(
      { ...where, seconds: took, per_second: read === 0 ? 0 : Math.round(read / took) },
      snapshot === undefined ? 'the model was read from the log' : 'the model was read from a snapshot and the log',
    );
  }

  if (from >= to) finish();
  else
    logger.info(where, 'the model is being read from the log; the engine is catching up until it is at its rows’ end');

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
      if (now - said.at < SAY_MS) return;
      const rate = ((at - said.seq) / (now - said.at)) * 1000;
      said = { at: now, seq: at };
      logger.info(
        { seq: at, to, per_second: Math.round(rate), seconds_left: Math.round((to - at) / Math.max(rate, 1)) },
        'the model is being read from the log',
      );
    },
    status: () => ({ ...where, reached: at, seconds: seconds() }),
  };
}
