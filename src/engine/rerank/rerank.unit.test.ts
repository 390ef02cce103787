import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemId, userId } from '../../bus/event/ids.ts';
import { documentOf } from '../../items/document.ts';
import { createModel, type Model } from '../model/mod.ts';
import { parseRules } from './request.ts';
import { createReranking, type ListCriteria } from './rerank.ts';
import { NO_RULES, type Rules } from './rules.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const ITEMS = 400;
const name = (i: number): string => `i${String(i).padStart(3, '0')}`;

/** A catalogue in which every fortieth item is rare, and a thousand events on the first half of it. */
function filled(): Model {
  const model = createModel({});
  for (let i = 0; i < ITEMS; i++)
    model.publishItem(
      itemId(name(i)),
      {
        title: `Title ${i}`,
        tags: [i % 2 === 0 ? 'even' : 'odd', ...(i % 40 === 7 ? ['rare'] : [])],
        attributes: { author: `a${i % 10}`, price: i },
      },
      START + i * DAY,
    );
  for (let e = 0; e < 1_000; e++)
    model.interact({
      user: userId(`u${e % 50}`),
      item: itemId(name((e * 7 + (e % 50) * 3) % (ITEMS / 2))),
      weight: 16,
      time: START + e * 60_000,
      seq: e + 1,
    });
  model.clock = START + ITEMS * DAY;
  return model;
}

const model = filled();
const reranking = createReranking(model);
const rulesOf = (said: object, n = 10): Rules => parseRules({ ...said }, { n, at: model.clock }) ?? NO_RULES;
const list = (criteria: Partial<ListCriteria>, count = 10) =>
  reranking.list({ user: 'u1', rules: NO_RULES, ...criteria }, count);
const ids = (answer: { items: readonly { item: string }[] }): string[] => answer.items.map(({ item }) => item);
const number = (item: string): number => Number(item.slice(1));

describe('a list that explores', () => {
  const exploring = (exploration: number, more: object = {}) => list({ rules: rulesOf({ exploration, ...more }) });

  it('reports the probability of each item, contains none twice, and is the same when it is made again', () => {
    const { items } = exploring(0.5);
    expect(items).toHaveLength(10);
    expect(new Set(items.map(({ item }) => item)).size).toBe(10);
    expect(items.every(({ propensity = 0 }) => propensity > 0 && propensity <= 1)).toBe(true);
    expect(items.some(({ explored }) => explored)).toBe(true);
    expect(exploring(0.5).items).toEqual(items);
    // Places that don't explore keep the order of the plain list.
    const plain = ids(list({}, 200));
    const kept = items.filter(({ explored }) => !explored).map(({ item }) => plain.indexOf(item));
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
  });

  it('differs at another position of the log, and under another seed', () => {
    const at = (seq: number, seed: number): string[] =>
      ids(
        createReranking(model, { seed, seq: () => seq }).list({ user: 'u1', rules: rulesOf({ exploration: 0.5 }) }, 10),
      );
    expect(at(1, 0)).toEqual(at(1, 0));
    expect(at(2, 0)).not.toEqual(at(1, 0));
    expect(at(1, 1)).not.toEqual(at(1, 0));
  });

  it('contains only items that match the filter', () => {
    const { items } = exploring(1, { filter: { tags: 'even' } });
    expect(items.every(({ item }) => number(item) % 2 === 0)).toBe(true);
  });

  it('does not explore if the request forbids it, under quotas, and with given candidates', () => {
    const plain = list({});
    expect(exploring(0)).toEqual(plain);
    const quotas = [{ per: 'attributes.author', max: 1 }];
    expect(exploring(1, { quotas }).items.some(({ propensity }) => propensity !== undefined)).toBe(false);
    const given = list({ rules: rulesOf({ exploration: 1 }), candidates: [name(3), name(4)] });
    expect(given.items.some(({ propensity }) => propensity !== undefined)).toBe(false);
  });

  it('has an explanation that adds up', () => {
    for (const { score, reasons } of list({ rules: rulesOf({ exploration: 0.5 }), explain: true }).items)
      expect((reasons ?? []).reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 6);
  });
});

describe('a list under rules', () => {
  it('without rules is the plain list', () => {
    expect(list({})).toEqual(model.recommend({ user: userId('u1'), n: 10 }));
  });

  it('is full under a narrow filter, and contains only items that match it', () => {
    const all = Array.from({ length: ITEMS }, (_, i) => i).filter((i) => i % 40 === 7);
    const { items } = list({ rules: rulesOf({ filter: { tags: 'rare' } }), includeSeen: true }, 20);
    expect(items.map(({ item }) => number(item)).sort((a, b) => a - b)).toEqual(all);
  });

  it('contains only items that match, for any filter, user and length', () => {
    const filter = fc.oneof(
      fc.record({ 'attributes.price': fc.record({ $gte: fc.nat(ITEMS), $lt: fc.nat(ITEMS) }) }),
      fc.record({ tags: fc.constantFrom('even', 'odd', 'rare', 'none') }),
      fc.record({
        'attributes.author': fc.record({ $in: fc.array(fc.constantFrom('a1', 'a2', 'a3'), { minLength: 1 }) }),
      }),
      fc.record({
        $nor: fc.array(fc.record({ tags: fc.constantFrom('even', 'rare') }), { minLength: 1, maxLength: 2 }),
      }),
    );
    fc.assert(
      fc.property(filter, fc.nat(60), fc.integer({ min: 1, max: 60 }), fc.boolean(), (said, user, count, shaped) => {
        const rules = rulesOf({
          filter: said,
          ...(shaped ? { diversity: { lambda: 0.5 }, boosts: [{ filter: { tags: 'rare' }, by: 2 }] } : {}),
        });
        const { items } = list({ user: `u${user}`, rules }, count);
        for (const { item } of items) {
          const known = model.item(itemId(item));
          expect(rules.filters.every((one) => one.test(documentOf(item, known?.fields, known?.listed ?? 0)))).toBe(
            true,
          );
        }
        expect(new Set(ids({ items })).size).toBe(items.length);
      }),
      { numRuns: 60 },
    );
  });

  it('follows an item that changes', () => {
    const own = filled();
    const other = createReranking(own);
    const rules = rulesOf({ filter: { tags: 'fresh' } });
    const criteria = { user: 'u1', rules };
    expect(other.list(criteria, 5).items).toEqual([]);
    own.updateItem(itemId(name(3)), { tags: ['fresh'] });
    expect(ids(other.list(criteria, 5))).toEqual([name(3)]);
    own.withdrawItem(itemId(name(3)));
    expect(other.list(criteria, 5).items).toEqual([]);
  });

  it('explains each item, and the terms add up to the score', () => {
    const rules = rulesOf({
      boosts: [{ filter: { 'attributes.price': { $gte: 0 } }, by: 1 }],
      diversity: { lambda: 0.8 },
    });
    const { items } = list({ rules, unlike: [name(2)], explain: true });
    expect(items.some(({ reasons }) => reasons?.some(({ signal }) => signal === 'boost'))).toBe(true);
    for (const { score, reasons = [] } of items)
      expect(reasons.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
  });

  it('has a least number of new items, and a limit per author, deep into the catalogue', () => {
    const rules = rulesOf({ new: { share: 0.3, days: 30 }, quotas: [{ per: 'attributes.author', max: 1 }] });
    const { items } = list({ rules });
    expect(items).toHaveLength(10);
    expect(items.filter(({ item }) => number(item) >= ITEMS - 30).length).toBeGreaterThanOrEqual(3);
    expect(new Set(items.map(({ item }) => number(item) % 10)).size).toBe(10);
  });
});

describe('a lower bound', () => {
  it('is met from the whole catalogue, not only from the candidates of the user', () => {
    const rare = Array.from({ length: ITEMS }, (_, i) => i).filter((i) => i % 40 === 7);
    const all = list({ rules: rulesOf({ filter: { tags: 'rare' } }) }, 50);
    expect(all.items.length).toBeGreaterThan(rare.length / 2);
    const most = all.items.length;
    for (const min of [1, most - 1, most, most + 5]) {
      const { items } = list({ rules: rulesOf({ quotas: [{ filter: { tags: 'rare' }, min }] }), explain: true }, 20);
      expect(items).toHaveLength(20);
      expect(new Set(ids({ items })).size).toBe(20);
      const held = items.filter(({ item }) => number(item) % 40 === 7).length;
      expect(held).toBeGreaterThanOrEqual(Math.min(min, most));
      for (const { score, reasons = [] } of items)
        expect(reasons.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
    }
  });

  it('is met under filters and among candidates alone', () => {
    const rules = rulesOf({ filter: { tags: 'odd' }, quotas: [{ filter: { 'attributes.author': 'a3' }, min: 6 }] });
    const { items } = list({ rules });
    expect(items.filter(({ item }) => number(item) % 10 === 3).length).toBeGreaterThanOrEqual(6);
    expect(items.every(({ item }) => number(item) % 2 === 1)).toBe(true);
    const candidates = [1, 2, 3, 5, 7, 9, 11].map(name);
    const given = list({ rules, candidates, includeSeen: true }, 5);
    for (const item of ids(given)) expect(candidates).toContain(item);
  });
});

describe('a boost', () => {
  it('is the same for lists of different lengths', () => {
    const rules = rulesOf({ boosts: [{ filter: { tags: 'rare' }, by: 1 }] });
    const long = list({ rules }, 40).items;
    expect(list({ rules }, 5).items).toEqual(long.slice(0, 5));
  });
});

describe('another history', () => {
  it('of an unknown user decides the list, and its items are left out', () => {
    const history = [name(0), name(7), name(14)];
    const { items, source } = list({ user: undefined, history });
    expect(source).toBe('model');
    expect(items).toHaveLength(10);
    for (const item of history) expect(ids({ items })).not.toContain(item);
  });

  it('for a known user leaves out items that the user has seen, unless the request includes them', () => {
    const seen = new Set(model.history(userId('u1'), 1_000).map(({ item }) => item as string));
    const like = [name(0)];
    for (const item of ids(list({ history: like }, 300))) expect(seen.has(item)).toBe(false);
    expect(ids(list({ history: like, includeSeen: true }, 300)).some((item) => seen.has(item))).toBe(true);
  });

  it('moves items like those to avoid down', () => {
    const plain = list({ user: undefined, history: [name(0)] }, 20);
    const [first = ''] = ids(plain);
    const away = list({ user: undefined, history: [name(0)], unlike: [first] }, 20);
    expect(ids(away)).not.toContain(first);
    expect(ids(away)).not.toEqual(ids(plain).filter((item) => item !== first));
  });
});

describe('candidates', () => {
  it('are ranked, all servable ones and no other items', () => {
    const candidates = [name(3), name(250), name(399), 'unknown'];
    const seen = new Set(model.history(userId('u1'), 1_000).map(({ item }) => item as string));
    const expected = candidates.filter((item) => item !== 'unknown' && !seen.has(item));
    expect(ids(list({ candidates }, 4)).sort()).toEqual(expected.sort());
  });
});

describe('seen items', () => {
  it('come back after the configured time', () => {
    const newest = model.history(userId('u1'), 1)[0];
    const seen = new Set(model.history(userId('u1'), 1_000).map(({ item }) => item as string));
    const age = model.clock - (newest?.time ?? 0);
    const back = ids(list({ seen: { forMs: age - 1, byVerb: new Map() } }, 399));
    expect([...seen].every((item) => back.includes(item))).toBe(true);
    const out = ids(list({ seen: { forMs: age + 1, byVerb: new Map() } }, 399));
    expect(out).not.toContain(newest?.item);
    expect([...seen].some((item) => out.includes(item))).toBe(true);
  });
});
