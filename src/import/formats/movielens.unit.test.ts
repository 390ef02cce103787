import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const flags = (...on: number[]) => Array.from({ length: 19 }, (_, i) => (on.includes(i) ? 1 : 0)).join('|');

test('a folder of the 100K set gives films in latin-1, users without zip codes, and ratings', async () => {
  folder.write('u.data', '7\t2\t4\t881250949\n8\t1\t3\t881250948\n');
  folder.write(
    'u.item',
    Buffer.from(
      `1|Le Caf\xe9 (1954)|05-Mar-1954||http://example.org/1|${flags(5, 8)}\r\n2|Unknown||||${flags(0)}\r\n`,
      'latin1',
    ),
  );
  folder.write('u.user', '7|24|F|baker|12345\n8|31|M|printer|T8H1N\n');
  folder.write('u.genre', 'unknown|0\n');
  folder.write('u1.base', '7\t2\t4\t881250949\n');
  folder.write('README', 'read me');
  const { plan, events, story, rejected } = await importing(folder.path);
  expect(plan).toMatchObject({ format: 'movielens', name: 'ml-100k', source: 'import', rows: 6 });
  expect(plan.files.map(({ name, role }) => `${name} ${role}`)).toEqual([
    'README ignored',
    'u.data interactions',
    'u.genre ignored',
    'u.item items',
    'u.user users',
    'u1.base ignored',
  ]);
  expect(rejected).toEqual([]);
  expect(story).toEqual(['published 1', 'registered 8', 'rated 8 1', 'published 2', 'registered 7', 'rated 7 2']);
  expect(events[0]).toMatchObject({
    specversion: '1.0',
    type: 'content.published.v1',
    subject: '1',
    source: 'import-ml-100k',
    time: '1997-12-04T15:55:47.999Z',
    data: {
      title: 'Le Café',
      tags: ['Comedy', 'Drama'],
      published: '1954-03-05T00:00:00.000Z',
      attributes: { imdb_url: 'http://example.org/1' },
    },
  });
  expect(events[3]?.data).toEqual({ title: 'Unknown' });
  expect(events[1]?.data).toEqual({ traits: { age: 31, gender: 'M', occupation: 'printer' } });
  expect(events[2]).toMatchObject({ time: '1997-12-04T15:55:48.000Z', data: { item: '1', value: 3 } });
});

test('files with :: are read, also with :: in a title, and compressed', async () => {
  folder.write('ratings.dat', '1::10::5::978300760\n1::11::3.5::978300761\n1::11::x::978300761\n1::11::3\n');
  folder.write(
    'movies.dat.gz',
    gzipSync("10::Self::Less (2015)::Action|Children's\n11::No Year::(no genres listed)\n"),
  );
  folder.write('users.dat', '1::F::25::10::48067\n');
  const imported = await importing(folder.path, { personal: true });
  expect(imported.plan).toMatchObject({ format: 'movielens', name: 'movielens' });
  expect(imported.events.map(({ data }) => data)).toEqual([
    { title: 'Self::Less', tags: ['Action', "Children's"], published: '2015-01-01T00:00:00.000Z' },
    { traits: { gender: 'F', age: 25, occupation: '10', zip_code: '48067' } },
    { item: '10', value: 5 },
    { title: 'No Year' },
    { item: '11', value: 3.5 },
  ]);
  expect(reasons(imported)).toEqual(['3 FRESHET_IMPORT_ROW_VALUE', '4 FRESHET_IMPORT_ROW_COLUMNS']);
});

test('the CSV files are read, their tags and links left out', async () => {
  folder.write('ratings.csv', 'userId,movieId,rating,timestamp\n1,10,4.5,1260759144\n');
  folder.write('movies.csv', 'movieId,title,genres\n10,"American President, The (1995)",Comedy|Drama\n');
  folder.write('tags.csv', 'userId,movieId,tag,timestamp\n1,10,funny,1260759144\n');
  folder.write('links.csv', 'movieId,imdbId,tmdbId\n10,1,2\n');
  const { events, plan } = await importing(folder.path);
  expect(events.map(({ data }) => data)).toEqual([
    { title: 'American President, The', tags: ['Comedy', 'Drama'], published: '1995-01-01T00:00:00.000Z' },
    { item: '10', value: 4.5 },
  ]);
  expect(plan.files.filter(({ role }) => role === 'ignored').map(({ name }) => name)).toEqual([
    'links.csv',
    'tags.csv',
  ]);
});

test('ratings are recognised by their content, whatever the name of the file', async () => {
  const file = folder.write('u1.base.copy', '7\t2\t4\t881250949\n');
  expect((await importing(file)).story).toEqual(['rated 7 2']);
});
