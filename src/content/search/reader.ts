/** Searches in a thread of their own, so that a slow one holds up neither the fold nor other answers. */
import { createTimeLimit } from '../../bus/nats/time-limit.ts';
import { createThread } from '../../bus/service/thread.ts';
import { ServiceUnavailableError } from '../../errors.ts';
import type { Found, SearchOrder } from './find.ts';
import type { SearchedFile } from './worker.ts';

export interface SearchReaderOptions extends SearchedFile {
  /** Most searches that wait for the thread. */
  waiting: number;
  /** URL of another module in place of the thread's own. */
  entry?: string;
}

export interface SearchReader {
  /** Throws `ServiceUnavailableError`: the thread died, the service stops, or too many searches wait. */
  find(order: SearchOrder): Promise<Found>;
  /** Starts the thread now, so that the first search does not wait for that: a tenth of a second. */
  start(): void;
  /** Ends the thread, once it has answered the searches that wait; no other starts. */
  close(): Promise<void>;
}

/** Milliseconds for which a stop waits until the thread has answered its searches. A search takes some milliseconds. */
const CLOSE_MS = 1_000;

export function createSearchReader({ waiting, entry, ...file }: SearchReaderOptions): SearchReader {
  const failure = (message: string, cause?: unknown): ServiceUnavailableError =>
    new ServiceUnavailableError(`The catalogue could not be searched: ${message}.`, {
      next: 'search again: the content service starts another thread; if it goes on, see the log of the service',
      cause,
    });
  const thread = createThread<SearchOrder, Found>({
    program: 'search',
    entry,
    data: file,
    name: 'thread of searches',
    failure,
  });
  const running = new Set<Promise<Found>>();
  let closed = false;
  return {
    find: async (order) => {
      // A thread that started now would keep the file open that another one replaces.
      if (closed) throw failure('the service stops');
      if (running.size >= waiting)
        throw new ServiceUnavailableError(`${running.size} searches wait for an answer, the most that may wait.`, {
          next: 'search again later, or start another instance: freshet service content --replica 2',
          details: { waiting: running.size },
        });
      const found = thread.request(order);
      running.add(found);
      try {
        const { items, more, complete, seq } = await found;
        return { items, more, complete, seq };
      } finally {
        running.delete(found);
      }
    },
    start: () => {
      if (!closed) thread.start();
    },
    close: async () => {
      closed = true;
      const limit = createTimeLimit(CLOSE_MS);
      await limit.race(Promise.allSettled(running));
      limit.end();
      await thread.end('the service stops');
    },
  };
}
