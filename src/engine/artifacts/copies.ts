/** Keeps the object store's copies of records complete, and a replica's records with them. */
import type { Logger } from 'pino';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { messageOf } from '../../errors.ts';
import { followRecords, type InputObjects, objectName } from './objects.ts';
import type { InputMention, InputRecords } from './records.ts';

/** Milliseconds that a stop waits for what is under way. */
const STOP_MS = 2_000;

export interface CopiesOptions {
  records: InputRecords;
  objects: InputObjects;
  /** Records without a copy. */
  uncopied: readonly InputMention[];
  logger: Pick<Logger, 'info' | 'warn'>;
}

export interface Copies {
  /** This one needs a copy. */
  add(mention: InputMention): void;
  start(pollMs: number): void;
  /** Waits for what is being copied. */
  stop(): Promise<void>;
}

/** Copies what was recorded, as often as it takes. */
export function createCopies({ records, objects, uncopied, logger }: CopiesOptions): Copies {
  const waiting = [...uncopied];
  const task = createTask(async () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const input = records.read(next);
      try {
        if (input) await objects.put(input);
      } catch (err) {
        logger.warn(
          { object: objectName(next), reason: messageOf(err) },
          'a recorded input could not be copied to the object store; it is tried again',
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

export interface FollowerOptions {
  records: InputRecords;
  objects: InputObjects;
  /** The first sequence that the rows have not folded. */
  next: () => number;
  logger: Pick<Logger, 'info' | 'warn'>;
}

/** Takes over what the first instance has trained; from where it counts, or as soon as that is known here. */
export function createFollower({ records, objects, next, logger }: FollowerOptions): Omit<Copies, 'add'> {
  const { start, stop } = createTask(async () => {
    try {
      for (const { kind, from_seq, sha256 } of await followRecords(records, objects, next))
        logger.info({ kind, from_seq, sha256 }, 'what the first instance trained counts from here on');
    } catch (err) {
      logger.warn({ reason: messageOf(err) }, 'the object store could not be asked for recorded inputs');
    }
  });
  return { start, stop };
}

/** Something that is done now and then, never twice at a time. */
function createTask(carryOut: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let stopped = false;
  const run = (): void => {
    if (stopped || running) return;
    running = carryOut().finally(() => {
      running = undefined;
    });
  };
  return {
    run,
    start: (pollMs: number): void => {
      run();
      timer = setInterval(run, pollMs);
      timer.unref();
    },
    stop: async (): Promise<void> => {
      stopped = true;
      clearInterval(timer);
      // A server that is gone must not hold up the end; what was not copied is copied by the next start.
      await withTimeLimit(running ?? Promise.resolve(), STOP_MS, 'it goes on without').catch(() => {});
    },
  };
}
