import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createSorter, mergeSorted, type SortRow } from './sort.ts';
import { temporaryFolder } from './testing.ts';

const folder = temporaryFolder();
afterEach(() => expect(readdirSync(folder.path)).toEqual([]));
afterAll(folder.remove);

const row = fc.record({
  time: fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(-Infinity, Infinity, 0.5, -0, 8.64e15),
    fc.double({ noNaN: true }),
  ),
  file: fc.nat(5),
  line: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  payload: fc.oneof(
    { weight: 60, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
    { weight: 1, arbitrary: fc.constant('é'.repeat(400_000)) },
  ),
});

function sort(rows: readonly SortRow[], limits: { maxRows?: number; maxBytes?: number }): SortRow[] {
  const sorter = createSorter({ ...limits, tempFolder: folder.path });
  try {
    for (const { time, file, line, payload } of rows) sorter.add(time, file, line, payload);
    return [...sorter.sorted()];
  } finally {
    sorter.close();
  }
}

test('rows are sorted by time, ties in the order of adding, for any memory limit', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (rows, maxRows) => {
      const expected = [...rows.entries()]
        .sort(([i, a], [j, b]) => (a.time < b.time ? -1 : a.time > b.time ? 1 : i - j))
        .map(([, value]) => value);
      expect(sort(rows, {})).toEqual(expected);
      expect(sort(rows, { maxRows })).toEqual(expected);
      expect(sort(rows, { maxBytes: maxRows * 5 })).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('a cancelled sort leaves no files', () => {
  const sorter = createSorter({ maxRows: 2, tempFolder: folder.path });
  for (let i = 0; i < 9; i++) sorter.add(9 - i, 0, i, 'x');
  expect(sorter.sorted().next().value).toMatchObject({ time: 1 });
  sorter.close();
  sorter.close();
});

test('a folder that is not writable is an error with the next step', () => {
  const sorter = createSorter({ maxRows: 1, tempFolder: `${folder.path}/missing` });
  sorter.add(1, 0, 1, 'x');
  expect(() => sorter.add(1, 0, 1, 'x')).toThrow(
    expect.objectContaining({ code: 'FRESHET_DATA_FOLDER_UNUSABLE', next: expect.stringContaining('TMPDIR') }),
  );
});

test('a merge takes ties from the earlier source', () => {
  const a = [
    { time: 1, from: 'a' },
    { time: 2, from: 'a' },
  ];
  const b = [
    { time: 1, from: 'b' },
    { time: 3, from: 'b' },
  ];
  const merged = [...mergeSorted([a.values(), [].values(), b.values()])];
  expect(merged.map(({ time, from }) => `${time}${from}`)).toEqual(['1a', '1b', '2a', '3b']);
});
