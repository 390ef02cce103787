/** How people react to lists, by position. The gateway counts it over all items. */
import { useLoad } from '../../api/load.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, percent } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Rate {
  impressions: number;
  clicks: number;
  ctr: number;
  ctr_interval: [number, number];
}
interface Summary {
  lists: number;
  total: Rate;
  by_position: (Rate & { position: number })[];
}

export function Reactions() {
  const { data, problem } = useLoad<Summary>('v1/feedback/summary');
  const most = Math.max(0.01, ...(data?.by_position ?? []).map(({ ctr_interval: [, high] }) => high));
  return (
    <section class="card" aria-labelledby="reactions-title">
      <h2 id="reactions-title">Reactions by position, all items</h2>
      <ProblemNote problem={problem} />
      {data?.by_position.length === 0 && (
        <Empty>
          No app has reported a list that it showed. See “Report feedback” in the documentation: without reports there
          is no click-through rate.
        </Empty>
      )}
      {data !== undefined && data.by_position.length > 0 && (
        <>
          <p class="quiet">
            CTR: clicked impressions per impression, with its 95 % interval. Freshet counts it by position, not by item.
            Over all: {percent(data.total.ctr)} of {count(data.total.impressions)} impressions.
          </p>
          <Scroll label="Reactions by position">
            <table>
              <thead>
                <tr>
                  <th class="number" title="place in the list; 1 is first">
                    position
                  </th>
                  <th class="number" title="items shown at this place">
                    impressions
                  </th>
                  <th class="number">CTR</th>
                  <th>95 % interval</th>
                </tr>
              </thead>
              <tbody>
                {data.by_position.map(({ position, impressions, ctr, ctr_interval: [low, high] }) => (
                  <tr key={position}>
                    <td class="number">{position + 1}</td>
                    <td class="number">{count(impressions)}</td>
                    <td class="number">{percent(ctr)}</td>
                    <td>
                      <span class="interval" aria-hidden="true">
                        <span
                          class="interval-range"
                          style={{ left: `${(low / most) * 100}%`, width: `${((high - low) / most) * 100}%` }}
                        />
                        <span class="interval-mark" style={{ left: `${(ctr / most) * 100}%` }} />
                      </span>
                      <span class="interval-text">
                        {percent(low)} to {percent(high)}
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      )}
    </section>
  );
}
