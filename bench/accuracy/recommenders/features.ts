import type { ItemData } from '../../../src/bus/event/types.ts';

/** Features of items as sparse rows of ones: a constant, tags, year, words of the title, attributes. */
export interface Features {
  /** Features of each item, by number. */
  rows: readonly (readonly number[])[];
  count: number;
}

/** A feature of fewer items says nothing about other items. */
const LEAST_ITEMS = 2;

/** @param kinds kinds of features; `tags` alone gives a profile of genres */
export function featuresOf(fields: readonly (ItemData | undefined)[], kinds: 'all' | 'tags' = 'all'): Features {
  const names = fields.map((item) => namesOf(item, kinds));
  const items = new Map<string, number>();
  for (const own of names) for (const name of own) items.set(name, (items.get(name) ?? 0) + 1);
  const numbers = new Map<string, number>();
  for (const [name, n] of items) if (n >= LEAST_ITEMS) numbers.set(name, numbers.size);
  return {
    rows: names.map((own) =>
      own.flatMap((name) => {
        const number = numbers.get(name);
        return number === undefined ? [] : [number];
      }),
    ),
    count: numbers.size,
  };
}

function namesOf(item: ItemData | undefined, kinds: 'all' | 'tags'): string[] {
  const names = new Set<string>();
  for (const tag of item?.tags ?? []) names.add(`tag ${tag}`);
  if (kinds === 'tags') return [...names];
  names.add('constant');
  if (item?.published) names.add(`year ${item.published.slice(0, 4)}`);
  for (const word of item?.title?.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) names.add(`word ${word}`);
  for (const [key, value] of Object.entries(item?.attributes ?? {}))
    for (const one of Array.isArray(value) ? value : [value]) names.add(`attribute ${key} ${one}`);
  return [...names];
}
