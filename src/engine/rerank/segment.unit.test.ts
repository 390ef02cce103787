import { describe, expect, it } from 'vitest';
import type { TakenLately } from '../fold/rows-beside.ts';
import { HALF_LIFE_MS, parseSegment, takenIn } from './segment.ts';

const traits: Record<string, Record<string, string | number | boolean | string[]>> = {
  anna: { country: 'de', plan: 'pro' },
  ben: { country: 'de', plan: 'free', likes: ['sea', 'war'] },
  carla: { country: 'fr', age: 40 },
};
const NOW = 100 * HALF_LIFE_MS;
const events: TakenLately[] = [
  { user: 'anna', item: 'i1', weight: 16, time: NOW },
  { user: 'anna', item: 'i1', weight: 48, time: NOW - HALF_LIFE_MS },
  { user: 'ben', item: 'i2', weight: 16, time: NOW },
  { user: 'carla', item: 'i1', weight: 16, time: NOW },
  { user: 'nobody', item: 'i3', weight: 16, time: NOW },
];
const taken = (segment: unknown): Record<string, number> =>
  Object.fromEntries(
    takenIn(parseSegment(segment) as NonNullable<ReturnType<typeof parseSegment>>, events, {
      now: NOW,
      traits: (user) => traits[user],
    }),
  );

describe('the counts of a segment', () => {
  it('include its users alone, and fade with age', () => {
    expect(taken({ country: 'de' })).toEqual({ i1: 1 + 3 / 2, i2: 1 });
    expect(taken({ country: 'fr' })).toEqual({ i1: 1 });
    expect(taken({ country: 'it' })).toEqual({});
  });

  it('fade by the same bits on every machine, and never to nothing', () => {
    const at = (age: number): Map<string, number> =>
      takenIn(parseSegment({ likes: 'sea' })!, [{ user: 'ben', item: 'i1', weight: 16, time: NOW - age }], {
        now: NOW,
        traits: (user) => traits[user],
      });
    // Node 20 has 0.8823631488998431 for 2 ** (-13 / 72).
    expect(at(13 * 3_600_000).get('i1')).toBe(0.8823631488998432);
    expect(at(2_000 * HALF_LIFE_MS).get('i1')).toBeGreaterThan(0);
  });

  it('include users that have one of the values of each trait', () => {
    expect(taken({ country: ['fr', 'de'], plan: ['free', 'pro'] })).toEqual({ i1: 2.5, i2: 1 });
    expect(taken({ likes: 'sea' })).toEqual({ i2: 1 });
    expect(taken({ age: 40 })).toEqual({ i1: 1 });
    expect(taken({ toString: 'x', country: 'de' })).toEqual({});
  });

  it('are the same for any order of traits and values', () => {
    expect(parseSegment({ b: [2, 1], a: 'x' })?.key).toBe(parseSegment({ a: ['x'], b: [1, 2] })?.key);
  });
});

it.each([
  'de',
  [],
  {},
  { country: [] },
  { country: null },
  { country: { $ne: 'de' } },
  { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 },
  { country: 'x'.repeat(201) },
  { country: Array.from({ length: 51 }, (_, i) => i) },
])('%j is not a segment', (value) => {
  expect(() => parseSegment(value)).toThrow('segment must hold 1 to 5 traits');
});
