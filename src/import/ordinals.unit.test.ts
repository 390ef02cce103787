import { expect, test } from 'vitest';
import { createOrdinals, earlierFile } from './ordinals.ts';

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

test.each([
  ['at a time', 1],
  ['without a time', Number.POSITIVE_INFINITY],
])('equal rows %s are counted within their file, and the largest count is that of the events', (_, one) => {
  const ordinalOf = createOrdinals(3);
  const rows: [number, string, number][] = [
    [one, 'a', 0],
    [one, 'b', 0],
    [one, 'a', 0],
    [one, 'a', 1],
    [one, 'a', 2],
    [one, 'a', 2],
    [one, 'a', 2],
    [one, 'c', 2],
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
  ]);
});

test('a new time begins a new count, and many rows without a time are told apart', () => {
  const ordinalOf = createOrdinals(2);
  expect([ordinalOf(1, 'a', 0), ordinalOf(2, 'a', 1), earlierFile(ordinalOf(2, 'a', 0))]).toEqual([0, 0, 1]);
  const rows = Array.from({ length: 20_000 }, (_, n) => ordinalOf(Number.POSITIVE_INFINITY, `row ${n % 15_000}`, 0));
  expect(rows.filter((ordinal) => ordinal === 0)).toHaveLength(15_000);
  expect(rows.filter((ordinal) => ordinal === 1)).toHaveLength(5_000);
});
