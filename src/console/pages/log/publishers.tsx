/** How much each source publishes. */
import { queryOf } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { ago, count, number, percent, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Rates {
  events: number;
  from: string | null;
  to: string | null;
  publishers: { source: string | null; events: number; share: number; per_s: number | null; newest: string }[];
  others: number;
}

/** Newest events to count. */
const COUNTED = 10_000;

export function Publishers() {
  const { data, problem, loading, reload } = useLoad<Rates>(`v1/log/publishers${queryOf({ n: COUNTED })}`);
  return (
    <section class="card" aria-labelledby="publishers-title">
      <h2 id="publishers-title">Publishers</h2>
      <ProblemNote problem={problem} />
      {data !== undefined && (
        <>
          <p class="quiet">
            Of the newest {count(data.events)} events{data.from !== null && `, stored since ${time(data.from)}`}.{' '}
            <button type="button" class="small" disabled={loading} onClick={reload}>
              Count again
            </button>
          </p>
          <Scroll label="Publishers">
            <table>
              <thead>
                <tr>
                  <th>source</th>
                  <th class="number">events</th>
                  <th class="number" title="share of the counted events">
                    share
                  </th>
                  <th class="number" title="mean over the time of the counted events">
                    per second
                  </th>
                  <th>newest</th>
                </tr>
              </thead>
              <tbody>
                {data.publishers.map(({ source, events, share, per_s: rate, newest }) => (
                  <tr key={source ?? ''}>
                    <td>{source ?? 'none named'}</td>
                    <td class="number">{count(events)}</td>
                    <td class="number">{percent(share)}</td>
                    <td class="number">{rate === null ? '–' : `${number(rate)} /s`}</td>
                    <td class="when" title={time(newest)}>
                      {ago(newest)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          {data.others > 0 && <p class="quiet">{count(data.others)} events of other sources.</p>}
        </>
      )}
    </section>
  );
}
