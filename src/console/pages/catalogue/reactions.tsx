/** How people react to lists, by position: to one item, and to all of them. */
import { inPath } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, percent } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

export interface Rate {
  impressions: number;
  clicks: number;
  dismissals: number;
  conversions: number;
  ctr: number;
  ctr_interval: [number, number];
}
interface ByPosition {
  by_position: (Rate & { position: number })[];
}
interface Summary extends ByPosition {
  lists: number;
  total: Rate;
}

const CTR = 'CTR: clicked impressions per impression, with its 95 % interval.';

export function ItemReactions({ item }: { item: string }) {
  const { data, problem } = useLoad<Rate & ByPosition>(`v1/feedback/items/${inPath(item)}`);
  return (
    <section class="card" aria-labelledby="item-reactions-title">
      <h2 id="item-reactions-title">How lists show this item</h2>
      <ProblemNote problem={problem} />
      {data?.impressions === 0 && <Empty>No list that an app has reported shows this item.</Empty>}
      {data !== undefined && data.impressions > 0 && (
        <>
          <dl class="facts">
            <Fact name="impressions" what="times that a list showed the item" value={count(data.impressions)} />
            <Fact name="clicks" what="impressions that the user clicked" value={count(data.clicks)} />
            <Fact
              name="conversions"
              what="impressions that led to an interaction, such as a purchase"
              value={count(data.conversions)}
            />
            <Fact name="dismissals" what="impressions that the user dismissed" value={count(data.dismissals)} />
            <Fact
              name="CTR"
              what="clicked impressions per impression, with its 95 % interval"
              value={`${percent(data.ctr)} (${percent(data.ctr_interval[0])} to ${percent(data.ctr_interval[1])})`}
            />
          </dl>
          <p class="quiet">{CTR} By position:</p>
          <Positions rows={data.by_position} label="Reactions to this item by position" />
        </>
      )}
    </section>
  );
}

const Fact = ({ name, what, value }: { name: string; what: string; value: string }) => (
  <div title={what}>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

export function Reactions() {
  const { data, problem } = useLoad<Summary>('v1/feedback/summary');
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
            {CTR} Over all: {percent(data.total.ctr)} of {count(data.total.impressions)} impressions.
          </p>
          <Positions rows={data.by_position} label="Reactions by position" />
        </>
      )}
    </section>
  );
}

function Positions({ rows, label }: { rows: ByPosition['by_position']; label: string }) {
  const most = Math.max(0.01, ...rows.map(({ ctr_interval: [, high] }) => high));
  return (
    <Scroll label={label}>
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
          {rows.map(({ position, impressions, ctr, ctr_interval: [low, high] }) => (
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
  );
}
