import { expect, it } from 'vitest';
import { less, more, same } from './row.ts';
import { compare, median } from './summary.ts';

it('gives the middle value as the median, and the mean of two', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, null, 1])).toBe(2.5);
  expect(median([null])).toBeNull();
});

it('says how many times better the new tree is, round by round, whether more or less is better', () => {
  const figures = compare([
    { ref: [more('speed', '/s', 10), less('time', 's', 8)], new: [more('speed', '/s', 20), less('time', 's', 2)] },
    { ref: [more('speed', '/s', 10), less('time', 's', 8)], new: [more('speed', '/s', 40), less('time', 's', 4)] },
  ]);
  expect(figures).toMatchObject([
    {
      name: 'speed',
      ref: [10, 10],
      new: [20, 40],
      median: { ref: 10, new: 30 },
      ratio: { median: 3, least: 2, most: 4 },
    },
    { name: 'time', median: { ref: 8, new: 3 }, ratio: { median: 3, least: 2, most: 4 } },
  ]);
});

it('shows a figure that one tree does not tell without a ratio', () => {
  expect(compare([{ ref: [same('behind', 'events', undefined)], new: [same('behind', 'events', 12)] }])).toMatchObject([
    { name: 'behind', ref: [null], new: [12], median: { ref: null, new: 12 }, ratio: null },
  ]);
});
