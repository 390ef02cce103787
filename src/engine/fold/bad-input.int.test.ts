/** An engine on a log with bad events: it counts them and goes on. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  codec,
  LOG_START,
  published,
  retracted,
  stored,
  type TestEvent,
  viewed,
} from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import type { StoredMessage } from '../../bus/event/codec.ts';
import { itemId, streamSeq, userId } from '../../bus/event/ids.ts';
import { withState } from '../../bus/projection/after-commit.ts';
import { openStore } from '../../bus/projection/store.ts';
import { completeConfig } from '../../config/load.ts';
import { createModelFold, type ModelFold } from './model-fold.ts';
import { engineProjection, prepareTables } from './projection.ts';

function fold(messages: readonly StoredMessage[], engine: object = {}): { modelFold: ModelFold; dead: string[] } {
  const config = completeConfig({ engine: { prequential_every: 1_000_000, ...engine } });
  const definition = engineProjection({ config });
  const store = withState(
    openStore({ file: join(tempDir('bad-input'), 'e.sqlite'), definition, codec, cacheKib: 1_024 }),
    () => modelFold,
  );
  const modelFold = createModelFold({ config, tables: prepareTables(store.db) });
  const dead: string[] = [];
  for (let i = 0; i < messages.length; i += 500)
    dead.push(...store.commit(messages.slice(i, i + 500), 'now').deadLetters.map(({ code }) => code));
  store.close();
  return { modelFold, dead };
}

const items = ({ model }: ModelFold, user: string): string[] =>
  model.recommend({ user: userId(user), n: 20 }).items.map(({ item }) => item);

describe('the engine', () => {
  const unlisted = ['u1', 'u2', 'u3'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'ghost')]);

  it('counts interactions with an item outside of the catalogue, and serves it once it is published', () => {
    const log = [published('a'), published('b'), ...unlisted, viewed('u4', 'a')];
    const { modelFold } = fold(stored(log));
    expect(items(modelFold, 'u4')).not.toContain('ghost');
    expect(modelFold.warnings()['unlisted-item']).toBe(3);
    expect(items(fold(stored([...log, published('ghost')])).modelFold, 'u4')[0]).toBe('ghost');
    expect(items(fold(stored(log), { serve_unpublished: true }).modelFold, 'u4')[0]).toBe('ghost');
  });

  it('moves events with invalid numbers to the dead letters before they reach the model', () => {
    // The ids are named, because one that the test support counts up may hold the number that is replaced below.
    const [message] = stored([viewed('u1', 'a', { id: 'view', value: 123 })]) as [StoredMessage];
    const fields = { embedding: [123, 1], attributes: { year: 124 } };
    const [item] = stored([published('a', fields, { id: 'item' })], 2) as [StoredMessage];
    const altered = (of: StoredMessage, from: string, to: string): StoredMessage => ({
      ...of,
      payload: Buffer.from(Buffer.from(of.payload).toString('utf8').replace(from, to)),
    });
    const { modelFold, dead } = fold([
      altered(message, '123', '1e999'),
      altered(item, '123', '-1e999'),
      { ...altered(item, '124', '1e999'), seq: streamSeq(3) },
      { ...altered(item, '123', 'NaN'), seq: streamSeq(4) },
      ...stored([viewed('u1', 'a')], 5),
    ]);
    expect(dead).toHaveLength(4);
    expect(modelFold.model.stats()).toMatchObject({ events: 1 });
  });

  it('accepts embeddings of different lengths, and items without one', () => {
    const log = [
      ...[[1, 0], [0.9, 0.1], [1], [1, 2, 3], [0, 0], []].map((embedding, i) => published(`i${i}`, { embedding })),
      published('plain'),
      ...['u1', 'u2'].flatMap((user) => [viewed(user, 'i0'), viewed(user, 'i2'), viewed(user, 'plain')]),
      viewed('u3', 'i0'),
    ];
    const { modelFold } = fold(stored(log));
    const list = modelFold.model.recommend({ user: userId('u3'), n: 20 }).items;
    expect(list.length).toBeGreaterThan(3);
    for (const { score } of list) expect(Number.isFinite(score)).toBe(true);
    expect(modelFold.model.similar(itemId('i3'), 5).items.every(({ score }) => Number.isFinite(score))).toBe(true);
  });

  it('counts events of 1970 and 2100, moves its clock never beyond the log’s, and accepts times that run backwards', () => {
    const at = (user: string, item: string, time: string): TestEvent => viewed(user, item, { time });
    const backwards = Array.from({ length: 300 }, (_, i) =>
      at(`u${i % 9}`, `i${i % 17}`, new Date(LOG_START - i * 86_400_000).toISOString()),
    );
    const odd = [
      at('u1', 'i1', '1970-01-01T00:00:00Z'),
      at('u1', 'i2', '2100-01-01T00:00:00Z'),
      at('u1', 'i3', '0001-01-01T00:00:00Z'),
      at('u1', 'i4', '9999-12-31T23:59:59Z'),
    ];
    const { modelFold, dead } = fold(stored([...backwards, ...odd]));
    expect(dead).toEqual([]);
    expect(modelFold.warnings()).toMatchObject({ 'time-ahead': 2, 'time-1970': 2 });
    expect(modelFold.model.clock).toBeLessThanOrEqual(LOG_START + 304_000);
    expect(items(modelFold, 'nobody yet').length).toBe(17);
    expect(modelFold.model.trending(5).items.length).toBe(5);
  });

  it('handles a user with thousands of events and an item that every user took', () => {
    const log = [
      ...Array.from({ length: 6_000 }, (_, i) => viewed('bot', `i${(i * 7) % 900}`, { id: `bot${i}` })),
      ...Array.from({ length: 6_000 }, (_, i) => viewed(`u${i}`, 'hit', { id: `hit${i}` })),
      ...Array.from({ length: 20 }, (_, i) => retracted('bot', { id: `bot${i * 100}` })),
      ...Array.from({ length: 20 }, (_, i) => retracted(`u${i}`, { id: `hit${i}` })),
      viewed('u5999', 'i7'),
    ];
    const { modelFold } = fold(stored(log));
    expect(modelFold.model.stats().events).toBe(12_000 - 40 + 1);
    expect(modelFold.warnings()['unknown-event']).toBe(0);
    expect(items(modelFold, 'u5999').length).toBeGreaterThan(0);
    expect(modelFold.model.history(userId('u3'))).toEqual([]);
  });
});
