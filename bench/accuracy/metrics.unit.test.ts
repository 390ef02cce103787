import { describe, expect, it } from 'vitest';
import { meanOf, outcomeOf, pairedDifference, rankOf } from './metrics.ts';

const everything = (): boolean => true;
const scores = (...values: number[]) => ({ kind: 'scores' as const, scores: Float64Array.from(values) });

describe('the rank of a target', () => {
  it('counts items with a higher score', () => {
    expect(rankOf(2, scores(0.9, 0.1, 0.5, 0.7), 4, everything)).toBe(3);
  });

  it('is the mean of the places that equal scores share', () => {
    // Places 2, 3 and 4 are shared by three items.
    expect(rankOf(1, scores(1, 0.5, 0.5, 0.5, 0), 5, everything)).toBe(3);
    // All of ten alike: the mean of 1 to 10.
    expect(rankOf(4, scores(...new Array<number>(10).fill(7)), 10, everything)).toBe(5.5);
  });

  it('leaves out items that are not ranked, however high their score', () => {
    const ranked = (item: number): boolean => item !== 0 && item !== 3;
    expect(rankOf(2, scores(9, 0.1, 0.5, 9), 4, ranked)).toBe(1);
  });

  it('in a list follows the scores, ties at their mean, without items that are not ranked', () => {
    const list = { kind: 'list' as const, items: [5, 3, 8, 1], scores: [4, 2, 2, 1] };
    expect(rankOf(3, list, 9, everything)).toBe(2.5);
    expect(rankOf(8, list, 9, everything)).toBe(2.5);
    expect(rankOf(1, list, 9, (item) => item !== 5)).toBe(3);
  });

  it('is a miss if the list does not contain it, or its score is not a number', () => {
    const list = { kind: 'list' as const, items: [5, 3], scores: [4, 2] };
    expect(rankOf(0, list, 9, everything)).toBe(Number.POSITIVE_INFINITY);
    expect(rankOf(0, scores(Number.NaN, 1), 2, everything)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the result of a question', () => {
  it('with one target is a hit or none, discounted by its place', () => {
    expect(outcomeOf([1])).toEqual({ hit: 1, ndcg: 1, mrr: 1, first: 1 });
    expect(outcomeOf([3])).toEqual({ hit: 1, ndcg: 0.5, mrr: 1 / 3, first: 0 });
    expect(outcomeOf([10]).hit).toBe(1);
    expect(outcomeOf([10.5])).toMatchObject({ hit: 0, ndcg: 0, mrr: 1 / 10.5 });
    expect(outcomeOf([Number.POSITIVE_INFINITY])).toEqual({ hit: 0, ndcg: 0, mrr: 0, first: 0 });
  });

  it('with several targets is the share of those that could be among the first ten', () => {
    const { hit, ndcg } = outcomeOf([1, 3, 40]);
    expect(hit).toBeCloseTo(2 / 3);
    // (1 + 1/2) / (1 + 1/log2(3) + 1/2)
    expect(ndcg).toBeCloseTo(1.5 / (1.5 + 1 / Math.log2(3)));
    // Twelve targets, of which ten can be found.
    expect(outcomeOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])).toMatchObject({ hit: 1, ndcg: 1 });
  });
});

describe('a mean', () => {
  it('has a standard error, and a larger one if the results of a user are alike', () => {
    const { mean, se, seByUser } = meanOf([1, 1, 0, 0], [7, 7, 8, 8]);
    expect(mean).toBe(0.5);
    // sqrt(4 * 0.25) / 4
    expect(se).toBeCloseTo(0.25);
    // Each user is off by 1: sqrt(1 + 1) / 4
    expect(seByUser).toBeCloseTo(Math.SQRT2 / 4);
    expect(meanOf([1, 0, 1, 0], [7, 7, 8, 8]).seByUser).toBe(0);
  });

  it('of differences is taken question by question', () => {
    const a = [outcomeOf([1]), outcomeOf([1]), outcomeOf([20])];
    const b = [outcomeOf([1]), outcomeOf([20]), outcomeOf([20])];
    const { hit } = pairedDifference(a, b, [1, 2, 3]);
    expect(hit.mean).toBeCloseTo(1 / 3);
    // Deviations -1/3, 2/3, -1/3.
    expect(hit.se).toBeCloseTo(Math.sqrt(6 / 9) / 3);
  });
});
