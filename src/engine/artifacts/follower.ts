/** Recorded inputs of the first instance in another replica: it reads them from the object store. */
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import { followRecords, type InputObjects } from './objects.ts';
import { createPolledTask } from './polled-task.ts';
import type { InputRecords } from './records.ts';

export interface FollowerOptions {
  records: InputRecords;
  objects: InputObjects;
  /** The first sequence that the rows have not folded. */
  next: () => number;
  logger: Pick<Logger, 'info' | 'warn'>;
}

export interface Follower {
  start(pollMs: number): void;
  stop(): Promise<void>;
}

/** An input counts from the position that its record names, or from the position of the poll that finds it if that is later. */
export function createFollower({ records, objects, next, logger }: FollowerOptions): Follower {
  const { start, stop } = createPolledTask(async () => {
    try {
      for (const { kind, from_seq, sha256 } of await followRecords(records, objects, next))
        logger.info({ kind, from_seq, sha256 }, 'the replica took over an input that the first instance trained');
    } catch (err) {
      logger.warn(
        { reason: messageOf(err) },
        'the replica could not read recorded inputs from the object store; it tries again at the next poll',
      );
    }
  });
  return { start, stop };
}
