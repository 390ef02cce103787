import { expect, test } from 'vitest';
import { createOrdinals, earlierFile, importId, nameOfData, namesOfGroups } from './identity.ts';

test('an id is made of the content of the row', () => {
  // Written down: a change of this id would import everything a second time.
  expect(importId('rated', 1000, 'x', 0)).toBe('rated-026ec9b6cc812fe45f003c56');
  expect(
    new Set([importId('rated', 1000, 'x', 1), importId('rated', 1001, 'x', 0), importId('rated', 1000, 'y', 0)]).size,
  ).toBe(3);
});

test('equal rows of one time are counted', () => {
  const ordinalOf = createOrdinals(1);
  const rows: [number, string][] = [
    [1, 'a'],
    [1, 'a'],
    [1, 'b'],
    [1, 'a'],
    [2, 'a'],
    [2, 'b'],
    [2, 'b'],
    [3, 'b'],
  ];
  expect(rows.map(([time, content]) => ordinalOf(time, content, 0))).toEqual([0, 1, 0, 2, 0, 0, 1, 0]);
});

test('equal rows are counted within their file, and the largest count of the files is that of the events', () => {
  const ordinalOf = createOrdinals(3);
  const rows: [number, string, number][] = [
    [1, 'a', 0],
    [1, 'b', 0],
    [1, 'a', 0],
    [1, 'a', 1],
    [1, 'a', 2],
    [1, 'a', 2],
    [1, 'a', 2],
    [1, 'c', 2],
    [2, 'a', 1],
    [2, 'a', 2],
  ];
  const ordinals = rows.map(([time, content, file]) => ordinalOf(time, content, file));
  expect(ordinals.map((ordinal) => earlierFile(ordinal) ?? `event ${ordinal}`)).toEqual([
    'event 0',
    'event 0',
    'event 1',
    0,
    0,
    0,
    'event 2',
    'event 0',
    'event 0',
    1,
  ]);
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
