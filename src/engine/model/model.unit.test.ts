import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/support/runs.ts';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { createModel, type Interaction, type Model, ModelStateUnreadableError } from './mod.ts';

const DAY_MS = 86_400_000;
const user = (n: number | string) => `u${n}` as UserId;
const item = (n: number | string) => `i${n}` as ItemId;
// What the ranker learns depends on the order of users, which its own tests cover. These tests cover the rest.
const SERVING_ALL = { ranking: { serveUnpublished: true }, ranker: { form: 'none' as const } };
/** The same, without a list for each arriving event. */
const UNSCORED = { ...SERVING_ALL, ranker: { form: 'none' as const, dense: 0 }, prequential: { every: 2 ** 32 } };

type Act =
  | { kind: 'interact'; by: UserId; of: ItemId; weight: number; negative: number; time: number }
  | { kind: 'link'; by: UserId; session: UserId };

const interaction = fc.record({
  kind: fc.constant('interact' as const),
  by: fc.integer({ min: 0, max: 4 }).map(user),
  of: fc.integer({ min: 0, max: 11 }).map(item),
  weight: fc.constantFrom(1, 16, 24, 48, 4095),
  negative: fc.constantFrom(0, 16),
  time: fc.integer({ min: 0, max: 40 * DAY_MS }),
});
const link = fc.record({
  kind: fc.constant('link' as const),
  by: fc.integer({ min: 0, max: 4 }).map(user),
  session: fc.integer({ min: 0, max: 4 }).map(user),
});
const interactions = fc.array(interaction, { maxLength: 120 });
const acts = fc.array(fc.oneof({ weight: 12, arbitrary: interaction }, { weight: 1, arbitrary: link }), {
  maxLength: 100,
});

function fold(model: Model, log: readonly (Act & { seq: number })[]): Model {
  for (const act of log) {
    if (act.kind === 'link') model.link(act.by, act.session, act.seq);
    else {
      const { by, of, weight, negative, time, seq } = act;
      model.clock = time;
      model.interact({ user: by, item: of, weight, negative, time, seq });
    }
  }
  return model;
}

const numbered = <T extends Act>(log: readonly T[]) => log.map((act, i) => ({ ...act, seq: i * 3 + 1 }));
/** All visible state of a model: its counts, its histories, and the lists from both. */
const state = (model: Model) => ({
  hash: model.statisticsHash(),
  // Without the ranker, which an erasure leaves to a rebuild.
  bytes: model.exportState({ learned: false }).toString('base64'),
  lists: [0, 1, 2, 3, 4].map((n) => model.recommend({ user: user(n), n: 12, at: 50 * DAY_MS, explain: true })),
});

/** A model without its clock, because an erasure does not move the clock back. */
function folded(log: readonly (Act & { seq: number })[], clock = 50 * DAY_MS): Model {
  const model = fold(createModel(SERVING_ALL), log);
  model.clock = clock;
  return model;
}

describe('statistics of a log', () => {
  it('match the formula, for a short log', () => {
    const model = createModel(SERVING_ALL);
    const log: Act[] = ['a', 'b', 'c'].map((of, i) => ({
      kind: 'interact',
      by: user(1),
      of: item(of),
      weight: 16,
      negative: 0,
      time: i * DAY_MS,
    }));
    fold(model, numbered(log));
    expect(model.stats()).toMatchObject({ users: 1, items: 3, events: 3, pairs: 6 });
  });

  it('do not depend on the order of users', () => {
    fc.assert(
      fc.property(interactions, fc.infiniteStream(fc.nat()), (log, random) => {
        const all = numbered(log);
        const shuffled = all
          .map((act) => ({ act, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ act }) => act);
        expect(state(folded(shuffled))).toEqual(state(folded(all)));
      }),
      { numRuns: runs(60) },
    );
  });

  it('of two partitions of the users add up to those of the whole', () => {
    fc.assert(
      fc.property(interactions, (log) => {
        const all = numbered(log);
        const part = (odd: boolean) => all.filter((act) => (Number(act.by.slice(1)) % 2 === 1) === odd);
        const merged = folded(part(false));
        merged.merge(folded(part(true)));
        expect(state(merged)).toEqual(state(folded(all)));
      }),
      { numRuns: runs(60) },
    );
  });

  it('after an erasure are those of a log without the user', () => {
    fc.assert(
      fc.property(acts, fc.integer({ min: 0, max: 4 }), (log, who) => {
        const all = numbered(log);
        const model = folded(all);
        model.forget(user(who));
        expect(state(model)).toEqual(state(folded(all.filter(({ by }) => by !== user(who)))));
      }),
      { numRuns: runs(150) },
    );
  });

  it('after an erasure continue as those of a log without the user', () => {
    fc.assert(
      fc.property(acts, acts, fc.integer({ min: 0, max: 4 }), (before, after, who) => {
        const all = numbered([...before, ...after]);
        const first = all.slice(0, before.length);
        const model = folded(first);
        model.forget(user(who));
        fold(model, all.slice(before.length));
        const kept = [...first.filter(({ by }) => by !== user(who)), ...all.slice(before.length)];
        expect(state(model)).toEqual(state(folded(kept)));
      }),
      { numRuns: runs(100) },
    );
  });

  it('after a retraction are those of a log without the event', () => {
    fc.assert(
      fc.property(acts, fc.nat(), (log, which) => {
        fc.pre(log.length > 0);
        const all = numbered(log);
        const gone = all[which % all.length]!;
        const model = folded(all);
        model.retract(gone.by, gone.seq);
        const without = folded(all.filter((act) => act !== gone));
        expect(state(model)).toEqual(state(without));
      }),
      { numRuns: runs(150) },
    );
  });

  it('after a link are those of a log in which all events are the user’s', () => {
    fc.assert(
      fc.property(interactions, interactions, fc.nat(100), (before, after, linkAt) => {
        const all = numbered([...before, ...after]);
        const model = createModel(SERVING_ALL);
        const middle = Math.min(linkAt, all.length);
        fold(model, all.slice(0, middle));
        model.link(user(0), user(1), middle * 3);
        fold(model, all.slice(middle));
        const asOne = folded(all.map((act) => (act.by === user(1) ? { ...act, by: user(0) } : act)));
        expect(model.statisticsHash()).toBe(asOne.statisticsHash());
        expect(model.history(user(1))).toEqual(asOne.history(user(0)));
        expect(state(model).lists.slice(2)).toEqual(state(asOne).lists.slice(2));
        expect(state(model).lists[1]).toEqual(state(asOne).lists[0]);
      }),
      { numRuns: runs(100) },
    );
  });

  it('are the same after a state was written and read', () => {
    fc.assert(
      fc.property(acts, (log) => {
        const model = folded(numbered(log));
        model.setTraits(user(1), { likes: ['x', 'y'], age: 4 });
        model.publishItem(item(3), { title: 'Three', tags: ['odd'] }, 5);
        model.withdrawItem(item(4));
        const copy = createModel(SERVING_ALL);
        copy.importState(model.exportState());
        expect(state(copy)).toEqual(state(model));
        expect(copy.exportState()).toEqual(model.exportState());
        expect(copy.recommend({ user: user(1), n: 10 })).toEqual(model.recommend({ user: user(1), n: 10 }));
      }),
      { numRuns: runs(60) },
    );
  });
});

describe('a state that was written', () => {
  const bytes = () => folded(numbered([{ kind: 'link', by: user(1), session: user(2) }])).exportState();

  it('is refused when a byte of it changed', () => {
    const state = bytes();
    for (let at = 0; at < state.length; at += 7) {
      const altered = Buffer.from(state);
      altered[at]! ^= 1;
      expect(() => createModel().importState(altered)).toThrow(ModelStateUnreadableError);
    }
  });

  it('is refused when it was cut short', () => {
    expect(() => createModel().importState(bytes().subarray(0, -5))).toThrow(ModelStateUnreadableError);
    expect(() => createModel().importState(new Uint8Array(0))).toThrow(ModelStateUnreadableError);
  });

  it('is refused by a model that is not empty', () => {
    const model = folded(numbered([{ kind: 'link', by: user(1), session: user(2) }]));
    expect(() => model.importState(bytes())).toThrow(ModelStateUnreadableError);
  });
});

describe('a list', () => {
  it('does not depend on the order of users and items', () => {
    fc.assert(
      fc.property(interactions, fc.infiniteStream(fc.nat()), (log, random) => {
        const all = numbered(log);
        const shuffled = all
          .map((act) => ({ act, at: random.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ act }) => act);
        const one = folded(all);
        const other = createModel(SERVING_ALL);
        // Other numbers for items and users, longer rows with zeros in them, other places in the pool.
        fold(
          other,
          numbered(log).map((act) => ({ ...act, by: `${act.by}x` as UserId, of: act.of, seq: act.seq + 1e6 })),
        );
        for (let i = 0; i < 5; i++) other.forget(`u${i}x` as UserId);
        fold(other, shuffled);
        other.clock = one.clock;
        expect(other.statisticsHash()).toBe(one.statisticsHash());
        for (let i = 0; i < 5; i++) {
          const request = { user: user(i), n: 10, explain: true };
          expect(other.recommend(request)).toEqual(one.recommend(request));
        }
        expect(other.similar(item(3), 10)).toEqual(one.similar(item(3), 10));
        expect(other.trending(10)).toEqual(one.trending(10));
      }),
      { numRuns: runs(60) },
    );
  });

  it('holds neither what the user has seen nor what was withdrawn or excluded', () => {
    fc.assert(
      fc.property(interactions, fc.integer({ min: 0, max: 4 }), (log, who) => {
        const all = numbered(log);
        const model = folded(all);
        model.withdrawItem(item(0));
        const { items } = model.recommend({ user: user(who), n: 20, exclude: [item(1)] });
        const seen = new Set(all.filter(({ by }) => by === user(who)).map(({ of }) => of));
        for (const { item: listed } of items) {
          expect(seen.has(listed)).toBe(false);
          expect([item(0), item(1)]).not.toContain(listed);
        }
        const bought = model.recommend({ user: user(who), n: 20, includeSeen: true }).items;
        expect(bought.length).toBe(new Set(all.map(({ of }) => of)).size - (all.some((e) => e.of === item(0)) ? 1 : 0));
      }),
      { numRuns: runs(60) },
    );
  });

  it('explains each score by terms that add up to it and come from the user’s own events', () => {
    fc.assert(
      fc.property(interactions, fc.integer({ min: 0, max: 5 }), (log, who) => {
        const all = numbered(log);
        const model = folded(all);
        for (let i = 0; i < 12; i++)
          model.publishItem(item(i), { title: `Item ${i}`, tags: [`t${i % 3}`] }, i * DAY_MS);
        const own = all.filter(({ by }) => by === user(who));
        for (const { score, reasons } of model.recommend({ user: user(who), n: 10, explain: true }).items) {
          expect(reasons!.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
          for (const reason of reasons!) {
            if (reason.item === undefined) continue;
            expect(own.some((event) => event.of === reason.item && event.seq === reason.seq)).toBe(true);
          }
        }
      }),
      { numRuns: runs(60) },
    );
  });

  it('from rows that are too long to be read whole is the same, and its explanation is complete', () => {
    let seed = 3;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const log: Interaction[] = [];
    for (let by = 0; by < 2_500; by++) {
      const taken = ['hub', random(random(4_000) + 1), random(random(4_000) + 1), random(random(4_000) + 1)];
      for (const of of taken) log.push({ user: user(by), item: item(of), weight: 16, time: 0, seq: log.length });
    }
    const reader = ['hub', 1, 2].map((of, at) => ({ ...log[0]!, user: user('r'), item: item(of), seq: 1e6 + at }));
    const lists = [log, [...log].reverse()].map((events) => {
      const model = createModel(UNSCORED);
      for (const [place, one] of events.entries()) {
        model.interact(one);
        if (place % 1_000 === 999) model.recommend({ history: [item('hub')], n: 5 });
      }
      for (const one of reader) model.interact(one);
      return model.recommend({ user: user('r'), n: 20, explain: true });
    });
    expect(lists[1]).toEqual(lists[0]);
    for (const { score, reasons } of lists[0]!.items) {
      expect(reasons!.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
    }
  });

  it('of popular items is the same with and without earlier lists, in a catalogue of thousands', () => {
    const random = (() => {
      let seed = 1;
      return (below: number) => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed % below;
      };
    })();
    const log = Array.from({ length: 6_000 }, (_, seq): Interaction => {
      const of = item(random(random(2) === 0 ? 3_000 : 40));
      return { user: user(random(500)), item: of, weight: 16, time: random(60) * DAY_MS, seq };
    });
    const model = createModel(UNSCORED);
    model.clock = 60 * DAY_MS;
    for (const [place, one] of log.entries()) {
      model.interact(one);
      if (place >= 3_000 && place % 100 === 0) {
        model.recommend({ n: 10 });
        model.retract(log[place - 50]!.user, place - 50);
      }
    }
    const kept = log.filter(({ seq }) => seq < 2_950 || seq > 5_900 || (seq - 2_950) % 100 !== 0);
    const fresh = createModel(UNSCORED);
    fresh.clock = 60 * DAY_MS;
    for (const one of kept) fresh.interact(one);
    for (const n of [10, 1_500, 2_500]) expect(model.recommend({ n })).toEqual(fresh.recommend({ n }));
    const best = fresh.recommend({ n: 1_500 }).items.map((listed) => listed.item);
    const exclude = best.slice(0, 1_200);
    expect(model.recommend({ n: 50, exclude })).toEqual(fresh.recommend({ n: 50, exclude }));
  });

  it('begins with the same items whether a caller requests ten or the fifty that are published', () => {
    const model = createModel(SERVING_ALL);
    const take = (n: number): number => (Math.imul(n, 2_654_435_761) >>> 0) % 20_000;
    for (let seq = 1; seq <= 6_000; seq++) {
      model.clock = seq * 60_000;
      // Squared, so that some items are taken much more often than others.
      const of = Math.floor((take(seq) / 20_000) ** 2 * 800);
      model.interact({
        user: user(take(seq + 7) % 150),
        item: item(of),
        weight: 16,
        negative: 0,
        time: model.clock,
        seq,
      });
    }
    for (let n = 0; n < 20; n++) {
      const ten = model.recommend({ user: user(n), n: 10 }).items;
      expect(model.recommend({ user: user(n), n: 51 }).items.slice(0, 10)).toEqual(ten);
    }
  });

  it('contains items that users with a similar history took next, and does not name these users', () => {
    const model = createModel(SERVING_ALL);
    let seq = 0;
    const take = (by: string, of: string) =>
      model.interact({ user: user(by), item: item(of), weight: 16, time: 0, seq: ++seq });
    for (const by of ['p', 'q', 'r']) for (const of of ['a', 'b', 'c']) take(by, of);
    for (const of of ['x', 'y', 'z']) take('other', of);
    take('reader', 'a');
    take('reader', 'b');
    const [first] = model.recommend({ user: user('reader'), n: 1, explain: true }).items;
    expect(first!.item).toBe(item('c'));
    const reason = first!.reasons!.find(({ signal }) => signal === 'neighbours')!;
    expect(reason.contribution).toBeGreaterThan(0);
    expect(Object.keys(reason).sort()).toEqual(['contribution', 'signal']);
    expect(first!.reasons!.some(({ signal, item: of }) => signal === 'evidence' && of === item('b'))).toBe(true);
    // No user is their own neighbour, and a user without later events has no vote.
    const last = model.recommend({ user: user('p'), n: 5, explain: true });
    expect(last.items.some(({ reasons }) => reasons!.some(({ signal }) => signal === 'neighbours'))).toBe(false);
  });

  it('is personal after one event', () => {
    const model = folded(
      numbered(
        [1, 2, 3].flatMap((by): Act[] =>
          ['a', 'b'].map((of) => ({ kind: 'interact', by: user(by), of: item(of), weight: 16, negative: 0, time: 0 })),
        ),
      ),
    );
    for (let i = 0; i < 9; i++) {
      model.interact({ user: user(`other${i}`), item: item('hit'), weight: 16, time: 0, seq: 100 + i });
    }
    model.interact({ user: user('new'), item: item('a'), weight: 16, time: 0, seq: 200 });
    const { source, items } = model.recommend({ user: user('new'), n: 2 });
    expect(source).toBe('model');
    expect(items[0]!.item).toBe(item('b'));
    const stranger = model.recommend({ user: user('nobody'), n: 2 });
    expect(stranger.source).toBe('popular');
    expect(stranger.items[0]!.item).toBe(item('hit'));
    expect(model.recommend({ history: [item('a')], n: 1 }).items[0]!.item).toBe(item('b'));
  });

  it('finds an item that no user took by its content', () => {
    const model = createModel();
    for (let i = 0; i < 400; i++) {
      model.publishItem(item(i), { title: `Number ${i}`, tags: [i % 20 === 0 ? 'gothic' : `plain${i % 19}`] }, 0);
    }
    for (let i = 1; i < 200; i++) model.interact({ user: user(i), item: item(i), weight: 16, time: 0, seq: i });
    model.interact({ user: user('reader'), item: item(0), weight: 16, time: 0, seq: 1000 });
    model.publishItem(item('new'), { title: 'A new one', tags: ['gothic'] }, 0);
    const { source, items } = model.recommend({ user: user('reader'), n: 25, explain: true });
    expect(source).toBe('content');
    const found = items.find((listed) => listed.item === item('new'));
    expect(found?.reasons?.some(({ signal, terms }) => signal === 'content' && terms?.includes('gothic'))).toBe(true);
    expect(model.similar(item('new'), 3).items.length).toBe(3);
  });

  it('follows the traits of a user without a history', () => {
    const model = createModel();
    for (let i = 0; i < 100; i++) {
      model.publishItem(item(i), { title: `Number ${i}`, tags: [i < 5 ? 'Sea stories' : 'Poetry'] }, 0);
    }
    for (let i = 1; i < 50; i++)
      model.interact({ user: user(i), item: item(50 + (i % 7)), weight: 16, time: 0, seq: i });
    model.setTraits(user('sailor'), { favourite_subjects: ['Sea stories'] });
    const { source, items } = model.recommend({ user: user('sailor'), n: 5 });
    expect(source).toBe('content');
    expect(items.map((listed) => listed.item).sort()).toEqual([0, 1, 2, 3, 4].map(item));
  });

  it('holds items that were never published only if the configuration allows it, or if no item ever was', () => {
    const log = numbered<Act>([
      { kind: 'interact', by: user(1), of: item('a'), weight: 16, negative: 0, time: 0 },
      { kind: 'interact', by: user(1), of: item('b'), weight: 16, negative: 0, time: 0 },
      { kind: 'interact', by: user(2), of: item('a'), weight: 16, negative: 0, time: 0 },
    ]);
    const strict = fold(createModel(), log);
    expect(strict.recommend({ user: user(2), n: 5 }).items.map((listed) => listed.item)).toEqual([item('b')]);
    strict.publishItem(item('c'), { title: 'C' });
    strict.withdrawItem(item('c'));
    expect(strict.recommend({ user: user(2), n: 5 }).items).toEqual([]);
    strict.publishItem(item('b'), { title: 'B' });
    expect(strict.recommend({ user: user(2), n: 5 }).items.map((listed) => listed.item)).toEqual([item('b')]);
    strict.withdrawItem(item('b'));
    expect(strict.recommend({ user: user(2), n: 5 }).items).toEqual([]);
    strict.restoreItem(item('b'));
    expect(strict.recommend({ user: user(2), n: 5 }).items.length).toBe(1);
    expect(
      folded(log)
        .recommend({ user: user(2), n: 5 })
        .items.map((listed) => listed.item),
    ).toEqual([item('b')]);
  });

  it('of trends follows the clock', () => {
    const model = createModel(SERVING_ALL);
    for (let i = 0; i < 20; i++) model.interact({ user: user(i), item: item('old'), weight: 16, time: 0, seq: i + 1 });
    model.clock = DAY_MS;
    expect(model.trending(1).items[0]!.item).toBe(item('old'));
    const late = 60 * DAY_MS;
    model.clock = late;
    for (let i = 0; i < 3; i++)
      model.interact({ user: user(i), item: item('now'), weight: 16, time: late, seq: i + 50 });
    expect(model.trending(1).items).toEqual([{ item: item('now'), score: 3 }]);
    expect(model.trending(1, DAY_MS).items[0]!.item).toBe(item('old'));
    const quiet = model.trending(2, 4_000 * DAY_MS).items;
    expect(quiet).toEqual([item('old'), item('now')].map((of) => ({ item: of, score: 0 })));
    model.forget(user(0));
    expect(model.trending(1).items).toEqual([{ item: item('now'), score: 2 }]);
  });
});

describe('items similar to an item', () => {
  it('are those that the same users took, and without a history those of the same kind', () => {
    const model = createModel();
    for (let i = 0; i < 30; i++) model.publishItem(item(i), { title: `N${i}`, tags: [`t${i % 10}`] }, 0);
    for (let by = 0; by < 6; by++) {
      model.interact({ user: user(by), item: item(1), weight: 16, time: 0, seq: by * 2 });
      model.interact({ user: user(by), item: item(by < 4 ? 2 : 3), weight: 16, time: 0, seq: by * 2 + 1 });
    }
    const together = model.similar(item(1), 2, { explain: true });
    expect(together.source).toBe('model');
    expect(together.items.map((listed) => listed.item)).toEqual([item(2), item(3)]);
    expect(together.items[0]!.reasons!.every((reason) => reason.item === item(1))).toBe(true);
    const alike = model.similar(item(5), 9);
    expect(alike.source).toBe('content');
    expect(alike.items.map((listed) => listed.item)).toEqual([item(15), item(25)]);
    expect(model.similar(item('unknown'), 5).items).toEqual([]);
  });
});

describe('an absurd value', () => {
  const plain: Interaction = { user: user(1), item: item(1), weight: 16, time: 0, seq: 1 };

  it('is counted, and changes nothing', () => {
    const model = createModel(SERVING_ALL);
    expect(model.interact({ ...plain, weight: Number.NaN })).toBe(false);
    expect(model.interact({ ...plain, weight: 1.5 })).toBe(false);
    expect(model.interact({ ...plain, weight: -16 })).toBe(false);
    expect(model.interact({ ...plain, negative: Number.POSITIVE_INFINITY })).toBe(false);
    expect(model.interact({ ...plain, time: Number.NaN })).toBe(false);
    expect(model.interact({ ...plain, seq: -1 })).toBe(false);
    expect(model.stats().warnings).toMatchObject({ 'bad-weight': 4, 'bad-time': 1, 'bad-sequence': 1 });
    expect(model.statisticsHash()).toBe(createModel().statisticsHash());
    expect(model.interact(plain)).toBe(true);
    expect(model.interact(plain)).toBe(false);
    expect(model.retract(user(1), 77)).toBe(false);
    expect(model.retract(user(9), 1)).toBe(false);
    expect(model.stats().warnings).toMatchObject({ 'repeated-sequence': 1, 'unknown-event': 2 });
    model.publishItem(item(1), { title: 'One', attributes: { price: Number.NaN }, embedding: [1, Number.NaN] });
    expect(model.stats().warnings['bad-number']).toBe(2);
  });

  it('of event times leaves lists finite', () => {
    const model = createModel(SERVING_ALL);
    const times = [-1e18, 0, 1e18, 8.64e15, -1, 1.7e12];
    for (let i = 0; i < times.length; i++) {
      model.interact({ user: user(i % 2), item: item(i), weight: 16, time: times[i]!, seq: i });
    }
    for (const at of [-1e18, 0, 1.7e12, 1e18]) {
      for (const { score } of model.recommend({ user: user(0), n: 9, at }).items)
        expect(Number.isFinite(score)).toBe(true);
    }
  });

  it('of list lengths gives no list, or a bounded one', () => {
    const model = createModel(SERVING_ALL);
    model.interact(plain);
    for (const n of [0, -1, Number.NaN]) expect(model.recommend({ n }).items).toEqual([]);
    expect(model.recommend({ n: 1e9 }).items.length).toBe(1);
  });

  it('of history lengths makes no single event expensive', () => {
    const model = createModel(UNSCORED);
    const count = 30_000;
    for (let i = 0; i < count; i++) {
      model.interact({ user: user(1), item: item((i * 7919) % 1000), weight: 16, time: i, seq: i * 2 + 2 });
    }
    const before = model.statisticsHash();
    for (const seq of [2, count, count * 2]) {
      const { item: gone } = model.history(user(1), count).find((event) => event.seq === seq)!;
      expect(model.retract(user(1), seq)).toBe(true);
      expect(model.statisticsHash()).not.toBe(before);
      expect(model.interact({ user: user(1), item: gone, weight: 16, time: seq / 2 - 1, seq })).toBe(true);
      expect(model.statisticsHash()).toBe(before);
    }
    expect(model.recommend({ user: user(1), n: 10 }).items).toEqual([]);
    expect(model.recommend({ user: user(1), n: 10, includeSeen: true }).items.length).toBe(10);
    model.forget(user(1));
    expect(model.statisticsHash()).toBe(createModel().statisticsHash());
  });
});

describe('events about ids that nobody published', () => {
  it('leave a quarter of the numbers of items to the catalogue, and are counted beyond', () => {
    const model = createModel(UNSCORED, 40);
    for (let n = 1; n <= 60; n++) {
      const by = user(n % 7);
      if (n % 3 === 0) model.dismiss({ user: by, item: item(`made-up-${n}`), seq: n });
      else model.interact({ user: by, item: item(`made-up-${n}`), weight: 16, time: n, seq: n });
    }
    expect(model.stats().items).toBe(30);
    expect(model.warnings()['too-many-items']).toBe(30);
    // What is known by events alone stays so, and may be published.
    expect(model.interact({ user: user(1), item: item('made-up-1'), weight: 16, time: 61, seq: 61 })).toBe(true);
    model.publishItem(item('made-up-2'), { title: 'Known before' });
    for (let n = 0; n < 10; n++) model.publishItem(item(`listed-${n}`), { title: `Listed ${n}` });
    expect(model.stats().items).toBe(40);
    const { items } = model.recommend({ user: user(9), n: 40, at: 100 });
    expect(items.map((one) => one.item)).toEqual(
      expect.arrayContaining(Array.from({ length: 10 }, (_, n) => `ilisted-${n}`)),
    );
    expect(model.interact({ user: user(2), item: item('listed-3'), weight: 16, time: 62, seq: 62 })).toBe(true);
    model.publishItem(item('one-too-many'), { title: 'No room' });
    expect(model.warnings()['too-many-items']).toBe(31);
  });
});
