import { expect, test } from 'vitest';
import { importId, nameOfData, namesOfGroups } from './identity.ts';

test('an id is made of the content of the row', () => {
  // Written down: a change of this id would import everything a second time.
  expect(importId('rated', 1000, 'x', 0)).toBe('rated-026ec9b6cc812fe45f003c56');
  expect(
    new Set([importId('rated', 1000, 'x', 1), importId('rated', 1001, 'x', 0), importId('rated', 1000, 'y', 0)]).size,
  ).toBe(3);
});

test('older builds named the data after the files of an import, and a file may have been one of several', () => {
  const nameOf = (names: readonly string[]) => nameOfData(names, 'csv');
  expect(namesOfGroups(['a-mar.csv', 'a-apr.csv', 'b.csv'], nameOf).sort()).toEqual([
    'a',
    'a-apr',
    'a-mar',
    'b',
    'csv',
  ]);
  expect(namesOfGroups(['web-orders-2024-01.csv'], nameOf).sort()).toEqual(['csv', 'web', 'web-orders']);
});

test('the name of the data is the common part of its file names, without numbers', () => {
  expect(nameOfData(['ml-100k.inter', 'ml-100k.item', 'ml-100k.user'], 'x')).toBe('ml-100k');
  expect(nameOfData(['orders-2024-01.csv', 'orders-2024-02.csv'], 'x')).toBe('orders');
  expect(nameOfData(['orders-2024-01.csv'], 'x')).toBe('orders');
  expect(nameOfData(['Ma Boutique été.csv'], 'x')).toBe('Ma-Boutique-t');
  expect(nameOfData(['orders.csv', 'clicks.csv'], 'csv')).toBe('csv');
  expect(nameOfData(['2024.csv'], 'csv')).toBe('csv');
});
