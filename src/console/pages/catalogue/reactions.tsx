/** How people react to lists, by position: to one item, and to all of them. */
import { inPath } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import type { ByPosition, Rate } from '../../api/results.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, percent } from '../../parts/format.ts';
import { Positions } from '../../parts/positions.tsx';
import { ProblemNote } from '../../parts/problem.tsx';

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
