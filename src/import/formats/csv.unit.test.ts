import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readColumnMap } from '../columns.ts';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

test('columns with usual names need no map', async () => {
  const file = folder.write(
    'events.csv',
    'timestamp;visitorid;event;itemid\n1433221332117;257597;view;355908\n1433221332118;257597;addtocart;355908\n' +
      '1433221332119;257597;transaction;355908\n1433221332120;1;user.x_shared.v1;2\n1433221332121;1;sneezed;2\n',
  );
  const imported = await importing(file);
  expect(imported.plan).toMatchObject({ format: 'csv', name: 'events', source: 'import', rows: 5 });
  expect(imported.story).toEqual([
    'viewed 257597 355908',
    'added 257597 355908',
    'purchased 257597 355908',
    'x_shared 1 2',
  ]);
  expect(imported.events[0]?.time).toBe('2015-06-02T05:02:12.117Z');
  expect(imported.rejected).toMatchObject([
    { line: 6, code: 'FRESHET_EVENT_TYPE_UNKNOWN', message: 'Freshet does not know the type "sneezed"' },
  ]);
});

test('a map names the columns, the type and the unit', async () => {
  const file = folder.write(
    'a.txt',
    'customer_id,sku,ts,amount,page,device\nc1,s1,2026-01-02 03:04:05,9.99,p7,phone\nc1,s2,2026-01-02,,,\n',
  );
  const map = await readColumnMap(
    folder.write(
      'map.json',
      JSON.stringify({
        user: 'customer_id',
        item: 'sku',
        time: 'ts',
        timeUnit: 'iso',
        type: 'user.purchased.v1',
        value: 'amount',
        list: 'page',
        context: ['device'],
      }),
    ),
  );
  const { events, rejected } = await importing(file, { map, source: 'import-shop' });
  expect(rejected).toEqual([]);
  expect(events).toMatchObject([
    { source: 'import-shop', type: 'user.purchased.v1', time: '2026-01-02T00:00:00.000Z' },
    { time: '2026-01-02T03:04:05.000Z' },
  ]);
  expect(events.map(({ data }) => data)).toEqual([
    { item: 's2' },
    { item: 's1', value: 9.99, list: 'p7', context: { device: 'phone' } },
  ]);
});

test('a map may define the values of a column, and files without a header', async () => {
  const file = folder.write('a.csv', 'u,i,5,b\nu,j,6,w\n');
  const map = {
    header: false,
    user: '1',
    item: '2',
    time: '3',
    type: { column: '4', values: { b: 'user.purchased.v1' } },
  };
  const imported = await importing(file, { map, timeUnit: 's' });
  expect(imported.story).toEqual(['purchased u i']);
  expect(reasons(imported)).toEqual(['2 FRESHET_EVENT_TYPE_UNKNOWN']);
});

test('one map per file imports a shop with catalogue and customers', async () => {
  folder.write('orders-1.csv', 'who,what,when\nc1,s1,100\n');
  folder.write('orders-2.csv.gz', gzipSync('who,what,when\nc2,s1,50\n'));
  folder.write('catalogue.csv', 'sku,label,cats,colours,since\ns1,"Mug, blue","Kitchen;Gift","blue|white",2020\n');
  folder.write('customers.csv', 'who,age,name\nc1,31,Ann\n');
  folder.write('notes.csv', 'a,b\n');
  const map = {
    files: {
      'orders-*.csv': { user: 'who', item: 'what', time: 'when', type: 'user.purchased.v1' },
      'catalogue.csv': {
        item: 'sku',
        title: 'label',
        tags: ['cats'],
        published: 'since',
        attributes: [{ column: 'colours', name: 'colour', as: 'list' as const }],
      },
      'customers.csv': { user: 'who', traits: ['age'] },
    },
  };
  const { plan, story, events } = await importing(folder.path, { map, timeUnit: 's' });
  expect(plan.stateSource).toBe('import-csv');
  expect(plan.files.find(({ name }) => name === 'notes.csv')).toMatchObject({ role: 'ignored', rows: 0 });
  expect(story).toEqual(['published s1', 'purchased c2 s1', 'registered c1', 'purchased c1 s1']);
  expect(events[0]?.data).toEqual({
    title: 'Mug, blue',
    tags: ['Kitchen', 'Gift'],
    attributes: { colour: ['blue', 'white'] },
    published: '2020-01-01T00:00:00.000Z',
  });
});

test('catalogue and users are recognised by their columns; personal columns are left out', async () => {
  folder.write('items.csv', 'item_id,title,genres,pages\ni,Title,a|b,007\n');
  folder.write('users.csv', 'user_id,age,email,Zip Code\nu,31,u@example.org,12345\n');
  folder.write('log.csv', 'user_id,item_id,rating,timestamp\nu,i,4,1000\n');
  const { events } = await importing(folder.path, { timeUnit: 's' });
  expect(events.map(({ data }) => data)).toEqual([
    { title: 'Title', tags: ['a', 'b'], attributes: { pages: '007' } },
    { traits: { age: 31 } },
    { item: 'i', value: 4 },
  ]);
});

test('a broken line in the middle fails alone', async () => {
  const good = (n: number) => `"u${n}","i, ${n}",${n}`;
  const file = folder.write(
    'a.csv',
    [
      'user,item,time', // 1
      good(2),
      '"u3","i3,3', // a quote that is not closed
      good(4),
      'u5,"i"5,5', // text after a closing quote
      good(6),
      'u7,i7', // too few
      'u8,i8,8,8', // too many
      '"u9","two\nlines",9', // 9 and 10: fine CSV, but no good id
      'u11,5" pipe,11', // not CSV, but clear
      '"u""12""",i,12',
      '',
      'u14,"i14,14', // not closed, up to the end
      'u15,i15,15',
    ].join('\r\n'),
  );
  const imported = await importing(file, { timeUnit: 's' });
  expect(imported.rows.map(({ line, event }) => `${line} ${event.subject}`)).toEqual([
    '2 u2',
    '4 u4',
    '6 u6',
    '11 u11',
    '12 u"12"',
    '15 u15',
  ]);
  expect(reasons(imported)).toEqual([
    '3 FRESHET_IMPORT_ROW_QUOTES',
    '5 FRESHET_IMPORT_ROW_QUOTES',
    '7 FRESHET_IMPORT_ROW_COLUMNS',
    '8 FRESHET_IMPORT_ROW_COLUMNS',
    '9 FRESHET_EVENT_ID_INVALID',
    '14 FRESHET_IMPORT_ROW_QUOTES',
  ]);
});

test('a field may span several lines, also across the chunks of reading', async () => {
  const lines = Array.from({ length: 4000 }, (_, n) => `i${n},"${'x'.repeat(90)} first\nsecond ""${n}"""`);
  folder.write('items.csv', `item,title\n${lines.join('\n')}\n`);
  const { events, rejected, rows } = await importing(`${folder.path}/items.csv`);
  expect(rejected).toEqual([]);
  expect(events).toHaveLength(4000);
  expect(events.at(-1)?.data).toEqual({ title: `${'x'.repeat(90)} first\nsecond "3999"` });
  expect(rows.at(-1)?.line).toBe(2 + 3999 * 2);
});

test('every text of a field is read back unchanged', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', ';', 'é'), maxLength: 12 });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 20 }), async (titles) => {
      const lines = titles.map((title, n) => `i${n},${/[",\n]/.test(title) ? quoted(title) : title}`);
      const { events, rejected } = await importing(folder.write('a.csv', `item,title\n${lines.join('\n')}\n`));
      expect(rejected).toEqual([]);
      expect(events.map(({ data }) => data)).toEqual(titles.map((title, n) => ({ title: title.trim() || `i${n}` })));
    }),
    { numRuns: 60 },
  );
});

test('quoted rows among broken ones are all read', async () => {
  const lines = Array.from({ length: 3000 }, (_, n) => (n % 100 === 50 ? `"u"x,i,${n}` : `"u","i","${n}"`));
  const imported = await importing(folder.write('a.csv', `user,item,time\n${lines.join('\n')}`), { timeUnit: 's' });
  expect(imported.events).toHaveLength(2970);
  expect(imported.rejected).toHaveLength(30);
});

test('errors name the columns that exist and the next step', async () => {
  const file = folder.write('a.csv', 'foo,bar\n1,2\n');
  await expect(importing(file)).rejects.toMatchObject({
    message: expect.stringContaining('Its columns are "foo", "bar"'),
    next: expect.stringContaining('--map map.json'),
  });
  await expect(importing(file, { map: { user: 'foo', item: 'baz', time: 'bar' } })).rejects.toMatchObject({
    message: expect.stringContaining('no column "baz". Its columns are "foo", "bar"'),
  });
  const soon = folder.write('b.csv', 'user,item,time\nu,i,soon\n');
  await expect(importing(soon)).rejects.toMatchObject({
    message: expect.stringContaining('does not hold times, but "soon"'),
  });
  await expect(
    importing(soon, { map: { user: 'user', item: 'item', time: 'time', timeUnit: 's', type: 'user.registered.v1' } }),
  ).rejects.toMatchObject({ next: expect.stringContaining('user.purchased.v1') });
});

test('an invalid map is refused with the reason', async () => {
  const reading = (content: string) => readColumnMap(folder.write('map.json', content));
  await expect(reading('{')).rejects.toMatchObject({ message: expect.stringContaining('map.json as JSON') });
  await expect(reading('[]')).rejects.toMatchObject({ message: expect.stringContaining('neither "user" nor "item"') });
  await expect(reading('{"files":{"a.csv":{"user":7}}}')).rejects.toMatchObject({
    message: expect.stringContaining('a.csv: is not valid: user must be string'),
  });
  await expect(reading('{"user":"u","item":"i","tim":"t"}')).rejects.toMatchObject({
    code: 'FRESHET_IMPORT_FORMAT',
    message: expect.stringContaining('is not valid: tim is not a known member.'),
  });
});
