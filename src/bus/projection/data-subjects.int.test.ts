/** Forgetting is the inverse of learning: rows that folded a user and forgot them, against rows that never had them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitionsOf } from '../../../test/support/definitions.ts';
import {
  clicked,
  codec,
  dismissed,
  linked,
  outgoing,
  published,
  purchased,
  registered,
  retracted,
  served,
  stored,
  type TestEvent,
  updated,
  viewed,
} from '../../../test/support/events.ts';
import { forgetting, forgotten, KEY, removed } from '../../../test/support/forgetting.ts';
import { runs } from '../../../test/support/runs.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { completeConfig } from '../../config/load.ts';
import { createModelFold } from '../../engine/fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../engine/fold/projection.ts';
import { parseEventSubject } from '../event/subject.ts';
import { withState } from './after-commit.ts';
import { copyWithoutTraces } from './database.ts';
import type { ProjectionDefinition } from './definition.ts';
import { hashProjection } from './hash.ts';
import { openStore } from './store.ts';

const config = completeConfig({});
const SERVICES: Record<string, () => ProjectionDefinition<never>> = definitionsOf(config);
const services = Object.keys(SERVICES);
const LEARNED = 'the model cannot subtract what it learned in the order of events';

const ITEMS = ['a', 'b', 'c'];
const USERS = ['u1', 'u2', 'ü 3', 's1', 's2'];

/** Events of users and sessions: links, retractions, impressions and reactions. */
const eventOf = fc
  .record({
    kind: fc.integer({ min: 0, max: 9 }),
    user: fc.constantFrom(...USERS),
    other: fc.constantFrom(...USERS),
    item: fc.constantFrom(...ITEMS),
    id: fc.integer({ min: 0, max: 30 }),
  })
  .map(({ kind, user, other, item, id }): TestEvent => {
    switch (kind) {
      case 0:
        return registered(user, { n: id });
      case 1:
        return updated(user, { m: id });
      case 2:
        // Repeated links, and links with an identity that another event has.
        return linked(user, other, id % 3 === 0 ? { id: `x${id}` } : {});
      case 3:
        return retracted(user, { id: `x${id}` });
      case 4:
        return served(user, `list${id % 6}`, ITEMS);
      case 5:
        return clicked(user, item, id % 2 ? { list: `list${id % 6}` } : {});
      case 6:
        return purchased(user, item, { list: `list${id % 6}` });
      case 7:
        return published(item);
      default:
        return viewed(user, item, { id: `x${id}` });
    }
  });

/** Whether a message names an id as a session. */
const names =
  (id: string) =>
  ({ payload }: { payload: Uint8Array }): boolean =>
    (JSON.parse(Buffer.from(payload).toString('utf8')) as { data: { session?: string } }).data.session === id;

describe('a projection that forgets', () => {
  it.each(services)('%s equals a fold of the purged log, or reports that a rebuild is due', (name) => {
    let exact = 0;
    fc.assert(
      fc.property(fc.array(eventOf, { maxLength: 25 }), fc.constantFrom(...USERS), (history, user) => {
        const { live, purged, kept, hashes } = forgetting(SERVICES[name] as never, history, [user]);
        expect(kept.filter(names(user))).toEqual([]);
        const due = live.rebuildDue();
        // The engine's rows are exact as well; what its model learned in order is not.
        if (due === undefined || due === LEARNED) {
          exact++;
          expect(hashes.live).toEqual(hashes.purged);
        }
        expect(purged.rebuildDue()).toBeUndefined();
        expect(live.db.prepare('SELECT count(*) AS n FROM person WHERE user = ?').get(user)).toEqual({ n: 0 });
        live.close();
        purged.close();
      }),
      { numRuns: runs(60) },
    );
    expect(exact).toBeGreaterThan(20);
  });

  it.each(services)('%s lets no repeated link come into force, once the first one is gone', (name) => {
    const link = linked('u2', 'u1', { id: 'link' });
    const other = linked('u3', 'u1', { id: 'taken' });
    const history = [viewed('u1', 'a', { id: 'seen' }), link, viewed('u3', 'b', { id: 'taken' }), other, link];
    const { live, purged, kept, hashes } = forgetting(SERVICES[name] as never, history, ['u1']);
    expect(kept.map(({ seq }) => seq)).toEqual([3, 6, 7]);
    expect(live.rebuildDue()).toContain('a message that named a forgotten id is gone from the log');
    expect(purged.rebuildDue()).toBeUndefined();
    const { tables } = hashes.live;
    for (const table of ['said_link', 'mention', 'dead_letter'])
      expect(tables.find((one) => one.table === table)).toMatchObject({ rows: 0 });
    live.close();
    purged.close();
  });

  it.each(services)('%s keeps no number of a user of whom the log holds nothing more', (name) => {
    const history = [viewed('u2', 'a', { id: 'taken' }), linked('u1', 's1', { id: 'taken' })];
    const { live, purged, hashes } = forgetting(SERVICES[name] as never, history, ['s1']);
    expect(live.rebuildDue()).toBeUndefined();
    expect(hashes.live).toEqual(hashes.purged);
    expect(live.db.prepare('SELECT user FROM person').pluck().all()).toEqual(['u2']);
    live.close();
    purged.close();
  });

  it.each(services)('%s finds the retraction of a forgotten event', (name) => {
    const history = [viewed('u1', 'a', { id: 'seen' }), retracted('u2', { id: 'seen' }), viewed('u2', 'b')];
    const { live, purged, kept } = forgetting(SERVICES[name] as never, history, ['u1']);
    expect(kept.map(({ seq }) => seq)).toEqual([3, 4, 5]);
    expect(live.db.prepare('SELECT * FROM recorded_mention').all()).toEqual([]);
    live.close();
    purged.close();
  });

  const story = [
    published('a'),
    registered('u1', { age: 41 }),
    viewed('s1', 'a', { id: 'first' }),
    linked('u1', 's1'),
    viewed('u1', 'b'),
    updated('u1', { age: 42 }),
    retracted('u1', { id: 'first' }),
    viewed('s1', 'c'),
    served('u1', 'l1', ['a', 'b']),
    clicked('u1', 'a', { list: 'l1' }),
    dismissed('u1', 'b', { list: 'l1' }),
    dismissed('s1', 'c'),
    registered('u2', { age: 7 }),
    viewed('u2', 'a'),
    served('u2', 'l2', ['a', 'b']),
    purchased('u2', 'b', { list: 'l2' }),
  ];

  it.each(services)('%s is exact for a user with sessions, forgotten together', (name) => {
    const { live, hashes } = forgetting(SERVICES[name] as never, story, ['s1', 'u1']);
    expect(hashes.live).toEqual(hashes.purged);
    const text = JSON.stringify(
      live.db
        .prepare<[], { name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
        .all()
        .map(({ name: table }) => live.db.prepare(`SELECT * FROM ${table}`).all()),
    );
    for (const id of ['"u1"', '"s1"']) expect(text).not.toContain(id);
    live.close();
  });

  it("removes the user's dead letters and identities, and a later event starts a new user", () => {
    const bad = (seq: number, user: string) => ({
      ...(stored([viewed(user, 'a')], seq)[0] as never as object),
      payload: Buffer.from('no JSON'),
    });
    const file = `${':memory:'}`;
    const store = openStore({ file, definition: SERVICES.user?.() as never, codec, erasureKey: KEY });
    const again = viewed('u1', 'a', { id: 'same' });
    store.commit([...stored([again, viewed('u2', 'a')]), bad(3, 'u1') as never, bad(4, 'u2') as never], 'now');
    store.commit(stored([forgotten('u1')], 5), 'now');
    expect(store.deadLetters(0, 10).map(({ seq }) => seq)).toEqual([4]);
    expect(store.known([outgoing(again).identity])).toEqual([undefined]);
    store.commit(stored([forgotten('u1'), forgotten('nobody')], 6), 'now');
    store.commit(stored([again], 8), 'now');
    expect(store.db.prepare('SELECT user, first_seq FROM profile ORDER BY user').all()).toEqual([
      { user: 'u1', first_seq: 8 },
      { user: 'u2', first_seq: 2 },
    ]);
    expect(store.rebuildDue()).toBeUndefined();
    store.close();
  });

  it('finds dead letters after the fence when the user is forgotten once more', () => {
    const bad = {
      ...(stored([viewed('u1', 'a')], 2)[0] as never as object),
      payload: Buffer.from('no JSON'),
    };
    const store = openStore({ file: ':memory:', definition: SERVICES.user?.() as never, codec, erasureKey: KEY });
    // It came after the position that the record reaches, and before the record.
    store.commit([...stored([viewed('u1', 'a')]), bad as never, ...stored([forgotten('u1', 1)], 3)], 'now');
    expect(store.deadLetters(0, 10).map(({ seq }) => seq)).toEqual([2]);
    store.commit(stored([forgotten('u1', 3)], 4), 'now');
    expect(store.deadLetters(0, 10)).toEqual([]);
    expect(store.db.prepare('SELECT user FROM person').all()).toEqual([]);
    store.close();
  });

  it('reports a due rebuild if an event of another user is a dead letter because of theirs', () => {
    const history = [viewed('u1', 'a', { id: 'same' }), viewed('u2', 'b', { id: 'same' })];
    const { live, purged } = forgetting(SERVICES.user as never, history, ['u1']);
    expect(live.rebuildDue()).toContain('identity');
    expect(purged.db.prepare('SELECT count(*) AS n FROM interaction').get()).toEqual({ n: 1 });
    live.close();
    purged.close();
  });

  it('subtracts the user from the statistics of the model exactly, also from an older state', () => {
    const open = () => {
      let memory: ReturnType<typeof createModelFold> | undefined;
      const definition = engineProjection({ config });
      const store = withState(openStore({ file: ':memory:', definition, codec, erasureKey: KEY }), () => memory);
      memory = createModelFold({ config, tables: prepareTables(store.db), erasureKey: KEY });
      return { store, memory };
    };
    const [live, purged] = [open(), open()];
    const all = stored([...story, forgotten('s1'), forgotten('u1')]);
    live.store.commit(all.slice(0, -2), 'now');
    const before = live.memory.model.exportState();
    live.store.commit(all.slice(-2), 'now');
    purged.store.commit(
      all.filter(({ subject }) => !/^ev\.(user|feedback)\.(u1|s1)\./.test(subject)),
      'now',
    );
    const state = (one: typeof live) => one.memory.model.exportState({ learned: false } as never);
    expect(live.memory.model.statisticsHash()).toBe(purged.memory.model.statisticsHash());
    expect(state(live).equals(state(purged))).toBe(true);
    // A state from before the erasure, while the rows have forgotten already.
    const older = createModelFold({ config, tables: prepareTables(live.store.db), erasureKey: KEY });
    older.model.importState(before);
    older.fold(live.store.applied(all.slice(-2)), all.at(-1)?.seq as never);
    expect(older.model.statisticsHash()).toBe(purged.memory.model.statisticsHash());
    expect(older.model.users()).toEqual(['u2']);
  });

  it('leaves no byte of the user in a copy of its file', async () => {
    const folder = tempDir('traces');
    const [file, copy] = [join(folder, 'user.sqlite'), join(folder, 'copy.sqlite')];
    const open = (at: string) =>
      openStore({ file: at, definition: SERVICES.user?.() as never, codec, erasureKey: KEY });
    const gone = 'somebody-who-goes';
    const traces = [gone, 'a-town-to-forget', 'an-id-to-forget', 'an-item-of-theirs'];
    const found = (at: string) => traces.filter((trace) => readFileSync(at).includes(trace));
    const store = open(file);
    const theirs = (n: number) => [
      registered(gone, { town: 'a-town-to-forget' }),
      viewed(gone, 'an-item-of-theirs', { id: `an-id-to-forget-${n}` }),
    ];
    store.commit(stored(Array.from({ length: 300 }, (_, n) => [...theirs(n), viewed('u2', 'a')]).flat()), 'now');
    store.commit(stored([forgotten('nobody')], 901), 'now');
    expect(store.holdsTraces()).toBe(false);
    store.commit(stored([forgotten(gone)], 902), 'now');
    expect(store.holdsTraces()).toBe(true);
    await copyWithoutTraces(file, copy);
    store.close();
    expect(found(file)).not.toEqual([]);
    expect(found(copy)).toEqual([]);
    const copied = open(copy);
    expect(copied.holdsTraces()).toBe(false);
    const live = open(file);
    expect(live.holdsTraces()).toBe(true);
    expect(hashProjection(copied.db)).toEqual(hashProjection(live.db));
    for (const one of [copied, live]) one.close();
  });

  /** Readers from whom the ranker learns, so that a state which learned from a forgotten user would say so. */
  const others = Array.from({ length: 60 }, (_, n) =>
    viewed(`reader${n % 6}`, ITEMS[(n * 5 + (n >> 3)) % 3] as string),
  );

  it('needs no rebuild once it has folded the purged log, for links, retractions and erasures in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: eventOf }, { weight: 1, arbitrary: fc.constantFrom(...USERS) }), {
          maxLength: 25,
        }),
        (acts) => {
          const messages = stored([
            ...ITEMS.map((item) => published(item)),
            ...others,
            ...acts.map((act) => (typeof act === 'string' ? forgotten(act) : act)),
          ]);
          const first = messages.length - acts.length;
          /** The last erasure of each id. */
          const fences = new Map(
            acts.flatMap((act, n) => (typeof act === 'string' ? [[act, first + n] as const] : [])),
          );
          const gone = new Set<string>();
          const unmentioned = messages.filter(({ subject, payload }, n) => {
            const { context, entity } = parseEventSubject(subject) ?? { context: '', entity: '' };
            const kept = context === 'control' || context === 'content' || n > (fences.get(entity) ?? -1);
            const { source, id } = JSON.parse(Buffer.from(payload).toString('utf8')) as { source: string; id: string };
            if (!kept) gone.add(`${source}/${id}`);
            return kept;
          });
          const mentions = unmentioned.filter(({ payload, seq }) => {
            const { data } = JSON.parse(Buffer.from(payload).toString('utf8')) as {
              data: { session?: string; source?: string; id?: string };
            };
            return seq <= (fences.get(data.session ?? '') ?? -1) || gone.has(`${data.source}/${data.id}`);
          });
          const sequences = mentions.map(({ seq }) => seq as number);
          const purged = [
            ...unmentioned.filter(({ seq }) => !sequences.includes(seq)),
            ...(sequences.length > 0 ? stored([removed(sequences)], messages.length + 1) : []),
          ];
          const definition = engineProjection({ config });
          let memory: ReturnType<typeof createModelFold> | undefined;
          const store = withState(openStore({ file: ':memory:', definition, codec, erasureKey: KEY }), () => memory);
          memory = createModelFold({ config, tables: prepareTables(store.db), erasureKey: KEY });
          store.commit(purged, 'now');
          expect(memory.model.stats().ranker.steps).toBeGreaterThan(0);
          expect({ due: store.rebuildDue(), stale: memory.model.stale }).toEqual({ due: undefined, stale: false });
          store.close();
        },
      ),
      { numRuns: runs(60) },
    );
  });
});
