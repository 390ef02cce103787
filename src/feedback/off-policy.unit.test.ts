import { describe, expect, it } from 'vitest';
import { createRandom } from '../demo/random.ts';
import { explore } from '../engine/rerank/exploration.ts';
import { documentOf } from '../items/document.ts';
import { offPolicy, type WeighedLists } from './off-policy.ts';

const SHARE = 0.3;
const PLACES = 3;
/** Probability of a click on each item; the order of the list is not the best one. */
const VALUES = [0.3, 0.05, 0.2, 0.4, 0.1, 0.5];
const ordered = VALUES.map((_, i) => ({
  item: String(i),
  score: -i,
  document: documentOf(String(i), undefined, 0),
  terms: [],
}));

/** Under the policy without exploration, the item of each place depends on the items before it. */
function simulate(seed: number, lists: number): { weighed: WeighedLists[]; truth: number } {
  const random = createRandom(seed);
  let truth = 0;
  const weighed = Array.from({ length: lists }, () => {
    const placed = explore(ordered, {
      share: SHARE,
      count: PLACES,
      taken: (item) => Number(item),
      draw: () => random.next(),
    });
    const shown = new Set<string>();
    const list: WeighedLists = { lists: 1, impressions: 0, weight: 0, clicked: 0 };
    for (const { candidate, propensity, explored } of placed) {
      const best = ordered.find(({ item }) => !shown.has(item));
      truth += VALUES[Number(best?.item)] as number;
      shown.add(candidate.item);
      const weight = explored ? 0 : 1 / propensity;
      list.impressions++;
      list.weight += weight;
      if (random.next() < (VALUES[Number(candidate.item)] as number)) list.clicked += weight;
    }
    return list;
  });
  return { weighed, truth: truth / (lists * PLACES) };
}

describe('estimates for another policy', () => {
  it('are null without impressions', () => {
    expect(offPolicy([])).toEqual({
      lists: 0,
      impressions: 0,
      ips: null,
      ips_interval: null,
      snips: null,
      snips_interval: null,
    });
  });

  it('equal the counted rate without exploration', () => {
    const found = offPolicy([
      { lists: 1, impressions: 2, weight: 2, clicked: 1 },
      { lists: 1, impressions: 2, weight: 2, clicked: 0 },
    ]);
    expect(found).toMatchObject({ lists: 2, impressions: 4, ips: 0.25, snips: 0.25 });
  });

  it('are right on average, and their intervals contain the true value as often as they promise', () => {
    const runs = 400;
    let ips = 0;
    let snips = 0;
    let truths = 0;
    let held = { ips: 0, snips: 0 };
    for (let seed = 1; seed <= runs; seed++) {
      const { weighed, truth } = simulate(seed, 400);
      const found = offPolicy(weighed);
      ips += found.ips as number;
      snips += found.snips as number;
      truths += truth;
      const within = (interval: [number, number] | null): number =>
        interval && interval[0] <= truth && truth <= interval[1] ? 1 : 0;
      held = { ips: held.ips + within(found.ips_interval), snips: held.snips + within(found.snips_interval) };
    }
    expect(ips / runs).toBeCloseTo(truths / runs, 2);
    expect(snips / runs).toBeCloseTo(truths / runs, 2);
    for (const share of [held.ips / runs, held.snips / runs]) {
      expect(share).toBeGreaterThan(0.92);
      expect(share).toBeLessThan(0.99);
    }
  });
});
