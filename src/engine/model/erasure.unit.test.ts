/** A model that takes users out in slices, beside one that never had their events. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs, within } from '../../../test/support/runs.ts';
import { itemId, type UserId, userId } from '../../bus/event/ids.ts';
import { createModel, type Model } from './mod.ts';

const USERS = ['u1', 'u2', 'u3', 's1', 's2'];

/** What an event does; its position is its place. */
type Act =
  | { kind: 'interact' | 'dismiss'; user: string; item: string }
  | { kind: 'link'; user: string; other: string }
  /** Takes back the user's own event this far back. */
  | { kind: 'retract'; user: string; back: number }
  | { kind: 'forget'; user: string };

const user = fc.constantFrom(...USERS);
const item = fc.constantFrom('a', 'b', 'c', 'd');
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('interact' as const), user, item }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('dismiss' as const), user, item }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('link' as const), user, other: user }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retract' as const), user, back: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('forget' as const), user }) },
);

const of = (name: string): UserId => userId(name);
const empty = (): Model =>
  createModel({ ranker: { form: 'none' }, statistics: { coOccurrenceReach: 3, transitionReach: 2 } });

function fold(model: Model, one: Act, seq: number, acts: readonly Act[]): void {
  const time = seq * 1_000;
  switch (one.kind) {
    case 'interact':
      model.interact({ user: of(one.user), item: itemId(one.item), weight: 16, time, seq });
      return;
    case 'dismiss':
      model.dismiss({ user: of(one.user), item: itemId(one.item), list: undefined, seq });
      return;
    case 'link':
      model.link(of(one.user), of(one.other), seq);
      return;
    case 'retract': {
      const target = seq - 1 - one.back;
      const event = acts[target - 1];
      if (event?.kind === 'interact' && event.user === one.user) model.retract(of(one.user), target);
      return;
    }
    case 'forget':
      model.cutOff(of(one.user));
  }
}

const known = (model: Model) => ({
  statistics: model.statisticsHash(),
  state: model.exportState({ learned: false }).toString('base64'),
  users: model.users(),
  ...Object.fromEntries((['posting', 'dismissed', 'total'] as const).map((part) => [part, [...model.counted(part)]])),
});

describe('an erasure in slices', () => {
  it(
    'leaves what a log without the users gives, whatever comes between the slices',
    () => {
      let between = 0;
      fc.assert(
        fc.property(
          fc.array(act, { minLength: 10, maxLength: 60, size: 'max' }),
          fc.integer({ min: 1, max: 5 }),
          fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
          (acts, limit, slices) => {
            const live = empty();
            for (const [n, one] of acts.entries()) {
              fold(live, one, n + 1, acts);
              if (live.erasing && one.kind !== 'forget') between++;
              if (slices[n % slices.length]) live.erase(limit);
            }
            while (live.erasing) live.erase(limit);
            const purged = empty();
            for (const [n, one] of acts.entries()) {
              const isGone = acts.some((other, m) => m > n && other.kind === 'forget' && other.user === one.user);
              if (one.kind !== 'forget' && !isGone) fold(purged, one, n + 1, acts);
            }
            // The record of an erasure moves the clock of both.
            for (const model of [live, purged]) model.clock = 1_000 * (acts.length + 1);
            expect(known(live)).toEqual(known(purged));
          },
        ),
        { numRuns: runs(300) },
      );
      expect(between).toBeGreaterThan(100);
    },
    within(20_000),
  );

  it('knows the id no more from its begin, and an event under the id starts another user', () => {
    const model = empty();
    for (let seq = 1; seq <= 50; seq++)
      model.interact({ user: of('u1'), item: itemId(`i${seq % 7}`), weight: 16, time: seq, seq });
    model.cutOff(of('u1'));
    expect(model.erasing).toBe(true);
    expect(model.users()).toEqual([]);
    expect(model.history(of('u1'))).toEqual([]);
    model.interact({ user: of('u1'), item: itemId('new'), weight: 16, time: 51, seq: 51 });
    model.erase(10);
    expect(model.stats().events).toBe(41);
    expect(model.history(of('u1')).map(({ seq }) => seq)).toEqual([51]);
  });

  it('gives no state before its end', () => {
    const model = empty();
    for (const seq of [1, 2]) model.interact({ user: of('u1'), item: itemId('a'), weight: 16, time: seq, seq });
    model.cutOff(of('u1'));
    for (const read of [() => model.exportState(), () => model.statisticsHash()])
      expect(read).toThrow(expect.objectContaining({ code: 'FRESHET_ERASURE_UNDER_WAY' }));
    model.erase(2);
    expect(model.exportState().length).toBeGreaterThan(0);
  });
});
