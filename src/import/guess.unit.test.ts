import { afterEach, beforeEach, expect, test } from 'vitest';
import { NAMES_BY_ROLE } from './names.ts';
import { type Folder, importing, temporaryFolder } from './testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const refusalOf = async (paths: string | string[], options = {}) =>
  importing(paths, options).then(
    ({ story }) => expect.fail(`imported ${story.join(', ')}`),
    (err: { message: string; next: string; details: { map: object } }) => err,
  );

test.each([
  ['KuaiRec', 'user_id,video_id,play_duration,timestamp\n0,9001,13000,1593878903.438\n'],
  ['Amazon 2014', 'reviewerID,asin,overall,unixReviewTime\nP1,0000000101,5.0,1252800000\n'],
  ['a shop', 'user_id,pid,timestamp,rating\nz1,p1,1704067200,5\n'],
  ['listening', 'user_id,artist_id,timestamp\nz1,p1,1704067200\n'],
  ['Retailrocket', 'timestamp,visitorid,event,itemid\n1433221332117,501,view,7001\n'],
  ['H&M', 'date,customer_id,article_id\n2018-09-20,c1,0100000001\n'],
])('%s: the usual names of users and items make a history', async (_, text) => {
  const { events, rejected } = await importing(folder.write('a.csv', text));
  expect(rejected).toEqual([]);
  expect(events).toHaveLength(1);
  expect(events[0]?.data).toHaveProperty('item');
});

test('a table with a time beside a rating or a kind of event is a history, and no catalogue without its users', async () => {
  for (const header of ['guid,asin,overall,timestamp', 'asin,clicked,timestamp,x', 'who,item_id,event,date']) {
    const error = await refusalOf(folder.write('a.csv', `${header}\na1,b1,5,1252800000\na2,b2,5,1252800001\n`));
    expect(error.message).toMatch(/as a history has, but no column has a usual name for users/);
  }
  const error = await refusalOf(folder.write('b.csv', 'user_id,thing,rating,date\nu1,t1,5,2020-01-02\n'));
  expect(error.message).toMatch(/as a history has, but no column has a usual name for items/);
});

test('a refusal shows the first rows and a map that can be completed', async () => {
  const error = await refusalOf(
    folder.write('a.csv', 'user_id,thing,rating,timestamp\nu1,t1,5,1252800000\nu2,t22,4,1252800001\n'),
  );
  expect(error.message).toContain(
    '  user_id  thing  rating  timestamp\n  u1       t1     5       1252800000\n  u2       t22    4       1252800001',
  );
  expect(error.message).toContain('{"user":"user_id","item":"COLUMN","time":"timestamp","value":"rating"}');
  expect(error.next).toContain('--map map.json');
  const map = JSON.parse(JSON.stringify(error.details.map).replace('COLUMN', 'thing'));
  expect((await importing(`${folder.path}/a.csv`, { map })).story).toEqual(['rated u1 t1', 'rated u2 t22']);
});

test('a table that repeats its ids is no table of items or users', async () => {
  const properties = folder.write('a.csv', 'itemid,property,value\n1,colour,red\n1,size,2\n2,colour,blue\n');
  expect((await refusalOf(properties)).message).toContain('repeats "1" in the column "itemid"');
  const plays = folder.write('b.csv', 'user_id,song,plays\nu1,a,2\nu1,b,3\n');
  expect((await refusalOf(plays)).message).toContain('repeats "u1" in the column "user_id"');
});

test('ids of persons in a table make it no catalogue', async () => {
  for (const header of [',item_id,user_feature_0', 'item_id,session_id,x', 'item_id,buyer,x']) {
    expect((await refusalOf(folder.write('a.csv', `${header}\n0,14,a\n1,15,b\n`))).message).toContain('no column');
  }
});

test('ids that repeat only beyond the first rows are found before anything is published', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `i${n % 15_000},${n}`);
  const error = await refusalOf(folder.write('a.csv', `item_id,thing\n${rows.join('\n')}\n`));
  expect(error.message).toMatch(/repeats "i0" in the column "item_id".*\(5000 rows\)/);
});

test('a row that an export holds twice is no evidence, and a map decides', async () => {
  const twice = folder.write('a.csv', 'item_id,title\n1,A\n1,A\n2,B\n');
  expect((await importing(twice)).story).toEqual(['published 1', 'published 2']);
  const map = { item: 'item_id', attributes: ['value'] };
  const repeated = folder.write('b.csv', 'item_id,value\n1,A\n1,B\n');
  expect((await importing(repeated, { map })).events).toMatchObject([{ data: { attributes: { value: 'B' } } }]);
});

test('the column without a name, which holds the number of the row, becomes no attribute', async () => {
  const { events } = await importing(folder.write('a.csv', ',item_id,title,pages\n0,b1,Bag,12\n1,b2,Cap,13\n'));
  expect(events.map(({ data }) => data)).toEqual([
    { title: 'Bag', attributes: { pages: 12 } },
    { title: 'Cap', attributes: { pages: 13 } },
  ]);
});

test('next to a history, a folder leaves out what is none of its tables; without one it says so', async () => {
  folder.write('events.csv', 'timestamp,visitorid,event,itemid\n1433221332117,501,view,7001\n');
  folder.write('properties.csv', 'timestamp,itemid,property,value\n1435460400000,7001,a,1\n1435460400001,7001,b,1\n');
  folder.write('tree.csv', 'categoryid,parentid\n11,2\n');
  const { plan, story } = await importing(folder.path);
  expect(story).toEqual(['viewed 501 7001']);
  expect(plan.files.map(({ name, role }) => `${name} ${role}`)).toEqual([
    'events.csv interactions',
    'properties.csv ignored',
    'tree.csv ignored',
  ]);
  expect(plan.files[1]?.note).toContain('as a history has, but no column has a usual name for users');

  const other = temporaryFolder();
  other.write('items.csv', 'item_id,title\na,A\n');
  other.write('ratings.csv', 'guid,item_id,rating,timestamp\ng,a,5,1252800000\n');
  await refusalOf(other.path);
  other.remove();
});

test('no usual name belongs to both users and items', () => {
  expect(NAMES_BY_ROLE.user.filter((name) => NAMES_BY_ROLE.item.includes(name))).toEqual([]);
});
