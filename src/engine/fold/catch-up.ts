/**
 * The progress of a start. Either the model is behind the rows, and reads the log again up to their position; or it began
 * at a snapshot ahead of the rows, and the loop folds the rows alone up to there.
 */
import type { Logger } from 'pino';

/** Milliseconds between two log messages. */
const LOG_MS = 5_000;

/** The rows on their way to the snapshot that the model waits at. */
export interface RowsStatus {
  /** Position of the rows when the process started. */
  from: number;
  /** Position of the snapshot. */
  to: number;
  /** Position that the rows have reached; `to` at the end. */
  reached: number;
  /** Seconds since the loop began to fold the rows alone, or that it took. */
  seconds: number;
}

export interface CatchUpStatus {
  /** Snapshot that the engine read the model from; null: from the log alone. */
  snapshot: string | null;
  /** Position of this snapshot. */
  from: number;
  /**
   * Position of the rows when the process started, or that of the snapshot if they were behind it. The engine reads the
   * log up to here for the model alone.
   */
  to: number;
  /** Position that the catch-up has reached; `to` at its end. */
  reached: number;
  /** Seconds since the catch-up began, or that it took. */
  seconds: number;
  /** How far the loop has folded the rows alone; null: the rows had reached the snapshot. */
  rows: RowsStatus | null;
}

export interface CatchUpProgress {
  /** The model has reached a position. */
  reached(seq: number): void;
  /** The rows alone have reached a position. */
  rowsReached(seq: number): void;
  running(): boolean;
  status(): CatchUpStatus;
}

export interface CatchUpOptions {
  logger: Logger;
  /** Position of the model. */
  from: number;
  /** Position of the rows. */
  rows: number;
  snapshot: string | undefined;
  /** Milliseconds that reading the snapshot took. */
  readMs: number;
}

/** One of the two ways to a position. */
interface Way {
  reached(seq: number): void;
  /** Seconds that it took; undefined: it goes on. */
  took(): number | undefined;
  status(): RowsStatus;
}

interface WayOptions {
  logger: Logger;
  from: number;
  to: number;
  /** Milliseconds of work before. */
  beforeMs: number;
  /** Members of the log messages. */
  where: Readonly<Record<string, unknown>>;
  /** Log messages at its beginning, on the way, and at its end. */
  texts: { begins: string; goesOn: string; ended: string };
}

function createWay({ logger, from, to, beforeMs, where, texts }: WayOptions): Way {
  const started = performance.now() - beforeMs;
  let at = from;
  let logged = { at: performance.now(), seq: from };
  let took: number | undefined;
  const seconds = (): number => took ?? (performance.now() - started) / 1000;

  function finish(): void {
    took = seconds();
    const read = at - from;
    logger.info({ ...where, seconds: took, per_second: read === 0 ? 0 : Math.round(read / took) }, texts.ended);
  }

  if (from >= to) finish();
  else logger.info(where, texts.begins);
  return {
    reached: (seq) => {
      if (took !== undefined) return;
      at = Math.min(seq, to);
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
        texts.goesOn,
      );
    },
    took: () => took,
    status: () => ({ from, to, reached: at, seconds: seconds() }),
  };
}

export function createCatchUpProgress(options: CatchUpOptions): CatchUpProgress {
  const { logger, from, rows: rowsFrom, snapshot = undefined, readMs } = options;
  const where = { snapshot: snapshot ?? null, from, to: Math.max(from, rowsFrom) };
  const rows =
    rowsFrom < from
      ? createWay({
          logger,
          from: rowsFrom,
          to: from,
          beforeMs: 0,
          where: { snapshot: snapshot ?? null, from: rowsFrom, to: from },
          texts: {
            begins: 'the engine folds its rows alone up to the position of the snapshot that it read the model from',
            goesOn: 'the engine folds its rows alone',
            ended: 'the rows have reached the snapshot; the engine goes on with rows and model',
          },
        })
      : undefined;
  const model = createWay({
    logger,
    from,
    to: where.to,
    beforeMs: readMs,
    where,
    texts: {
      begins: 'the engine reads the model from the log; the catch-up ends at the position of its rows',
      goesOn: 'the engine reads the model from the log',
      ended:
        snapshot === undefined
          ? 'the engine read the model from the log'
          : 'the engine read the model from a snapshot and the log',
    },
  });
  return {
    running: () => model.took() === undefined || (rows !== undefined && rows.took() === undefined),
    reached: model.reached,
    rowsReached: (seq) => rows?.reached(seq),
    status: () => ({ snapshot: where.snapshot, ...model.status(), rows: rows?.status() ?? null }),
  };
}
