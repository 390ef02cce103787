/** A ranked list with titles, what moved, and why each item is there. */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { RankedItem, Ranking } from '../../api/ranking.ts';
import { Empty } from '../empty.tsx';
import { score } from '../format.ts';
import { ItemLink } from '../ids.tsx';
import { useGlide } from './flip.ts';
import type { Moves } from './moves.ts';
import { Why } from './why.tsx';

interface RankedListProps {
  ranking: Ranking;
  moves?: Moves;
  /** Buttons beside an item. */
  actions?: (item: RankedItem) => ComponentChildren;
}

const NO_MOVES: Moves = new Map();

export function RankedList({ ranking, moves = NO_MOVES, actions }: RankedListProps) {
  const { items } = ranking;
  const list = useRef<HTMLOListElement>(null);
  const [open, setOpen] = useState<string | undefined>();
  const order = items.map(({ item }) => item).join('\n');
  useGlide(list, `${order}\n\n${open ?? ''}`);
  const best = Math.max(...items.map((one) => one.score), 0) || 1;
  if (items.length === 0)
    return <Empty>The list is empty. The catalogue has no item that this user has not seen; publish more items.</Empty>;
  return (
    <ol class="ranked" ref={list}>
      {items.map((item, place) => (
        <li key={item.item} data-item={item.item} class={moves.has(item.item) ? 'moved' : ''}>
          <div class="ranked-row">
            <span class="ranked-place">{place + 1}</span>
            <Move move={moves.get(item.item)} />
            <span class="ranked-title">
              <ItemLink item={item.item} title={item.fields?.title} />
              <span class="quiet ranked-tags">
                {item.explored === true && <span class="tag">explored</span>}
                {(item.fields?.tags ?? []).slice(0, 4).join(' · ') || item.item}
              </span>
            </span>
            <span class="ranked-score" title="The score orders the list; it has no unit.">
              <span class="meter" aria-hidden="true">
                <span style={{ width: `${Math.max(0, item.score / best) * 100}%` }} />
              </span>
              {score(item.score)}
            </span>
            <span class="ranked-actions">
              {actions?.(item)}
              {item.reasons !== undefined && (
                <button
                  type="button"
                  class="small"
                  aria-expanded={open === item.item}
                  aria-label={`Why ${item.fields?.title ?? item.item}?`}
                  onClick={() => setOpen(open === item.item ? undefined : item.item)}
                >
                  Why?
                </button>
              )}
            </span>
          </div>
          {open === item.item && <Why item={item} />}
        </li>
      ))}
    </ol>
  );
}

function Move({ move }: { move: number | 'new' | undefined }) {
  if (move === undefined) return <span class="move" />;
  if (move === 'new')
    return (
      <span class="move fresh" title="was not in the list before the last change">
        new
      </span>
    );
  const up = move > 0;
  return (
    <span class={`move ${up ? 'up' : 'down'}`} title={`${up ? 'rose' : 'fell'} by the last change of the list`}>
      <span aria-hidden="true">{up ? '▲' : '▼'}</span>
      {Math.abs(move)}
      <span class="hidden-visually"> places {up ? 'up' : 'down'}</span>
    </span>
  );
}
