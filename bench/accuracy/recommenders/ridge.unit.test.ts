import { describe, expect, it } from 'vitest';
import { dataSet } from '../testing.ts';
import { featuresOf } from './features.ts';
import { cholesky, createRidge, solveCholesky } from './ridge.ts';

describe('ridge per user', () => {
  it('solves the ridge regression', () => {
    const a = Float64Array.from([4, 2, 0.4, 2, 5, 1, 0.4, 1, 3]);
    const b = Float64Array.from([1, -2, 0.5]);
    const x = solveCholesky(cholesky(a, 3), 3, b);
    for (let i = 0; i < 3; i++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += (a[i * 3 + k] as number) * (x[k] as number);
      expect(sum).toBeCloseTo(b[i] as number, 12);
    }
  });

  it('ranks by the items of the user, also items without interactions', async () => {
    const catalogue = {
      a: { tags: ['sea'] },
      b: { tags: ['sea'] },
      c: { tags: ['hill'] },
      d: { tags: ['hill'] },
      newSea: { tags: ['sea'] },
      newHill: { tags: ['hill'] },
    };
    const data = dataSet(['u1 a', 'u1 b', 'u2 c', 'u2 d'], { catalogue });
    const ridge = createRidge(data, 1);
    ridge.learn(data.entries);
    const [sea, hill] = ['newSea', 'newHill'].map((id) => data.items.indexOf(id)) as [number, number];
    const score = async (user: string): Promise<number[]> => {
      const answer = await ridge.rank({ user: data.users.indexOf(user), history: undefined, among: [sea, hill] });
      return answer.kind === 'scores' ? [answer.scores[sea] as number, answer.scores[hill] as number] : [];
    };
    const [first, second] = [await score('u1'), await score('u2')];
    expect(first[0]).toBeGreaterThan(first[1] as number);
    expect(second[1]).toBeGreaterThan(second[0] as number);
    expect(ridge.learned()).toBe(4);
  });
});

describe('features', () => {
  it('are those that more than one item has', () => {
    const { rows, count } = featuresOf([
      { title: 'The Sea', tags: ['blue'], published: '1999-01-01T00:00:00Z', attributes: { by: ['ann', 'bob'] } },
      { title: 'the hill', tags: ['green'], published: '1999-05-01T00:00:00Z', attributes: { by: ['bob'] } },
      undefined,
    ]);
    // The constant, 1999, "the", by bob.
    expect(count).toBe(4);
    expect(rows.map((own) => own.length)).toEqual([4, 4, 1]);
  });
});
