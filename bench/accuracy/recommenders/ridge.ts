import type { DataSet } from '../data/data-set.ts';
import { featuresOf } from './features.ts';
import { createHistories } from './histories.ts';
import type { Recommender } from './port.ts';

/**
 * Ridge regression for each user: it predicts from the features of an item whether the user took it, over all taken items.
 * One matrix serves all users: with G = X'X + lambda I the score of item j for a user is x_j' G^-1 (sum of the x_i taken).
 */
export function createRidge({ fields }: Pick<DataSet, 'fields'>, lambda: number): Recommender {
  const { rows, count } = featuresOf(fields);
  const histories = createHistories();
  const taken = new Set<number>();
  const scores = new Float64Array(rows.length);
  const sums = new Float64Array(count);
  let solved: Map<number, Float64Array> | undefined;

  /** G^-1 x of the items to rank. */
  function solve(among: readonly number[]): Map<number, Float64Array> {
    const gram = new Float64Array(count * count);
    for (const item of taken)
      for (const a of rows[item] as number[])
        for (const b of rows[item] as number[]) gram[a * count + b] = (gram[a * count + b] as number) + 1;
    for (let k = 0; k < count; k++) gram[k * count + k] = (gram[k * count + k] as number) + lambda;
    const lower = cholesky(gram, count);
    return new Map(
      among.map((item) => {
        const x = new Float64Array(count);
        for (const feature of rows[item] as number[]) x[feature] = 1;
        return [item, solveCholesky(lower, count, x)];
      }),
    );
  }

  return {
    name: 'ridge per user',
    learn: (entries) => {
      solved = undefined;
      for (const { interaction } of entries) {
        if (!interaction) continue;
        histories.add(interaction);
        taken.add(interaction.item);
      }
    },
    rank: (question) => {
      solved ??= solve(question.among ?? rows.map((_, item) => item));
      sums.fill(0);
      for (const item of new Set(histories.of(question)))
        for (const feature of rows[item] as number[]) sums[feature] = (sums[feature] as number) + 1;
      for (const [item, weights] of solved) {
        let score = 0;
        for (let k = 0; k < count; k++) score += (sums[k] as number) * (weights[k] as number);
        scores[item] = score;
      }
      return { kind: 'scores', scores };
    },
    learned: () => histories.count(),
  };
}

/**
 * Lower triangle L with L L' = A (n x n, row-major, positive definite).
 */
export function cholesky(a: Float64Array, n: number): Float64Array {
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * n + k] as number) * (lower[j * n + k] as number);
      lower[i * n + j] = i === j ? Math.sqrt(sum) : sum / (lower[j * n + j] as number);
    }
  }
  return lower;
}

/** The y with L L' y = b. */
export function solveCholesky(lower: Float64Array, n: number, b: Float64Array): Float64Array {
  const y = b.slice();
  for (let i = 0; i < n; i++) {
    let sum = y[i] as number;
    for (let k = 0; k < i; k++) sum -= (lower[i * n + k] as number) * (y[k] as number);
    y[i] = sum / (lower[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = (y[i] as number) / (lower[i * n + i] as number);
    y[i] = value;
    for (let k = 0; k < i; k++) y[k] = (y[k] as number) - (lower[i * n + k] as number) * value;
  }
  return y;
}
