/** The catalogue: a search, and all items in pages. */
import { queryOf } from '../../api/call.ts';
import { may } from '../../api/caller.ts';
import { usePages } from '../../api/pages.ts';
import { learnTitle } from '../../api/titles.ts';
import { Empty } from '../../parts/empty.tsx';
import { time } from '../../parts/format.ts';
import { ItemLink } from '../../parts/ids.tsx';
import { ItemSearch } from '../../parts/item-search.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { go, hrefOf, place } from '../../shell/router.ts';
import { Exposure } from './exposure.tsx';
import { FacetsCard } from './facets.tsx';
import type { Item } from './item.ts';

interface Page {
  items: Item[];
  next: string | null;
}

const PAGE = 50;

export function Catalogue() {
  const tag = place.value.query.get('tag') ?? undefined;
  return (
    <>
      <h1 tabIndex={-1}>Catalogue</h1>
      <p class="lead">All items, also withdrawn ones, in the order of their ids.</p>
      <div class="columns">
        <AllItems key={tag ?? ''} tag={tag} />
        <div class="column">
          <section class="card" aria-labelledby="search-title">
            <h2 id="search-title">Search</h2>
            <ItemSearch n={15} />
          </section>
          <FacetsCard />
          {may('admin') && <Exposure />}
        </div>
      </div>
    </>
  );
}

function AllItems({ tag }: { tag: string | undefined }) {
  const { page, problem, more } = usePages<Page, string>(
    (cursor) => `v1/items${queryOf({ tag, n: PAGE, cursor })}`,
    (before, next) => ({ items: [...before.items, ...next.items], next: next.next }),
    tag,
    ({ items }) => {
      for (const { item, title } of items) learnTitle(item, title);
    },
  );

  return (
    <section class="card" aria-labelledby="all-title">
      <h2 id="all-title">{tag === undefined ? 'All items' : `Items with the tag ${tag}`}</h2>
      {tag !== undefined && (
        <p>
          <button type="button" class="small" onClick={() => go(hrefOf('items'))}>
            Show all items
          </button>
        </p>
      )}
      <ProblemNote problem={problem} />
      {page?.items.length === 0 && <Empty>No items. Publish some: npx freshet import PATH</Empty>}
      {page !== undefined && page.items.length > 0 && (
        <>
          <Scroll label="Items" tall>
            <table>
              <thead>
                <tr>
                  <th>title</th>
                  <th>tags</th>
                  <th title="when the item came out, as its event says">published</th>
                </tr>
              </thead>
              <tbody>
                {page.items.map(({ item, title, tags = [], available, published }) => (
                  <tr key={item}>
                    <td>
                      <ItemLink item={item} title={title} /> {!available && <span class="tag bad">withdrawn</span>}
                    </td>
                    <td>
                      {tags.slice(0, 4).map((one, i) => (
                        <span key={one}>
                          {i > 0 && ' · '}
                          <a class="plain" href={hrefOf('items', undefined, { tag: one })}>
                            {one}
                          </a>
                        </span>
                      ))}
                    </td>
                    <td class="when">{time(published)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          {page.next !== null && (
            <button type="button" class="small" onClick={() => more(page.next as string)}>
              More items
            </button>
          )}
        </>
      )}
    </section>
  );
}
