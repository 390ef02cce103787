import { expect, test } from 'vitest';
import { Budget, type BudgetConfig } from './budget.ts';

const CONFIG: BudgetConfig = { perSecond: 10, perEvent: 0.25, burst: 5 };
const START = 1_700_000_000_000;

/** How many of so many events, `every` milliseconds apart, are looked at. */
function looked(budget: Budget, from: number, events: number, every: number): number {
  let count = 0;
  for (let i = 0; i < events; i++) {
    budget.advance(from + i * every);
    if (budget.take()) count++;
  }
  return count;
}

test('slow events all get a token; fast ones, beyond the burst, get tokens by seconds and by share', () => {
  expect(looked(new Budget(CONFIG), START, 1_000, 200)).toBe(1_000);
  const budget = new Budget(CONFIG);
  // A second of 1,000 events: the burst, ten for the second, a quarter of them for their number.
  expect(looked(budget, START, 1_000, 1)).toBeGreaterThanOrEqual(5 + 9 + 249);
  expect(looked(budget, START + 1_000, 1_000, 1)).toBeLessThanOrEqual(1 + 10 + 250);
});

test('time that goes backwards or does not advance adds only the share', () => {
  const budget = new Budget(CONFIG);
  looked(budget, START, 100, 0);
  const there = looked(budget, START, 400, 0);
  expect(there).toBe(100);
  const back = looked(new Budget({ ...CONFIG, perEvent: 0 }), START, 400, -1_000);
  expect(back).toBe(5);
});

test('a restored budget continues where it was', () => {
  const one = new Budget(CONFIG);
  looked(one, START, 777, 13);
  const other = new Budget(CONFIG);
  other.restore(one.state());
  expect(other.state()).toEqual(one.state());
  expect(looked(other, START + 12_000, 300, 7)).toBe(looked(one, START + 12_000, 300, 7));
  expect(() => other.restore([1])).toThrow(RangeError);
  expect(() => other.restore([Number.NaN, 0])).toThrow(RangeError);
});
