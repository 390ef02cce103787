/** Learning in the order of the log: the ranker, impressions and their outcomes, dismissals. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/support/runs.ts';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { createModel, type Model } from './mod.ts';

const user = (n: number | string) => `u${n}` as UserId;
const item = (n: number | string) => `i${n}` as ItemId;
const config = { ranking: { serveUnpublished: true }, prequential: { window: 5, windowLong: 20, every: 3 } };
const HOUR_MS = 3_600_000;

type Act =
  | { kind: 'interact'; by: number; of: number; jump: number }
  | { kind: 'serve'; by: number; list: number; items: number[] }
  | { kind: 'click' | 'dismiss'; by: number; list: number; of: number }
  | { kind: 'link'; by: number; session: number }
  | { kind: 'retract'; by: number; back: number };

const who = fc.nat(4);
const what = fc.nat(11);
const list = fc.nat(3);
const acts = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ kind: fc.constant('interact' as const), by: who, of: what, jump: fc.nat(50) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('serve' as const),
        by: who,
        list,
        items: fc.uniqueArray(what, { minLength: 2, maxLength: 8 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('click' as const, 'dismiss' as const), by: who, list, of: what }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), by: who, session: who }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('retract' as const), by: who, back: fc.nat(20) }) },
  ),
  { maxLength: 90 },
);

function fold(model: Model, log: readonly Act[], from = 0, to = log.length): Model {
  for (let at = from; at < to; at++) {
    const act = log[at]!;
    const seq = at * 2 + 1;
    const time = at * HOUR_MS;
    model.clock = time;
    if (act.kind === 'interact')
      model.interact({ user: user(act.by), item: item(act.of), weight: 16, time: time - act.jump * HOUR_MS, seq });
    else if (act.kind === 'serve')
      model.serve({ user: user(act.by), list: `l${act.list}`, items: act.items.map(item), time, seq });
    else if (act.kind === 'link') model.link(user(act.by), user(act.session), seq);
    else if (act.kind === 'retract') model.retract(user(act.by), Math.max(1, seq - 2 * act.back));
    else if (act.kind === 'click') model.click({ user: user(act.by), item: item(act.of), list: `l${act.list}`, seq });
    else model.dismiss({ user: user(act.by), item: item(act.of), list: `l${act.list}`, seq });
  }
  return model;
}

const seen = (model: Model) => ({
  statistics: model.statisticsHash(),
  ranker: model.rankerHash(),
  bytes: model.exportState().toString('base64'),
  lists: [0, 1, 2, 3, 4].map((n) => model.recommend({ user: user(n), n: 12, explain: true })),
});

const taken = (by: number, ...of: number[]): Act[] => of.map((n) => ({ kind: 'interact', by, of: n, jump: 0 }));

/** A list with an item without interactions that was never published. */
const SHOWN_WHAT_WAS_TAKEN_BACK: Act[] = [
  ...taken(1, 0),
  ...taken(0, 5),
  { kind: 'retract', by: 1, back: 2 },
  { kind: 'serve', by: 0, list: 0, items: [0, 5] },
];

describe('a model that was written and read anywhere in the log', () => {
  it('continues to the same lists, ranker and bytes as one that was not', () => {
    fc.assert(
      fc.property(acts, fc.nat(100), (log, place) => {
        const cut = Math.min(place, log.length);
        const whole = fold(createModel(config), log);
        const first = fold(createModel(config), log, 0, cut);
        const second = createModel(config);
        second.importState(first.exportState());
        expect(seen(second)).toEqual(seen(first));
        expect(seen(fold(second, log, cut))).toEqual(seen(whole));
      }),
      { numRuns: runs(60), examples: [[SHOWN_WHAT_WAS_TAKEN_BACK, 3]] },
    );
  });

  it('is refused by one with another ranker', () => {
    const bytes = fold(createModel(config), taken(1, 1, 2, 3)).exportState();
    const other = createModel({ ...config, ranker: { form: 'linear' } });
    expect(() => other.importState(bytes)).toThrow(/another ranker/);
  });
});

describe('the ranker of a model', () => {
  const log = [...taken(1, 1, 2, 3, 4), ...taken(2, 1, 2, 3, 4), ...taken(3, 1, 2, 3)];

  it('learns from a candidate before the statistics count it', () => {
    const model = fold(createModel(config), log);
    const { steps } = model.stats().ranker;
    expect(steps).toBeGreaterThan(0);
    // An item without interactions cannot be ranked.
    model.interact({ user: user(3), item: item('new'), weight: 16, time: 0, seq: 1_001 });
    expect(model.stats().ranker.steps).toBe(steps);
    const before = model.rankerHash();
    model.interact({ user: user(3), item: item(4), weight: 16, time: 0, seq: 1_003 });
    expect(model.stats().ranker.steps).toBe(steps + 1);
    expect(model.rankerHash()).not.toBe(before);
  });

  it('does not learn from events that come late, twice or through a link', () => {
    const model = fold(createModel(config), log);
    const before = model.rankerHash();
    model.interact({ user: user(3), item: item(4), weight: 16, time: 0, seq: 4 });
    model.interact({ user: user(3), item: item(4), weight: 16, time: 0, seq: 4 });
    model.link(user(3), user(2), 2_000);
    expect(model.rankerHash()).toBe(before);
  });

  it('does not learn from repeats, unless seen items may come back', () => {
    const again = { kind: 'interact', by: 2, of: 2, jump: 0 } as const;
    for (const includeSeen of [false, true]) {
      const of = { ...config, ranking: { serveUnpublished: true, includeSeen } };
      const steps = fold(createModel(of), log).stats().ranker.steps;
      expect(fold(createModel(of), [...log, again]).stats().ranker.steps - steps).toBe(includeSeen ? 1 : 0);
    }
  });

  it('explains its scores by terms that add up to them', () => {
    fc.assert(
      fc.property(acts, (all) => {
        const model = fold(createModel(config), all);
        for (const n of [0, 1, 2]) {
          for (const { score, reasons } of model.recommend({ user: user(n), n: 12, explain: true }).items) {
            expect(reasons!.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 8);
          }
        }
      }),
      { numRuns: runs(40) },
    );
  });

  it('is stale once a user is forgotten, and after a merge is that of the model with more events', () => {
    const model = fold(createModel(config), log);
    expect(model.stats().ranker.stale).toBe(false);
    model.forget(user(3));
    expect(model.stats().ranker.stale).toBe(true);
    const small = fold(createModel(config), taken(9, 1, 2));
    const large = fold(createModel(config), log);
    small.merge(large);
    expect(small.rankerHash()).toBe(large.rankerHash());
  });
});

describe('an impression', () => {
  const log = [...taken(1, 1, 2, 3, 4), ...taken(2, 1, 2, 3, 4), ...taken(3, 1, 2)];
  const shown = () => {
    const model = fold(createModel(config), log);
    model.serve({ user: user(3), list: 'l', items: [item(3), item(4)], time: 0, seq: 1_001 });
    return model;
  };

  it('trains the ranker when the user clicks an item, even if the fold counted the item before', () => {
    const clicked = [false, true].map((counted) => {
      const model = shown();
      const { steps } = model.stats().ranker;
      if (counted) model.link(user('x'), user('y'), 1_002);
      expect(model.click({ user: user(3), item: item(4), list: 'l', seq: 1_003 })).toBe(true);
      expect(model.stats().ranker.steps).toBe(steps + 1);
      return model.rankerHash();
    });
    expect(clicked[0]).toBe(clicked[1]);
  });

  it('changes neither histories nor statistics', () => {
    const model = shown();
    const before = model.statisticsHash();
    model.click({ user: user(3), item: item(4), list: 'l', seq: 1_003 });
    model.dismiss({ user: user(3), item: item(3), list: 'l', seq: 1_005 });
    expect(model.statisticsHash()).toBe(before);
    expect(model.history(user(3))).toHaveLength(2);
  });

  it('teaches nothing if it is unknown, another user’s, or did not hold the item', () => {
    const model = shown();
    const before = model.rankerHash();
    expect(model.click({ user: user(3), item: item(4), list: 'other', seq: 1_003 })).toBe(false);
    expect(model.click({ user: user(3), item: item(4), seq: 1_005 })).toBe(false);
    expect(model.click({ user: user(2), item: item(4), list: 'l', seq: 1_007 })).toBe(false);
    expect(model.click({ user: user(3), item: item(1), list: 'l', seq: 1_009 })).toBe(false);
    expect(model.rankerHash()).toBe(before);
  });

  it('is dropped if there is no room', () => {
    const model = fold(createModel({ ...config, impressions: { listsOfUser: 2, listsKept: 3 } }), log);
    const serve = (by: number, name: string, seq: number) =>
      model.serve({ user: user(by), list: name, items: [item(3), item(4)], time: 0, seq });
    for (const [i, name] of ['a', 'b', 'c'].entries()) serve(3, name, 1_001 + i);
    expect(model.stats().impressions).toBe(2);
    expect(model.click({ user: user(3), item: item(3), list: 'a', seq: 1_101 })).toBe(false);
    expect(model.click({ user: user(3), item: item(3), list: 'b', seq: 1_103 })).toBe(true);
    serve(1, 'd', 1_201);
    serve(2, 'e', 1_203);
    expect(model.stats().impressions).toBe(3);
    expect(model.click({ user: user(3), item: item(3), list: 'b', seq: 1_301 })).toBe(false);
  });
});

describe('a dismissal', () => {
  const log = [...taken(1, 1, 2, 3, 4), ...taken(2, 1, 2, 3, 4), ...taken(3, 1, 2)];
  const offered = (model: Model, by: number | string) =>
    model.recommend({ user: user(by), n: 20 }).items.map(({ item: id }) => id);

  it('removes the item from the lists of that user at once, and from no others', () => {
    const model = fold(createModel(config), [...log, ...taken(4, 1, 2)]);
    expect(offered(model, 3)).toContain('i3');
    expect(model.dismiss({ user: user(3), item: item(3), seq: 1_001 })).toBe(true);
    expect(offered(model, 3)).not.toContain('i3');
    expect(offered(model, 4)).toContain('i3');
    expect(model.dismiss({ user: user(3), item: item(3), seq: 1_001 })).toBe(false);
    expect(model.stats()).toMatchObject({ dismissals: 1, warnings: { 'repeated-sequence': 1 } });
  });

  it('of a session moves to the user of the session', () => {
    const model = fold(createModel(config), log);
    model.dismiss({ user: user('s'), item: item(3), seq: 1_001 });
    model.link(user(3), user('s'), 1_003);
    expect(offered(model, 3)).not.toContain('i3');
    model.forget(user('s'));
    expect(offered(model, 3)).toContain('i3');
  });

  it('counts against the item, and leaves no trace if its user is forgotten', () => {
    fc.assert(
      fc.property(acts, who, (all, gone) => {
        const none = { ...config, ranker: { form: 'none' as const } };
        const links = all.filter(({ kind }) => kind !== 'link' && kind !== 'retract');
        const never = createModel(none);
        const was = fold(createModel(none), links);
        for (const [at, act] of links.entries()) {
          const hole = act.by === gone ? [] : [act];
          const shifted = Array.from({ length: at }, () => hole[0]).filter((held) => held !== undefined);
          if (hole.length > 0) fold(never, [...shifted, act] as Act[], at, at + 1);
        }
        was.forget(user(gone));
        never.clock = was.clock;
        const plain = (model: Model) => ({
          bytes: model.exportState({ learned: false }).toString('base64'),
          lists: [0, 1, 2, 3, 4].map((n) => model.recommend({ user: user(n), n: 12, at: 200 * HOUR_MS })),
        });
        was.clock = never.clock;
        expect(plain(was)).toEqual(plain(never));
      }),
      { numRuns: runs(60) },
    );
  });
});
