/** The log up to a position or a time: for a projection that is to stop there. */
import type { StreamSeq } from '../event/ids.ts';
import type { Delivery, Log } from '../log/port.ts';

export interface Bound {
  /** The last sequence that is read. */
  seq: number;
  /** The last moment at which the log took a message that is read, milliseconds since 1970. */
  timestamp?: number | undefined;
}

export interface BoundedLog extends Log {
  /** Position of the last message that was passed on once all up to the bound were; undefined before. */
  finished(): StreamSeq | undefined;
}

/**
 * Passes on what lies within the bound. That it is reached shows in the first message behind it, or in the last one
 * there is; an erasure may have taken any in between, but never its own record, which comes behind them.
 */
export function boundedLog(log: Log, bound: Bound, from: StreamSeq): BoundedLog {
  let end: StreamSeq | undefined;
  const within = ({ seq, timestamp }: Delivery): boolean =>
    seq <= bound.seq && (bound.timestamp === undefined || timestamp <= bound.timestamp);
  return {
    ...log,
    finished: () => end,
    read: (consumer, start, sink) => {
      // Read again after trouble: what was passed on last may not have been committed.
      end = undefined;
      let last = Math.max(start - 1, from) as StreamSeq;
      return log.read(consumer, start, {
        interrupted: (reason) => sink.interrupted(reason),
        message: (delivery) => {
          if (end !== undefined) return;
          if (!within(delivery)) {
            end = last;
            return;
          }
          const over = delivery.pending === 0 || delivery.seq === bound.seq;
          sink.message(over ? { ...delivery, pending: 0 } : delivery);
          last = delivery.seq;
          if (over) end = last;
        },
      });
    },
  };
}
