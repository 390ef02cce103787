import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ItemData } from '../../bus/event/types.ts';
import { BadRequestError } from '../../errors.ts';
import { documentOf, fieldKey, type ItemDocument } from '../../items/document.ts';
import { FILTER_LIMITS, parseFilter, timeOf } from '../../items/filter.ts';
import { boost } from './boosts.ts';
import type { Candidate } from './candidate.ts';
import { contrast } from './contrast.ts';
import { diversify, sharedTags } from './diversity.ts';
import { fill, type Quota } from './quotas.ts';
import { applyRules, NO_RULES } from './rules.ts';
import { arrange } from './shelves.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;
const filterOf = (value: unknown) => parseFilter(value, { now: NOW });
const matches = (filter: unknown, fields: Partial<ItemData>): boolean =>
  filterOf(filter).test(documentOf('i1', { title: 'T', ...fields }, NOW));

describe('a filter', () => {
  test.each<[unknown, Partial<ItemData>, boolean]>([
    [{ tags: 'sea' }, { tags: ['ship', 'sea'] }, true],
    [{ tags: 'sea' }, { tags: ['ship'] }, false],
    [{ tags: 'sea' }, {}, false],
    [{ tags: { $all: ['sea', 'ship'] } }, { tags: ['ship', 'sea', 'x'] }, true],
    [{ tags: { $nin: ['sea'] } }, { tags: ['ship', 'sea'] }, false],
    [{ tags: { $size: 2 } }, { tags: ['a', 'b'] }, true],
    [{ item: { $in: ['i1', 'i2'] } }, {}, true],
    [{ 'attributes.price': { $gte: 5, $lt: 10 } }, { attributes: { price: 5 } }, true],
    [{ 'attributes.price': { $gte: 5, $lt: 10 } }, { attributes: { price: 10 } }, false],
    [{ 'attributes.price': { $gte: 5 } }, { attributes: { price: '7' } }, false],
    [{ 'attributes.price': { $not: { $gt: 5 } } }, {}, true],
    [{ 'attributes.in.stock': true }, { attributes: { 'in.stock': true } }, true],
    [{ 'attributes.$odd': 1 }, { attributes: { $odd: 1 } }, true],
    [{ 'attributes.constructor': { $exists: true } }, {}, false],
    [{ 'attributes.stock': { $exists: false } }, {}, true],
    [{ 'attributes.stock': null }, {}, true],
    [{ published: { $gte: 'now-30d' } }, { published: '2026-05-20T00:00:00Z' }, true],
    [{ published: { $gte: 'now-30d' } }, { published: '2026-01-20T00:00:00Z' }, false],
    [{ published: { $gte: '2026-01-01' } }, { published: '2026-01-01T00:00:00+00:00' }, true],
    [{ published: { $lt: 'now' } }, {}, false],
    [{ $or: [{ tags: 'a' }, { tags: 'b' }] }, { tags: ['b'] }, true],
    [{ $nor: [{ tags: 'a' }, { tags: 'b' }] }, { tags: ['b'] }, false],
    [{ tags: 'a', 'attributes.x': 1 }, { tags: ['a'], attributes: { x: 2 } }, false],
    [{}, {}, true],
  ])('%j on %j is %s', (filter, fields, expected) => {
    expect(matches(filter, fields)).toBe(expected);
  });

  const deep = (levels: number): unknown => (levels === 0 ? { tags: 'a' } : { $and: [deep(levels - 1)] });
  test.each<[string, unknown]>([
    ['a text', 'tags:sea'],
    ['a list', [{ tags: 'sea' }]],
    ['nothing', null],
    ['a regular expression', { title: { $regex: '(a+)+$' } }],
    ['a regular expression of the language', { title: /(a+)+$/ }],
    ['code', { $where: 'while(true){}' }],
    ['code as an operator of a field', { title: { $where: 'this' } }],
    ['a function', { title: () => true }],
    ['an unknown operator', { tags: { $near: 1 } }],
    ['$mod, which is not taken', { 'attributes.x': { $mod: [0, 0] } }],
    ['an unknown field', { colour: 'red' }],
    ['the prototype', JSON.parse('{"__proto__": {"tags": "sea"}}')],
    ['a name without attribute', { 'attributes.': 1 }],
    ['an object as a value', { tags: { $eq: { $gt: '' } } }],
    ['an invalid number', { 'attributes.x': Number.NaN }],
    ['an order of truth values', { 'attributes.x': { $gt: true } }],
    ['no list for $in', { tags: { $in: 'sea' } }],
    ['an empty list for $or', { $or: [] }],
    ['no conditions', { tags: {} }],
    ['an invalid time', { published: { $gt: 'yesterday' } }],
    ['a number as a time', { published: { $gt: 5 } }],
    ['a half emoji', { tags: '\ud800' }],
    ['a long text', { title: 'x'.repeat(FILTER_LIMITS.text + 1) }],
    ['a long list', { tags: { $in: Array.from({ length: FILTER_LIMITS.values + 1 }, (_, i) => `${i}`) } }],
    ['many comparisons', { $or: Array.from({ length: FILTER_LIMITS.comparisons + 1 }, () => ({ tags: 'a' })) }],
    ['much text', { tags: { $in: Array.from({ length: 500 }, (_, i) => 'x'.repeat(100) + i) } }],
    ['depth', deep(FILTER_LIMITS.depth)],
    ['depth without end', deep(5_000)],
    ['$not in $not without end', JSON.parse(`{"tags":${'{"$not":'.repeat(4_000)}{"$eq":"a"}${'}'.repeat(4_000)}}`)],
  ])('that is %s is refused, and the error names the member', (_what, filter) => {
    expect(() => filterOf(filter)).toThrow(BadRequestError);
    expect(() => filterOf(filter)).toThrow(/^filter/);
  });

  it('has the same key as an equal filter in another order', () => {
    expect(filterOf({ tags: 'a', title: 'b' }).key).toBe(filterOf({ title: 'b', tags: { $eq: 'a' } }).key);
  });

  // What the operators mean, written down a second time and in another way.
  type Value = string | number | boolean;
  const values = (document: ItemDocument, key: string): Value[] => [document[key] ?? []].flat();
  const holds = (document: ItemDocument, key: string, operator: string, operand: unknown): boolean => {
    const has = values(document, key);
    switch (operator) {
      case '$eq':
        return has.some((one) => one === operand);
      case '$ne':
        return !has.some((one) => one === operand);
      case '$in':
        return has.some((one) => (operand as Value[]).includes(one));
      case '$nin':
        return !has.some((one) => (operand as Value[]).includes(one));
      case '$gt':
        return has.some((one) => typeof one === typeof operand && one > (operand as Value));
      case '$lte':
        return has.some((one) => typeof one === typeof operand && one <= (operand as Value));
      case '$exists':
        return (document[key] !== undefined) === operand;
      default:
        throw new Error(operator);
    }
  };
  const evaluate = (query: Record<string, unknown>, document: ItemDocument): boolean =>
    Object.entries(query).every(([name, inner]) => {
      if (name === '$and') return (inner as Record<string, unknown>[]).every((one) => evaluate(one, document));
      if (name === '$or') return (inner as Record<string, unknown>[]).some((one) => evaluate(one, document));
      if (name === '$nor') return !(inner as Record<string, unknown>[]).some((one) => evaluate(one, document));
      return Object.entries(inner as object).every(([operator, operand]) =>
        operator === '$not'
          ? !Object.entries(operand as object).every(([op, value]) =>
              holds(document, fieldKey(name) as string, op, value),
            )
          : holds(document, fieldKey(name) as string, operator, operand),
      );
    });

  const word = fc.constantFrom('a', 'b', 'c');
  const number = fc.integer({ min: 0, max: 3 });
  const comparison = (value: fc.Arbitrary<Value>) =>
    fc.oneof(
      fc.record({ $eq: value }),
      fc.record({ $ne: value }),
      fc.record({ $gt: value }),
      fc.record({ $lte: value }),
      fc.record({ $in: fc.array(value, { minLength: 1, maxLength: 3 }) }),
      fc.record({ $nin: fc.array(value, { minLength: 1, maxLength: 3 }) }),
      fc.record({ $exists: fc.boolean() }),
    );
  const operators = (value: fc.Arbitrary<Value>) =>
    fc.oneof(comparison(value), fc.record({ $not: comparison(value) })) as fc.Arbitrary<Record<string, unknown>>;
  const leaf = fc.oneof(
    fc.record({ tags: operators(word) }),
    fc.record({ 'attributes.x': operators(number) }),
    fc.record({ 'attributes.y': operators(fc.oneof(word, number)) }),
  ) as fc.Arbitrary<Record<string, unknown>>;
  const { query } = fc.letrec<{ query: Record<string, unknown> }>((tie) => ({
    query: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc
        .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('query'), { minLength: 1, maxLength: 2 }))
        .map(([name, inner]) => ({ [name]: inner })),
    ),
  }));
  const fields = fc.record(
    {
      title: fc.constant('T'),
      tags: fc.array(word, { maxLength: 3 }),
      attributes: fc.record(
        { x: number, y: fc.oneof(word, number, fc.array(word, { maxLength: 2 })) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['title'] },
  ) as fc.Arbitrary<ItemData>;

  it('has the meaning of MongoDB', () => {
    fc.assert(
      fc.property(query, fields, (random, item) => {
        const document = documentOf('i', item, NOW);
        expect(filterOf(random).test(document), JSON.stringify([random, document])).toBe(evaluate(random, document));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is refused or runs, for any input', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fields, (value, item) => {
        let filter: ReturnType<typeof filterOf>;
        try {
          filter = filterOf(value);
        } catch (err) {
          expect(err).toBeInstanceOf(BadRequestError);
          return;
        }
        expect(typeof filter.test(documentOf('i', item, NOW))).toBe('boolean');
      }),
    );
  });

  it('accepts the documented forms of times', () => {
    expect(timeOf('now', NOW)).toBe(NOW);
    expect(timeOf('now-30d', NOW)).toBe(NOW - 30 * DAY);
    expect(timeOf('now+12h', NOW)).toBe(NOW + DAY / 2);
    expect(timeOf('2026-06-01', NOW)).toBe(NOW);
    for (const bad of ['now-', 'now-30', 'now-30y', '30d', '2026-02-30', ''])
      expect(timeOf(bad, NOW), bad).toBeUndefined();
  });
});

// --- lists -------------------------------------------------------------------------------------------------------------

interface Made {
  score: number;
  tags: string[];
  author: string;
}
const candidatesOf = (made: readonly Made[]): Candidate[] =>
  made
    .map(({ score, tags, author }, i) => ({
      item: `i${String(i).padStart(3, '0')}`,
      score,
      document: documentOf(`i${i}`, { title: 'T', tags, attributes: { author } }, NOW),
      terms: [],
    }))
    .sort((a, b) => b.score - a.score || (a.item < b.item ? -1 : 1));
const candidates = fc
  .array(
    fc.record({
      score: fc.double({ min: -5, max: 5, noNaN: true }),
      tags: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
      author: fc.constantFrom('x', 'y', 'z'),
    }),
    { maxLength: 40 },
  )
  .map(candidatesOf);
const ids = (list: readonly Candidate[]): string[] => list.map(({ item }) => item);
const has = (tag: string) => filterOf({ tags: tag });

describe('a boost', () => {
  it('moves matching items by so many standard deviations, with a term, and leaves the others', () => {
    fc.assert(
      fc.property(candidates, fc.double({ min: -3, max: 3, noNaN: true }), (list, by) => {
        const boosted = boost(list, [{ filter: has('a'), by }]);
        expect(new Set(ids(boosted))).toEqual(new Set(ids(list)));
        const before = new Map(list.map((one) => [one.item, one]));
        const steps = new Set<number>();
        for (const one of boosted) {
          const was = before.get(one.item) as Candidate;
          const added = one.terms.reduce((sum, { contribution }) => sum + contribution, 0);
          expect(one.score === was.score + added).toBe(true);
          if (has('a').test(one.document) && by !== 0) steps.add(added);
          else expect(Math.abs(added)).toBe(0);
        }
        expect(steps.size).toBeLessThanOrEqual(1);
        for (const [i, one] of boosted.entries())
          if (i > 0) expect((boosted[i - 1] as Candidate).score).toBeGreaterThanOrEqual(one.score);
      }),
    );
  });

  it('has an effect also if all scores are equal', () => {
    const list = candidatesOf([
      { score: 1, tags: [], author: 'x' },
      { score: 1, tags: ['a'], author: 'x' },
    ]);
    expect(ids(boost(list, [{ filter: has('a'), by: 0.1 }]))).toEqual(['i001', 'i000']);
    expect(ids(boost(list, [{ filter: has('a'), by: -0.1 }]))).toEqual(['i000', 'i001']);
  });
});

describe('diversity', () => {
  it('keeps every item once; with lambda 1 the order as well; the best item stays first', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        (list, lambda, count) => {
          const diverse = diversify(list, { lambda, count });
          expect(ids(diverse).sort()).toEqual(ids(list).sort());
          expect(diverse[0]?.score).toBe(list[0]?.score);
          expect(diversify(list, { lambda: 1, count })).toEqual(list);
        },
      ),
    );
  });

  it('puts another kind before the third of one kind', () => {
    const list = candidatesOf([
      { score: 5, tags: ['a'], author: 'x' },
      { score: 4.9, tags: ['a'], author: 'x' },
      { score: 4.8, tags: ['a'], author: 'x' },
      { score: 4, tags: ['b'], author: 'y' },
      { score: 0, tags: ['c'], author: 'z' },
    ]);
    expect(ids(diversify(list, { lambda: 0.5, count: 3 }))[1]).toBe('i003');
    expect(sharedTags(list[0] as Candidate, list[1] as Candidate)).toBe(1);
    expect(sharedTags(list[0] as Candidate, list[3] as Candidate)).toBe(0);
  });
});

describe('quotas', () => {
  const quota = fc.oneof(
    fc.record({
      kind: fc.constant('per' as const),
      key: fc.constantFrom('tags', '@author'),
      max: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({
      kind: fc.constant('of' as const),
      filter: fc.constantFrom(has('a'), has('b')),
      min: fc.constant(0),
      max: fc.integer({ min: 0, max: 5 }),
    }),
  );

  it('are never exceeded, and no item occurs twice', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.array(quota, { maxLength: 3 }),
        fc.integer({ min: 1, max: 20 }),
        (list, quotas: Quota[], count) => {
          const filled = fill(list, quotas, count);
          expect(filled.length).toBeLessThanOrEqual(count);
          expect(new Set(ids(filled)).size).toBe(filled.length);
          for (const one of quotas) {
            if (one.kind === 'of')
              expect(filled.filter(({ document }) => one.filter.test(document)).length).toBeLessThanOrEqual(one.max);
            else {
              const counts = new Map<unknown, number>();
              for (const { document } of filled)
                for (const value of [document[one.key] ?? []].flat()) counts.set(value, (counts.get(value) ?? 0) + 1);
              for (const n of counts.values()) expect(n).toBeLessThanOrEqual(one.max);
            }
          }
          if (quotas.length === 0) expect(filled).toEqual(list.slice(0, count));
        },
      ),
    );
  });

  it('with a least number are met if there are as many items, and move no more items than necessary', () => {
    fc.assert(
      fc.property(candidates, fc.integer({ min: 0, max: 10 }), fc.integer({ min: 1, max: 20 }), (list, min, count) => {
        const filter = has('a');
        const filled = fill(list, [{ kind: 'of', filter, min, max: Number.POSITIVE_INFINITY }], count);
        const there = list.filter(({ document }) => filter.test(document)).length;
        const taken = filled.filter(({ document }) => filter.test(document)).length;
        expect(taken).toBeGreaterThanOrEqual(Math.min(min, there, count));
        expect(filled.length).toBe(Math.min(count, list.length));
        const plain = list.slice(0, count).filter(({ document }) => filter.test(document)).length;
        expect(taken).toBe(Math.max(plain, Math.min(min, there, count)));
      }),
    );
  });
});

describe('items to avoid', () => {
  it('lower the score of similar items, most for the most similar ones', () => {
    const list = candidatesOf([
      { score: 3, tags: [], author: 'x' },
      { score: 2, tags: [], author: 'x' },
      { score: 1, tags: [], author: 'x' },
    ]);
    const after = contrast(
      list,
      new Map([
        ['i000', 9],
        ['i001', 4],
        ['i999', 4],
      ]),
      1,
    );
    expect(ids(after)).toEqual(['i001', 'i000', 'i002']);
    expect(after.find(({ item }) => item === 'i000')).toMatchObject({
      score: 1,
      terms: [{ rule: 'unlike', contribution: -2 }],
    });
    expect(contrast(list, new Map(), 1)).toEqual(list);
  });
});

describe('all rules together', () => {
  it('list only matching items, none twice, with terms that add up', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.constantFrom('a', 'b'),
        fc.double({ min: -2, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 15 }),
        (list, tag, by, lambda, count) => {
          const before = new Map(list.map((one) => [one.item, one.score]));
          const shaped = applyRules(
            list,
            {
              ...NO_RULES,
              filters: [has(tag)],
              boosts: [{ filter: has('c'), by }],
              lambda,
              quotas: [{ kind: 'per', key: '@author', max: 2 }],
            },
            {
              count,
              unlike: new Map([
                ['i001', 1],
                ['i002', 2],
              ]),
            },
          );
          expect(new Set(ids(shaped)).size).toBe(shaped.length);
          for (const { item, score, document, terms } of shaped) {
            expect(has(tag).test(document)).toBe(true);
            expect(score).toBeCloseTo(
              (before.get(item) as number) + terms.reduce((sum, { contribution }) => sum + contribution, 0),
              9,
            );
          }
        },
      ),
    );
  });

  it('leave the list as it is if no rule is set', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        expect(applyRules(list, NO_RULES, { count: 10 })).toEqual(list.slice(0, 10));
      }),
    );
  });
});

describe('shelves', () => {
  it('show no item twice, and no row with fewer items than the minimum', () => {
    const row = fc.record({
      kind: fc.constantFrom('for-you', 'because', 'trending'),
      items: fc.array(fc.record({ item: fc.constantFrom(...'abcdefghijkl') }), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (rows, n, least) => {
          const shelves = arrange(rows, n, least);
          const all = shelves.flatMap(({ items }) => items.map(({ item }) => item));
          expect(new Set(all).size).toBe(all.length);
          for (const { items } of shelves) {
            expect(items.length).toBeLessThanOrEqual(n);
            expect(items.length).toBeGreaterThanOrEqual(least);
          }
        },
      ),
    );
  });
});
