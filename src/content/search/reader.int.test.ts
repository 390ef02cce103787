import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { published } from '../../../test/support/events.ts';
import { type Folded, fold } from '../../../test/support/projection.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { parseFields } from '../../items/fields.ts';
import { contentProjection } from '../projection.ts';
import type { SearchOrder } from './find.ts';
import { createSearchReader, type SearchReader, type SearchReaderOptions } from './reader.ts';
import { matchOf } from './words.ts';

const order = (q: string): SearchOrder => ({
  match: matchOf(q),
  filters: [],
  now: 0,
  withdrawn: false,
  fields: parseFields(['title']),
  n: 10,
  ranked: 100,
});

function reading(folded: Folded, options: Partial<SearchReaderOptions> = {}): SearchReader {
  const reader = createSearchReader({ file: folded.db.name, cacheKib: 1_024, waiting: 4, ...options });
  onTestFinished(() => reader.close());
  return reader;
}

describe('the thread of searches', () => {
  it('finds what the fold has committed, also while the file is open for writing', async () => {
    const folded = fold(contentProjection(), [published('a', { title: 'Sea' })]);
    const reader = reading(folded);
    expect(await reader.find(order('sea'))).toMatchObject({ items: [{ item: 'a', fields: { title: 'Sea' } }], seq: 1 });
    folded.db.exec(`DELETE FROM item; INSERT INTO index_text (index_text) VALUES ('delete-all')`);
    expect(await reader.find(order('sea'))).toMatchObject({ items: [] });
  });

  it('refuses a search while too many wait', async () => {
    const reader = reading(fold(contentProjection(), [published('a')]), { waiting: 2 });
    const all = await Promise.allSettled([1, 2, 3].map(() => reader.find(order('title'))));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(all[2]).toMatchObject({ reason: { code: 'FRESHET_SERVICE_UNAVAILABLE', next: expect.any(String) } });
  });

  it('answers an error with a next step if it dies, and the next search starts another thread', async () => {
    // Dies at its first search, and runs as it should when it is started again.
    const folder = tempDir('dying');
    const died = join(folder, 'died');
    const dying = join(folder, 'dying.mjs');
    writeFileSync(
      dying,
      `import { existsSync, writeFileSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       if (existsSync(${JSON.stringify(died)})) await import(${JSON.stringify(new URL('worker.ts', import.meta.url).href)});
       else parentPort.once('message', () => { writeFileSync(${JSON.stringify(died)}, ''); process.exit(7); });`,
    );
    const reader = reading(fold(contentProjection(), [published('a', { title: 'Sea' })]), {
      entry: pathToFileURL(dying).href,
    });
    await expect(Promise.all([reader.find(order('sea')), reader.find(order('sea'))])).rejects.toMatchObject({
      code: 'FRESHET_SERVICE_UNAVAILABLE',
      message: expect.stringContaining('code 7'),
      next: expect.stringContaining('search again'),
    });
    expect(await reader.find(order('sea'))).toMatchObject({ items: [{ item: 'a' }] });
  });

  it('answers an error if its file is gone', async () => {
    const reader = reading(fold(contentProjection(), []), { file: join(tempDir('gone'), 'none.sqlite') });
    await expect(reader.find(order('sea'))).rejects.toMatchObject({ code: 'FRESHET_SERVICE_UNAVAILABLE' });
  });

  it('ends with the service, after the searches that wait, and does not start again', async () => {
    const reader = reading(fold(contentProjection(), [published('a')]));
    const waiting = [1, 2, 3].map(() => reader.find(order('title')));
    await reader.close();
    for (const found of waiting) expect(await found).toMatchObject({ items: [{ item: 'a' }] });
    reader.start();
    await expect(reader.find(order('title'))).rejects.toMatchObject({
      message: expect.stringContaining('the service stops'),
    });
  });

  it('ends although a search does not', async () => {
    const folder = tempDir('stuck');
    const stuck = join(folder, 'stuck.mjs');
    writeFileSync(stuck, `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});`);
    const reader = reading(fold(contentProjection(), [published('a')]), { entry: pathToFileURL(stuck).href });
    const outcome = expect(reader.find(order('title'))).rejects.toMatchObject({ code: 'FRESHET_SERVICE_UNAVAILABLE' });
    await reader.close();
    await outcome;
  });
});
