import { describe, expect, it } from 'vitest';
import { createComparison, qualityAt } from './comparison.ts';

/** Places of both, event by event; users as given. */
function compared(places: readonly (readonly [user: number, inForce: number, shadow: number])[], window = 1_000) {
  const comparison = createComparison(window);
  for (const [i, [user, inForce]] of places.entries()) comparison.inForce({ seq: i + 1, user, rank: inForce });
  for (const [i, [user, , shadow]] of places.entries()) comparison.shadow({ seq: i + 1, user, rank: shadow });
  return comparison;
}

describe('a comparison of two models on the same events', () => {
  it('has the figures of both side by side, and the mean of their differences', () => {
    const { in_force, shadow, difference, events, users, from_seq, to_seq } = compared([
      [1, 1, 1],
      [2, 0, 2],
      [3, 11, 4],
      [4, 10, 0],
    ]).report();
    expect({ events, users, from_seq, to_seq }).toEqual({ events: 4, users: 4, from_seq: 1, to_seq: 4 });
    expect(in_force).toEqual({
      hr: 0.5,
      ndcg: (1 + qualityAt(10).ndcg) / 4,
      mrr: (1 + 1 / 10) / 4,
    });
    expect(shadow.hr).toBe(0.75);
    expect(difference.hr.mean).toBeCloseTo(0.25, 12);
    expect(difference.mrr.mean).toBeCloseTo(shadow.mrr - in_force.mrr, 12);
  });

  it('has the standard error of a paired mean if each user has one event', () => {
    const places = Array.from({ length: 400 }, (_, i) => [i, i % 3 === 0 ? 1 : 0, i % 5 === 0 ? 1 : 0] as const);
    const differences = places.map(([, a, b]) => b - a);
    const mean = differences.reduce((sum, d) => sum + d, 0) / places.length;
    const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (places.length - 1);
    const { difference } = compared(places).report();
    expect(difference.hr.mean).toBeCloseTo(mean, 12);
    expect(difference.hr.standard_error).toBeCloseTo(Math.sqrt(variance / places.length), 12);
  });

  it('gives the events of one user less weight than those of as many users', () => {
    const outcome = (user: number): readonly [number, number] => (user % 2 === 0 ? [1, 0] : [0, 1]);
    const many = Array.from({ length: 100 }, (_, user) => [user, ...outcome(user)] as const);
    const few = Array.from({ length: 100 }, (_, i) => [i % 10, ...outcome(i % 10)] as const);
    const [apart, together] = [compared(many).report(), compared(few).report()].map(
      ({ difference }) => difference.hr.standard_error ?? 0,
    );
    expect(together).toBeGreaterThan(2.5 * (apart ?? 0));
  });

  it('leaves out events that only one of the two models ranked', () => {
    const comparison = createComparison(10);
    comparison.inForce({ seq: 1, user: 1, rank: 1 });
    comparison.shadow({ seq: 2, user: 1, rank: 1 });
    expect(comparison.report()).toMatchObject({ events: 0, from_seq: null });
    expect(comparison.unpaired()).toBe(2);
  });

  it('has no standard error with one user', () => {
    const { difference } = compared([
      [1, 1, 0],
      [1, 1, 0],
    ]).report();
    expect(difference.hr).toEqual({ mean: -1, standard_error: null });
  });

  it('keeps the newest pairs', () => {
    const { events, from_seq, in_force } = compared(
      Array.from({ length: 30 }, (_, i) => [i, i < 20 ? 1 : 0, 1] as const),
      10,
    ).report();
    expect({ events, from_seq, hr: in_force.hr }).toEqual({ events: 10, from_seq: 21, hr: 0 });
  });
});
