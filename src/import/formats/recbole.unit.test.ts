import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const INTER = 'user_id:token\titem_id:token\trating:float\ttimestamp:float\n';

test('atomic files give items, users and ratings, with the types of the header', async () => {
  folder.write('toy.inter', `${INTER}u2\ti1\t3.5\t1000\nu1\ti1\t4\t500\n`);
  folder.write(
    'toy.item',
    'item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tprice:float\tsku:token\temb:float_seq\tactors:token_seq\n' +
      'i1\tToy Boat\t1995\tAnimation Comedy Comedy\t9.50\t007\t0.1 -2\tann bob\ni2\t\tV\t\t\t\t\t\n',
  );
  folder.write('toy.user', 'user_id:token\tage:token\tgender:token\tzip_code:token\nu1\t24\tM\t85711\n');
  folder.write('toy.kg', 'head_id:token\trelation_id:token\ttail_id:token\na\tb\tc\n');
  const { plan, events, story, rejected } = await importing(folder.path, { timeUnit: 's' });
  expect(plan).toMatchObject({ format: 'recbole', name: 'toy', rows: 5 });
  expect(plan.files.find(({ name }) => name === 'toy.kg')?.role).toBe('ignored');
  expect(rejected).toEqual([]);
  expect(story).toEqual(['published i1', 'published i2', 'registered u1', 'rated u1 i1', 'rated u2 i1']);
  expect(events[0]?.data).toEqual({
    title: 'Toy Boat',
    tags: ['Animation', 'Comedy'],
    attributes: { price: 9.5, sku: '007', actors: ['ann', 'bob'] },
    published: '1995-01-01T00:00:00.000Z',
    embedding: [0.1, -2],
  });
  expect(events[1]?.data).toEqual({ title: 'i2' });
  expect(events[2]?.data).toEqual({ traits: { age: 24, gender: 'M' } });
  expect(events[3]).toMatchObject({ type: 'user.rated.v1', time: '1970-01-01T00:08:20.000Z' });
});

test('interactions without a rating are views', async () => {
  const file = folder.write('x.inter', 'user_id:token\titem_id:token\ttimestamp:float\nu\ti\t1700000000000\n');
  const { events } = await importing(file);
  expect(events).toMatchObject([{ type: 'user.viewed.v1', time: '2023-11-14T22:13:20.000Z', data: { item: 'i' } }]);
});

test('broken rows are rejected with line and reason, and the others are imported', async () => {
  const long = 'x'.repeat(129);
  const file = folder.write(
    'x.inter',
    Buffer.concat([
      Buffer.from(
        `\ufeff${INTER.replace('\n', '\r\n')}a\ti\t3\t1\r\n\r\n\ti\t3\t1\na\ti\tNaN\t1\na\ti\t3\tsoon\na\ti\t3\na\ti\t3\t1\t2\n`,
      ),
      Buffer.from(`${long}\ti\t3\t1\na\tx\u0301e\u0301\t3\t1\n`),
      Buffer.from('caf\xe9\ti\t3\t1\n', 'latin1'),
      Buffer.from('a\tj\t3\t2'),
    ]),
  );
  const imported = await importing(file, { timeUnit: 's' });
  expect(imported.story).toEqual(['rated a i', 'rated a j']);
  expect(reasons(imported)).toEqual([
    '4 FRESHET_EVENT_ID_INVALID',
    '5 FRESHET_IMPORT_ROW_VALUE',
    '6 FRESHET_IMPORT_ROW_TIME',
    '7 FRESHET_IMPORT_ROW_COLUMNS',
    '8 FRESHET_IMPORT_ROW_COLUMNS',
    '9 FRESHET_EVENT_ID_INVALID',
    '10 FRESHET_EVENT_ID_INVALID',
    '11 FRESHET_IMPORT_ROW_ENCODING',
  ]);
  expect(imported.rejected[0]).toMatchObject({ file, message: 'the user id is empty' });
  expect(imported.rejected[1]?.message).toBe('the value "NaN" is not a number');
});

test('a header without a time column is an error that names the columns', async () => {
  const file = folder.write('x.inter', 'user_id:token\titem_id:token\nu\ti\n');
  await expect(importing(file)).rejects.toMatchObject({
    code: 'FRESHET_IMPORT_FORMAT',
    message: expect.stringContaining('no column with a usual name for the time. Its columns are "user_id", "item_id"'),
    next: expect.stringContaining('--map'),
  });
});

test('with the format recbole, a file without its header is refused', async () => {
  const file = folder.write('x.inter', 'user,item\n');
  await expect(importing(file, { format: 'recbole' })).rejects.toMatchObject({ code: 'FRESHET_IMPORT_FORMAT' });
});
