/** Sums by circumstance in the engine's rows after events, retractions and erasures. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { codec, event, rated, retracted, stored, viewed } from '../../../test/support/events.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { erasureHmac } from '../../bus/event/erasure-hmac.ts';
import { openStore, type ProjectionStore } from '../../bus/projection/store.ts';
import { completeConfig } from '../../config/load.ts';
import { engineProjection, prepareTables } from './projection.ts';
import { rowsBeside } from './rows-beside.ts';

const KEY = Buffer.alloc(32, 7);
let folder: string;
const stores: ProjectionStore[] = [];
beforeEach(() => {
  folder = makeTempDir('context');
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  removeTempDir(folder);
});

/** The sums that a log gives, by circumstance and item. */
function sums(events: readonly unknown[]): ProjectionStore {
  const store = openStore({
    file: join(folder, `${stores.length}.sqlite`),
    definition: engineProjection({ config: completeConfig({}) }),
    codec,
    erasureKey: KEY,
  });
  stores.push(store);
  store.commit(stored(events), 'created');
  return store;
}
const all = ({ db }: ProjectionStore): unknown[] =>
  db.prepare('SELECT key, value, item, weight FROM context_taken ORDER BY key, value, item').all();

const onPhone = { context: { device: 'phone', hour: 9, page: 'home' } };
const onTv = { context: { device: 'tv', hour: 21 } };
const one = viewed('u1', 'i1', { ...onPhone, id: 'a' });
const two = viewed('u2', 'i1', { ...onTv, id: 'b' });
const three = viewed('u2', 'i2', { ...onTv, id: 'c' });

it('count every event with circumstances that is not negative feedback', () => {
  const store = sums([
    one,
    two,
    three,
    viewed('u1', 'i2'),
    { ...rated('u1', 'i2', 1), data: { item: 'i2', value: 1, ...onTv } },
  ]);
  const rows = rowsBeside(prepareTables(store.db));
  expect(rows.taken('device', 'tv', 'i1')).toBe(16);
  expect(rows.taken('device', 'tv', '')).toBe(32);
  expect(rows.taken('device', '', 'i1')).toBe(32);
  expect(rows.taken('device', '', '')).toBe(48);
  expect(rows.taken('hour', 'evening', 'i2')).toBe(16);
  expect(rows.taken('device', 'watch', 'i1')).toBe(0);
  expect(rows.verbOf(1)).toBe('viewed');
  expect(rows.verbOf(99)).toBeUndefined();
});

it('do not count an event after its retraction', () => {
  expect(all(sums([one, two, three, retracted('u2', { id: 'b' })]))).toEqual(all(sums([one, three])));
});

it('do not count a user after an erasure', () => {
  const record = event('control.erased.v1', 'act', { hmac: erasureHmac(KEY, 'u2'), fence: 3 });
  expect(all(sums([one, two, three, record]))).toEqual(all(sums([one])));
});
