import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const KNOWN = ['price', 'prize_money', 'author', 'year'];

test.each([
  ['prize', 'price'],
  ['pirce', 'price'],
  ['pric', 'price'],
  ['autor', 'author'],
  ['yaer', 'year'],
  ['colour', undefined],
  ['', undefined],
  ['x'.repeat(10_000), undefined],
])('the known name nearest to %s is %s', (name, found) => {
  expect(nearest(name, KNOWN)).toBe(found);
});

test('of equally near names it is the first', () => {
  expect(nearest('bat', ['cat', 'hat'])).toBe('cat');
});
