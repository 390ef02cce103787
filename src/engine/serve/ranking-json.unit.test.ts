import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RankingAnswer } from './lists.ts';
import { rankingJson } from './ranking-json.ts';

const fields = fc.record(
  { title: fc.string(), tags: fc.array(fc.string()), attributes: fc.dictionary(fc.string(), fc.jsonValue()) },
  { requiredKeys: [] },
);
const item = fc.record(
  {
    item: fc.string(),
    score: fc.double(),
    fields,
    reasons: fc.array(fc.record({ signal: fc.string(), contribution: fc.double() })),
    propensity: fc.double(),
    explored: fc.constant(true),
  },
  { requiredKeys: ['item', 'score'] },
);
const answer = fc.record({
  user: fc.string(),
  list: fc.string(),
  items: fc.array(item),
  seq: fc.nat(),
  next: fc.option(fc.string()),
});

test('a ranking is the same JSON as JSON.stringify writes, also a second time', () => {
  fc.assert(
    fc.property(answer, (one) => {
      const ranking = one as unknown as RankingAnswer;
      for (let times = 0; times < 2; times++)
        expect(JSON.parse(rankingJson(ranking))).toEqual(JSON.parse(JSON.stringify(ranking)));
    }),
  );
});
