/**
 * `freshet verify` finds a single changed value in any table of any service. Tables and columns are read from the
 * schema, so that a new one is tried as well, or has to be named here with the reason why it is no state.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { createMemoryLog, type MemoryLog } from '../../src/bus/log/memory.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { type Verdict, verifyProjection } from '../../src/bus/projection/verify.ts';
import { completeConfig } from '../../src/config/load.ts';
import { textsOf } from '../../src/content/search/index-rows.ts';
import { silent } from '../support/counting.ts';
import { definitionsOf } from '../support/definitions.ts';
import {
  clicked,
  codec,
  event,
  linked,
  outgoing,
  published,
  purchased,
  registered,
  retracted,
  served,
  viewed,
  withdrawn,
} from '../support/events.ts';
import { forgotten, KEY } from '../support/forgetting.ts';
import { tempDir } from '../support/tempdir.ts';

const config = completeConfig({});
const SERVICES: Record<string, () => ProjectionDefinition<never>> = definitionsOf(config);

/** Tables that are no state which the log gives, and what becomes of a wrong value in them. */
const NO_STATE: Readonly<Record<string, string>> = {
  rebuild_due: 'a rebuild that is due is said in the status, and ends it',
  said_back: 'keeps what was said of an event of somebody who was forgotten since; a rebuild is the most it leads to',
  erasing: 'an erasure under way; the comparison waits for its end',
  recorded_mention: 'messages of others that an erasure under way will remove from the log',
  recorded_input: 'an input of the fold beside the log, known by its SHA-256',
  recorded_erasure: 'which inputs were trained with a part that was forgotten',
};
/** An index of texts: its own tables differ between equal projections, and its words are compared. */
const INDEX = 'index_';
/** Columns that count work, or number rows as they came. */
const NO_STATE_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  checkpoint: ['one', 'applied', 'duplicates', 'dead_letters', 'unknown'],
  dead_letter: ['copied'],
  fingerprint: ['slot'],
};
/** Another fold version is refused. */
const REFUSED: Readonly<Record<string, readonly string[]>> = { checkpoint: ['version'] };

async function logOfEverything(): Promise<MemoryLog> {
  const log = createMemoryLog();
  const arms = [{ arm: 'plain', share: 1, config: '{}' }];
  for (const one of [
    published('a', { tags: ['sea', 'war'], description: 'of a' }),
    published('b', { tags: ['sea'] }),
    withdrawn('b'),
    registered('u1', { age: 41 }),
    viewed('u1', 'a', { id: 'first', context: { device: 'phone' } }),
    viewed('s1', 'b'),
    viewed('u2', 'a', { time: '2100-01-01T00:00:00.000Z' }),
    linked('u1', 's1'),
    viewed('u1', 'b', { id: 'back' }),
    retracted('u1', { id: 'back' }),
    registered('u2', { plan: 'pro' }, { id: 'said' }),
    retracted('u2', { id: 'said' }),
    served('u1', 'l1', ['a', 'b']),
    served('u1', 'l1', ['a', 'b']),
    clicked('u1', 'a', { list: 'l1', position: 1 }),
    event('feedback.served.v1', 'u2', {
      list: 'l2',
      items: [{ item: 'a', score: 1, propensity: 0.8 }],
      snapshot: 's2',
      config: 'c1',
      arm: 'main',
    }),
    purchased('u2', 'b', { value: 12, list: 'l1' }),
    viewed('u3', 'a'),
    forgotten('u3', 18),
    // Takes back an event of another user: it counts for nothing, and names the event.
    retracted('u2', { id: 'first' }),
    event('control.experiment_started.v1', 'x1', { experiment: 'x1', arms }),
    event('control.experiment_ended.v1', 'x2', { experiment: 'x1', reason: 'enough' }),
  ])
    await log.publish(outgoing(one));
  await log.publish({ ...outgoing(viewed('u2', 'a')), payload: Buffer.from('no JSON') });
  log.purge(({ subject }) => subject.startsWith('ev.user.u3.'));
  return log;
}

interface Column {
  name: string;
  type: string;
  pk: number;
}
type Row = Record<string, string | number | null | Buffer>;

/** Another value that the column takes. */
function other(value: Row[string] | undefined, type: string): Row[string] {
  if (value instanceof Buffer) return Buffer.from('changed');
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value}x`;
  return type === 'TEXT' ? 'changed' : 1;
}

describe.each(Object.keys(SERVICES))('a value of the %s service that somebody changed by hand', (service) => {
  it('is found and named in every table and column of the state', async () => {
    const folder = tempDir('every-table');
    const file = join(folder, `${service}.sqlite`);
    const log = await logOfEverything();
    const definition = SERVICES[service] as () => ProjectionDefinition<never>;
    const store = openStore({ file, definition: definition(), codec, erasureKey: KEY });
    store.commit(log.messages(), (await log.info()).created);
    store.close();
    const verify = (): Promise<Verdict> =>
      verifyProjection({
        file,
        definition: definition(),
        codec,
        log,
        consumer: 'verify',
        logger: silent,
        scratch: folder,
        limits: { batchWaitMs: 1, backoffMinMs: 1 },
        cacheKib: 1_024,
        erasureKey: KEY,
      });
    expect((await verify()).first_difference).toBeUndefined();

    const db = new Database(file);
    const tables = db
      .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
      .pluck()
      .all();
    for (const table of tables.filter((name) => NO_STATE[name] === undefined && !name.startsWith(INDEX))) {
      const columns = db.prepare<[string], Column>('SELECT name, type, pk FROM pragma_table_info(?)').all(table);
      const key = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
      const where = key.map((name) => `"${name}" IS @${name}`).join(' AND ');
      const rows = db.prepare<[], Row>(`SELECT * FROM "${table}" ORDER BY ${key.join()}`).all();
      expect(rows.length, `rows of ${service}.${table}`).toBeGreaterThan(0);
      const passed = [...(NO_STATE_COLUMNS[table] ?? []), ...(REFUSED[table] ?? [])];
      for (const [n, { name, type }] of columns.filter((column) => !passed.includes(column.name)).entries()) {
        // The first row and the last one in turn.
        const row = rows.at(n % 2 === 0 ? 0 : -1) as Row;
        const value = key.includes(name) && typeof row[name] === 'number' ? 1_000_000 : other(row[name], type);
        const written = { ...row, put_by_hand: value };
        db.prepare(`UPDATE "${table}" SET "${name}" = @put_by_hand WHERE ${where}`).run(written);
        const { live, rebuilt, first_difference: found } = await verify();
        const what = `${service}.${table}.${name}`;
        expect(live, what).not.toBe(rebuilt);
        if (table === 'fingerprint' && name === 'seq') {
          // Of another message: it is not that one, or there is none.
          expect(found, what).toMatchObject({ table, key: { slot: row.slot } });
        } else if (table === 'person') {
          // By the number the identities of this person are found: it is there that another one shows.
          const { user } = row as { user: string };
          if (name === 'id') expect(found, what).toMatchObject({ table: 'identity', column: 'person', rebuilt: user });
          else expect(found, what).toMatchObject(name === 'hmac' ? { column: 'hmac', key: { user } } : {});
        } else if (key.includes(name)) {
          // The row is another one: one is missing, one is too many, and the first of the two is named.
          expect(found, what).toMatchObject({ table, column: null });
          expect([found?.live, found?.rebuilt].filter((side) => side === null)).toHaveLength(1);
        } else if (table === 'identity' && name === 'person')
          expect(found, what).toMatchObject({ table, column: name, key: { identity: row.identity } });
        else {
          expect(found, what).toMatchObject({ table, column: name, live: value, rebuilt: row[name] });
          expect(found?.key, what).toEqual(Object.fromEntries(key.map((one) => [one, row[one]])));
        }
        const changed = key.includes(name) ? { ...row, [name]: value } : row;
        db.prepare(`UPDATE "${table}" SET "${name}" = @put_by_hand WHERE ${where}`).run({
          ...changed,
          put_by_hand: row[name],
        });
      }
    }
    expect((await verify()).first_difference).toBeUndefined();
    for (const index of tables.filter((name) => name === 'index_text')) {
      const item = db.prepare<[], { row: number; fields: string }>(
        'SELECT published_seq AS row, fields FROM item ORDER BY item',
      );
      const { row, fields } = item.get() as { row: number; fields: string };
      const [title, tags, rest] = textsOf(JSON.parse(fields));
      db.prepare(`INSERT INTO ${index} (${index}, rowid, title, tags, attributes) VALUES ('delete', ?, ?, ?, ?)`).run(
        row,
        title,
        tags,
        rest,
      );
      expect((await verify()).first_difference).toMatchObject({
        table: index,
        key: { doc: row },
        column: null,
        live: null,
      });
      db.prepare(`INSERT INTO ${index} (rowid, title, tags, attributes) VALUES (?, ?, ?, ?)`).run(
        row,
        `${title} additional`,
        tags,
        rest,
      );
      expect((await verify()).first_difference).toMatchObject({
        table: index,
        key: { term: 'additional' },
        rebuilt: null,
      });
    }
    db.close();
  });
});
