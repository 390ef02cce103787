import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database, { type Database as Db } from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codec,
  patched,
  published,
  restored,
  stored,
  type TestEvent,
  withdrawn,
} from '../../../test/support/events.ts';
import { fold } from '../../../test/support/projection.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { copyWithoutTraces } from '../../bus/projection/database.ts';
import { hashProjection } from '../../bus/projection/hash.ts';
import { openStore } from '../../bus/projection/store.ts';
import { contentProjection } from '../projection.ts';
import { textsOf } from './index-rows.ts';

/** The words of the index, with their places. */
function wordsOf(db: Db): unknown[] {
  db.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, index_text, instance)`);
  return db.prepare('SELECT term, doc, col, "offset" FROM temp.words ORDER BY term, doc, col, "offset"').all();
}

const found = (db: Db, match: string): string[] =>
  db
    .prepare<[string], string>(
      'SELECT item FROM index_text JOIN item ON published_seq = index_text.rowid WHERE index_text MATCH ? ORDER BY item',
    )
    .pluck()
    .all(match);

describe('the index of texts', () => {
  it('has the words of title, tags and attributes, without case and diacritics', () => {
    const { db } = fold(contentProjection(), [
      published('a', {
        title: 'Émile at the Sea',
        tags: ['Far away'],
        attributes: { author: 'J. Rousseau', year: 1762 },
      }),
      published('b', { title: 'Land', tags: [], attributes: { cast: ['Ana Émile', 'Bo'], adult: true } }),
    ]);
    expect(found(db, 'emile')).toEqual(['a', 'b']);
    expect(found(db, 'title: emile')).toEqual(['a']);
    expect(found(db, 'tags: away')).toEqual(['a']);
    expect(found(db, '1762')).toEqual(['a']);
    expect(found(db, 'true')).toEqual([]);
    expect(found(db, '"emile bo"')).toEqual(['b']);
  });

  it('has the words of now alone, after a patch and after another publication', () => {
    const { db } = fold(contentProjection(), [
      published('a', { title: 'Sea', tags: ['blue'], attributes: { year: 1900 } }),
      patched('a', { title: 'Land', attributes: { year: null } }),
      published('b', { title: 'River' }),
      published('b', { title: 'Lake' }),
      withdrawn('b'),
      restored('b'),
    ]);
    for (const gone of ['sea', '1900', 'river']) expect(found(db, gone), gone).toEqual([]);
    expect(found(db, 'land AND blue')).toEqual(['a']);
    expect(found(db, 'lake')).toEqual(['b']);
  });

  it('has the same hash whatever the batches, by its words', () => {
    const events = [
      published('a', { title: 'Sea' }),
      published('b', { title: 'Land' }),
      patched('a', { title: 'Lake' }),
      published('c', { title: 'Sea' }),
    ];
    const { db } = fold(contentProjection(), events);
    const whole = openStore({
      file: join(tempDir('index'), 'p.sqlite'),
      definition: contentProjection(),
      codec,
      cacheKib: 1_024,
    });
    whole.commit(stored(events), 'now');
    expect(hashProjection(db).tables).toContainEqual({ table: 'index_text', rows: 3, hash: expect.any(String) });
    expect(hashProjection(whole.db)).toEqual(hashProjection(db));
    expect(wordsOf(whole.db)).toEqual(wordsOf(db));
  });

  it('has the words of a new index after any changes', () => {
    const word = fc.constantFrom('sea', 'See', 'über', 'land', 'x');
    const text = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
    const data = fc.record({
      title: text,
      tags: fc.array(word, { maxLength: 3 }),
      attributes: fc.dictionary(word, text, { maxKeys: 2 }),
    });
    const event: fc.Arbitrary<TestEvent> = fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(published, patched), data)
      .map(([item, make, fields]) => make(item, fields));
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
        const { db } = fold(contentProjection(), events);
        const items = db
          .prepare<[], { row: number; fields: string }>('SELECT published_seq AS row, fields FROM item')
          .all();
        const fresh = new Database(':memory:');
        fresh.exec(
          db.prepare<[], string>(`SELECT sql FROM sqlite_master WHERE name = 'index_text'`).pluck().get() as string,
        );
        const add = fresh.prepare('INSERT INTO index_text (rowid, title, tags, attributes) VALUES (?, ?, ?, ?)');
        for (const { row, fields } of items) add.run(row, ...textsOf(JSON.parse(fields)));
        expect(wordsOf(db)).toEqual(wordsOf(fresh));
        db.exec(`INSERT INTO index_text (index_text) VALUES ('integrity-check')`);
      }),
      { numRuns: 30 },
    );
  });

  it('takes rows of an earlier release, which it does not have', () => {
    const { db, store } = fold(contentProjection(), [
      published('a', { title: 'Sea' }),
      published('b', { title: 'Land' }),
    ]);
    db.exec(`INSERT INTO index_text (index_text) VALUES ('delete-all')`);
    const later = stored([published('a'), published('b'), patched('a', { title: 'Lake' })]).slice(2);
    expect(store.commit(later, 'now').deadLetters).toEqual([]);
    expect(found(db, 'lake')).toEqual(['a']);
  });
});

describe('the copy of the file after an erasure', () => {
  const secret = (i: number): string => `geheimwort${i.toString(36)}zq`;
  /** A replaced title, its beginnings of three characters and more, in any place of the file. */
  const traces = (file: string): number => readFileSync(file, 'latin1').split(/geheim|[0-9a-z]zq/).length - 1;

  it.each([
    [1, 1],
    [3, 500],
    [2_000, 500],
    [2_000, 1],
  ])('has no byte of %d replaced titles, folded in batches of %d', async (items, batch) => {
    const folder = tempDir('traces');
    const file = join(folder, 'p.sqlite');
    const store = openStore({ file, definition: contentProjection(), codec, cacheKib: 1_024 });
    const ids = Array.from({ length: items }, (_, i) => i);
    const messages = stored([
      ...ids.map((i) => published(`i${i}`, { title: `${secret(i)} of the sea`, tags: ['common'] })),
      ...ids.map((i) => patched(`i${i}`, { title: `Harmless ${i % 7} of the sea` })),
    ]);
    for (let at = 0; at < messages.length; at += batch) store.commit(messages.slice(at, at + batch), 'now');
    // Otherwise the test could not fail: the file itself has them.
    expect(traces(file) + traces(`${file}-wal`)).toBeGreaterThan(0);
    const copy = join(folder, 'copy.sqlite');
    await copyWithoutTraces(file, copy);
    expect(traces(copy)).toBe(0);
    const db = new Database(copy);
    expect(found(db, 'harmless AND common')).toHaveLength(items);
    expect(hashProjection(db)).toEqual(hashProjection(store.db));
    expect(wordsOf(db)).toEqual(wordsOf(store.db));
    db.close();
    store.close();
  });
});
