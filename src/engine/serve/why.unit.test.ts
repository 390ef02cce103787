import { describe, expect, it } from 'vitest';
import { itemId, userId } from '../../bus/event/ids.ts';
import { circumstancesOf } from '../fold/context.ts';
import { NO_ROWS } from '../fold/rows-beside.ts';
import { createModel, type Model } from '../model/mod.ts';
import { parseRules } from '../rerank/request.ts';
import { createReranking } from '../rerank/rerank.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
import { createWhy, type WhyAnswer } from './why.ts';

const HOUR = 3_600_000;

/** Sixty items of two kinds, and forty users who keep to one kind; `me` is one of them. */
function filled(): Model {
  const model = createModel({ ranking: { serveUnpublished: false } });
  for (let i = 0; i < 60; i++)
    model.publishItem(itemId(`i${i}`), { title: `Title ${i}`, tags: [i % 2 ? 'sea' : 'land'] }, i * HOUR);
  let seq = 0;
  const take = (user: string, item: number): void => {
    seq++;
    model.clock = 100 * HOUR + seq * 60_000;
    model.interact({ user: userId(user), item: itemId(`i${item}`), weight: 16, time: model.clock, seq });
  };
  for (let turn = 0; turn < 12; turn++)
    for (let person = 0; person < 40; person++)
      take(`person-${person}`, ((person * 7 + turn * 11) % 28) * 2 + (person % 2));
  for (const item of [1, 3, 9, 15]) take('me', item);
  model.dismiss({ user: userId('me'), item: itemId('i5'), seq: ++seq });
  model.withdrawItem(itemId('i7'));
  model.interact({
    user: userId('person-1'),
    item: itemId('never-published'),
    weight: 16,
    time: model.clock,
    seq: ++seq,
  });
  return model;
}

const model = filled();
const asking = (rules: Rules = NO_RULES) =>
  createWhy({ model, seq: () => 500, snapshot: () => 's', config: 'c', length: 20, rules: () => rules });
const why = (item: string, n = 5, rules?: Rules): WhyAnswer =>
  asking(rules)({ user: 'me', root: 'me', item, n, includeSeen: false });
const total = (terms: readonly { contribution: number }[]): number =>
  terms.reduce((sum, { contribution }) => sum + contribution, 0);
const top = createReranking(model).list({ user: 'me', rules: NO_RULES }, 20).items;

describe('why', () => {
  it('has terms that add up to the score, the largest first, and features that add up to the same', () => {
    for (const [place, { item, score }] of top.entries()) {
      const answer = why(item, 20);
      expect(answer).toMatchObject({ standing: 'listed', rank: place + 1, place: place + 1, score });
      expect(total(answer.terms)).toBeCloseTo(score, 9);
      expect(total(answer.features)).toBeCloseTo(score, 9);
      for (const { value, weight, contribution } of answer.features) expect(value * weight).toBe(contribution);
      const contributions = answer.terms.map(({ contribution }) => contribution);
      expect(contributions).toEqual([...contributions].sort((a, b) => b - a));
      expect(answer.sentences[0]).toContain(`at place ${place + 1} in the list of me`);
      expect(answer.sentences.length).toBeGreaterThan(2);
    }
  });

  it('names events of the user, and no other user', () => {
    const own = new Set(model.history(userId('me')).map(({ seq }) => seq));
    const answers = Array.from({ length: 60 }, (_, i) => why(`i${i}`));
    expect(JSON.stringify(answers)).not.toContain('person');
    for (const { events, terms, statistics } of answers)
      for (const { seq } of [...events, ...terms, ...statistics.pairs])
        if (seq !== undefined) expect(own).toContain(seq);
    const first = why(top[0]?.item as string);
    expect(first.events.length).toBeGreaterThan(0);
    expect(first.statistics.pairs.length).toBeGreaterThan(0);
    expect(first.statistics.item.taken).toBeGreaterThan(0);
  });

  it.each([
    ['i9', { standing: 'seen', rank: null, score: null }, /took it already at sequence 483/],
    ['i5', { standing: 'dismissed', rank: null }, /dismissed it at sequence 485/],
    ['i7', { standing: 'withdrawn', rank: null }, /withdrawn/],
    ['never-published', { standing: 'unpublished', rank: null }, /not in the catalogue/],
  ])('explains why %s is not in the list', (item, wanted, words) => {
    const answer = why(item);
    expect(answer).toMatchObject(wanted);
    expect(answer.sentences[0]).toMatch(words);
  });

  it('gives the place of an item below the list, and the effect of a filter or rule', () => {
    const below = top[12]?.item as string;
    const answer = why(below, 5);
    expect(answer).toMatchObject({ standing: 'below', rank: 13, place: 13 });
    expect(answer.sentences[0]).toMatch(/not among the first 5 of me: it is at place 13/);
    const sea = parseRules({ filter: { tags: 'land' } }, { n: 1, at: 0 });
    const filtered = top.find(({ item }) => Number(item.slice(1)) % 2 === 1)?.item as string;
    expect(why(filtered, 5, sea)).toMatchObject({ standing: 'filtered', rank: null });
    const boosted = parseRules({ boosts: [{ filter: { item: below }, by: 8 }] }, { n: 1, at: 0 });
    const moved = why(below, 5, boosted);
    expect(moved).toMatchObject({ standing: 'listed', rank: 1 });
    expect(total(moved.terms)).toBeCloseTo(moved.score as number, 6);
    expect(moved.terms.map(({ says }) => says).join()).toContain('a boost moves it up');
  });

  it('explains a list in its circumstances: the same score, with terms that add up to it, also further down', () => {
    const circumstances = circumstancesOf({ device: 'phone', hour: 8 });
    const favourite = top[7]?.item as string;
    const taken = (_key: string, value: string, item: string): number => {
      if (item === '') return value === '' ? 9_600 : 4_800;
      return value === '' || item === favourite ? 480 : 160;
    };
    const rows = { ...NO_ROWS, taken };
    const ask = createWhy({
      model,
      seq: () => 500,
      snapshot: () => 's',
      config: 'c',
      length: 10,
      rows,
      contextWeight: 0.5,
    });
    const shaped = createReranking(model, { rows, contextWeight: 0.5 });
    const { items } = shaped.list({ user: 'me', rules: NO_RULES, circumstances }, 10);
    expect(items[0]?.item).toBe(favourite);
    const terms = new Set<string>();
    for (const [place, { item, score }] of items.entries()) {
      const answer = ask({ user: 'me', root: 'me', item, n: 10, includeSeen: false, circumstances });
      expect(answer).toMatchObject({ standing: 'listed', rank: place + 1, score });
      expect(total(answer.terms)).toBeCloseTo(score, 9);
      for (const { signal } of answer.terms) terms.add(signal);
    }
    expect([...terms]).toEqual(expect.arrayContaining(['context:device', 'context:hour']));
    const below = top[15]?.item as string;
    const answer = ask({ user: 'me', root: 'me', item: below, n: 5, includeSeen: false, circumstances });
    expect(answer).toMatchObject({ standing: 'below', place: 16 });
    expect(answer.terms.map(({ says }) => says).join()).toContain(
      'often in these circumstances than elsewhere (device)',
    );
    expect(total(answer.terms)).toBeCloseTo(answer.score as number, 9);
  });

  it('explains an item that a lower bound added', () => {
    const rules = parseRules({ quotas: [{ filter: { tags: 'land' }, min: 15 }] }, { n: 20, at: 0 }) as Rules;
    for (const { item, score } of createReranking(model).list({ user: 'me', rules }, 20).items) {
      const answer = why(item, 19, rules);
      expect(answer.score).toBeCloseTo(score, 9);
      expect(total(answer.terms)).toBeCloseTo(score, 9);
      expect(total(answer.features)).toBeCloseTo(score, 6);
    }
  });

  it('explains that no signal proposed an item', () => {
    const large = filled();
    // More items than candidates, so that those at the end of everything aren't looked at.
    for (let i = 0; i < 3_000; i++) large.publishItem(itemId(`x${i}`), { title: 'Nothing' }, 0);
    const ask = createWhy({ model: large, seq: () => 500, snapshot: () => 's', config: 'c', length: 20 });
    const standings = Array.from(
      { length: 40 },
      (_, i) => ask({ user: 'me', root: 'me', item: `x${i}`, n: 5, includeSeen: false }).standing,
    );
    expect(standings).toContain('not-found');
  });

  it('refuses unknown users and items', () => {
    expect(() => why('none')).toThrow(/No event names the item none/);
    const nobody = { user: 'nobody', root: 'nobody', item: 'i1', n: 5, includeSeen: false };
    expect(() => asking()(nobody)).toThrow(/The log has no event of nobody/);
  });
});
