/** What a user did, newest first. */
import { useEffect, useState } from 'preact/hooks';
import { call, inPath, queryOf } from '../../api/call.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { Empty } from '../../parts/empty.tsx';
import { ago, number, time, verb } from '../../parts/format.ts';
import { ItemLink } from '../../parts/ids.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Interaction {
  id: string;
  type: string;
  item: string;
  value?: number;
  time: string;
  seq: number;
}
interface Page {
  events: Interaction[];
  next: number | null;
}

const PAGE = 30;

/** @param seq the history holds at least the events up to this position; undefined: as it is */
export function History({ user, seq }: { user: string; seq: number | undefined }) {
  const [page, setPage] = useState<Page | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();

  const read = (before: number | undefined, signal?: AbortSignal): Promise<Page> =>
    call<Page>(
      `v1/users/${inPath(user)}/history${queryOf({ n: PAGE, before, min_seq: before === undefined ? seq : undefined })}`,
      signal === undefined ? {} : { signal },
    );

  useEffect(() => {
    const stop = new AbortController();
    read(undefined, stop.signal).then(
      (first) => {
        setPage(first);
        setProblem(undefined);
      },
      (err) => {
        if (!isAbort(err)) setProblem(problemOf(err));
      },
    );
    return () => stop.abort();
  }, [user, seq]);

  async function more(before: number): Promise<void> {
    try {
      const next = await read(before);
      setPage((old) => ({ events: [...(old?.events ?? []), ...next.events], next: next.next }));
    } catch (err) {
      setProblem(problemOf(err));
    }
  }

  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      {problem?.status !== 404 && <ProblemNote problem={problem} />}
      {(problem?.status === 404 || page?.events.length === 0) && <Empty>No interactions yet.</Empty>}
      {page !== undefined && page.events.length > 0 && problem === undefined && (
        <>
          <Scroll label="History of the user">
            <table>
              <thead>
                <tr>
                  <th>did</th>
                  <th>item</th>
                  <th class="number" title="rating, seconds, or amount, as the type says">
                    value
                  </th>
                  <th>when</th>
                </tr>
              </thead>
              <tbody>
                {page.events.map(({ id, type, item, value, time: when, seq: position }) => (
                  <tr key={`${position}/${id}`}>
                    <td>{verb(type)}</td>
                    <td>
                      <ItemLink item={item} />
                    </td>
                    <td class="number">{value === undefined ? '' : number(value)}</td>
                    <td class="when" title={`${time(when)}, position ${position} of the log`}>
                      {ago(when)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          {page.next !== null && (
            <button type="button" class="small" onClick={() => void more(page.next as number)}>
              Older events
            </button>
          )}
        </>
      )}
    </section>
  );
}
