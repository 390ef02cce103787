import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdPrefixes } from '../kernel/id-prefixes.ts';
import { Kernel } from '../kernel/kernel.ts';
import { POPULARITY_DEFAULTS, Popularity } from './popularity.ts';
import { FULL, STATISTICS_DEFAULTS, Statistics } from './statistics.ts';

const { bucketMs } = STATISTICS_DEFAULTS;

interface Counted {
  popularity: Popularity;
  statistics: Statistics;
  /** Counts one view of an item, or takes one out. */
  view(item: number, sign?: 1 | -1): void;
  /** The best items, and how many items the popularity asked about. */
  best(k: number, free?: (item: number) => boolean): { items: number[]; asked: number };
}

function counted(ids: readonly string[]): Counted {
  const kernel = new Kernel();
  const statistics = new Statistics(STATISTICS_DEFAULTS, kernel);
  statistics.reserve(ids.length);
  const popularity = new Popularity(POPULARITY_DEFAULTS, bucketMs, ids, kernel);
  const prefixes = new IdPrefixes(kernel, ids);
  for (const [number, id] of ids.entries()) prefixes.set(number, id);
  const { calls } = kernel;
  const damping = calls.newDamping(0.5);
  const search = calls.newSearch(statistics.pairs.address, prefixes.address, prefixes.address, damping, damping);
  const status = kernel.u8(ids.length);
  const nothing = kernel.i32(1).address;
  const one = kernel.i32(1);
  return {
    popularity,
    statistics,
    view: (item, sign = 1) => {
      one.view[0] = item;
      statistics.count(one, 0, 0, FULL, 0, 0, sign);
      popularity.count(item, 0, sign * FULL, bucketMs, statistics);
    },
    best: (k, free = () => true) => {
      let asked = 0;
      popularity.decayTo(0, statistics, ids.length);
      const totals = statistics.totalColumn.address;
      calls.placeColumns(search, totals, status.address, nothing, nothing, 0, nothing, nothing, nothing, 0);
      kernel.filter((item) => {
        asked++;
        return free(item);
      });
      calls.beginSearch(search, ids.length, 0, true, true);
      popularity.choose(search, k, ids.length, statistics);
      const items = [...kernel.int32At(calls.topItems(search, false), calls.topCount(search, false))];
      const order = (a: number, b: number) =>
        popularity.sum(b, statistics) - popularity.sum(a, statistics) ||
        ((ids[a] as string) < (ids[b] as string) ? -1 : 1);
      return { items: items.sort(order), asked };
    },
  };
}

/** More than the leaders that the popularity keeps. */
const MANY = 9_000;
const idOf = (n: number): string => `i${String((n * 7_919) % MANY).padStart(5, '0')}`;

describe('the most popular items', () => {
  it('are those of a pass over all items, whatever was counted, taken out and listed since the last list', () => {
    const ids = Array.from({ length: MANY }, (_, n) => idOf(n));
    const step = fc.record({
      what: fc.constantFrom('views', 'back', 'list', 'ask'),
      from: fc.nat(MANY - 1),
      count: fc.integer({ min: 1, max: 5_000 }),
      every: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 12 }), (steps) => {
        const { popularity, statistics, view, best } = counted(ids);
        const listed = new Set<number>();
        const views = new Map<number, number>();
        popularity.leadOnly((item) => listed.has(item));
        for (const { what, from, count, every } of [...steps, { what: 'ask', from: 0, count: 1, every: 1 }]) {
          const items = Array.from({ length: count }, (_, n) => (from + n * every) % MANY);
          if (what === 'ask') {
            const all = [...views].filter(([item, n]) => n > 0 && listed.has(item));
            const wanted = all.sort((a, b) => b[1] - a[1] || ((ids[a[0]] as string) < (ids[b[0]] as string) ? -1 : 1));
            const found = best(50, (item) => listed.has(item)).items;
            expect(found).toEqual(wanted.slice(0, 50).map(([item]) => item));
            continue;
          }
          for (const item of items) {
            if (what === 'list') {
              listed.add(item);
              popularity.consider(item, statistics);
              continue;
            }
            const n = views.get(item) ?? 0;
            if (what === 'back' && n === 0) continue;
            view(item, what === 'views' ? 1 : -1);
            views.set(item, n + (what === 'views' ? 1 : -1));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['before the first list', 0],
    ['after the first list', 1],
  ])('cost no more if all items are equally popular and were counted %s', (_when, first) => {
    const ids = Array.from({ length: MANY }, (_, n) => idOf(n));
    const { popularity, statistics, view, best } = counted(ids);
    for (let item = 0; item < first; item++) view(item);
    popularity.decayTo(0, statistics, ids.length);
    best(1);
    for (let item = first; item < MANY; item++) view(item);
    const { items, asked } = best(10);
    expect(items.map((item) => ids[item])).toEqual(Array.from({ length: 10 }, (_, n) => `i0000${n}`));
    expect(asked).toBeLessThan(MANY / 2);
  });

  it('that no list may show take no place of those that one may', () => {
    const ids = Array.from({ length: MANY }, (_, n) => idOf(n));
    const { popularity, view, best } = counted(ids);
    popularity.leadOnly((item) => item >= MANY - 100);
    for (let item = 0; item < MANY; item++) for (let n = item < MANY - 100 ? 2 : 1; n > 0; n--) view(item);
    const { items, asked } = best(50, (item) => item >= MANY - 100);
    expect(items).toHaveLength(50);
    expect(asked).toBeLessThanOrEqual(100);
  });
});
