/**
 * Copies of dead letters in a stream of their own, for tools that cannot read SQLite. The row is the original: the service
 * publishes the copy after the commit, retries until that succeeds, and stops if an erasure removes the row.
 */
import type { StreamSeq } from '../event/ids.ts';
import type { Effect } from './after-commit.ts';
import type { DeadLetter, ProjectionStore } from './store.ts';

export interface DeadLetterStream {
  /** Publishes a copy; the sequence of the copy in its stream. */
  publish(dead: DeadLetter): Promise<number>;
  /** Removes a copy whose row an erasure removed during the publishing. */
  remove(seq: number): Promise<void>;
}

export interface DeadLetterCopiesOptions {
  store: Pick<ProjectionStore, 'uncopied' | 'copied' | 'recopy' | 'deadLetter'>;
  stream: DeadLetterStream;
  stopped: () => boolean;
}

export interface DeadLetterCopies extends Effect {
  /** Publishes a copy of every dead letter again, because the stream of copies is empty. */
  again(): Promise<void>;
}

export function createDeadLetterCopies({ store, stream, stopped }: DeadLetterCopiesOptions): DeadLetterCopies {
  let working: Promise<void> | undefined;

  async function copyAll(): Promise<void> {
    // One by one: an erasure may remove the next row while this copy is on its way.
    for (let [dead] = next(); dead !== undefined; [dead] = next()) {
      const seq = await stream.publish(dead);
      if (stopped()) return;
      if (isThere(dead.seq)) store.copied(dead.seq);
      else await stream.remove(seq);
    }
  }

  const next = (): DeadLetter[] => (stopped() ? [] : store.uncopied(1));
  const isThere = (seq: StreamSeq): boolean => store.deadLetter(seq) !== undefined;

  function copy(): Promise<void> {
    working ??= copyAll().finally(() => {
      working = undefined;
    });
    return working;
  }

  return {
    name: 'dead-letter copies',
    afterCommit: ({ deadLetters }) => (deadLetters > 0 ? copy() : undefined),
    derive: copy,
    again: async () => {
      store.recopy();
      await copy();
    },
  };
}
