/** The counters of the summary, against a scan of the rows, after every commit and every slice of an erasure. */
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DECLARED, KEY as GOLDEN_KEY, codec as goldenCodec, goldenLog } from '../../test/golden/state-log.ts';
import {
  clicked,
  codec,
  dismissed,
  event,
  linked,
  published,
  purchased,
  restored,
  retracted,
  served,
  stored,
  type TestEvent,
  withdrawn,
} from '../../test/support/events.ts';
import { type ScannedItem, scanFeedback } from '../../test/support/feedback-scan.ts';
import { forgotten, KEY, purgedOf } from '../../test/support/forgetting.ts';
import { runs, within } from '../../test/support/runs.ts';
import { tempDir } from '../../test/support/tempdir.ts';
import { hashProjection } from '../bus/projection/hash.ts';
import { openStore, type ProjectionStore } from '../bus/projection/store.ts';
import { completeConfig } from '../config/load.ts';
import { feedbackEndpoints, type SummaryAnswer } from './api.ts';
import { type ItemsAnswer, itemEndpoints } from './items.ts';
import { feedbackProjection } from './projection.ts';

const HOUR = 3_600_000;
const config = completeConfig({ feedback: { attribution_window_ms: 12 * HOUR } });
const ITEMS = ['a', 'b', 'c', 'd'];
const IDS = ['u1', 'u2', 'ü 3', 's1', 's2'];
const LISTS = 8;
const START = Date.UTC(2025, 0, 1);

/** Lists, reactions, links, retractions, publications and erasures; lists and ids are few, so that events meet. */
const act = fc
  .record({
    kind: fc.integer({ min: 0, max: 15 }),
    user: fc.constantFrom(...IDS),
    other: fc.constantFrom(...IDS),
    items: fc.array(fc.constantFrom(...ITEMS), { maxLength: 5 }),
    item: fc.constantFrom(...ITEMS),
    n: fc.nat(LISTS - 1),
    named: fc.boolean(),
    hour: fc.nat(60),
    id: fc.uuid(),
    target: fc.nat(20),
    propensity: fc.constantFrom(undefined, 1, 0.7, 0.1),
  })
  .map((drawn): TestEvent => {
    const { kind, user, other, items, item, n, named, hour, id, target, propensity } = drawn;
    const extras = { time: new Date(START + hour * HOUR).toISOString() };
    const reaction = { ...extras, id: `x${target}`, ...(named ? { list: `l${n}` } : {}) };
    if (kind < 5)
      return event(
        'feedback.served.v1',
        user,
        {
          list: `l${n}`,
          items: items.map((one, place) => ({
            item: one,
            score: 1,
            ...(propensity === undefined
              ? {}
              : { propensity: place === 0 ? propensity : 0.3, explored: place % 2 === 1 }),
          })),
          snapshot: `s${n % 3}`,
          config: 'c',
          arm: n % 2 ? 'x/first' : 'x/second',
        },
        extras,
      );
    if (kind < 8) return clicked(user, item, reaction);
    if (kind === 8) return dismissed(user, item, reaction);
    if (kind === 9) return purchased(user, item, { ...reaction, list: `l${n}` });
    if (kind < 12) return linked(user, other);
    if (kind === 12) return retracted(user, { id: `x${target}` });
    if (kind === 13) return drawn.hour % 4 === 0 ? (drawn.named ? withdrawn(item) : restored(item)) : published(item);
    return { ...forgotten(user), id };
  });

const answerOf = (db: Database): Promise<SummaryAnswer> =>
  Promise.resolve(feedbackEndpoints(db, async () => null, config).summary?.handle({})) as Promise<SummaryAnswer>;

/** The same to the digit, except that a sum of fractions may come in another order. */
const near = (value: number | null): unknown => (value === null ? null : expect.closeTo(value, 11));

async function expectScanned(db: Database): Promise<void> {
  const scan = scanFeedback(db);
  const answer = await answerOf(db);
  expect(answer.lists).toBe(scan.lists);
  expect(answer.unattributed).toEqual(scan.unattributed);
  const published = db.prepare<[], number>('SELECT count(*) FROM item').pluck().get() as number;
  const wanted = (parts: (typeof scan.parts)['all'], key: string) =>
    parts.map(({ key: value, shown, ...counts }) => ({
      ...counts,
      ...(key === '' ? {} : { [key]: value }),
      shown: {
        items: shown.items,
        coverage: published === 0 ? null : shown.covered / published,
        gini: shown.gini,
        novelty: near(shown.novelty),
        diversity: shown.diversity,
      },
    }));
  const { all, snapshot, arm, position, day } = scan.parts;
  if (all.length > 0) expect([{ ...answer.total, shown: answer.shown }]).toMatchObject(wanted(all, ''));
  else expect(answer.total.impressions).toBe(0);
  for (const [found, parts, key] of [
    [answer.by_snapshot, snapshot, 'snapshot'],
    [answer.by_arm, arm, 'arm'],
    [answer.by_position, position, 'position'],
    [[...answer.by_day].reverse(), day, 'day'],
  ] as const) {
    expect(found).toHaveLength(parts.length);
    expect(found).toMatchObject(wanted(parts, key));
  }
  const { lists, impressions, ips, snips } = scan.without_exploration;
  expect(answer.without_exploration).toMatchObject({ lists, impressions, ips: near(ips), snips: near(snips) });
  expectScannedItems(db, scan.items);
  const experiment = answer.experiments[0];
  for (const { arm: name, users, impressions: shown, clicks, ctr } of experiment?.arms ?? []) {
    const figures = scan.arms[`x/${name}`] ?? { users: 0, impressions: 0, hits: 0, rate: null };
    expect({ users, shown, clicks, ctr }).toEqual({
      users: figures.users,
      shown: figures.impressions,
      clicks: figures.hits,
      ctr: figures.rate,
    });
  }
}

/** What the endpoints say of each item, against a scan. */
function expectScannedItems(db: Database, scanned: readonly ScannedItem[]): void {
  const { items, item: one } = itemEndpoints(db, config);
  const answer = items?.handle({ n: 1_000 }) as ItemsAnswer;
  const sum = (item: string, what: 'impressions' | 'clicks' | 'dismissals' | 'conversions'): number =>
    scanned.reduce((so, row) => so + (row.item === item ? row[what] : 0), 0);
  const ids = [...new Set(scanned.map(({ item }) => item))];
  expect(answer.shown).toBe(ids.length);
  expect(answer.items.map(({ item }) => item)).toEqual(
    ids.sort((a, b) => sum(b, 'impressions') - sum(a, 'impressions') || (a < b ? -1 : 1)),
  );
  for (const { item, impressions, clicks, dismissals, conversions } of answer.items) {
    expect({ impressions, clicks, dismissals, conversions }).toEqual({
      impressions: sum(item, 'impressions'),
      clicks: sum(item, 'clicks'),
      dismissals: sum(item, 'dismissals'),
      conversions: sum(item, 'conversions'),
    });
    expect(one?.handle({ item })).toMatchObject({
      by_position: scanned.filter((row) => row.item === item).map(({ item: _item, ...row }) => row),
    });
  }
  const listed = db.prepare<[], string>('SELECT item FROM item EXCEPT SELECT item FROM withdrawal').pluck().all();
  const never = items?.handle({ order: 'never', n: 1_000 }) as ItemsAnswer;
  expect(never.items.map(({ item }) => item)).toEqual(listed.filter((item) => !ids.includes(item)).sort());
  expect(never.never_shown).toBe(never.items.length);
}

const EXPERIMENT = event('control.experiment_started.v1', 'act', {
  experiment: 'x',
  arms: [
    { arm: 'first', share: 0.5, config: '' },
    { arm: 'second', share: 0.5, config: '' },
  ],
});

const open = (eraseEvents?: number): ProjectionStore =>
  openStore({
    file: join(tempDir('counters'), 'f.sqlite'),
    definition: feedbackProjection(config),
    codec,
    cacheKib: 1_024,
    erasureKey: KEY,
    eraseEvents,
  });

describe('the counters of the summary', () => {
  it(
    'equal a scan of the rows after every commit, for late reports, links, retractions and erasures in any order',
    async () => {
      let erased = 0;
      let exact = 0;
      const how = fc.record({ batch: fc.integer({ min: 1, max: 5 }), eraseEvents: fc.integer({ min: 1, max: 3 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 50, size: 'max' }), how, async (acts, drawn) => {
          const messages = stored([EXPERIMENT, ...acts]);
          const store = open(drawn.eraseEvents);
          for (let from = 0; from < messages.length; from += drawn.batch) {
            store.commit(messages.slice(from, from + drawn.batch), 'now');
            await expectScanned(store.db);
            if (!store.erasing()) continue;
            store.eraseSlice();
            erased++;
            await expectScanned(store.db);
          }
          while (store.erasing()) store.eraseSlice();
          await expectScanned(store.db);
          const purged = open();
          purged.commit(purgedOf(messages), 'now');
          if (store.rebuildDue() === undefined) {
            exact++;
            expect(hashProjection(store.db)).toEqual(hashProjection(purged.db));
            expect(await answerOf(store.db)).toEqual(await answerOf(purged.db));
          }
          for (const one of [store, purged]) one.close();
        }),
        { numRuns: runs(60) },
      );
      expect(erased).toBeGreaterThan(20);
      expect(exact).toBeGreaterThan(10);
    },
    within(60_000),
  );

  it('equal a scan of the rows on the golden log', async () => {
    const store = openStore({
      file: ':memory:',
      definition: feedbackProjection(completeConfig({ events: { declared: DECLARED } })),
      codec: goldenCodec,
      cacheKib: 1_024,
      erasureKey: GOLDEN_KEY,
    });
    const messages = goldenLog();
    for (let from = 0; from < messages.length; from += 100) {
      store.commit(messages.slice(from, from + 100), 'now');
      await expectScanned(store.db);
    }
    expect((await answerOf(store.db)).total.clicks).toBeGreaterThan(10);
    store.close();
  });

  it('leave out an event of a batch that the service cannot fold', async () => {
    const definition = feedbackProjection(config);
    const { apply } = definition;
    const store = openStore({
      file: ':memory:',
      definition: {
        ...definition,
        apply: (one, tables, clock) => {
          apply(one, tables, clock);
          if (one.type === 'feedback.served.v1' && one.data.list === 'broken') throw new Error('broken');
        },
      },
      codec,
      cacheKib: 1_024,
    });
    const lists = ['l1', 'broken', 'l2'].map((list) => served('u1', list, ['a', 'b']));
    const { deadLetters } = store.commit(stored([published('a'), ...lists, clicked('u1', 'a', { list: 'l1' })]), 'now');
    expect(deadLetters).toHaveLength(1);
    expect((await answerOf(store.db)).total).toMatchObject({ impressions: 4, clicks: 1 });
    await expectScanned(store.db);
    store.close();
  });

  it('stay away from rows of an earlier release, and the summary says that they are being rebuilt', async () => {
    const file = join(tempDir('counters'), 'f.sqlite');
    const options = { file, definition: feedbackProjection(config), codec, cacheKib: 1_024, erasureKey: KEY };
    const events = [published('a'), served('u1', 'l1', ['a', 'b']), served('u2', 'l2', ['a']), clicked('u1', 'a')];
    const earlier = openStore(options);
    earlier.commit(stored(events), 'now');
    for (const table of ['part', 'exposure', 'spread', 'arm_user', 'arm_spread', 'weighed', 'item_reaction'])
      earlier.db.exec(`DROP TABLE ${table}`);
    earlier.db.exec("UPDATE checkpoint SET version = 'earlier'");
    earlier.close();
    const store = openStore({ ...options, otherVersion: 'keep' });
    expect(store.stale).toBe(true);
    store.commit(stored([served('u3', 'l3', ['a']), clicked('u2', 'a', { list: 'l2' }), forgotten('u1')], 5), 'now');
    expect(store.db.prepare('SELECT * FROM part').all()).toEqual([]);
    await expect(answerOf(store.db)).rejects.toMatchObject({ code: 'FRESHET_SERVICE_UNAVAILABLE' });
    store.close();
  });

  it('of items stay away from rows of a release that kept none, and its other counters go on', async () => {
    const file = join(tempDir('counters'), 'f.sqlite');
    const options = { file, definition: feedbackProjection(config), codec, cacheKib: 1_024, erasureKey: KEY };
    const events = [published('a'), served('u1', 'l1', ['a', 'b']), clicked('u1', 'a')];
    const earlier = openStore(options);
    earlier.commit(stored(events), 'now');
    earlier.db.exec('DROP TABLE item_reaction');
    earlier.db.exec("UPDATE checkpoint SET version = 'earlier'");
    earlier.close();
    const store = openStore({ ...options, otherVersion: 'keep' });
    store.commit(stored([served('u3', 'l3', ['a']), clicked('u3', 'a', { list: 'l3' })], 4), 'now');
    expect(store.db.prepare('SELECT * FROM item_reaction').all()).toEqual([]);
    expect((await answerOf(store.db)).total).toMatchObject({ impressions: 3, clicks: 2 });
    expect(() => itemEndpoints(store.db, config).items?.handle({})).toThrow(/counted nothing by item/);
    // A file without reactions does not show by itself that it lacks the withdrawals.
    expect(() => itemEndpoints(open().db, config, true).items?.handle({})).toThrow(/counted nothing by item/);
    store.close();
  });

  it('of items come in pages, the most shown first, and those that no list has shown by id', () => {
    const store = open();
    store.commit(
      stored([
        ...['a', 'b', 'c', 'd', 'e', 'f'].map((item) => published(item)),
        withdrawn('f'),
        served('u1', 'l1', ['a', 'b', 'c']),
        served('u2', 'l2', ['b', 'c']),
        clicked('u2', 'c', { list: 'l2' }),
      ]),
      'now',
    );
    const { items, item } = itemEndpoints(store.db, config);
    const pages = (order: string): string[][] => {
      const found: string[][] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = items?.handle({ order, n: 2, ...(cursor === '' ? {} : { cursor }) }) as ItemsAnswer;
        found.push(page.items.map((one) => one.item));
        cursor = page.next;
      }
      return found;
    };
    expect(pages('impressions')).toEqual([['b', 'c'], ['a']]);
    expect(pages('never')).toEqual([['d', 'e']]);
    expect(item?.handle({ item: 'c' })).toMatchObject({
      impressions: 2,
      clicks: 1,
      ctr: 0.5,
      by_position: [
        { position: 1, impressions: 1, clicks: 1, ctr: 1 },
        { position: 2, impressions: 1, clicks: 0 },
      ],
    });
    expect(item?.handle({ item: 'd' })).toMatchObject({ impressions: 0, ctr_interval: [0, 1], by_position: [] });
    expect(() => item?.handle({ item: 'nobody-has-it' })).toThrow(/Nobody has published/);
    expect(() => items?.handle({ cursor: 'of another order' })).toThrow(/cursor/);
    store.close();
  });

  it('hold nothing once every user is forgotten', () => {
    const store = open();
    const acts = fc.sample(act, { numRuns: 300, seed: 5 }).filter(({ type }) => !/linked|erased|published/.test(type));
    const last = IDS.map((id) => forgotten(id));
    store.commit(stored([...acts, ...last]), 'now');
    for (const table of ['part', 'exposure', 'spread', 'arm_user', 'arm_spread', 'weighed', 'item_reaction'])
      expect(store.db.prepare(`SELECT count(*) AS n FROM ${table}`).get(), table).toEqual({ n: 0 });
    store.close();
  });
});
