import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastTraining, nextTraining } from './schedule.ts';

describe('positions of training', () => {
  it('double up to the largest distance', () => {
    const positions: number[] = [];
    for (let seq = 0; positions.length < 8; ) {
      seq = nextTraining(seq, { first: 10, every: 100 });
      positions.push(seq);
    }
    expect(positions).toEqual([10, 20, 40, 80, 100, 200, 300, 400]);
  });

  it('do not depend on earlier calls', () => {
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.integer({ min: 1, max: 1e5 }),
        fc.integer({ min: 1, max: 1e6 }),
        (seq, first, every) => {
          const next = nextTraining(seq, { first, every });
          expect(next).toBeGreaterThan(seq);
          expect(nextTraining(next - 1, { first, every })).toBe(next);
          const last = lastTraining(seq, { first, every });
          expect(last).toBeLessThanOrEqual(seq);
          expect(nextTraining(last, { first, every })).toBe(next);
          expect(lastTraining(next, { first, every })).toBe(next);
        },
      ),
    );
  });
});
