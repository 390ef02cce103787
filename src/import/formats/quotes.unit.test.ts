import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const HEADER = ['user_id', 'item_id', 'timestamp', 'title', 'place'];
const row = (n: number, title: string) => [`u${n}`, `i${n}`, `${1588687728 + n}`, title, 'A'];
const table = (delimiter: string, ...rows: string[][]) =>
  [HEADER, ...rows].map((parts) => parts.join(delimiter)).join('\n');
const MAP = { user: 'user_id', item: 'item_id', time: 'timestamp', context: ['title', 'place'] };
const titlesOf = async (name: string, text: string, more: object = {}) => {
  const imported = await importing(folder.write(name, text), { map: { ...MAP, ...more } });
  const titles = imported.events.map(({ data }) => (data as { context: { title: string } }).context.title);
  return { ...imported, titles };
};

test.each([1, 30, 120])('a quote that does not close swallows none of %i lines', async (lines) => {
  const between = Array.from({ length: lines }, (_, n) => row(n + 2, `plain ${n}`));
  const rows = [row(0, 'first'), row(1, '"Heroes'), ...between, row(200, 'of 7"')];
  for (const [name, delimiter] of [
    ['a.csv', ','],
    ['a.tsv', '\t'],
    ['a.csv', ';'],
  ] as const) {
    const { titles, rejected, plan } = await titlesOf(name, table(delimiter, ...rows));
    expect(rejected).toEqual([]);
    expect(titles).toHaveLength(lines + 3);
    expect(titles[1]).toBe('"Heroes');
    expect(titles.at(-1)).toBe('of 7"');
    if (name === 'a.csv') {
      expect(plan.remarks().join()).toContain(
        'a.csv: a quote that does not enclose a field is read as text, in 2 rows',
      );
    }
  }
});

test('a line with such a quote and too many columns is rejected alone', async () => {
  const imported = await titlesOf(
    'a.csv',
    table(',', row(0, 'x'), row(1, '"Heroes, part 1'), row(2, 'y'), row(3, '7"')),
  );
  expect(imported.titles).toEqual(['x', 'y', '7"']);
  expect(reasons(imported)).toEqual(['3 FRESHET_IMPORT_ROW_QUOTES']);
});

test('two quotes of one line that enclose a delimiter are text if the line is a row without them', async () => {
  const odd = ['u1', 'i1', '1588687729', '"Heroes', 'of 7"'];
  for (const rows of [
    [row(0, 'x'), odd],
    [row(0, 'x'), odd, row(2, '"y"')],
  ]) {
    const { titles, rejected } = await titlesOf('a.csv', table(',', ...rows));
    expect(rejected).toEqual([]);
    expect(titles.slice(0, 2)).toEqual(['x', '"Heroes']);
  }
});

test('text behind a quoted word is text', async () => {
  const imported = await titlesOf('a.csv', table(',', row(0, 'x'), row(1, '"Quoted" word'), row(2, '"a, ""b"""')));
  expect(imported.titles).toEqual(['x', '"Quoted" word', 'a, "b"']);
});

test('a text of several lines stays one, also if its lines have as many commas as rows', async () => {
  const text = '"one\ntwo, three, four, five, six\nseven"';
  const { titles, plan } = await titlesOf('a.csv', table(',', row(0, 'x'), row(1, text), row(2, text)));
  expect(titles).toEqual(['x', text.slice(1, -1), text.slice(1, -1)]);
  expect(plan.remarks()).toEqual(['a.csv: a record spans several lines, in 2 rows; the first is in line 3']);
});

test('a file with tabs uses quotes only if each of them closes before a tab', async () => {
  const text = await titlesOf('a.tsv', table('\t', row(0, '"Quoted" word'), row(1, '"Whole"')));
  expect(text.titles).toEqual(['"Quoted" word', '"Whole"']);
  const quoted = await titlesOf('b.tsv', table('\t', row(0, '"One ""two"""'), row(1, '"Whole"')));
  expect(quoted.titles).toEqual(['One "two"', 'Whole']);
  // Beyond the first lines, the whole file decides.
  const many = Array.from({ length: 8_000 }, (_, n) => row(n, `plain text ${n}`));
  const late = await titlesOf('c.tsv', table('\t', ...many, row(8_000, '"Whole"'), row(8_001, 'of 7"')));
  expect(late.titles.slice(-2)).toEqual(['"Whole"', 'of 7"']);
  expect(late.rejected).toEqual([]);
});

test('with "quote": false quotes are text, with true they enclose fields in tab files as well', async () => {
  const rows = [row(0, '"One"'), row(1, '"two')];
  expect((await titlesOf('a.csv', table(',', ...rows), { quote: false })).titles).toEqual(['"One"', '"two']);
  const enclosing = await titlesOf('a.tsv', table('\t', row(2, 'x'), ...rows, row(3, 'y"')), { quote: true });
  expect(enclosing.titles[0]).toBe('One');
});
