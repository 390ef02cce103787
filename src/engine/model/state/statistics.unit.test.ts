import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, ln, pow } from '../primitives/math.ts';
import { TopK } from '../primitives/top-k.ts';
import { SparseRows } from './sparse-rows.ts';
import { STATISTICS_DEFAULTS, Statistics } from './statistics.ts';

describe('sparse rows', () => {
  it('equal a map, also beyond the narrow form, below zero and back at it', () => {
    const step = fc.tuple(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: -70_000, max: 70_000 }),
      fc.integer({ min: -70_000, max: 70_000 }),
      fc.integer({ min: -1_100, max: 1_100 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const rows = new SparseRows();
        const map = new Map<string, [number, number, number]>();
        for (const [row, id, f, b, co] of steps) {
          rows.add(row, id, f, b, co);
          const sum = map.get(`${row} ${id}`) ?? [0, 0, 0];
          map.set(`${row} ${id}`, [sum[0] + f, sum[1] + b, sum[2] + co]);
        }
        for (let row = 0; row < 4; row++) {
          for (let id = 0; id <= 40; id++) {
            const [f, b, co] = map.get(`${row} ${id}`) ?? [0, 0, 0];
            expect(rows.read(row, id, { f: 0, b: 0, co: 0 })).toEqual({ f, b, co });
          }
        }
      }),
    );
  });
});

/** Rows with more entries than this have a prefix. */
const LONG_ROW = 512;

/** Step of a count: four to each power of two. */
function stepOf(co: number): number {
  if (co < 4) return Math.max(co, 0);
  const exponent = Math.floor(Math.log2(co));
  return exponent * 4 - 4 + (Math.floor(co / 2 ** (exponent - 2)) & 3);
}

describe('the prefix of a long row', () => {
  /** Ids in a row's prefix, sorted; undefined if the row has no prefix. */
  function idsOf(rows: SparseRows): number[] | undefined {
    const prefix = rows.prefix(0);
    if (prefix === undefined) return undefined;
    const ids: number[] = [];
    for (let at = 0; at < prefix.length; at += 2) {
      const id = (prefix[at]! >>> 10) - 1;
      // A copy holds the counts of the row.
      const { f, b, co } = rows.read(0, id, { f: 0, b: 0, co: 0 });
      if ((prefix[at]! & 1_023) < 1_023)
        expect([prefix[at + 1]! >>> 16, prefix[at + 1]! & 0xffff, prefix[at]! & 1_023]).toEqual([f, b, co]);
      ids.push(id);
    }
    return ids.sort((a, b) => a - b);
  }

  it('depends on the content of the row alone, not on earlier changes or reads', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const asked = new SparseRows();
    const counts = new Map<number, number>();
    const step = (id: number, by: number) => {
      asked.add(0, id, by, by, by);
      counts.set(id, (counts.get(id) ?? 0) + by);
    };
    const sizes = new Set<number>();
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 1_500; i++) step(random(random(4_000) + 1), 16);
      if (round % 3 === 2) for (const [id, count] of counts) if (id % 5 === 0 && count > 0) step(id, -16);
      const fresh = new SparseRows();
      for (const [id, count] of [...counts].reverse()) if (count > 0) fresh.add(0, id, count, count, count);
      const ids = idsOf(asked);
      expect(ids).toEqual(idsOf(fresh));
      if (ids === undefined) continue;
      sizes.add(ids.length);
      const least = Math.min(...ids.map((id) => stepOf(counts.get(id)!)));
      expect(ids).toEqual([...counts.keys()].filter((id) => stepOf(counts.get(id)!) >= least).sort((a, b) => a - b));
      expect(ids.length).toBeLessThanOrEqual(1_024);
      expect(counts.size).toBeGreaterThan(LONG_ROW);
    }
    expect(sizes.size).toBeGreaterThan(10);
  });
});

describe('statistics', () => {
  it('count by the formula: transitions that fade to 20 back, co-occurrences to 30 back', () => {
    const statistics = new Statistics(STATISTICS_DEFAULTS);
    const items = statistics.pairs.kernel.i32(40);
    items.view.set(Array.from({ length: 40 }, (_, i) => i));
    statistics.reserve(40);
    statistics.count(items, 0, 35, 24, 0, 0, 1);
    const pair = (row: number, id: number) => statistics.pairs.read(row, id, { f: 0, b: 0, co: 0 });
    expect(pair(34, 35)).toEqual({ f: 1536, b: 0, co: 24 });
    expect(pair(35, 34)).toEqual({ f: 0, b: 1536, co: 24 });
    expect(pair(33, 35)).toEqual({ f: Math.round(1536 * 0.8), b: 0, co: 24 });
    expect(pair(15, 35).f).toBe(Math.round(1536 * 0.8 ** 19));
    expect(pair(14, 35)).toEqual({ f: 0, b: 0, co: 24 });
    expect(pair(5, 35).co).toBe(24);
    expect(pair(4, 35).co).toBe(0);
    expect(statistics.total[35]).toBe(24);
  });

  it('leave out the pair of an item with itself', () => {
    const statistics = new Statistics(STATISTICS_DEFAULTS);
    const items = statistics.pairs.kernel.i32(3);
    items.view.set([1, 2, 1]);
    statistics.count(items, 0, 2, 16, 0, 0, 1);
    expect(statistics.pairs.read(1, 1, { f: 0, b: 0, co: 0 })).toEqual({ f: 0, b: 0, co: 0 });
    expect(statistics.pairs.read(2, 1, { f: 0, b: 0, co: 0 })).toEqual({ f: 1024, b: 0, co: 16 });
  });
});

describe('the best k of many', () => {
  it('equal those of a sort, ties by id', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60 }), fc.nat(20), (scores, size) => {
        const ids = scores.map((_, i) => `id${(i * 37) % 101}`);
        const top = new TopK(size, ids);
        for (let i = 0; i < scores.length; i++) if (top.admits(scores[i]!)) top.offer(i, scores[i]!);
        const sorted = scores
          .map((score, i) => ({ item: i, score }))
          .sort((a, b) => b.score - a.score || (ids[a.item]! < ids[b.item]! ? -1 : 1));
        expect(top.sorted()).toEqual(sorted.slice(0, size));
      }),
    );
  });
});

describe('logarithm, exponential and power', () => {
  it('are right to fourteen digits', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
        expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(Math.log(x))));
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -300, max: 300, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-13);
      }),
    );
    expect(pow(8, -0.3)).toBeCloseTo(8 ** -0.3, 13);
  });
});
