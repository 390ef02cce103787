import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentOf } from '../../items/document.ts';
import type { Candidate } from './candidate.ts';
import { drawsOf, explore } from './exploration.ts';

const candidates = (n: number): Candidate[] =>
  Array.from({ length: n }, (_, i) => ({
    item: `i${i}`,
    score: n - i,
    document: documentOf(`i${i}`, undefined, 0),
    terms: [],
  }));
const taken = (item: string): number => Number(item.slice(1)) ** 2;
const list = (seed: number, share: number, n = 8, count = 4) =>
  explore(candidates(n), { share, count, taken, draw: drawsOf({ user: 'u1', seq: 7, seed }) });

describe('exploration', () => {
  it('leaves the order as it is if no place explores', () => {
    expect(list(1, 0).map(({ candidate }) => candidate.item)).toEqual(['i0', 'i1', 'i2', 'i3']);
    expect(list(1, 0).every(({ propensity, explored }) => propensity === 1 && !explored)).toBe(true);
  });

  it('gives the same list for the same user, position and seed, and different lists for different ones', () => {
    expect(list(3, 0.5)).toEqual(list(3, 0.5));
    const lists = new Set(Array.from({ length: 50 }, (_, seed) => JSON.stringify(list(seed, 0.5))));
    expect(lists.size).toBeGreaterThan(10);
  });

  it('places no item twice, fills all places, and reports probabilities from 0 to 1', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (n, count, share, seed) => {
          const placed = list(seed, share, n, count);
          expect(placed).toHaveLength(Math.min(n, count));
          expect(new Set(placed.map(({ candidate }) => candidate.item)).size).toBe(placed.length);
          for (const { propensity } of placed) {
            expect(propensity).toBeGreaterThan(0);
            expect(propensity).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  it('takes each item with the reported probability, and explores the configured share of places', () => {
    const runs = 20_000;
    const counts = new Map<string, number>();
    const said = new Map<string, number>();
    let explored = 0;
    for (let seed = 0; seed < runs; seed++) {
      const [first] = list(seed, 0.4, 6, 1);
      if (!first) throw new Error('a list of one has a first place');
      counts.set(first.candidate.item, (counts.get(first.candidate.item) ?? 0) + 1);
      said.set(first.candidate.item, first.propensity);
      if (first.explored) explored++;
    }
    expect([...said.values()].reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 10);
    for (const [item, propensity] of said) {
      const deviation = Math.sqrt((propensity * (1 - propensity)) / runs);
      expect(Math.abs((counts.get(item) ?? 0) / runs - propensity)).toBeLessThan(5 * deviation);
    }
    // Items with few interactions appear more often than popular ones.
    expect(said.get('i1')).toBeGreaterThan(said.get('i5') as number);
    expect(explored / runs).toBeLessThan(0.4);
  });
});
