import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptOf, type Written } from './kept.ts';

const HOUR = 3_600_000;
const snapshot = (age: number, config = 'a', now = 100 * HOUR): Written => ({
  name: `s${age}${config}`,
  written: now - age * HOUR,
  config,
});

describe('the snapshots that are kept', () => {
  it('are the newest, and of each stretch of ages that doubles the oldest', () => {
    const all = [0.1, 0.2, 0.3, 0.9, 1.1, 1.5, 1.9, 2.5, 3.5, 5, 7.9, 9].map((age) => snapshot(age));
    const kept = keptOf(all, { keep: 2, older: 4, now: 100 * HOUR });
    expect([...kept].sort()).toEqual(['s0.1a', 's0.2a', 's0.9a', 's1.9a', 's3.5a', 's7.9a'].sort());
  });

  it('go on to the next stretch as time goes by, so that there always is something to go back to', () => {
    let left: Written[] = [];
    for (let minute = 0; minute <= 20 * 60; minute += 5) {
      const now = minute * 60_000;
      left.push({ name: `s${minute}`, written: now, config: 'a' });
      const kept = keptOf(left, { keep: 3, older: 5, now });
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

  it('hold the newest of each configuration that was written last', () => {
    const all = [snapshot(0.1, 'c'), snapshot(30, 'a'), snapshot(40, 'a'), snapshot(20, 'b'), snapshot(50, 'old')];
    const kept = keptOf(all, { keep: 1, older: 3, now: 100 * HOUR });
    expect(kept).toEqual(new Set(['s0.1c', 's30a', 's20b']));
  });

  it('are at most so many, whatever there is, and the newest are among them', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ age: fc.double({ min: 0, max: 99, noNaN: true }), config: fc.constantFrom('a', 'b', 'c') }),
        ),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 6 }),
        (written, keep, older) => {
          const all = written.map(({ age, config }, i) => ({ ...snapshot(age, config), name: `s${i}` }));
          const kept = keptOf(all, { keep, older, now: 100 * HOUR });
          expect(kept.size).toBeLessThanOrEqual(keep + 2 * older);
          const newest = all.reduce<Written | undefined>((a, b) => (a && a.written >= b.written ? a : b), undefined);
          if (newest) expect(all.some(({ name, written: at }) => kept.has(name) && at === newest.written)).toBe(true);
        },
      ),
    );
  });
});
