/** Copies of recorded inputs in the object store: the first instance keeps them complete. */
import type { Logger } from 'pino';
import { messageOf } from '../../errors.ts';
import { type InputObjects, objectName } from './objects.ts';
import { createPolledTask } from './polled-task.ts';
import type { InputMention, InputRecords } from './records.ts';

export interface CopiesOptions {
  records: InputRecords;
  objects: InputObjects;
  /** Records without a copy. */
  uncopied: readonly InputMention[];
  logger: Pick<Logger, 'info' | 'warn'>;
}

export interface Copies {
  /** Copies this input too. */
  add(mention: InputMention): void;
  start(pollMs: number): void;
  /** Waits up to two seconds for the copy that is under way. */
  stop(): Promise<void>;
}

/** Copies each recorded input; tries again at the next poll if the object store fails. */
export function createCopies({ records, objects, uncopied, logger }: CopiesOptions): Copies {
  const waiting = [...uncopied];
  const task = createPolledTask(async () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const input = records.read(next);
      try {
        if (input) await objects.put(input);
      } catch (err) {
        logger.warn(
          { object: objectName(next), reason: messageOf(err) },
          'the engine could not copy a recorded input to the object store; it tries again at the next poll',
        );
        return;
      }
      waiting.shift();
    }
  });
  return {
    add: ({ kind, trained_at, from_seq, sha256, backend, seconds, marks }) => {
      waiting.push({ kind, trained_at, from_seq, sha256, backend, seconds, marks });
      task.run();
    },
    start: task.start,
    stop: task.stop,
  };
}
