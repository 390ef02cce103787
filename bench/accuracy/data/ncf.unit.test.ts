import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createCodec } from '../../../src/bus/event/codec.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { isNcf, readNcf } from './ncf.ts';

test('training and test files are one stream, by the ids of the catalogue', async () => {
  const folder = tempDir('ncf');
  const train = join(folder, 'train.tsv.gz');
  const movies = join(folder, 'movies.dat');
  writeFileSync(train, gzipSync('0\t0\n0\t1\n1\t1\n'));
  writeFileSync(join(folder, 'test.rating.gz'), gzipSync('0\t2\t5\t978824351\n1\t0\t4\t978300174\n'));
  writeFileSync(join(folder, 'item-map.tsv'), '0\t1193\n1\t661\n2\t914\n');
  writeFileSync(movies, '1193::One (1975)::Drama\n661::Two (1996)::Animation|Musical\n914::Three (1964)::Musical\n');
  expect(isNcf(train)).toBe(true);
  const data = await readNcf(train, movies, createCodec());
  expect(data).toMatchObject({ catalogued: true, held: 1 });
  const of = (user: string): string[] =>
    data.entries.flatMap(({ interaction }) =>
      interaction && data.users[interaction.user] === user ? [data.items[interaction.item] as string] : [],
    );
  expect(of('0')).toEqual(['1193', '661', '914']);
  expect(of('1')).toEqual(['661', '1193']);
  expect(data.fields[data.items.indexOf('661')]).toMatchObject({ title: 'Two', tags: ['Animation', 'Musical'] });
  expect(data.entries.slice(0, 3).every(({ interaction }) => interaction === undefined)).toBe(true);
});
