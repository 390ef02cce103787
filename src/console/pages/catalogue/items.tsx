/** The catalogue, or one item of it. */
import { useState } from 'preact/hooks';
import { inPath, queryOf } from '../../api/call.ts';
import { caller, may } from '../../api/caller.ts';
import { useLoad } from '../../api/load.ts';
import { LIST_FIELDS, type Ranking } from '../../api/ranking.ts';
import { time } from '../../parts/format.ts';
import { RankedList } from '../../parts/list/ranked-list.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { hrefOf } from '../../shell/router.ts';
import { Catalogue } from './catalogue.tsx';
import { EditItem } from './edit.tsx';
import type { Item } from './item.ts';
import { ItemReactions, Reactions } from './reactions.tsx';

export const ItemsPage = ({ id }: { id: string | undefined }) =>
  id === undefined ? <Catalogue /> : <OneItem id={id} />;

function OneItem({ id }: { id: string }) {
  const [seq, setSeq] = useState<number | undefined>();
  const item = useLoad<Item>(`v1/items/${inPath(id)}${queryOf({ min_seq: seq })}`);
  const similar = useLoad<Ranking>(
    `v1/items/${inPath(id)}/similar${queryOf({ n: 8, explain: true, fields: LIST_FIELDS, min_seq: seq })}`,
  );
  return (
    <>
      <h1 tabIndex={-1}>{item.data?.title ?? id}</h1>
      <p class="lead">
        <code>{id}</code>
      </p>
      <ProblemNote problem={item.problem} />
      {item.problem?.status !== 404 && (
        <div class="columns">
          <div class="column">
            {item.data !== undefined && <Card item={item.data} onChange={setSeq} />}
            <section class="card" aria-labelledby="similar-title">
              <h2 id="similar-title">Similar items</h2>
              <ProblemNote problem={similar.problem} />
              {similar.data !== undefined && <RankedList ranking={similar.data} />}
            </section>
          </div>
          <div class="column">
            {item.data !== undefined && may('admin') && <ItemReactions item={id} />}
            {caller.value?.kind !== 'token' && <Reactions />}
          </div>
        </div>
      )}
    </>
  );
}

function Card({ item, onChange }: { item: Item; onChange: (seq: number) => void }) {
  const { available, description, tags = [], attributes = {}, published, embedding } = item;
  return (
    <section class="card" aria-labelledby="item-title">
      <h2 id="item-title">
        In the catalogue{' '}
        <span class={`tag ${available ? 'good' : 'bad'}`}>{available ? 'available' : 'withdrawn'}</span>
      </h2>
      {description !== undefined && <p>{description}</p>}
      {tags.length > 0 && (
        <p class="chips">
          {tags.map((tag) => (
            <a key={tag} class="chip" href={hrefOf('items', undefined, { tag })}>
              {tag}
            </a>
          ))}
        </p>
      )}
      <dl class="facts">
        {Object.entries(attributes).map(([name, value]) => (
          <div key={name} title="an attribute, as its event gave it">
            <dt>{name}</dt>
            <dd>{[value].flat().join(', ')}</dd>
          </div>
        ))}
        <div title="when the item came out, as its event says">
          <dt>published</dt>
          <dd>{time(published)}</dd>
        </div>
        {embedding !== undefined && (
          <div title="numbers of the embedding that came with the item">
            <dt>embedding</dt>
            <dd>{embedding.length} numbers</dd>
          </div>
        )}
      </dl>
      {may('events:content') && <EditItem item={item} onChange={onChange} />}
    </section>
  );
}
