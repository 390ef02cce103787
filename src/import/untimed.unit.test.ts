/** Histories without times. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, temporaryFolder } from './testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const FORMS: [string, string, string, object?][] = [
  ['Book-Crossing', 'ratings.csv', '"User-ID";"ISBN";"Book-Rating"\n"2";"b";"5"\n"1";"a";"0"\n"2";"b";"5"\n'],
  ['RecBole', 'x.inter', 'user_id:token\titem_id:token\trating:float\n2\tb\t5\n1\ta\t0\n2\tb\t5\n'],
  [
    'LastFM-360K',
    'plays.tsv',
    '2\tb\tBand "B"\t5\n1\ta\tBand A\t0\n2\tb\tBand "B"\t5\n',
    { header: false, user: '1', item: '2', value: '4', type: 'user.rated.v1' },
  ],
  ['Goodreads', 'x.csv', 'user_id,book_id,is_read,rating,is_reviewed\n2,b,1,5,0\n1,a,1,0,0\n2,b,1,5,0\n'],
];

test.each(FORMS)(
  '%s: rows without times are refused with the option that imports them in file order',
  async (_, name, text, map) => {
    const file = folder.write(name, text);
    const options = map ? { map: map as never } : {};
    await expect(importing(file, options)).rejects.toMatchObject({
      code: 'FRESHET_IMPORT_FORMAT',
      next: expect.stringContaining('--in-file-order'),
    });
    const first = await importing(file, { ...options, inFileOrder: true });
    expect(first.rejected).toEqual([]);
    expect(first.story).toEqual(['rated 2 b', 'rated 1 a', 'rated 2 b']);
    expect(first.events.map(({ time }) => time)).toEqual([undefined, undefined, undefined]);
    expect(new Set(first.events.map(({ id }) => id)).size).toBe(3);
    expect(first.plan.files[0]?.said.join()).toContain('in the order of the file');
    const again = await importing(file, { ...options, inFileOrder: true });
    expect(again.events).toEqual(first.events);
  },
);

test('the catalogue comes first, without a time, and rows with times come before rows without', async () => {
  folder.write('a.csv', 'user_id,item_id\nu,i\n');
  folder.write('b.csv', 'user_id,item_id,timestamp\nu,j,1588687728\n');
  folder.write('items.csv', 'item_id,title\ni,I\nj,J\n');
  const { events } = await importing(folder.path, { inFileOrder: true });
  expect(events.map(({ type, subject, time }) => `${type} ${subject} ${time}`)).toEqual([
    'content.published.v1 i undefined',
    'content.published.v1 j 2020-05-05T14:08:47.999Z',
    'user.viewed.v1 u 2020-05-05T14:08:48.000Z',
    'user.viewed.v1 u undefined',
  ]);
});
