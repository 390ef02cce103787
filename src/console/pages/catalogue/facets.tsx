/** What the catalogue holds, to narrow the list of items, and what nothing but a title describes. */
import { useLoad } from '../../api/load.ts';
import { Empty } from '../../parts/empty.tsx';
import { count } from '../../parts/format.ts';
import { ItemLink } from '../../parts/ids.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { hrefOf } from '../../shell/router.ts';

interface Facets {
  items: number;
  withdrawn: number;
  tags: { tag: string; items: number }[];
  attributes: { attribute: string; items: number }[];
  title_only: { count: number; items: { item: string; title: string }[] };
}

export function FacetsCard() {
  const { data, problem } = useLoad<Facets>('v1/catalogue');
  return (
    <section class="card" aria-labelledby="facets-title">
      <h2 id="facets-title">What the catalogue holds</h2>
      <ProblemNote problem={problem} />
      {data !== undefined && (
        <>
          <p class="quiet">
            {count(data.items)} items, {count(data.withdrawn)} of them withdrawn. Numbers say how many items have a tag
            or an attribute.
          </p>
          {data.tags.length === 0 && <Empty>No item has a tag.</Empty>}
          <p class="chips">
            {data.tags.map(({ tag, items }) => (
              <a key={tag} class="chip" href={hrefOf('items', undefined, { tag })}>
                {tag} {count(items)}
              </a>
            ))}
          </p>
          {data.attributes.length > 0 && (
            <p>
              Attributes: {data.attributes.map(({ attribute, items }) => `${attribute} ${count(items)}`).join(', ')}
            </p>
          )}
          <h3>Only a title</h3>
          {data.title_only.count === 0 ? (
            <p class="quiet">Every item has a tag, an attribute, a description or an embedding.</p>
          ) : (
            <>
              <p class="quiet">
                {count(data.title_only.count)} items have no tag, attribute, description or embedding, so the engine
                learns what they are like from events alone.
              </p>
              <ul>
                {data.title_only.items.map(({ item, title }) => (
                  <li key={item}>
                    <ItemLink item={item} title={title} />
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </section>
  );
}
