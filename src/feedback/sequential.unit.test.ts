import { describe, expect, it } from 'vitest';
import { createRandom } from '../demo/random.ts';
import { armFigures, compare, type UserCounts } from './sequential.ts';

const SETTINGS = { effect: 0.02, alpha: 0.05 };
const USERS = 300;
const DAYS = 21;

/** Runs the test every day on returning users, each with a click rate of their own; true once it finds a difference. */
function found(seed: number, rates: readonly [number, number]): 'first' | 'second' | undefined {
  const random = createRandom(seed);
  const arms = rates.map((rate) =>
    Array.from({ length: USERS }, () => ({
      own: Math.min(0.9, rate * (0.4 + 1.2 * random.next())),
      counts: { users: 1, impressions: 0, hits: 0 } as UserCounts,
    })),
  );
  for (let day = 0; day < DAYS; day++) {
    for (const arm of arms)
      for (const { own, counts } of arm) {
        if (random.next() > 0.4) continue;
        for (let i = 0; i < 10; i++) {
          counts.impressions++;
          if (random.next() < own) counts.hits++;
        }
      }
    const [first, second] = arms.map((arm) =>
      armFigures(arm.map(({ counts }) => counts).filter(({ impressions }) => impressions > 0)),
    );
    const compared = first && second && compare(first, second, SETTINGS);
    if (compared && compared.p <= SETTINGS.alpha) return compared.difference > 0 ? 'second' : 'first';
  }
  return undefined;
}

describe('a test that an operator checks every day', () => {
  it('finds no more differences between equal arms than its level', () => {
    const runs = 400;
    let wrong = 0;
    for (let seed = 1; seed <= runs; seed++) if (found(seed, [0.1, 0.1])) wrong++;
    expect(wrong / runs).toBeLessThanOrEqual(SETTINGS.alpha);
  });

  it('finds the better of two arms', () => {
    const runs = 60;
    let right = 0;
    for (let seed = 1; seed <= runs; seed++) if (found(seed, [0.1, 0.13]) === 'second') right++;
    expect(right / runs).toBeGreaterThan(0.9);
  });

  it('has an interval that agrees with its p-value', () => {
    for (const hits of [100, 130, 160, 200, 260]) {
      const arm = (each: number) =>
        armFigures(
          Array.from({ length: 100 }, (_, i) => ({
            users: 1,
            impressions: 20,
            hits: each / 100 + (i % 2 === 0 ? 1 : -1),
          })),
        );
      const compared = compare(arm(100), arm(hits), SETTINGS);
      if (!compared) throw new Error('there are enough users');
      expect(compared.interval[0] > 0).toBe(compared.p < SETTINGS.alpha);
    }
  });

  it('has no result for a few users, or without clicks', () => {
    const few = armFigures(Array.from({ length: 10 }, () => ({ users: 1, impressions: 10, hits: 1 })));
    const none = armFigures(Array.from({ length: 100 }, () => ({ users: 1, impressions: 10, hits: 0 })));
    expect(compare(few, few, SETTINGS)).toBeUndefined();
    expect(compare(none, none, SETTINGS)).toBeUndefined();
    expect(armFigures([])).toEqual({ users: 0, impressions: 0, hits: 0, rate: null, variance: null });
  });
});
