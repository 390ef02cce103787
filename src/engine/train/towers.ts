/**
 * Two towers (Covington et al. 2016, Yi et al. 2019): one maps a history to a vector, the other an item, both by
 * features alone, into one vector space. The loss is a softmax over the most taken items; a random half of each history
 * predicts the other half. Training drops features at random, so that rare features do not dominate. The optimizer is
 * Adam; it starts from the weights in force for the features that are still the same.
 */
import { type ContentMap, decodeMap, type TrainingData } from '../model/mod.ts';
import type { Tensorflow } from './backend.ts';
import type { Trained } from './closed-form.ts';
import { createDraw, judgeMap } from './judge-map.ts';
import { denseRows, itemRows } from './vocabulary.ts';

export interface TowersConfig {
  /** Number of features: those that the most items have. */
  features: number;
  /** Length of the vectors. */
  rank: number;
  /** Units of the item tower's hidden layer beside its linear part; 0: none. */
  hidden: number;
  /** Items in the softmax: the most taken ones. */
  items: number;
  /** Histories per step. */
  batch: number;
  /** Steps of a training. */
  steps: number;
  learningRate: number;
  /** Share of an item's features that each step drops, 0 to 1. */
  drop: number;
  /** Decay of weights in a step, as a share of the learning rate. */
  decay: number;
  /** Milliseconds after which the training stops with the weights that it has. */
  timeLimitMs: number;
}

export const TOWERS_DEFAULTS: TowersConfig = {
  features: 1_024,
  rank: 64,
  hidden: 64,
  items: 4_096,
  batch: 128,
  steps: 600,
  learningRate: 0.003,
  drop: 0.2,
  decay: 0.02,
  timeLimitMs: 30_000,
};

/** One in so many histories is not trained on and serves as a query only. */
const HELD_OUT = 20;

export async function trainTowers(tf: Tensorflow, data: TrainingData, config: TowersConfig): Promise<Trained> {
  const rows = itemRows(data, config.features);
  const n = rows.columns;
  const { rank, hidden } = config;
  const items = mostTaken(data.taken, config.items);
  const columnOf = new Int32Array(data.taken.length).fill(-1);
  for (const [column, item] of items.entries()) columnOf[item] = column;
  const histories = Array.from({ length: data.historyStarts.length - 1 }, (_, user) =>
    data.histories.subarray(data.historyStarts[user], data.historyStarts[user + 1]).filter((i) => columnOf[i]! >= 0),
  );
  const held = histories.flatMap((_, user) => (user % HELD_OUT === 0 ? [user] : []));
  const learned = histories.flatMap((own, user) => (user % HELD_OUT !== 0 && own.length > 1 ? [user] : []));
  const draw = createDraw(data.historyStarts.length);
  const first = warm(data.previous, rows.hashes, data.embeddingSize, config);
  const small = (size: number, scale: number): Float32Array =>
    Float32Array.from({ length: size }, () => (draw(2 ** 20) / 2 ** 19 - 1) * scale);
  const variable = (values: Float32Array | undefined, shape: [number, number], scale: number) => {
    const start = tf.tensor2d(values ?? small(shape[0] * shape[1], scale), shape);
    const made = tf.variable(start);
    // The variable has taken the numbers, not the tensor.
    start.dispose();
    return made;
  };
  const v = variable(first?.user, [n, rank], 0.1);
  const w = variable(first?.item, [n, rank], 0.1);
  const b = variable(first?.level, [n, 1], 0);
  const u = variable(first?.nobody, [1, rank], 0);
  const units = hidden > 0;
  const a = units ? variable(first?.hiddenIn, [n, hidden], 0.2) : undefined;
  const bias = units ? variable(first?.hiddenBias, [1, hidden], 0) : undefined;
  const out = units ? variable(first?.hiddenOut, [hidden, rank], 0.1) : undefined;
  const variables = [v, w, b, u, ...(a && bias && out ? [a, bias, out] : [])];
  const x = tf.tensor2d(denseRows(rows, items), [items.length, n]);
  const optimizer = tf.train.adam(config.learningRate);
  const started = performance.now();
  let loss = 0;
  for (let step = 0; step < config.steps && learned.length > 0; step++) {
    if (performance.now() - started > config.timeLimitMs) break;
    const size = Math.min(config.batch, learned.length);
    const given = new Float32Array(size * items.length);
    const asked = new Float32Array(size * items.length);
    for (let row = 0; row < size; row++)
      deal(histories[learned[draw(learned.length)]!]!, columnOf, row * items.length, given, asked, draw);
    const spent = tf.tidy(() => {
      const input = tf.tensor2d(given, [size, items.length]);
      const target = tf.tensor2d(asked, [size, items.length]);
      const cost = optimizer.minimize(
        () => {
          const kept = config.drop > 0 ? tf.mul(x, keep(tf, x.shape as [number, number], config.drop, step)) : x;
          const who = tf.add(tf.matMul(input, tf.matMul(x, v)), u);
          let vectors = tf.matMul(kept, w);
          if (a && bias && out) vectors = tf.add(vectors, tf.matMul(tf.relu(tf.add(tf.matMul(kept, a), bias)), out));
          const level = tf.reshape(tf.matMul(kept, b), [1, items.length]);
          const logits = tf.add(tf.matMul(who, vectors, false, true), level);
          return tf.mean(tf.neg(tf.sum(tf.mul(target, tf.logSoftmax(logits)), -1))) as never;
        },
        true,
        variables,
      );
      const shrink = 1 - config.learningRate * config.decay;
      for (const weights of [v, w, ...(a && out ? [a, out] : [])]) weights.assign(tf.mul(weights, shrink) as never);
      // With `true` above it is never null.
      return cost as NonNullable<typeof cost>;
    });
    // Read only now and then, because reading waits for the step.
    if (step % 50 === 0 || step === config.steps - 1) loss = (await spent.data())[0] ?? 0;
    spent.dispose();
  }
  const read = async (tensor: { data(): Promise<ArrayLike<number>> } | undefined): Promise<Float32Array> =>
    tensor === undefined ? new Float32Array(0) : Float32Array.from(await tensor.data());
  const map: ContentMap = {
    kind: 'towers',
    hashes: rows.hashes,
    embeddingSize: data.embeddingSize,
    rank,
    hidden,
    item: await read(w),
    user: await read(v),
    level: await read(b),
    nobody: await read(u),
    hiddenIn: await read(a),
    hiddenBias: await read(bias),
    hiddenOut: await read(out),
    quality: { reciprocalRank: 0, chance: 0, questions: 0 },
  };
  for (const tensor of [x, ...variables]) tensor.dispose();
  optimizer.dispose();
  map.quality = judgeMap(map, data, held);
  return { map, loss };
}

/** Items by how often they were taken, ties in their order. */
function mostTaken(taken: Float32Array, most: number): number[] {
  const items = [...taken.keys()].sort((a, b) => taken[b]! - taken[a]! || a - b);
  return items.slice(0, most);
}

/** Splits a history at random into the given items, each with weight 1 / sqrt(n), and the targets, as shares. */
function deal(
  history: Int32Array,
  columnOf: Int32Array,
  offset: number,
  given: Float32Array,
  asked: Float32Array,
  draw: (below: number) => number,
): void {
  const sides: [number[], number[]] = [[], []];
  for (const item of history) sides[draw(2) as 0 | 1].push(columnOf[item]!);
  const [first, second] = sides;
  // Neither half may be empty.
  if (first.length === 0) first.push(second.pop()!);
  if (second.length === 0) second.push(first.pop()!);
  for (const column of first) given[offset + column] = 1 / Math.sqrt(first.length);
  for (const column of second) asked[offset + column] = 1 / second.length;
}

/** 0 with probability `share`, else 1 / (1 - share). */
function keep(tf: Tensorflow, shape: [number, number], share: number, seed: number) {
  const drawn = tf.randomUniform(shape, 0, 1, 'float32', seed);
  return tf.div(tf.cast(tf.greaterEqual(drawn, share), 'float32'), 1 - share);
}

/** The weights in force, moved to the columns of these features; undefined if their shape differs. */
function warm(
  previous: Uint8Array | undefined,
  hashes: Uint32Array,
  embeddingSize: number,
  { rank, hidden }: TowersConfig,
): Partial<ContentMap> | undefined {
  if (previous === undefined) return undefined;
  const old = decodeMap(previous);
  if (old.kind !== 'towers' || old.rank !== rank || old.hidden !== hidden || old.embeddingSize !== embeddingSize)
    return undefined;
  const columns = new Map<number, number>();
  for (const [column, hash] of old.hashes.entries()) columns.set(hash, column);
  const moved = (matrix: Float32Array, width: number): Float32Array => {
    const to = new Float32Array((hashes.length + embeddingSize) * width);
    for (let row = 0; row < hashes.length + embeddingSize; row++) {
      const from = row < hashes.length ? columns.get(hashes[row]!) : old.hashes.length + row - hashes.length;
      if (from !== undefined) to.set(matrix.subarray(from * width, (from + 1) * width), row * width);
    }
    return to;
  };
  return {
    item: moved(old.item, rank),
    ...(old.user && { user: moved(old.user, rank) }),
    ...(old.level && { level: moved(old.level, 1) }),
    ...(old.nobody && { nobody: old.nobody }),
    hiddenIn: moved(old.hiddenIn, hidden),
    hiddenBias: old.hiddenBias,
    hiddenOut: old.hiddenOut,
  };
}
