/** Recorded inputs of the first instance in another replica: it reads them from the object store. */
import type { Logger } from 'pino';
import { createPoller } from '../../bus/nats/poller.ts';
import { messageOf } from '../../errors.ts';
import { followRecords, type InputObjects } from './objects.ts';
import type { InputRecords } from './records.ts';

export interface FollowerOptions {
  records: InputRecords;
  objects: InputObjects;
  /** The first sequence that the rows have not folded. */
  next: () => number;
  logger: Pick<Logger, 'info' | 'warn'>;
  pollMs: number;
}

export interface Follower {
  start(): void;
  /** Waits up to two seconds for the input that is under way. */
  stop(): Promise<void>;
}

/** Milliseconds that a stop waits for the current input: an unreachable server must not hold up the end. */
const STOP_MS = 2_000;

/** An input counts from the position that its record names, or from the position of the poll that finds it if that is later. */
export function createFollower({ records, objects, next, logger, pollMs }: FollowerOptions): Follower {
  const poller = createPoller({
    everyMs: pollMs,
    atStart: true,
    run: async () => {
      for (const { kind, from_seq, sha256 } of await followRecords(records, objects, next))
        logger.info({ kind, from_seq, sha256 }, 'the replica took over an input that replica 1 trained');
    },
    onError: (err) =>
      logger.warn(
        { reason: messageOf(err) },
        'the replica could not read recorded inputs from the object store; it tries again at the next poll',
      ),
    stopMs: STOP_MS,
  });
  return {
    start: poller.start,
    stop: poller.stop,
  };
}
