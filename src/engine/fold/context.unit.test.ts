import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContextCounts, circumstancesOf, liftOf } from './context.ts';

/** Counts as rows would have them; weights in full interactions. */
function counted(events: readonly (readonly [value: string, item: string, times: number])[]): ContextCounts {
  const sums = new Map<string, number>();
  for (const [value, item, times] of events)
    for (const of of [`${value}/${item}`, `${value}/`, `/${item}`, '/']) sums.set(of, (sums.get(of) ?? 0) + 16 * times);
  return { taken: (_key, value, item) => sums.get(`${value}/${item}`) ?? 0 };
}

describe('circumstances', () => {
  it('are device, place and the part of the day; other members of a context are ignored', () => {
    expect(circumstancesOf({ device: 'tv', page: 'home', hour: 23, place: 'at home' })).toEqual([
      { key: 'device', value: 'tv' },
      { key: 'place', value: 'at home' },
      { key: 'hour', value: 'evening' },
    ]);
    expect([0, 5, 6, 12, 17, 18].map((hour) => circumstancesOf({ hour })[0]?.value)).toEqual([
      'night',
      'night',
      'morning',
      'afternoon',
      'afternoon',
      'evening',
    ]);
  });

  it('ignore invalid values', () => {
    for (const context of [
      { hour: 24 },
      { hour: '9' },
      { hour: 1.5 },
      { device: 7 },
      { place: '' },
      { device: 'x'.repeat(65) },
    ])
      expect(circumstancesOf(context)).toEqual([]);
    expect(circumstancesOf(undefined)).toEqual([]);
  });
});

describe('the effect of a circumstance on an item', () => {
  const counts = counted([
    ['tv', 'film', 90],
    ['phone', 'film', 10],
    ['tv', 'clip', 10],
    ['phone', 'clip', 90],
    ['phone', 'rare', 1],
  ]);
  const lift = (value: string, item: string): number => liftOf({ key: 'device', value }, item, counts);

  it('is positive if users take the item more often in it, and negative if less often', () => {
    expect(lift('tv', 'film')).toBeGreaterThan(0.5);
    expect(lift('phone', 'film')).toBeLessThan(-1);
    expect(lift('phone', 'clip')).toBeGreaterThan(0.5);
  });

  it('is near 0 for an item with few interactions, and 0 without any', () => {
    expect(Math.abs(lift('phone', 'rare'))).toBeLessThan(0.15);
    expect(lift('tv', 'unknown')).toBe(0);
    expect(lift('watch', 'film')).toBe(0);
    expect(liftOf({ key: 'place', value: 'home' }, 'film', counted([]))).toBe(0);
  });

  it('is bounded for any counts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 1, max: 1e6 }))),
        (events) => {
          for (const value of ['a', 'b'])
            for (const item of ['x', 'y', 'z']) {
              const one = liftOf({ key: 'device', value }, item, counted(events));
              expect(Number.isFinite(one) && Math.abs(one) <= 2).toBe(true);
            }
        },
      ),
    );
  });
});
