import { beforeAll, describe, expect, it } from 'vitest';
import { type LearningCurve, POLICIES, runLearningCurve } from './learning-curve.ts';
import { inWords, plot } from './plot.ts';
import { bestPolicy, popularPolicy, randomPolicy } from './policies.ts';

const OPTIONS = { seeds: [3], events: 400, readers: 40, n: 10, every: 2, points: 3, first: 100, say: () => {} };
let curve: LearningCurve;
beforeAll(async () => {
  curve = await runLearningCurve(OPTIONS);
});

describe('a learning curve', () => {
  it('has its points at a geometric series of interactions, with lists in each', () => {
    expect(curve.points.map(({ events }) => events)).toEqual([100, 200, 400]);
    for (const { lists } of curve.points) expect(lists).toBeGreaterThan(0);
  });

  it('puts nothing above the best possible list, and probabilities between 0 and 1', () => {
    for (const { expected, clicked } of curve.points) {
      for (const name of POLICIES) {
        expect(expected[name]).toBeGreaterThanOrEqual(0);
        expect(expected[name]).toBeLessThanOrEqual(expected.best + 1e-12);
      }
      expect(expected.best).toBeLessThanOrEqual(1);
      expect(clicked).toBeLessThanOrEqual(1);
    }
  });

  it('is the same again from the same seed', async () => {
    expect(await runLearningCurve(OPTIONS)).toEqual(curve);
  });

  it('is drawn with a line for each policy, and described in words', () => {
    const svg = plot(curve);
    expect(svg.match(/<polyline/g)).toHaveLength(POLICIES.length);
    expect(svg).toContain(`<desc id="text">${inWords(curve)}</desc>`);
    expect(svg).not.toContain('NaN');
  });
});

describe('a policy for comparison', () => {
  const open = [1, 2, 3, 5];
  it('shows only allowed items, and none twice', () => {
    const chance = Float64Array.from([0.9, 0.1, 0.3, 0.2, 0.8, 0.25]);
    expect(bestPolicy(open, 2, chance)).toEqual([2, 5]);
    const popular = popularPolicy(6);
    for (const item of [4, 4, 3, 3, 1]) popular.took(item);
    expect(popular.policy(open, 3, chance)).toEqual([3, 1, 2]);
    const drawn = randomPolicy(1)(open, 10, chance);
    expect([...drawn].sort()).toEqual(open);
  });
});
