import { afterEach, beforeEach, expect, test } from 'vitest';
import { bracketedList } from './cells.ts';
import { type Folder, importing, temporaryFolder } from './testing.ts';
import { parseDecimal } from './values.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const catalogue = (text: string, options = {}) => importing(folder.write('items.csv', text), options);

test('lists in brackets are lists, as JSON, as in Python, and bare', () => {
  expect(bracketedList('["Bags", "blue"]')).toEqual(['Bags', 'blue']);
  expect(bracketedList('[27, 9, 9]')).toEqual(['27', '9']);
  expect(bracketedList("['it''s', 'a, b', \"c's\"]")).toBeUndefined();
  expect(bracketedList("['it\\'s', 'a, b', \"c's\"]")).toEqual(["it's", 'a, b', "c's"]);
  expect(bracketedList('[a, b]')).toEqual(['a', 'b']);
  expect(bracketedList('[]')).toEqual([]);
  for (const text of ['[{"a":1}]', '[a] b [c]', '[1, [2]]', 'a, b', '[', "['a]"])
    expect(bracketedList(text)).toBeUndefined();
});

test('a catalogue of a shop: lists, a decimal comma, and a day of publication', async () => {
  const text = 'item_id;title;tags;price;published\nb1;"Bag";["Bags", "blue"];87,65;30.05.2024\n';
  const { plan, events } = await catalogue(text);
  expect(events[0]?.data).toEqual({
    title: 'Bag',
    tags: ['Bags', 'blue'],
    attributes: { price: '87,65' },
    published: '2024-05-30T00:00:00.000Z',
  });
  expect(plan.files[0]?.said.join()).toContain('{"column": "price", "as": "number"} in a map makes them numbers');
  const map = { item: 'item_id', attributes: [{ column: 'price', as: 'number' as const }, 'tags'] };
  expect((await catalogue(text, { map })).events[0]?.data).toMatchObject({
    attributes: { price: 87.65, tags: ['Bags', 'blue'] },
  });
});

test('a title, and a column that nobody calls a list, stay texts', async () => {
  const { events } = await catalogue('item_id,title,maker\n1,[REC] | a;b,Ann|Bob;Cy\n2,[REC],x\n');
  expect(events.map(({ data }) => data)).toEqual([
    { title: '[REC] | a;b', attributes: { maker: 'Ann|Bob;Cy' } },
    { title: '[REC]', attributes: { maker: 'x' } },
  ]);
});

test('a number is read with a decimal comma or point, and refused if it may be either', async () => {
  expect(
    ['87,65', '1.234,5', '1,234.5', "1'234", '1,234,567', '-0,5', '12.50'].map((text) => parseDecimal(text)),
  ).toEqual([87.65, 1234.5, 1234.5, 1234, 1234567, -0.5, 12.5]);
  expect(['1,234', '$5', '1,2,3', '12 kg'].map((text) => parseDecimal(text))).toEqual(Array(4).fill(undefined));
  expect([parseDecimal('1,234', ','), parseDecimal('1,234', '.'), parseDecimal('1.234', ',')]).toEqual([
    1.234, 1234, 1234,
  ]);
  const map = { item: 'item_id', delimiter: ';', attributes: [{ column: 'price', as: 'number' as const }] };
  const { events, rejected } = await catalogue('item_id;price\n1;87,65\n2;1,234\n3;cheap\n4;NaN\n5;\n', { map });
  expect(events.map(({ data }) => (data as { attributes?: object }).attributes)).toEqual([
    { price: 87.65 },
    undefined,
    undefined,
  ]);
  expect(rejected.map(({ line, code, message }) => `${line} ${code} ${message}`)).toEqual([
    '3 FRESHET_IMPORT_ROW_VALUE the attribute price "1,234" may be a thousand or have decimals; "decimal": "," or "." in the map says which',
    '4 FRESHET_IMPORT_ROW_VALUE the attribute price "cheap" is not a number',
  ]);
  const comma = await catalogue('item_id;price\n2;1,234\n', { map: { ...map, decimal: ',' } });
  expect(comma.events[0]?.data).toMatchObject({ attributes: { price: 1.234 } });
});

test('a rating with a decimal comma is a number', async () => {
  const file = folder.write('a.csv', 'user_id;item_id;rating;timestamp\nu;i;4,5;1588687728\n');
  expect((await importing(file)).events[0]?.data).toEqual({ item: 'i', value: 4.5 });
});

test('days of publication follow the rules of times', async () => {
  const published = async (column: string[], options = {}) => {
    const text = `item_id,published\n${column.map((day, n) => `${n},${day}`).join('\n')}\n`;
    const imported = await catalogue(text, options);
    return {
      ...imported,
      days: imported.events.map(({ data }) => (data as { published?: string }).published?.slice(0, 10)),
    };
  };
  expect((await published(['18500203', '20200705'])).days).toEqual(['1850-02-03', '2020-07-05']);
  expect((await published(['1588687728'])).days).toEqual(['2020-05-05']);
  expect((await published(['13/04/2020', '01/02/2020'])).days).toEqual(['2020-04-13', '2020-02-01']);
  await expect(published(['03/04/2020'])).rejects.toMatchObject({ next: expect.stringContaining('"publishedUnit"') });
  expect((await published(['03/04/2020'], { timeUnit: 'MM/DD/YYYY' })).days).toEqual(['2020-03-04']);
  const years = await published(['1850', '0', '2001']);
  expect(years.days).toEqual(['1850-01-01', undefined, '2001-01-01']);
  expect(years.plan.remarks()).toEqual(['items.csv, line 3: the day of publication cannot be read and is left out']);
  // What a map names, it has to read.
  const map = { item: 'item_id', published: 'published', publishedUnit: 'MM/DD/YYYY' as const };
  const strict = await published(['03/04/2020', 'soon'], { map });
  expect(strict.days).toEqual(['2020-03-04']);
  expect(strict.rejected).toMatchObject([{ line: 3, code: 'FRESHET_IMPORT_ROW_TIME' }]);
});

test('an embedding may stand in brackets', async () => {
  const { events } = await catalogue('item_id,embedding\n1,"[0.5, -1]"\n');
  expect(events[0]?.data).toMatchObject({ embedding: [0.5, -1] });
});
