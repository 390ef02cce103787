/** Searches in a thread of their own, so that a slow one holds up neither the fold nor other answers. */
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
  /** Ends the thread; searches that wait get an error. */
  close(): Promise<void>;
}

export function createSearchReader({ waiting, entry, ...file }: SearchReaderOptions): SearchReader {
  const thread = createThread<SearchOrder, Found>({
    program: 'search',
    entry,
    data: file,
    name: 'thread of searches',
    failure: (message, cause) =>
      new ServiceUnavailableError(`The catalogue could not be searched: ${message}.`, {
        next: 'search again: the content service starts another thread; if it goes on, see the log of the service',
        cause,
      }),
  });
  return {
    find: async (order) => {
      if (thread.waiting >= waiting)
        throw new ServiceUnavailableError(`${thread.waiting} searches wait for an answer, the most that may wait.`, {
          next: 'search again later, or start another instance: freshet service content --replica 2',
          details: { waiting: thread.waiting },
        });
      const { items, more, complete, seq } = await thread.request(order);
      return { items, more, complete, seq };
    },
    start: thread.start,
    close: () => thread.end('the service stops'),
  };
}
