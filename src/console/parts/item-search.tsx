/** Finds items by words of their titles, tags and attributes. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, queryOf } from '../api/call.ts';
import { isAbort, type Problem, problemOf } from '../api/problem.ts';
import { LIST_FIELDS } from '../api/ranking.ts';
import { learnTitle } from '../api/titles.ts';
import { Empty } from './empty.tsx';
import { ItemLink } from './ids.tsx';
import { ProblemNote } from './problem.tsx';

export interface FoundItem {
  item: string;
  available: boolean;
  fields: { title?: string; tags?: string[] };
}
interface Found {
  items: FoundItem[];
  more: boolean;
}

/** Milliseconds after the last key, so that a word is one request. */
const TYPING_MS = 200;

interface ItemSearchProps {
  n?: number;
  actions?: (item: FoundItem) => ComponentChildren;
}

export function ItemSearch({ n = 8, actions }: ItemSearchProps) {
  const [words, setWords] = useState('');
  const [found, setFound] = useState<Found | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();

  useEffect(() => {
    if (words.trim() === '') {
      setFound(undefined);
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call<Found>(`v1/items${queryOf({ q: words, n, fields: LIST_FIELDS })}`, { signal: stop.signal }).then(
        (answer) => {
          for (const { item, fields } of answer.items) learnTitle(item, fields.title);
          setFound(answer);
          setProblem(undefined);
        },
        (err) => {
          if (!isAbort(err)) setProblem(problemOf(err));
        },
      );
    }, TYPING_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [words, n]);

  return (
    <search>
      <label>
        Words of a title, tag or attribute
        <input
          type="search"
          value={words}
          placeholder="sea"
          autocomplete="off"
          onInput={({ currentTarget }) => setWords(currentTarget.value)}
        />
      </label>
      <ProblemNote problem={problem} />
      {found?.items.length === 0 && <Empty>No item has all of these words. Try fewer, or the beginning of one.</Empty>}
      {found !== undefined && found.items.length > 0 && (
        <ul class="found">
          {found.items.map((one) => (
            <li key={one.item}>
              <span class="found-title">
                <ItemLink item={one.item} title={one.fields.title} />
                <span class="quiet">{(one.fields.tags ?? []).slice(0, 3).join(' · ') || one.item}</span>
              </span>
              {actions?.(one)}
            </li>
          ))}
          {found.more && <li class="quiet">More items match. Add a word.</li>}
        </ul>
      )}
    </search>
  );
}
