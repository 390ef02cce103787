/** An erasure in slices ends where the fold of the purged log ends, whatever comes between the slices. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitionsOf } from '../../../test/support/definitions.ts';
import {
  clicked,
  codec,
  linked,
  outgoing,
  registered,
  retracted,
  served,
  stored,
  type TestEvent,
  updated,
  viewed,
} from '../../../test/support/events.ts';
import { erasureHistory, foldInSlices, forgotten, KEY, purgedOf } from '../../../test/support/forgetting.ts';
import { runs, within } from '../../../test/support/runs.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { completeConfig } from '../../config/load.ts';
import type { ProjectionDefinition } from './definition.ts';
import { hashProjection } from './hash.ts';
import { openStore } from './store.ts';

const config = completeConfig({});
const SERVICES: Record<string, () => ProjectionDefinition<never>> = definitionsOf(config);
const names = Object.keys(SERVICES);
/** The engine's rows are exact at once; what its model learned in order is not. */
const LEARNED = 'the model cannot subtract what it learned in the order of events';

const slicing = fc.record({
  eraseEvents: fc.integer({ min: 1, max: 3 }),
  batch: fc.integer({ min: 1, max: 6 }),
  /** Slices after each batch, and whether the process is killed then; both repeat. */
  slices: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 4 }),
  kills: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
});

describe('an erasure in slices', () => {
  it.each(names)(
    '%s equals a fold of the purged log, or reports that a rebuild is due',
    (name) => {
      let exact = 0;
      let under = 0;
      fc.assert(
        fc.property(erasureHistory, slicing, (acts, how) => {
          const definition = SERVICES[name] as () => ProjectionDefinition<never>;
          const messages = stored(acts);
          const live = foldInSlices({ definition, messages, ...how });
          const purged = foldInSlices({ definition, messages: purgedOf(messages) });
          under += live.sliced;
          const due = live.store.rebuildDue();
          if (due === undefined || due === LEARNED) {
            exact++;
            expect(hashProjection(live.store.db)).toEqual(hashProjection(purged.store.db));
          }
          expect(purged.store.rebuildDue()).toBeUndefined();
          expect(live.store.erasing()).toBe(false);
          for (const one of [live, purged]) one.store.close();
        }),
        { numRuns: runs(100) },
      );
      expect(exact).toBeGreaterThan(20);
      expect(under).toBeGreaterThan(20);
    },
    within(60_000),
  );

  /** A user with ten views, forgotten in slices of one event; then these events come before the second slice. */
  const during = (
    name: string,
    theirs: readonly TestEvent[],
    between: readonly TestEvent[],
    others: readonly TestEvent[] = [],
  ) => {
    const definition = SERVICES[name] as () => ProjectionDefinition<never>;
    const views = Array.from({ length: 10 }, (_, n) => viewed('u1', 'a', { id: `view${n}` }));
    const messages = stored([...others, ...views, ...theirs, forgotten('u1'), ...between]);
    const first = messages.length - between.length;
    const live = openStore({ file: ':memory:', definition: definition(), codec, erasureKey: KEY, eraseEvents: 1 });
    live.commit(messages.slice(0, first), 'now');
    expect(live.erasing()).toBe(true);
    live.commit(messages.slice(first), 'now');
    expect(live.erasing()).toBe(true);
    const { store: purged } = foldInSlices({ definition, messages: purgedOf(messages) });
    return {
      live,
      /** Ends the erasure and compares. */
      ends: () => {
        while (live.erasing()) live.eraseSlice();
        expect(hashProjection(live.db)).toEqual(hashProjection(purged.db));
        for (const one of [live, purged]) one.close();
      },
    };
  };

  it('lets a list of the new life take the id of a doomed list', () => {
    during(
      'feedback',
      [served('u1', 'l1', ['a', 'b']), clicked('u1', 'a', { list: 'l1' })],
      [served('u1', 'l1', ['c', 'a']), clicked('u1', 'a', { list: 'l1' })],
    ).ends();
  });

  it('lets a list of another user take the id of a doomed list', () => {
    during('feedback', [served('u1', 'l1', ['a', 'b'])], [served('u2', 'l1', ['c'])]).ends();
  });

  it('attributes no reaction of the new life to a doomed list', () => {
    during(
      'feedback',
      [served('u1', 'l1', ['a', 'b'])],
      [clicked('u1', 'a'), clicked('u1', 'b', { list: 'l1' })],
    ).ends();
  });

  it.each(['user', 'feedback', 'engine'])('moves no doomed row of %s with a link of another user', (name) => {
    during(
      name,
      [registered('u1', { age: 41 }), served('u1', 'l1', ['a']), clicked('u1', 'a')],
      [viewed('u1', 'b'), updated('u1', { town: 'Hull' }), linked('u2', 'u1'), viewed('u1', 'c')],
    ).ends();
  });

  it.each(names)('%s folds an event with the identity of a doomed one', (name) => {
    during(name, [], [viewed('u1', 'b', { id: 'view7' }), viewed('u2', 'c', { id: 'view8' })]).ends();
  });

  it.each(['user', 'engine'])('%s ignores a retraction of a doomed event', (name) => {
    during(name, [], [retracted('u1', { id: 'view9' }), viewed('u1', 'a')]).ends();
  });

  it('forgets the new life as well', () => {
    during('user', [], [viewed('u1', 'b'), forgotten('u1'), viewed('u1', 'c')]).ends();
  });

  it('shows neither identities nor rows of the user from its begin', () => {
    const theirs = registered('u1', { age: 41 });
    const { live, ends } = during('user', [theirs], [viewed('u2', 'a')]);
    expect(live.known([outgoing(theirs).identity])).toEqual([undefined]);
    expect(live.isErasing('u1')).toBe(true);
    expect(live.db.prepare('SELECT user FROM profile').all()).toEqual([{ user: 'u2' }]);
    expect(live.applied(stored([viewed('u1', 'a', { id: 'view9' })], 10))).toEqual([]);
    ends();
  });

  it('shares a slice among the erasures of a batch', () => {
    const users = Array.from({ length: 20 }, (_, n) => `one${n}`);
    const messages = stored([...users.map((user) => viewed(user, 'a')), ...users.map((user) => forgotten(user))]);
    const definition = SERVICES.user as () => ProjectionDefinition<never>;
    const store = openStore({ file: ':memory:', definition: definition(), codec, erasureKey: KEY, eraseEvents: 5 });
    store.commit(messages, 'now');
    const left = () => (store.db.prepare('SELECT count(*) AS n FROM interaction').get() as { n: number }).n;
    expect(left()).toBe(15);
    store.eraseSlice();
    expect(left()).toBe(10);
    store.close();
  });

  it('marks the file at each slice, so that no copy from its middle counts as free of traces', () => {
    const file = join(tempDir('slices'), 'user.sqlite');
    const definition = SERVICES.user as () => ProjectionDefinition<never>;
    const open = () => openStore({ file, definition: definition(), codec, erasureKey: KEY, eraseEvents: 1 });
    const store = open();
    store.commit(stored([viewed('u1', 'a'), viewed('u1', 'b'), viewed('u1', 'c'), forgotten('u1')]), 'now');
    // As a copy does.
    store.db.pragma('user_version = 1');
    store.close();
    const copy = open();
    expect(copy.erasing()).toBe(true);
    copy.eraseSlice();
    expect(copy.holdsTraces()).toBe(true);
    copy.close();
  });
});
