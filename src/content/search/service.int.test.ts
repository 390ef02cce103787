import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { patched, published, viewed } from '../../../test/support/events.ts';
import { fold } from '../../../test/support/projection.ts';
import { useServices } from '../../../test/support/services.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { runService } from '../../bus/service/service.ts';
import { completeConfig } from '../../config/load.ts';
import { contentEndpoints } from '../api.ts';
import { contentProjection } from '../projection.ts';
import { createSearchPart, type SearchAnswer } from './part.ts';
import { createSearchReader } from './reader.ts';

const services = useServices('search', { settings: { erasure: { rebuild_after_ms: 50, look_ms: 50 } } });
const { start, publish, caughtUp, ask } = services;
const found = async (q: string): Promise<string[]> =>
  (await ask<SearchAnswer>('content.search', { q })).items.map(({ item }) => item);

it('holds no byte of a replaced title after an erasure, and goes on searching', async () => {
  const secret = /geheim/;
  const bytesLeft = (): string[] =>
    ['', '-wal']
      .map((suffix) => join(services.data, `content.sqlite${suffix}`))
      .filter((file) => existsSync(file) && secret.test(readFileSync(file, 'latin1')));
  await start('user');
  const content = await start('content');
  await publish(
    ...Array.from({ length: 40 }, (_, i) => published(`i${i}`, { title: `Geheimwort${i} geheim`, tags: ['kept'] })),
    viewed('u1', 'i1'),
  );
  const seq = await publish(...Array.from({ length: 40 }, (_, i) => patched(`i${i}`, { title: 'Open' })));
  await caughtUp(seq);
  expect(await found('geheim')).toEqual([]);
  expect(await found('open kept')).toHaveLength(20);
  expect(bytesLeft()).not.toEqual([]);

  await ask('user.forget', { user: 'u1' });
  await until(() =>
    services.logged.some(({ service, msg }) => service === 'content' && String(msg).includes('has cut over')),
  );
  await until(() => content.status().state === 'ready');
  expect(bytesLeft()).toEqual([]);
  expect(await found('open kept')).toHaveLength(20);
  const later = await publish(published('new', { title: 'Later' }));
  await caughtUp(later);
  expect(await found('later')).toEqual(['new']);
});

it('refuses searches after an update from a release without the index, until the rows are rebuilt beside', async () => {
  // The projection of that release: the same tables without the index.
  const now = contentProjection();
  const before: typeof now = {
    ...now,
    code: 1,
    schema: now.schema.slice(0, now.schema.indexOf('CREATE VIRTUAL TABLE')),
    tables: (db) => {
      db.exec(now.schema);
      const tables = now.tables(db);
      db.exec('DROP TABLE index_text; DROP INDEX item_published');
      return { ...tables, texts: { replace: () => {} } };
    },
  };
  const earlier = await start((environment) =>
    runService(
      {
        description: 'an earlier release',
        definition: before,
        rebuildsBeside: true,
        parts: ({ store, config }) => ({ endpoints: contentEndpoints(store.db, config) }),
      },
      environment,
    ),
  );
  await publish(published('a', { title: 'Sea' }), published('b', { title: 'Land' }));
  const seq = await publish(patched('a', { title: 'Lake' }));
  await caughtUp(seq);
  await services.stop(earlier);

  const content = await start('content', { settings: { projection: { swap_look_ms: 60_000 } } });
  await expect(ask('content.search', { q: 'lake' })).rejects.toMatchObject({
    code: 'FRESHET_SERVICE_UNAVAILABLE',
    next: expect.stringContaining('freshet status'),
  });
  expect(await ask('content.get', { item: 'a' })).toMatchObject({ title: 'Lake' });
  // The fold of a change while the old rows answer.
  await publish(patched('a', { title: 'Pond' }));
  await until(async () => (await found('pond').catch(() => [])).length > 0, { within: 60_000 });
  expect(content.status().state).toBe('ready');
  expect(await found('pond')).toEqual(['a']);
  expect(await found('lake')).toEqual([]);
}, 90_000);

it('starts its thread soon after the service, without a search', async () => {
  const folder = tempDir('early');
  const [entry, started] = [join(folder, 'entry.mjs'), join(folder, 'started')];
  writeFileSync(
    entry,
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(started)}, ''); setInterval(() => {}, 1000);`,
  );
  const { db } = fold(contentProjection(), []);
  const reader = createSearchReader({ file: db.name, cacheKib: 64, waiting: 1, entry: pathToFileURL(entry).href });
  const config = completeConfig({ content: { search_start_ms: 1 } });
  const part = createSearchPart({ db, stale: false, config, nc: {} as never, reader });
  part.start?.();
  await until(() => existsSync(started));
  await part.stop?.();
});
