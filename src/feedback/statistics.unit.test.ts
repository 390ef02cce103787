import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diversity, type Exposed, gini, novelty, shareInterval } from './statistics.ts';

describe('the interval of a share', () => {
  it('matches published values', () => {
    const [low, high] = shareInterval(10, 100);
    expect(low).toBeCloseTo(0.0552, 4);
    expect(high).toBeCloseTo(0.1744, 4);
    expect(shareInterval(0, 0)).toEqual([0, 1]);
  });

  it('contains the share, lies within 0 and 1, and narrows with larger numbers', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.integer({ min: 1, max: 1_000 }), (some, trials) => {
        const hits = Math.min(some, trials);
        const [low, high] = shareInterval(hits, trials);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(hits / trials);
        expect(high).toBeGreaterThanOrEqual(hits / trials);
        const [lower, upper] = shareInterval(hits * 10, trials * 10);
        expect(upper - lower).toBeLessThan(high - low);
      }),
    );
  });
});

/** Items with so many impressions each. */
const itemsWith = (counts: readonly number[]): Exposed[] => counts.map((impressions) => ({ impressions, items: 1 }));

describe('the spread of impressions', () => {
  it('has a Gini coefficient of 0 for equal counts, which grows as one item dominates', () => {
    expect(gini(itemsWith([]))).toBe(0);
    expect(gini(itemsWith([3, 3, 3]))).toBeCloseTo(0, 12);
    expect(gini(itemsWith([1, 1, 1, 97]))).toBeCloseTo(0.72, 2);
    expect(gini(itemsWith([1, 3]))).toBeCloseTo(0.25, 12);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1 }), (counts) => {
        expect(gini(itemsWith(counts))).toBeGreaterThanOrEqual(0);
        expect(gini(itemsWith(counts))).toBeLessThan(1);
        expect(gini(itemsWith([...counts].reverse()))).toBeCloseTo(gini(itemsWith(counts)), 12);
      }),
    );
  });

  it('is the same however its items are grouped', () => {
    const grouped = [
      { impressions: 1, items: 3 },
      { impressions: 4, items: 2 },
    ];
    const single = itemsWith([4, 1, 1, 4, 1]);
    expect(gini(grouped)).toBe(gini(single));
    expect(diversity(grouped)).toBe(diversity(single));
    expect(novelty(grouped, 5)).toBeCloseTo(novelty(single, 5), 12);
  });

  it('has the probability that two impressions differ as its diversity', () => {
    expect(diversity(itemsWith([]))).toBe(0);
    expect(diversity(itemsWith([1]))).toBe(0);
    expect(diversity(itemsWith([5]))).toBe(0);
    expect(diversity(itemsWith([1, 1, 1]))).toBe(1);
    expect(diversity(itemsWith([2, 2]))).toBeCloseTo(2 / 3, 12);
  });

  it('has more novelty the more lists differ', () => {
    expect(novelty(itemsWith([]), 0)).toBe(0);
    expect(novelty(itemsWith([8, 8]), 8)).toBe(0);
    expect(novelty(itemsWith([1, 1, 1, 1, 1, 1, 1, 1]), 8)).toBe(3);
  });
});
