import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCounting, oracle, POISON, stateOf } from '../../../test/support/counting.ts';
import { codec, erased, event, LOG_START, linked, outgoing, stored, viewed } from '../../../test/support/events.ts';
import { runs } from '../../../test/support/runs.ts';
import { makeTempDir, removeTempDir, tempDir } from '../../../test/support/tempdir.ts';
import { CheckpointConflictError, DataFolderUnusableError } from '../../errors.ts';
import type { StoredMessage } from '../event/codec.ts';
import { streamSeq } from '../event/ids.ts';
import { isStorageTrouble, openStore, type ProjectionStore } from './store.ts';

function open(folder = tempDir('store'), inputs?: Record<string, unknown>): ProjectionStore {
  const store = openCounting(folder, inputs);
  onTestFinished(() => store.close());
  return store;
}

/** Messages that no codec would write. */
const raw = (seq: number, subject: string, payload: string | Uint8Array): StoredMessage => ({
  seq: streamSeq(seq),
  subject,
  payload: Buffer.from(payload),
  timestamp: LOG_START + seq,
});

describe('a batch', () => {
  it('is committed together with its checkpoint', () => {
    const store = open();
    const messages = stored([viewed('u1', 'a'), viewed('u2', 'b'), viewed('u1', 'c')]);
    const { applied } = store.commit(messages, 'today');
    expect(applied.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(stateOf(store)).toEqual(oracle(messages));
    expect(store.checkpoint()).toMatchObject({ seq: 3, created: 'today', applied: 3, fence: 0 });
  });

  it('that is folded again changes nothing', () => {
    const store = open();
    const messages = stored([viewed('u1', 'a'), viewed('u2', 'b')]);
    store.commit(messages, 'today');
    expect(store.commit(messages, 'today')).toEqual({ applied: [], duplicates: 0, deadLetters: [], unknownTypes: [] });
    expect(stateOf(store)).toEqual(oracle(messages));
  });

  it('counts an identity once, and moves another event with the same identity to the dead letters', () => {
    const store = open();
    const first = viewed('u1', 'a', { id: 'same' });
    const messages = stored([
      first,
      first,
      viewed('u1', 'b', { id: 'same' }),
      viewed('u1', 'a', { id: 'same', source: 'other' }),
    ]);
    store.commit(messages, 'today');
    expect(stateOf(store)).toEqual(oracle(messages));
    expect(stateOf(store)).toMatchObject({
      total: [{ user: 'u1', n: 2 }],
      duplicates: 1,
      dead: [{ seq: 3, code: 'FRESHET_EVENT_IDENTITY_REUSED' }],
    });
  });

  it('counts an event once if its repetition has other extension attributes', () => {
    const store = open();
    const first = viewed('u1', 'a', { id: 'same' });
    store.commit(stored([first, { traceparent: '00-1', ...first }]), 'today');
    expect(stateOf(store)).toMatchObject({ duplicates: 1, dead: [] });
  });

  it('moves only the event that cannot be folded to the dead letters, without a trace of it in the rows', () => {
    const store = open();
    const messages = stored([
      viewed('u1', 'a'),
      viewed('u1', POISON),
      viewed('u2', 'b'),
      viewed('u3', POISON),
      viewed('u1', 'c'),
    ]);
    const { deadLetters } = store.commit(messages, 'today');
    expect(deadLetters).toMatchObject([
      { seq: 2, code: 'FRESHET_EVENT_FOLD_FAILED', message: 'this item is poison' },
      { seq: 4, code: 'FRESHET_EVENT_FOLD_FAILED' },
    ]);
    expect(stateOf(store)).toEqual(oracle(messages));
    expect(stateOf(store).total).toEqual([
      { user: 'u1', n: 2 },
      { user: 'u2', n: 1 },
    ]);
  });

  it.each([
    ['nothing at all', ''],
    ['no JSON', '{'],
    ['no UTF-8', Buffer.from([0xff, 0xfe])],
  ])('moves a message with %s to the dead letters, unchanged', (_what, payload) => {
    const store = open();
    const messages = [raw(1, 'ev.user.u1.viewed', payload), ...stored([viewed('u1', 'a')], 2)];
    const { deadLetters } = store.commit(messages, 'today');
    expect(deadLetters).toMatchObject([{ seq: 1, code: 'FRESHET_EVENT_MALFORMED' }]);
    expect(Buffer.from(store.uncopied(10)[0]?.payload ?? 'none')).toEqual(Buffer.from(payload));
    expect(stateOf(store)).toEqual(oracle(messages));
  });

  it('skips unknown types, and counts them', () => {
    const store = open();
    const unknown = { ...viewed('u1', 'a'), type: 'user.x_undeclared.v1' };
    const messages = [raw(1, 'ev.user.u1.x_undeclared', JSON.stringify(unknown)), ...stored([viewed('u1', 'b')], 2)];
    expect(store.commit(messages, 'today')).toMatchObject({ unknownTypes: ['user.x_undeclared.v1'] });
    expect(store.checkpoint()).toMatchObject({ seq: 2, applied: 1, unknown: 1 });
  });

  it("moves the clock to the latest event time, never beyond the log's own time and never backwards", () => {
    const store = open();
    const at = (ms: number) => new Date(ms).toISOString();
    const clockAfter = (seq: number, time: string): number => {
      store.commit(stored([viewed('u1', 'a', { time })], seq), 'today');
      return store.checkpoint().clock;
    };
    expect(clockAfter(1, at(LOG_START - 5_000))).toBe(LOG_START - 5_000);
    expect(clockAfter(2, '2099-01-01T00:00:00Z')).toBe(LOG_START + 1_000);
    expect(clockAfter(3, at(LOG_START - 9_000))).toBe(LOG_START + 1_000);
  });

  it('stores the fence of the newest erasure, never beyond the erasure itself', () => {
    const store = open();
    store.commit(stored([viewed('u1', 'a'), viewed('u1', 'b'), erased('act-1', 1)]), 'today');
    expect(store.checkpoint().fence).toBe(1);
    store.commit(stored([erased('act-2', 900)], 4), 'today');
    expect(store.checkpoint().fence).toBe(3);
  });

  it('gives the same state for any batches, also if the file is closed between them', () => {
    const one = fc.record({
      user: fc.constantFrom('u1', 'u2'),
      item: fc.constantFrom('a', 'b', POISON),
      id: fc.integer({ min: 0, max: 30 }),
    });
    const batches = fc.array(fc.tuple(fc.array(one, { maxLength: 12 }), fc.boolean()), { maxLength: 8 });
    fc.assert(
      fc.property(batches, (parts) => {
        const folder = makeTempDir('store');
        let store = openCounting(folder);
        try {
          const all: StoredMessage[] = [];
          for (const [events, reopen] of parts) {
            const batch = stored(
              events.map(({ user, item, id }) => viewed(user, item, { id: `e${id}` })),
              all.length + 1,
            );
            all.push(...batch);
            store.commit(batch, 'today');
            if (!reopen) continue;
            store.close();
            store = openCounting(folder);
          }
          expect(stateOf(store)).toEqual(oracle(all));
        } finally {
          store.close();
          removeTempDir(folder);
        }
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('a batch that cannot be stored', () => {
  const big = (n: number) =>
    stored(
      Array.from({ length: n }, (_, i) => viewed(`user-${i}`, `item-${'x'.repeat(100)}`)),
      2,
    );

  it('leaves rows and checkpoint as they were, and is folded when the disk has room again', () => {
    const store = open();
    store.commit(stored([viewed('u1', 'a')]), 'today');
    const before = stateOf(store);
    const pages = store.db.pragma('page_count', { simple: true });
    store.db.pragma(`max_page_count = ${pages}`);
    const error = (() => {
      try {
        store.commit(big(2_000), 'today');
      } catch (err) {
        return err;
      }
    })();
    expect(error).toMatchObject({ code: 'SQLITE_FULL' });
    expect(isStorageTrouble(error)).toBe(true);
    expect(stateOf(store)).toEqual(before);
    expect(store.db.inTransaction).toBe(false);
    store.db.pragma('max_page_count = 1073741823');
    store.commit(big(2_000), 'today');
    expect(store.checkpoint()).toMatchObject({ seq: 2_001, applied: 2_001 });
  });

  it('clears the cached numbers of data subjects if a batch fails in its second pass', () => {
    const store = open();
    store.commit(stored([viewed('u1', 'a')]), 'today');
    const pages = store.db.pragma('page_count', { simple: true });
    store.db.pragma(`max_page_count = ${pages}`);
    const last = big(2_000).map((message) => ({ ...message, seq: streamSeq(message.seq + 2) }));
    // The first pass fails on the poison; the second one gets past it, and finds the disk full.
    expect(() =>
      store.commit([...stored([viewed('rolled-back', 'a'), viewed('u1', POISON)], 2), ...last], 'today'),
    ).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }));
    store.db.pragma('max_page_count = 1073741823');
    store.commit(stored([viewed('other', 'a'), viewed('rolled-back', 'b')], 2), 'today');
    const owners = store.db
      .prepare('SELECT seq, user FROM identity JOIN person ON person.id = identity.person WHERE seq > 1 ORDER BY seq')
      .all();
    expect(owners).toEqual([
      { seq: 2, user: 'other' },
      { seq: 3, user: 'rolled-back' },
    ]);
  });

  it('changes nothing while another process locks the file', () => {
    const folder = tempDir('store');
    const store = open(folder);
    store.db.pragma('busy_timeout = 0');
    const other = open(folder);
    other.db.exec('BEGIN IMMEDIATE');
    expect(() => store.commit(stored([viewed('u1', 'a')]), 'today')).toThrow(
      expect.objectContaining({ code: 'SQLITE_BUSY' }),
    );
    expect(store.checkpoint().seq).toBe(0);
    other.db.exec('ROLLBACK');
    store.commit(stored([viewed('u1', 'a')]), 'today');
    expect(store.checkpoint().seq).toBe(1);
  });

  it('is refused if another process has moved the checkpoint', () => {
    const folder = tempDir('store');
    const [store, other] = [open(folder), open(folder)];
    other.commit(stored([viewed('u1', 'a')]), 'today');
    expect(() => store.commit(stored([viewed('u2', 'b')]), 'today')).toThrow(CheckpointConflictError);
    expect(other.checkpoint().seq).toBe(1);
  });
});

describe('a projection’s file', () => {
  it('contains the folded events when it is opened again', () => {
    const folder = tempDir('store');
    const messages = stored([viewed('u1', 'a'), linked('u1', 's1'), event('user.registered.v1', 'u2', {})]);
    const first = openCounting(folder);
    first.commit(messages, 'today');
    const before = stateOf(first);
    first.close();
    const again = open(folder);
    expect(again.rebuilt).toBe(false);
    expect(stateOf(again)).toEqual(before);
    const prepared = messages.map(({ payload }) => outgoing(JSON.parse(Buffer.from(payload).toString())));
    expect(again.known([...prepared.map(({ identity }) => identity), 'no/such'])).toEqual([
      ...prepared.map(({ fingerprint }, i) => ({ seq: i + 1, fingerprint })),
      undefined,
    ]);
  });

  it('is emptied if it has another fold version', () => {
    const folder = tempDir('store');
    const first = openCounting(folder, { weight: 1 });
    first.commit(stored([viewed('u1', 'a')]), 'today');
    first.close();
    const again = open(folder, { weight: 2 });
    expect(again.rebuilt).toBe(true);
    expect(again.checkpoint()).toMatchObject({ seq: 0, applied: 0, created: '' });
    expect(stateOf(again).total).toEqual([]);
  });

  it('keeps the configured number of newest fingerprints', () => {
    const folder = tempDir('store');
    const file = join(folder, 'ring.sqlite');
    const definition = {
      service: 'user' as const,
      code: 1,
      inputs: {},
      schema: '',
      tables: () => null,
      apply: () => {},
    };
    let store = openStore({ file, definition, codec, fingerprints: 4 });
    for (let seq = 1; seq <= 11; seq++) {
      store.commit(stored([viewed('u1', 'a')], seq), 'today');
      if (seq % 3 !== 0) continue;
      store.close();
      store = openStore({ file, definition, codec, fingerprints: 4 });
    }
    expect(store.fingerprints().map(({ seq }) => seq)).toEqual([11, 10, 9, 8]);
    store.close();
  });

  it('returns dead letters for copying until they are marked as copied', () => {
    const store = open();
    store.commit([raw(1, 'ev.user.u1.viewed', '{'), raw(2, 'ev.user.u1.viewed', '[')], 'today');
    expect(store.uncopied(1).map(({ seq }) => seq)).toEqual([1]);
    store.copied(streamSeq(1));
    expect(store.uncopied(10).map(({ seq }) => seq)).toEqual([2]);
  });

  it('that cannot be opened is an error with its path and the next step', () => {
    const folder = tempDir('store');
    expect(() => openCounting(join(folder, 'missing'))).toThrow();
    expect(() =>
      openStore({
        file: folder,
        definition: { service: 'user', code: 1, inputs: {}, schema: '', tables: () => null, apply: () => {} },
        codec,
      }),
    ).toThrow(DataFolderUnusableError);
  });
});
