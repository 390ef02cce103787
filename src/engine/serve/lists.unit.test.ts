import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { itemId, streamSeq, userId } from '../../bus/event/ids.ts';
import { AnswerTooLargeError, BadRequestError } from '../../errors.ts';
import { parseFields } from '../../items/fields.ts';
import { createModel, type Model } from '../model/mod.ts';
import { createLists, type ListRequest, type Lists, type RankingAnswer } from './lists.ts';

const ITEMS = 40;
const LENGTH = 10;

let model: Model;
let lists: Lists;
let seq: number;
let behind: number | undefined;
let clock: number;
let answers: string[];

const item = (n: number) => itemId(`i${String(n).padStart(2, '0')}`);

/** Applies an event of a user to model and lists, as the service does. */
function act(user: string, n: number): void {
  model.interact({ user: userId(user), item: item(n), weight: 16, time: 0, seq: ++seq });
  lists.moved(user);
}

beforeEach(() => {
  model = createModel();
  seq = 0;
  behind = 0;
  clock = 0;
  answers = [];
  lists = createLists({
    model,
    seq: () => streamSeq(seq),
    behind: () => behind,
    snapshot: () => 'model-1',
    config: 'c1',
    length: LENGTH,
    capacity: 100,
    depth: 35,
    now: () => clock,
    onAnswer: (what) => void answers.push(what),
  });
  for (let n = 0; n < ITEMS; n++) model.publishItem(item(n), { title: `Title ${n}` });
  for (let u = 0; u < 30; u++) for (let k = 0; k < 6; k++) act(`other-${u}`, (u * 7 + k * k) % ITEMS);
  act('u1', 0);
});

const ask = (request: Partial<ListRequest> = {}): RankingAnswer =>
  lists.recommend({
    user: 'u1',
    n: 5,
    exclude: [],
    explain: false,
    includeSeen: false,
    maxAgeMs: 60_000,
    minSeq: 0,
    cursor: undefined,
    ...request,
  });
const itemsOf = ({ items }: RankingAnswer): string[] => items.map(({ item: id }) => id);

it('an empty list is never used again', () => {
  const empty = createModel();
  let at = 0;
  const other = createLists({
    model: empty,
    seq: () => streamSeq(at),
    snapshot: () => 'none',
    config: 'c',
    length: 5,
    capacity: 5,
    depth: 10,
  });
  const request = {
    user: 'u',
    n: 5,
    exclude: [],
    explain: false,
    includeSeen: false,
    maxAgeMs: 60_000,
    minSeq: 0,
    cursor: undefined,
  };
  expect(other.recommend(request).items).toEqual([]);
  empty.publishItem(item(1), { title: 'One' });
  empty.interact({ user: userId('v'), item: item(1), weight: 16, time: 0, seq: ++at });
  expect(itemsOf(other.recommend(request))).toEqual([item(1)]);
});

describe('fields of items', () => {
  const titles = ({ items }: RankingAnswer) => items.map(({ fields }) => fields?.title);
  const named = parseFields(['title']);

  it('come with each item of every kind of list, and only if the request names some', () => {
    const own = ask({ fields: named });
    expect(titles(own)).toEqual(itemsOf(own).map((id) => `Title ${Number(id.slice(1))}`));
    expect(itemsOf(own)).toEqual(itemsOf(ask()));
    expect(ask().items[0]).not.toHaveProperty('fields');
    for (const list of [lists.similar('i00', 3, { fields: named }), lists.trending(3, { fields: named })])
      expect(titles(list)).toEqual(itemsOf(list).map((id) => `Title ${Number(id.slice(1))}`));
    const { shelves } = lists.shelves({ user: 'u1', rows: 2, n: 3, exclude: [], rules: undefined, fields: named });
    expect(shelves.flatMap(({ items }) => items.map(({ fields }) => fields?.title)).every(Boolean)).toBe(true);
  });

  it('hold each field that the item has, in the shape of its event, and nothing else', () => {
    const fields = JSON.parse('{"title":"T","tags":["a"],"attributes":{"price":5,"a.b":true,"__proto__":"odd"}}') as {
      title: string;
    };
    model.publishItem(item(1), fields, 1_000);
    const of = (...names: string[]) =>
      JSON.parse(
        JSON.stringify(
          lists.trending(ITEMS, { fields: parseFields(names) }).items.find((one) => one.item === item(1))?.fields,
        ),
      ) as unknown;
    expect(of('title', 'tags', 'attributes.price')).toEqual({ title: 'T', tags: ['a'], attributes: { price: 5 } });
    expect(of('attributes.a.b', 'attributes.none', 'published')).toEqual({ attributes: { 'a.b': true } });
    expect(of('attributes', 'attributes.price')).toEqual({
      attributes: { price: 5, 'a.b': true, ['__proto__']: 'odd' },
    });
    expect(JSON.stringify(of('attributes.__proto__'))).toBe('{"attributes":{"__proto__":"odd"}}');
    expect(of('attributes.constructor')).toEqual({});
    expect(of('listed')).toEqual({ listed: '1970-01-01T00:00:00.000Z' });
  });

  it('are those of the position of the list: a cached list with a changed item is computed again', () => {
    const first = ask({ fields: named });
    const shown = itemsOf(first);
    seq++;
    expect(ask({ fields: named }).seq).toBe(first.seq);
    model.updateItem(itemId(shown[4] as string), { title: 'New' });
    expect(ask().seq).toBe(first.seq);
    const later = ask({ fields: named });
    expect(later.seq).toBe(seq);
    seq++;
    expect(ask({ fields: named }).seq).toBe(later.seq);
    // An item beyond those shown does not matter.
    model.updateItem(itemId(itemsOf(ask({ n: 9 }))[8] as string), { title: 'Newer' });
    expect(ask({ fields: named }).seq).toBe(later.seq);
    expect(ask({ fields: named, n: 9 }).seq).toBe(seq);
    expect(titles(ask({ fields: named, n: 35 }))).toEqual(expect.arrayContaining(['New', 'Newer']));
  });

  it('are none for an item outside of the catalogue, and too many bytes of them are an error', () => {
    const other = createModel();
    const listed = createLists({
      model: other,
      seq: () => streamSeq(1),
      snapshot: () => 'none',
      config: 'c',
      length: 5,
      capacity: 5,
      depth: 10,
      fieldsBytes: 100,
    });
    for (let u = 0; u < 3; u++) other.interact({ user: userId(`u${u}`), item: item(3), weight: 16, time: 0, seq: u });
    expect(listed.trending(1, { fields: named }).items).toMatchObject([{ item: item(3), fields: {} }]);
    other.publishItem(item(3), { title: 'x'.repeat(200) });
    expect(() => listed.trending(1, { fields: named })).toThrow(AnswerTooLargeError);
    expect(listed.trending(1).items).toHaveLength(1);
  });
});

describe('a list', () => {
  it('names its user, its source and its position', () => {
    const answer = ask();
    expect(answer).toMatchObject({ user: 'u1', snapshot: 'model-1', config: 'c1', seq, source: 'model' });
    expect(answer.items).toHaveLength(5);
    expect(ask().list).not.toBe(answer.list);
  });

  it('says how many events the engine lacks, also if it is cached, and nothing while the engine does not know', () => {
    const first = ask();
    behind = 7;
    expect(ask()).toMatchObject({ seq: first.seq, behind: 7 });
    expect(lists.similar('i00', 3)).toMatchObject({ behind: 7 });
    expect(lists.trending(3)).toMatchObject({ behind: 7 });
    behind = undefined;
    expect(ask()).not.toHaveProperty('behind');
    expect(answers).toEqual(['computed', 'standing', 'standing']);
  });

  it('is cached until its user acts, with the position at which it was computed', () => {
    const first = ask();
    act('other-1', 3);
    const second = ask();
    expect(itemsOf(second)).toEqual(itemsOf(first));
    expect(second.seq).toBe(first.seq);
    expect(answers).toEqual(['computed', 'standing']);
    act('u1', 7);
    const third = ask();
    expect(third.seq).toBe(seq);
    expect(itemsOf(third)).not.toContain(item(7));
    expect(answers.at(-1)).toBe('computed');
  });

  it('is cached no longer than the request allows', () => {
    ask();
    clock += 1_000;
    ask({ maxAgeMs: 1_000 });
    ask({ maxAgeMs: 999 });
    ask({ maxAgeMs: 0 });
    expect(answers).toEqual(['computed', 'standing', 'computed', 'computed']);
  });

  it('is computed again if min_seq is above its position', () => {
    const first = ask();
    act('other-1', 3);
    expect(ask({ minSeq: first.seq }).seq).toBe(first.seq);
    expect(ask({ minSeq: first.seq + 1 }).seq).toBe(first.seq + 1);
  });

  it('leaves out items that were withdrawn since, and has the same length', () => {
    const [gone] = itemsOf(ask());
    model.withdrawItem(itemId(gone as string));
    lists.withdrawn(gone as string, true);
    const after = ask();
    expect(itemsOf(after)).not.toContain(gone);
    expect(after.items).toHaveLength(5);
    expect(answers).toEqual(['computed', 'standing']);
    for (const id of itemsOf(ask({ n: LENGTH }))) {
      model.withdrawItem(itemId(id));
      lists.withdrawn(id, true);
    }
    expect(ask().items).toHaveLength(5);
  });

  it('leaves out excluded items, and has the same length', () => {
    const all = itemsOf(ask());
    const rest = ask({ exclude: all.slice(0, 3) });
    expect(itemsOf(rest).slice(0, 2)).toEqual(all.slice(3));
    expect(rest.items).toHaveLength(5);
  });

  it('contains seen items only if the request includes them', () => {
    expect(itemsOf(ask({ n: ITEMS }))).not.toContain(item(0));
    expect(itemsOf(ask({ n: ITEMS, includeSeen: true }))).toContain(item(0));
    expect(itemsOf(ask({ n: ITEMS }))).not.toContain(item(0));
  });

  it('has explanations if the request includes them', () => {
    const [first] = ask({ explain: true }).items;
    expect(first?.reasons?.length).toBeGreaterThan(0);
    expect(ask().items[0]?.reasons).toBeUndefined();
  });

  it('of an unknown user contains popular items', () => {
    expect(ask({ user: 'nobody' })).toMatchObject({ source: 'popular', items: { length: 5 } });
  });
});

describe('pages', () => {
  /** All pages of a list; `between` is called before each page but the first. */
  function pageThrough(request: Partial<ListRequest>, between: (page: number) => void = () => {}): string[] {
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 50; page++) {
      if (page > 0) between(page);
      const answer = ask({ ...request, cursor });
      seen.push(...itemsOf(answer));
      if (answer.next === null) return seen;
      cursor = answer.next;
    }
    throw new Error('there is no last page');
  }

  it('together are the list, down to the maximum depth', () => {
    const whole = itemsOf(ask({ n: 35, maxAgeMs: 0 }));
    expect(whole).toHaveLength(35);
    for (const n of [1, 4, 7, 35]) expect(pageThrough({ n })).toEqual(whole);
  });

  it('never repeat an item, whatever events come in between', () => {
    const between = fc.array(fc.constantFrom('acts', 'others act', 'time goes by', 'withdrawn', 'nothing'), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        between,
        fc.constantFrom(1, 3, 8),
        fc.constantFrom<string[]>([], [item(5)]),
        (happens, n, exclude) => {
          const seen = pageThrough({ n, exclude }, (page) => {
            const what = happens[page % happens.length];
            if (what === 'acts') act('u1', (page * 3) % ITEMS);
            if (what === 'others act') for (let u = 0; u < 10; u++) act(`other-${u}`, (page * 5 + u) % ITEMS);
            if (what === 'time goes by') clock += 100_000;
            if (what !== 'withdrawn') return;
            model.withdrawItem(item(page % ITEMS));
            lists.withdrawn(item(page % ITEMS), true);
          });
          expect(new Set(seen).size).toBe(seen.length);
          for (let i = 0; i < ITEMS; i++) {
            model.restoreItem(item(i));
            lists.withdrawn(item(i), false);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leave no item out when an item of an earlier page is withdrawn', () => {
    const whole = itemsOf(ask({ n: 20, maxAgeMs: 0 }));
    const seen = pageThrough({ n: 5 }, (page) => page === 1 && lists.withdrawn(whole[0] as string, true));
    expect(seen.slice(0, 20)).toEqual(whole);
  });

  it.each([
    'nonsense',
    '',
    Buffer.from('{}').toString('base64url'),
    Buffer.from('{"offset":-1,"list":"l"}').toString('base64url'),
  ])('do not start at %j', (cursor) => {
    expect(() => ask({ cursor })).toThrow(BadRequestError);
  });

  it('that the engine no longer remembers continue by place', () => {
    const whole = itemsOf(ask({ n: 20, maxAgeMs: 0 }));
    const cursor = Buffer.from(JSON.stringify({ offset: 5, list: 'l_gone' })).toString('base64url');
    expect(itemsOf(ask({ cursor }))).toEqual(whole.slice(5, 10));
  });

  it('of one user are not valid for another', () => {
    const { next } = ask();
    const other = ask({ user: 'other-1', cursor: next ?? undefined });
    expect(itemsOf(other)).toEqual(itemsOf(ask({ user: 'other-1', n: 10 })).slice(5));
  });
});

describe('shelves', () => {
  const shelves = (rows: number) => lists.shelves({ user: 'u1', rows, n: 3, exclude: [], rules: undefined }).shelves;

  it('have one row of each kind before a second one of a kind, in the order of a page', () => {
    for (const n of [5, 9, 14, 20, 27]) act('u1', n);
    expect(shelves(1).map(({ kind }) => kind)).toEqual(['for-you']);
    expect(shelves(2).map(({ kind }) => kind)).toEqual(['for-you', 'because']);
    const four = shelves(4).map(({ kind }) => kind);
    expect(new Set(four).size).toBe(four.length);
    expect(four).toContain('trending');
    const all = shelves(8).flatMap(({ items }) => items.map((one) => one.item));
    expect(new Set(all).size).toBe(all.length);
  });
});
