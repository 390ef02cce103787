/** Reads the pages of a list for a component: the first one at once, and further ones when somebody asks for them. */
import { useEffect, useState } from 'preact/hooks';
import { call } from './call.ts';
import { isAbort, type Problem, problemOf } from './problem.ts';

export interface Pages<Page, Cursor> {
  /** All pages that were read, as one; undefined until the first is there. */
  page: Page | undefined;
  problem: Problem | undefined;
  more(cursor: Cursor): void;
}

/**
 * @param pathOf the address of a page; without a cursor, of the first one
 * @param joined the pages before and the next one, as one
 * @param round another value reads the first page anew
 * @param onPage gets each page before the component shows it
 */
export function usePages<Page, Cursor>(
  pathOf: (cursor?: Cursor) => string,
  joined: (before: Page, next: Page) => Page,
  round: unknown,
  onPage: (page: Page) => void = () => undefined,
): Pages<Page, Cursor> {
  const [page, setPage] = useState<Page | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();

  async function read(cursor?: Cursor, signal?: AbortSignal): Promise<void> {
    try {
      const next = await call<Page>(pathOf(cursor), signal ? { signal } : {});
      onPage(next);
      setPage((before) => (cursor === undefined || before === undefined ? next : joined(before, next)));
      setProblem(undefined);
    } catch (err) {
      if (!isAbort(err)) setProblem(problemOf(err));
    }
  }
  useEffect(() => {
    const stop = new AbortController();
    void read(undefined, stop.signal);
    return () => stop.abort();
  }, [round]);

  return { page, problem, more: (cursor) => void read(cursor) };
}
