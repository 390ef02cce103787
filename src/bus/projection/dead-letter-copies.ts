/**
 * Copies of dead letters in a stream of their own, for tools that read no SQLite. The row is what counts: a copy is
 * published after the commit, as often as it takes, and only while its row is there, since an erasure takes rows away.
 */
import type { StreamSeq } from '../event/ids.ts';
import type { Effect } from './after-commit.ts';
import type { DeadLetter, ProjectionStore } from './store.ts';

export interface DeadLetterStream {
  /** Publishes a copy; the sequence of the copy in its stream. */
  publish(dead: DeadLetter): Promise<number>;
  /** Takes a copy away whose row an erasure took while it was published. */
  remove(seq: number): Promise<void>;
}

export interface DeadLetterCopiesOptions {
  store: Pick<ProjectionStore, 'uncopied' | 'copied' | 'deadLetter'>;
  stream: DeadLetterStream;
  stopped: () => boolean;
}

export function createDeadLetterCopies({ store, stream, stopped }: DeadLetterCopiesOptions): Effect {
  let working: Promise<void> | undefined;

  async function copyAll(): Promise<void> {
    // One by one, each read just before it is published: the row of the next one may be gone by then.
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
  };
}
