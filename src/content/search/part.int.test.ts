import { expect, it } from 'vitest';
import { published } from '../../../test/support/events.ts';
import { fold } from '../../../test/support/projection.ts';
import { completeConfig } from '../../config/load.ts';
import { contentProjection } from '../projection.ts';
import { createSearchPart, type SearchAnswer } from './part.ts';
import { createSearchReader } from './reader.ts';

it('refuses to search rows of another release, which have no index of texts', async () => {
  const { db } = fold(contentProjection(), [published('a', { title: 'Sea' })]);
  const config = completeConfig({});
  const reader = createSearchReader({ file: db.name, cacheKib: 1_024, waiting: 4 });
  const part = (stale: boolean) => createSearchPart({ db, stale, config, nc: {} as never, reader });
  await expect(part(true).endpoints?.search?.handle({ q: 'sea' })).rejects.toMatchObject({
    code: 'FRESHET_SERVICE_UNAVAILABLE',
    next: expect.stringContaining('freshet status'),
  });
  await expect(part(false).endpoints?.search?.handle({ q: 'sea' })).resolves.toMatchObject({ items: [{ item: 'a' }] });
  await reader.close();
});

it('ends an answer where its fields are too large for one message', async () => {
  const { db } = fold(
    contentProjection(),
    ['a', 'b', 'c'].map((item) => published(item, { title: 'Sea', attributes: { text: 'x'.repeat(400) } })),
  );
  const config = completeConfig({ content: { page_bytes: 1_000 } });
  const reader = createSearchReader({ file: db.name, cacheKib: 1_024, waiting: 4 });
  const { endpoints } = createSearchPart({ db, stale: false, config, nc: {} as never, reader });
  const answer = (await endpoints?.search?.handle({ q: 'sea' })) as SearchAnswer;
  expect(answer).toMatchObject({ more: true, items: [{ item: 'a' }, { item: 'b' }] });
  // Only the fields that the answer shows count.
  const few = (await endpoints?.search?.handle({ q: 'sea', fields: ['title'] })) as SearchAnswer;
  expect(few).toMatchObject({ more: false, items: { length: 3 } });
  await reader.close();
});
