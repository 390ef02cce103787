/** Copies of recorded inputs in the object store: the first instance keeps them complete. */
import type { Logger } from 'pino';
import { createPoller } from '../../bus/nats/poller.ts';
import { messageOf } from '../../errors.ts';
import { type InputObjects, objectName } from './objects.ts';
import type { InputMention, InputRecords } from './records.ts';

export interface CopiesOptions {
  records: InputRecords;
  objects: InputObjects;
  /** Records without a copy. */
  uncopied: readonly InputMention[];
  logger: Pick<Logger, 'info' | 'warn'>;
  pollMs: number;
}

export interface Copies {
  /** Copies this input too. */
  add(mention: InputMention): void;
  start(): void;
  /** Waits up to two seconds for the copy that is under way. */
  stop(): Promise<void>;
}

/** Milliseconds that a stop waits for the current copy: an unreachable server must not hold up the end. */
const STOP_MS = 2_000;

/** Copies each recorded input; tries again at the next poll if the object store fails. */
export function createCopies({ records, objects, uncopied, logger, pollMs }: CopiesOptions): Copies {
  const waiting = [...uncopied];
  const poller = createPoller({
    everyMs: pollMs,
    atStart: true,
    run: async () => {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const input = records.read(next);
        if (input) await objects.put(input);
        waiting.shift();
      }
    },
    onError: (err) =>
      logger.warn(
        { object: waiting[0] && objectName(waiting[0]), reason: messageOf(err) },
        'the engine could not copy a recorded input to the object store; it tries again at the next poll',
      ),
    // The next start copies what was not copied.
    stopMs: STOP_MS,
  });
  return {
    add: ({ kind, trained_at, from_seq, sha256, backend, seconds, marks }) => {
      waiting.push({ kind, trained_at, from_seq, sha256, backend, seconds, marks });
      void poller.poll();
    },
    start: poller.start,
    stop: poller.stop,
  };
}
