import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countingProjection, POISON, silent } from '../../../test/support/counting.ts';
import { codec, erased, outgoing, stored, type TestEvent, viewed } from '../../../test/support/events.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { FoldVersionDiffersError, NotCaughtUpError, ProjectionMissingError } from '../../errors.ts';
import { createMemoryLog, type MemoryLog } from '../log/memory.ts';
import { hashProjection, tablesOf } from './hash.ts';
import { openStore, type ProjectionStore } from './store.ts';
import { type Verdict, verifyProjection } from './verify.ts';

const EVENTS = [
  viewed('u1', 'a', { id: 'one' }),
  viewed('u2', 'b'),
  viewed('u1', 'c'),
  viewed('u2', POISON),
  viewed('u3', 'a', { id: 'one', source: 'test' }),
  viewed('ü4', 'b'),
];

async function logOf(events: readonly TestEvent[]): Promise<MemoryLog> {
  const log = createMemoryLog();
  // Without an id, so that the server does not drop repetitions.
  for (const event of events) await log.publish({ ...outgoing(event), identity: undefined } as never);
  return log;
}

/** A live projection of all that the log holds. */
async function liveOf(log: MemoryLog, folder: string): Promise<{ store: ProjectionStore; file: string }> {
  const file = join(folder, 'live.sqlite');
  const store = openStore({ file, definition: countingProjection(), codec, cacheKib: 1_024 });
  store.commit(log.messages(), (await log.info()).created);
  return { store, file };
}

const verify = (log: MemoryLog, file: string, scratch: string, more: object = {}): Promise<Verdict> =>
  verifyProjection({
    file,
    log,
    scratch,
    definition: countingProjection(),
    codec,
    consumer: 'verify',
    logger: silent,
    limits: { batchWaitMs: 1, backoffMinMs: 1, batchMax: 2 },
    cacheKib: 1_024,
    ...more,
  });

describe('a projection', () => {
  it('has the same hash for any batches', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }), (sizes) => {
        const messages = stored(EVENTS);
        const store = openStore({ file: ':memory:', definition: countingProjection(), codec, cacheKib: 1_024 });
        const whole = openStore({ file: ':memory:', definition: countingProjection(), codec, cacheKib: 1_024 });
        whole.commit(messages, 'now');
        let at = 0;
        for (const size of [...sizes, messages.length]) {
          store.commit(messages.slice(at, at + size), 'now');
          at += size;
        }
        expect(hashProjection(store.db)).toEqual(hashProjection(whole.db));
        store.close();
        whole.close();
      }),
      { numRuns: 30 },
    );
  });

  it('equals a fold of the log, while the service writes to it', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    const verdict = await verify(log, file, folder);
    expect(verdict).toMatchObject({ service: 'user', seq: 6, live: verdict.rebuilt });
    expect(verdict.live).toMatch(/^[0-9a-f]{64}$/);
    expect(verdict.first_difference).toBeUndefined();
    store.commit(stored([viewed('u9', 'x')], 7), (await log.info()).created);
    store.close();
  });

  it('with any changed value is reported with table, key and column', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    store.close();
    const db = new Database(file);
    const shapes = tablesOf(db);
    expect(shapes.map(({ table }) => table)).toEqual([
      'checkpoint',
      'dead_letter',
      'identity',
      'mention',
      'note',
      'person',
      'said_link',
      'total',
    ]);
    let tried = 0;
    // The tests of the services' own tables cover the owners of identities and the statements about links.
    for (const { table, key, columns } of shapes.filter(({ table: one }) => !['said_link', 'mention'].includes(one))) {
      const row = db.prepare(`SELECT * FROM ${table} ORDER BY ${key.join()} DESC LIMIT 1`).get() as Record<
        string,
        never
      >;
      const where = key.map((column) => `${column} = @${column}`).join(' AND ');
      for (const column of columns.filter((one) => !key.includes(one) && !['version', 'person'].includes(one))) {
        tried++;
        const changed = typeof row[column] === 'number' ? (row[column] as number) + 1 : 'changed';
        const value = table === 'dead_letter' && column === 'payload' ? Buffer.from('changed') : changed;
        db.prepare(`UPDATE ${table} SET ${column} = @value WHERE ${where}`).run({ ...row, value });
        const verdict = await verify(log, file, folder);
        expect(verdict.live, `${table}.${column}`).not.toBe(verdict.rebuilt);
        expect(verdict.first_difference).toMatchObject({ table, column, rebuilt: row[column] });
        expect(verdict.first_difference?.key).toEqual(Object.fromEntries(key.map((one) => [one, row[one]])));
        db.prepare(`UPDATE ${table} SET ${column} = @before WHERE ${where}`).run({ ...row, before: row[column] });
      }
    }
    expect(tried).toBeGreaterThan(8);
    expect((await verify(log, file, folder)).first_difference).toBeUndefined();
    db.close();
  });

  it('with a difference is reported with the events that wrote the row', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    store.db.exec(`UPDATE total SET n = 7 WHERE user = 'u1'`);
    store.close();
    const { first_difference: difference } = await verify(log, file, folder);
    expect(difference).toMatchObject({ table: 'total', key: { user: 'u1' }, column: 'n', live: 7, rebuilt: 2 });
    expect(difference?.events).toMatchObject([
      { seq: 1, subject: 'ev.user.u1.viewed', type: 'user.viewed.v1', id: 'one' },
      { seq: 3, subject: 'ev.user.u1.viewed' },
    ]);
  });

  it('with an additional or missing row is reported with the row', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    store.db.exec(`INSERT INTO note VALUES (99, 'nobody', 'x')`);
    expect((await verify(log, file, folder)).first_difference).toEqual({
      table: 'note',
      key: { seq: 99 },
      column: null,
      live: { seq: 99, user: 'nobody', item: 'x' },
      rebuilt: null,
      events: [],
    });
    store.db.exec('DELETE FROM note WHERE seq IN (3, 99)');
    expect((await verify(log, file, folder)).first_difference).toMatchObject({
      table: 'note',
      key: { seq: 3 },
      live: null,
      rebuilt: { seq: 3, user: 'u1', item: 'c' },
      events: [{ seq: 3 }],
    });
    store.close();
  });

  it('is compared by a sample with the option sample', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    const equal = await verify(log, file, folder, { sample: 2 });
    expect(equal).toMatchObject({ live: equal.rebuilt });
    store.db.exec(`UPDATE note SET item = 'z' WHERE seq = 1`);
    const different = await verify(log, file, folder, { sample: 2 });
    expect(different.live).not.toBe(different.rebuilt);
    expect(different.first_difference).toMatchObject({ table: 'note', key: { seq: 1 }, column: 'item' });
    store.close();
  });

  it('with a due rebuild after an erasure is reported as such, not as different', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const { store, file } = await liveOf(log, folder);
    store.needRebuild('a session of the user still has events or another link');
    const equal = await verify(log, file, folder);
    expect(equal).toMatchObject({ live: equal.rebuilt });
    store.db.exec(`UPDATE note SET item = 'z' WHERE seq = 1`);
    await expect(verify(log, file, folder)).rejects.toMatchObject({
      code: 'FRESHET_NOT_CAUGHT_UP',
      message: expect.stringContaining('a session of the user still has events or another link'),
    });
    store.close();
  });

  it('that is missing, of another fold version, or behind an erasure is an error, not a difference', async () => {
    const folder = tempDir('verify');
    const log = await logOf(EVENTS);
    const nowhere = join(folder, 'nowhere');
    for (const none of [folder, nowhere])
      await expect(verify(log, join(none, 'none.sqlite'), none)).rejects.toBeInstanceOf(ProjectionMissingError);
    const { store, file } = await liveOf(log, folder);
    await expect(verify(log, file, folder, { definition: countingProjection({ other: true }) })).rejects.toBeInstanceOf(
      FoldVersionDiffersError,
    );
    await log.publish(outgoing(erased('act', 6)));
    await expect(verify(log, file, folder, { erasureMs: 1 })).rejects.toBeInstanceOf(NotCaughtUpError);
    store.close();
  });
});
