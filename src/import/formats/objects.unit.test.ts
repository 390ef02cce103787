import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const lines = (...objects: unknown[]) => `${objects.map((one) => JSON.stringify(one)).join('\n')}\n`;

test('reviews with usual names of members need no map', async () => {
  const amazon = {
    rating: 5,
    title: 'Fine',
    images: [{ url: 'x' }],
    asin: 'B1',
    parent_asin: 'B0',
    user_id: 'P1',
    timestamp: 1588687728923,
  };
  const { events, plan } = await importing(folder.write('Beauty.jsonl.gz', gzipSync(lines(amazon))));
  expect(plan).toMatchObject({ format: 'jsonl', source: 'import' });
  expect(events).toMatchObject([
    { type: 'user.rated.v1', subject: 'P1', time: '2020-05-05T14:08:48.923Z', data: { item: 'B0', value: 5 } },
  ]);
  const yelp = { review_id: 'r1', user_id: 'u1', business_id: 'b1', stars: 3, date: '2018-07-07 22:09:11' };
  const review = await importing(folder.write('yelp_academic_dataset_review.json', lines(yelp)));
  expect(review.events).toMatchObject([
    { subject: 'u1', time: '2018-07-07T22:09:11.000Z', data: { item: 'b1', value: 3 } },
  ]);
});

test('a map of paths reads the log of an application', async () => {
  const row = (n: number, more: object = {}) => ({
    at: `2026-03-01T10:00:0${n}Z`,
    actor: { id: n, plan: 'free' },
    act: { verb: 'view', product: { id: `p${n}` }, seconds: 1.5 },
    'device.kind': 'phone',
    ...more,
  });
  const file = folder.write(
    'app.log',
    `${lines(row(1), row(2, { actor: null }), row(3, { act: 7 }))}{"at":\n[1]\n${lines(row(4))}`,
  );
  const map = {
    user: 'actor.id',
    item: 'act.product.id',
    time: 'at',
    type: { column: 'act.verb', values: { view: 'user.viewed.v1' } },
    value: 'act.seconds',
    context: ['device.kind'],
  };
  const imported = await importing(file, { map });
  expect(imported.story).toEqual(['viewed 1 p1', 'viewed 4 p4']);
  expect(imported.events[0]?.data).toEqual({ item: 'p1', value: 1.5, context: { 'device.kind': 'phone' } });
  expect(reasons(imported)).toEqual([
    '2 FRESHET_EVENT_ID_INVALID',
    '3 FRESHET_EVENT_ID_INVALID',
    '4 FRESHET_EVENT_MALFORMED',
    '5 FRESHET_EVENT_ID_INVALID',
  ]);
  await expect(importing(file, { map: { ...map, user: 'actor.name' } })).rejects.toMatchObject({
    message: expect.stringContaining('no object has the member "actor.name". Its columns are "at", "actor.id"'),
  });
});

test('a catalogue and users of JSON lines: nested members, lists, and members that are missing', async () => {
  folder.write(
    'meta.jsonl',
    lines(
      {
        parent_asin: 'B0',
        title: 'Bag',
        description: ['One.', 'Two.'],
        categories: ['Bags', 'Blue'],
        price: 9.5,
        details: { Brand: 'X' },
        images: [{ a: 1 }],
      },
      { parent_asin: 'B1', title: 'Cap', description: [], categories: [], price: null, features: ['soft'] },
    ),
  );
  folder.write('people.ndjson', lines({ user_id: 'u1', name: 'Ann', elite: [2019, 2020], fans: 3 }));
  const { events } = await importing(folder.path);
  expect(events.map(({ data }) => data)).toEqual([
    {
      title: 'Bag',
      description: 'One. Two.',
      tags: ['Bags', 'Blue'],
      attributes: { price: 9.5, 'details.Brand': 'X' },
    },
    { title: 'Cap', attributes: { features: ['soft'] } },
    { traits: { elite: ['2019', '2020'], fans: 3 } },
  ]);
});

test('an id that JSON does not hold exactly is rejected', async () => {
  const text =
    '{"user_id":12345678901234567890,"item_id":"i","timestamp":1588687728}\n{"user_id":7,"item_id":"i","timestamp":1588687728}\n';
  const imported = await importing(folder.write('a.jsonl', text));
  expect(imported.story).toEqual(['viewed 7 i']);
  expect(imported.rejected[0]?.message).toContain('user_id is a number above 2^53');
});

test('without evidence JSON lines are refused as other tables are, and so is a document', async () => {
  const who = folder.write('a.jsonl', lines({ who: 'x', item_id: 'i', rating: 5, timestamp: 1588687728 }));
  await expect(importing(who)).rejects.toMatchObject({
    message: expect.stringContaining('no column has a usual name for users'),
  });
  const places = folder.write(
    'checkin.json',
    lines({ business_id: 'b', date: '2016-04-26 19:49:16, 2016-08-30 18:36:57' }),
  );
  await expect(importing(places)).rejects.toMatchObject({ message: expect.stringContaining('as a history has') });
  const document = folder.write('b.json', '[\n  {"user_id": 1}\n]\n');
  await expect(importing(document)).rejects.toMatchObject({ next: expect.stringContaining("jq -c '.[]'") });
});

test('one map reads a folder of JSON lines and CSV', async () => {
  folder.write('reviews.json', lines({ who: 'u1', what: 'i1', when: 1588687728 }));
  folder.write('items.csv', 'sku,title\ni1,Bag\n');
  folder.write('package.json', '{\n  "name": "x"\n}\n');
  const map = {
    files: {
      'reviews.json': { user: 'who', item: 'what', time: 'when' },
      'items.csv': { item: 'sku', title: 'title' },
    },
  };
  const { story, plan } = await importing(folder.path, { map });
  expect(story).toEqual(['published i1', 'viewed u1 i1']);
  expect(plan.files.map(({ name, role }) => `${name} ${role}`)).toEqual([
    'items.csv items',
    'package.json ignored',
    'reviews.json interactions',
  ]);
});

test('a folder is imported without what does not belong to the data, and each is named', async () => {
  folder.write('events.csv', 'user_id,item_id,timestamp\nu,i,1588687728\n');
  folder.write('README', 'x');
  folder.write('notes.md', '# Notes');
  folder.write('all.zip', 'PK\u0003\u0004');
  folder.write('plot.png', 'x');
  folder.write('model.bin', Buffer.from([0, 1, 2, 255]));
  folder.write('older/events.csv', 'user_id,item_id,timestamp\nv,i,1588687728\n');
  folder.write('tree.csv', 'a,b\n1,2\n');
  folder.write('settings.json', '{\n "a": 1\n}');
  const { plan, story } = await importing(folder.path);
  expect(story).toEqual(['viewed u i']);
  expect(plan.files.map(({ name, role }) => `${name} ${role}`).sort()).toEqual([
    'README ignored',
    'all.zip ignored',
    'events.csv interactions',
    'model.bin ignored',
    'notes.md ignored',
    'older ignored',
    'plot.png ignored',
    'settings.json ignored',
    'tree.csv ignored',
  ]);
  for (const { role, note } of plan.files) if (role === 'ignored') expect(note).not.toBe('');
});

test('compressed files of each kind are read, and an archive is refused with the next step', async () => {
  const history = 'user_id\titem_id\ttimestamp\nu\ti\t1588687728\n';
  for (const [name, text] of [
    ['a.csv.gz', history.replaceAll('\t', ',')],
    ['a.tsv.gz', history],
    ['a.inter.gz', history.replace('user_id\titem_id\ttimestamp', 'user_id:token\titem_id:token\ttimestamp:float')],
    ['a.json.gz', lines({ user_id: 'u', item_id: 'i', timestamp: 1588687728 })],
    ['u.data.gz', '1\t2\t3\t881250949\n'],
  ] as const) {
    expect((await importing(folder.write(name, gzipSync(text)))).events, name).toHaveLength(1);
  }
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257);
  await expect(importing(folder.write('a.csv.gz', gzipSync(tar)))).rejects.toMatchObject({
    next: expect.stringContaining('tar -xf'),
  });
});

test('objects of many kilobytes are recognised', async () => {
  const friends = Array.from({ length: 20_000 }, (_, n) => `friend-${n}`).join(', ');
  const people = [1, 2, 3].map((n) => ({ user_id: `u${n}`, friends, fans: n }));
  const { events, rejected } = await importing(folder.write('people.json', lines(...people)));
  expect(rejected).toEqual([]);
  expect(events.map(({ subject, data }) => [subject, (data as { traits: { fans: number } }).traits.fans])).toEqual([
    ['u1', 1],
    ['u2', 2],
    ['u3', 3],
  ]);
});
