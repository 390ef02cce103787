/** The log up to a position or a time, for a projection that stops there. */
import type { StreamSeq } from '../event/ids.ts';
import type { Delivery, Log } from '../log/port.ts';

export interface Bound {
  /** The last sequence to read. */
  seq: number;
  /** The last moment at which the log stored a message to read, milliseconds since 1970. */
  timestamp?: number | undefined;
}

export interface BoundedLog extends Log {
  /** Position of the last message within the bound, once the log has passed on all of them; undefined before. */
  finished(): StreamSeq | undefined;
}

/**
 * Passes on the messages within the bound. The first message behind the bound, or the last one of the log, shows that the
 * bound is reached. An erasure may have removed messages in between, but never its own record, which comes after them.
 */
export function boundedLog(log: Log, bound: Bound, from: StreamSeq): BoundedLog {
  let end: StreamSeq | undefined;
  const within = ({ seq, timestamp }: Delivery): boolean =>
    seq <= bound.seq && (bound.timestamp === undefined || timestamp <= bound.timestamp);
  return {
    ...log,
    finished: () => end,
    read: (consumer, start, sink) => {
      // A loop that reads again after a failure may not have committed the last messages.
      end = undefined;
      let last = Math.max(start - 1, from) as StreamSeq;
      return log.read(consumer, start, {
        interrupted: (reason) => sink.interrupted(reason),
        ...(sink.full ? { full: sink.full } : {}),
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
