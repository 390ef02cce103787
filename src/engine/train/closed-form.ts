/**
 * Whitened likeness in closed form. With X the features of all items that users took, and G = X'X + lambda I, the
 * score of item j for a history is `sum over it of x_h' G^-1 x_j`: for each user a ridge regression of taking an item
 * on the features of the item (Hoerl and Kennard 1970), with one matrix for all users. The score is stored as the product
 * of two vectors of `rank` numbers: G^-1 restricted to the directions in which histories differ most.
 */
import type { ContentMap, TrainingData } from '../model/mod.ts';
import type { Tensorflow } from './backend.ts';
import { createDraw, judgeMap } from './judge-map.ts';
import { cholesky, invertLower, orthonormalise } from './matrices.ts';
import { addRow, type ItemRows, itemRows } from './vocabulary.ts';

export interface ClosedFormConfig {
  /** Number of features: those that the most items have. */
  features: number;
  /** Length of the vectors. */
  rank: number;
  /** Ridge. */
  lambda: number;
}

/** Chosen on held-out tenths of MovieLens 1M other than those in the published results. */
export const CLOSED_FORM_DEFAULTS: ClosedFormConfig = { features: 1_024, rank: 128, lambda: 60 };

/**
 * Users in one product of profiles. Code here transposes matrices before it multiplies them: WASM has a fast product
 * for matrices as they are stored only. With 2,048 users and 1,024 features a training took 5.9 s of processor time
 * this way, and 19.0 s with the flags of `matMul`.
 */
const CHUNK = 1_024;
/** Rounds of the subspace iteration; and directions beyond the rank, which make it converge faster. */
const ROUNDS = 10;
const SPARE = 16;

export interface Trained {
  map: ContentMap;
  loss: number;
}

export async function trainClosedForm(tf: Tensorflow, data: TrainingData, config: ClosedFormConfig): Promise<Trained> {
  const rows = itemRows(data, config.features);
  const n = rows.columns;
  const inverse = invertLower(cholesky(gram(rows, config.lambda), n), n);
  const white = Float32Array.from(inverse);
  const spread = await spreadOf(tf, data, rows);
  // The covariance of histories where G is the identity.
  const turned = tf.tidy(() => {
    const l = tf.tensor2d(white, [n, n]);
    return tf.matMul(tf.matMul(l, tf.tensor2d(spread, [n, n])), tf.transpose(l));
  });
  const rank = Math.min(config.rank, n);
  const directions = await leading(tf, turned, n, rank);
  turned.dispose();
  const item = tf.tidy(() => {
    const l = tf.tensor2d(white, [n, n]);
    return tf.matMul(tf.transpose(l), tf.tensor2d(directions, [n, rank]));
  });
  const map: ContentMap = {
    kind: 'content',
    hashes: rows.hashes,
    embeddingSize: data.embeddingSize,
    rank,
    hidden: 0,
    item: Float32Array.from(await item.data()),
    user: undefined,
    level: undefined,
    nobody: undefined,
    hiddenIn: new Float32Array(0),
    hiddenBias: new Float32Array(0),
    hiddenOut: new Float32Array(0),
    quality: { reciprocalRank: 0, chance: 0, questions: 0 },
  };
  item.dispose();
  // A target enters the matrices only through the directions, so every history may serve as a query.
  map.quality = judgeMap(map, data, [...Array(data.historyStarts.length - 1).keys()]);
  return { map, loss: 1 - map.quality.reciprocalRank };
}

/** X'X + lambda I. */
function gram({ columns: n, starts, places, values }: ItemRows, lambda: number): Float64Array {
  const sums = new Float64Array(n * n);
  for (let item = 0; item + 1 < starts.length; item++) {
    for (let a = starts[item]!; a < starts[item + 1]!; a++) {
      const row = places[a]! * n;
      const value = values[a]!;
      for (let b = starts[item]!; b < starts[item + 1]!; b++)
        sums[row + places[b]!] = sums[row + places[b]!]! + value * values[b]!;
    }
  }
  for (let k = 0; k < n; k++) sums[k * n + k] = sums[k * n + k]! + lambda;
  return sums;
}

/** Sum over histories of p p' / length, p the sum of the features of the items in the history. */
async function spreadOf(tf: Tensorflow, data: TrainingData, rows: ItemRows): Promise<Float32Array> {
  const n = rows.columns;
  const users = data.historyStarts.length - 1;
  let sum = tf.zeros([n, n]);
  for (let from = 0; from < users; from += CHUNK) {
    const count = Math.min(CHUNK, users - from);
    const profiles = new Float32Array(count * n);
    for (let u = 0; u < count; u++) {
      const start = data.historyStarts[from + u]!;
      const end = data.historyStarts[from + u + 1]!;
      const factor = 1 / Math.sqrt(end - start);
      for (let at = start; at < end; at++) addRow(rows, data.histories[at]!, factor, profiles, u * n);
    }
    const next = tf.tidy(() => {
      const p = tf.tensor2d(profiles, [count, n]);
      return tf.add(sum, tf.matMul(tf.transpose(p), p));
    });
    sum.dispose();
    sum = next;
  }
  const spread = Float32Array.from(await sum.data());
  sum.dispose();
  return spread;
}

type Matrix = ReturnType<Tensorflow['tensor2d']>;

/** The leading eigenvectors of a symmetric matrix (n x n), as columns (n x rank): subspace iteration. */
async function leading(tf: Tensorflow, matrix: Matrix | ReturnType<Tensorflow['matMul']>, n: number, rank: number) {
  const width = Math.min(n, rank + SPARE);
  const draw = createDraw(1);
  let v = Float64Array.from({ length: n * width }, () => draw(2 ** 24) / 2 ** 23 - 1);
  orthonormalise(v, n, width);
  for (let round = 0; round < ROUNDS; round++) {
    const product = tf.tidy(() => tf.matMul(matrix, tf.tensor2d(Float32Array.from(v), [n, width])));
    v = Float64Array.from(await product.data());
    product.dispose();
    orthonormalise(v, n, width);
  }
  const kept = new Float32Array(n * rank);
  for (let row = 0; row < n; row++) for (let k = 0; k < rank; k++) kept[row * rank + k] = v[row * width + k]!;
  return kept;
}
