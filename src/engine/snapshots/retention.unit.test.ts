import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retained, type SnapshotAge } from './retention.ts';

const HOUR = 3_600_000;
const snapshot = (age: number, config = 'a', now = 100 * HOUR): SnapshotAge => ({
  name: `s${age}${config}`,
  written: now - age * HOUR,
  config,
});

describe('the snapshots that retention keeps', () => {
  it('are the newest ones, and the oldest one of each range of age', () => {
    const all = [0.1, 0.2, 0.3, 0.9, 1.1, 1.5, 1.9, 2.5, 3.5, 5, 7.9, 9].map((age) => snapshot(age));
    const kept = retained(all, { keep: 2, older: 4, now: 100 * HOUR });
    expect([...kept].sort()).toEqual(['s0.1a', 's0.2a', 's0.9a', 's1.9a', 's3.5a', 's7.9a'].sort());
  });

  it('reach the next range of age as time passes, so that a rollback always has an older one', () => {
    let left: SnapshotAge[] = [];
    for (let minute = 0; minute <= 20 * 60; minute += 5) {
      const now = minute * 60_000;
      left.push({ name: `s${minute}`, written: now, config: 'a' });
      const kept = retained(left, { keep: 3, older: 5, now });
      left = left.filter(({ name }) => kept.has(name));
    }
    const ages = left.map(({ written }) => (20 * HOUR - written) / HOUR).sort((a, b) => a - b);
    expect(left.length).toBeLessThanOrEqual(8);
    for (const [from, to] of [
      [0.25, 1],
      [1, 2],
      [2, 4],
      [4, 8],
    ] as const)
      expect(
        ages.some((age) => age >= from && age <= to),
        `${from} to ${to} of ${ages}`,
      ).toBe(true);
  });

  it('include the newest one of each configuration that was written last', () => {
    const all = [snapshot(0.1, 'c'), snapshot(30, 'a'), snapshot(40, 'a'), snapshot(20, 'b'), snapshot(50, 'old')];
    const kept = retained(all, { keep: 1, older: 3, now: 100 * HOUR });
    expect(kept).toEqual(new Set(['s0.1c', 's30a', 's20b']));
  });

  it('never exceed the limit, and include the newest one', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ age: fc.double({ min: 0, max: 99, noNaN: true }), config: fc.constantFrom('a', 'b', 'c') }),
        ),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 6 }),
        (written, keep, older) => {
          const all = written.map(({ age, config }, i) => ({ ...snapshot(age, config), name: `s${i}` }));
          const kept = retained(all, { keep, older, now: 100 * HOUR });
          expect(kept.size).toBeLessThanOrEqual(keep + 2 * older);
          const newest = all.reduce<SnapshotAge | undefined>(
            (a, b) => (a && a.written >= b.written ? a : b),
            undefined,
          );
          if (newest) expect(all.some(({ name, written: at }) => kept.has(name) && at === newest.written)).toBe(true);
        },
      ),
    );
  });
});
