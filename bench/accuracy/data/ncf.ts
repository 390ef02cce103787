/**
 * MovieLens 1M in the split of He et al. 2017 ("Neural Collaborative Filtering"): `train.tsv.gz` (user, item) and beside
 * it `test.rating.gz` (user, item, rating, time: each user's last) and `item-map.tsv` (item, MovieLens id, by which
 * `movies.dat` goes). Only the last events have times, so the reader mixes the events of all users into one stream.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { EventCodec } from '../../../src/bus/event/codec.ts';
import { openImport } from '../../../src/import/mod.ts';
import { createDataSetBuilder, type DataSet } from './data-set.ts';
import { interleave, START_MS, viewed } from './lines.ts';

export const isNcf = (path: string): boolean => basename(path) === 'train.tsv.gz';

const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split('\t'));

export async function readNcf(path: string, movies: string | undefined, codec: EventCodec): Promise<DataSet> {
  const folder = dirname(path);
  const histories = new Map<string, string[]>();
  const ids = new Map(
    rowsOf(readFileSync(join(folder, 'item-map.tsv'), 'utf8')).map(([item = '', id = '']) => [item, id]),
  );
  for (const file of [path, join(folder, 'test.rating.gz')])
    for (const [user = '', item = ''] of rowsOf(gunzipSync(readFileSync(file)).toString('utf8'))) {
      const id = ids.get(item) ?? `unmapped-${item}`;
      const own = histories.get(user);
      if (own) own.push(id);
      else histories.set(user, [id]);
    }
  const builder = createDataSetBuilder(codec);
  if (movies !== undefined) {
    const time = new Date(START_MS - 1).toISOString();
    for await (const row of (await openImport([movies])).events())
      if (row.kind === 'event') builder.add({ ...row.event, time });
  }
  const steps = interleave([...histories].map(([user, items]) => ({ user, items })));
  for (const [place, { user, item }] of steps.entries()) builder.add(viewed(user, item, place));
  return builder.build({ name: basename(folder), held: 1 });
}
