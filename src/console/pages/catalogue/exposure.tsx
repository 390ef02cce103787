/** Which items lists show most, and which they never show. */
import { useState } from 'preact/hooks';
import { queryOf } from '../../api/call.ts';
import { usePages } from '../../api/pages.ts';
import type { Rate } from '../../api/results.ts';
import { titleOf } from '../../api/titles.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, percent } from '../../parts/format.ts';
import { ItemLink } from '../../parts/ids.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Page {
  shown: number;
  never_shown: number;
  items: (Rate & { item: string })[];
  next: string | null;
}

type Order = 'impressions' | 'never';
const ORDERS: Record<Order, string> = { impressions: 'Shown most', never: 'Never shown' };
const PAGE = 25;

export function Exposure() {
  const [order, setOrder] = useState<Order>('impressions');
  return (
    <section class="card" aria-labelledby="exposure-title">
      <h2 id="exposure-title">What lists show</h2>
      <div class="bar">
        {(Object.keys(ORDERS) as Order[]).map((one) => (
          <button type="button" key={one} class="small" aria-pressed={one === order} onClick={() => setOrder(one)}>
            {ORDERS[one]}
          </button>
        ))}
      </div>
      <Items key={order} order={order} />
    </section>
  );
}

function Items({ order }: { order: Order }) {
  const { page, problem, more } = usePages<Page, string>(
    (cursor) => `v1/feedback/items${queryOf({ order, n: PAGE, cursor })}`,
    (before, next) => ({ ...next, items: [...before.items, ...next.items] }),
    order,
  );
  return (
    <>
      <ProblemNote problem={problem} />
      {page !== undefined && (
        <p class="quiet">
          The lists that apps have reported show {count(page.shown)} items. {count(page.never_shown)} items of the
          catalogue are in none of them; withdrawn items are left out.
        </p>
      )}
      {page?.items.length === 0 && (
        <Empty>
          {order === 'never' ? 'Lists have shown every item.' : 'No app has reported a list that it showed.'}
        </Empty>
      )}
      {page !== undefined && page.items.length > 0 && (
        <>
          <Scroll label={ORDERS[order]} tall>
            <table>
              <thead>
                <tr>
                  <th>title</th>
                  {order === 'impressions' && (
                    <>
                      <th class="number" title="times that a list showed the item">
                        impressions
                      </th>
                      <th class="number" title="clicked impressions per impression">
                        CTR
                      </th>
                    </>
                  )}
                </tr>
              </thead>
              <tbody>
                {page.items.map(({ item, impressions, ctr }) => (
                  <tr key={item}>
                    <td>
                      <ItemLink item={item} title={titleOf(item)} />
                    </td>
                    {order === 'impressions' && (
                      <>
                        <td class="number">{count(impressions)}</td>
                        <td class="number">{percent(ctr)}</td>
                      </>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          {page.next !== null && (
            <button type="button" class="small" onClick={() => more(page.next as string)}>
              More
            </button>
          )}
        </>
      )}
    </>
  );
}
