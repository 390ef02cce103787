import { expect, test } from 'vitest';
import { parseNumber } from './values.ts';

test('numbers are finite decimals and nothing else', () => {
  expect(['3', '-0.5', '.5', '1e3', '4.'].map(parseNumber)).toEqual([3, -0.5, 0.5, 1000, 4]);
  expect(['', ' ', 'NaN', 'Infinity', '0x10', '1,5', '1e999', 'null'].map(parseNumber)).toEqual(
    Array(8).fill(undefined),
  );
});
