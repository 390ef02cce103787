/**
 * Trains the sequence network of `network.ts`: each position of a window of a history
 * predicts the next item, by softmax over the vocabulary, or over a sample of a large one.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';
import { createRandom, type Random } from '../../../../src/demo/random.ts';
import type { Tensorflow } from '../../../../src/engine/train/backend.ts';
import { type NetworkShape, type NetworkWeights, NORM_EPSILON, type WeightName, weightShapes } from './network.ts';

/** Training data of the network at one position of the log; structured-clonable. */
export interface SequenceData {
  shape: NetworkShape;
  /** Items of the vocabulary. */
  items: number;
  /** Places in the vocabulary, user after user, each in log order. */
  histories: Int32Array;
  /** Where each user's history begins; one more than there are users. */
  starts: Int32Array;
  /** Content features of the vocabulary, row after row: where each row begins, columns, values. */
  featureStarts: Int32Array;
  featureColumns: Int32Array;
  featureValues: Float32Array;
  /** Initial weights, of the same shape and vocabulary. */
  warm: NetworkWeights | undefined;
}

export interface SequenceTraining {
  /** Windows in one step. */
  batch: number;
  steps: number;
  learningRate: number;
  /** Share of the entries of an input vector that training leaves out. */
  dropout: number;
  /** Items beside the targets in the softmax; the whole vocabulary if it is no larger. */
  sampled: number;
  seed: number;
}

export const SEQUENCE_TRAINING: SequenceTraining = {
  batch: 64,
  steps: 1_000,
  learningRate: 2e-3,
  dropout: 0.2,
  sampled: 2_048,
  seed: 1,
};

const MASKED = -1e9;

/** Trains and returns the weights, and the mean loss of the last tenth of the steps. */
export async function trainSequence(
  tf: Tensorflow,
  data: SequenceData,
  training: SequenceTraining,
  onStep?: (step: number, loss: number) => void,
): Promise<{ weights: NetworkWeights; loss: number }> {
  const random = createRandom(training.seed);
  const { shape, items } = data;
  const variables = startingWeights(tf, shape, items, data.warm, random);
  const features = shape.features > 0 ? denseFeatures(tf, data) : undefined;
  const optimizer = tf.train.adam(training.learningRate, 0.9, 0.98);
  const windows = windowsOf(data, shape.length);
  const causal = tf.tensor2d(
    Float32Array.from({ length: shape.length ** 2 }, (_, at) =>
      at % shape.length > Math.floor(at / shape.length) ? MASKED : 0,
    ),
    [shape.length, shape.length],
  );
  let late = 0;
  let lateSteps = 0;
  try {
    for (let step = 0; step < training.steps; step++) {
      const batch = drawBatch(data, windows, training, random);
      const loss = tf.tidy(() => {
        const cost = optimizer.minimize(
          () => lossOf(tf, variables, features, causal, batch, shape, training, items),
          true,
          Object.values(variables),
        );
        return cost?.dataSync()[0] ?? Number.NaN;
      });
      if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss} at step ${step}`);
      onStep?.(step, loss);
      if (step < training.steps * 0.9) continue;
      late += loss;
      lateSteps++;
      // Lets the calling thread end this one.
      if (step % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const weights = {} as NetworkWeights;
    for (const name of Object.keys(variables) as WeightName[])
      weights[name] = Float32Array.from(variables[name].dataSync());
    return { weights, loss: late / Math.max(lateSteps, 1) };
  } finally {
    for (const variable of Object.values(variables)) variable.dispose();
    features?.dispose();
    causal.dispose();
    optimizer.dispose();
  }
}

type Variables = Record<WeightName, Variable>;

function startingWeights(
  tf: Tensorflow,
  shape: NetworkShape,
  items: number,
  warm: NetworkWeights | undefined,
  random: Random,
): Variables {
  const shapes = weightShapes(shape, items);
  const variables = {} as Variables;
  for (const name of Object.keys(shapes) as WeightName[]) {
    const size = shapes[name];
    const length = size.reduce((product, n) => product * n, 1);
    const known = warm?.[name];
    let values: Float32Array;
    if (known?.length === length) values = known;
    else if (/Scale$/.test(name)) values = new Float32Array(length).fill(1);
    else if (/Shift$|Bias$/.test(name)) values = new Float32Array(length);
    else {
      const spread =
        name === 'items' || name === 'positions' || name === 'content' ? 0.02 : Math.sqrt(2 / (size[0]! + size[1]!));
      values = Float32Array.from({ length }, () => spread * random.normal());
    }
    variables[name] = tf.variable(tf.tensor(values, size), true);
  }
  return variables;
}

function denseFeatures(tf: Tensorflow, data: SequenceData): Tensor2D {
  const { features } = data.shape;
  const values = new Float32Array(data.items * features);
  for (let item = 0; item < data.items; item++)
    for (let at = data.featureStarts[item]!; at < data.featureStarts[item + 1]!; at++)
      values[item * features + data.featureColumns[at]!] = data.featureValues[at]!;
  return tf.tensor2d(values, [data.items, features]);
}

/** The user of each window: one for each `length` events of a history, and one for the rest. */
function windowsOf({ starts }: SequenceData, length: number): number[] {
  const windows: number[] = [];
  for (let user = 0; user + 1 < starts.length; user++) {
    const events = starts[user + 1]! - starts[user]!;
    if (events < 2) continue;
    for (let n = Math.ceil((events - 1) / length); n > 0; n--) windows.push(user);
  }
  return windows;
}

interface Batch {
  /** Places in the vocabulary, batch * length; -1 where a window is shorter. */
  inputs: Int32Array;
  targets: Int32Array;
  /** Items beside the targets, undefined for all. */
  sampled: Int32Array | undefined;
}

function drawBatch(
  { histories, starts, items, shape }: SequenceData,
  windows: readonly number[],
  { batch, sampled }: SequenceTraining,
  random: Random,
): Batch {
  const { length } = shape;
  const inputs = new Int32Array(batch * length).fill(-1);
  const targets = new Int32Array(batch * length).fill(-1);
  for (let row = 0; row < batch; row++) {
    const user = windows[random.below(windows.length)]!;
    const start = starts[user]!;
    const events = starts[user + 1]! - start;
    // The last event is a target only. A window may begin before the history does, so that the network learns its beginning.
    const end = events - 1 <= length ? events - 1 : Math.min(events - 1, 1 + random.below(events + length / 2));
    for (let at = Math.max(0, end - length); at < end; at++) {
      const to = row * length + length - (end - at);
      inputs[to] = histories[start + at]!;
      targets[to] = histories[start + at + 1]!;
    }
  }
  const some = items > sampled ? Int32Array.from({ length: sampled }, () => random.below(items)) : undefined;
  return { inputs, targets, sampled: some };
}

function lossOf(
  tf: Tensorflow,
  variables: Variables,
  features: Tensor2D | undefined,
  causal: Tensor2D,
  { inputs, targets, sampled }: Batch,
  shape: NetworkShape,
  { dropout, batch }: SequenceTraining,
  items: number,
): ReturnType<Tensorflow['scalar']> {
  const { length, width } = shape;
  const table = vectors(tf, variables, features);
  const there = tf.tensor1d(Float32Array.from(inputs, (place) => (place < 0 ? 0 : 1)));
  const places = Int32Array.from(inputs, (place) => Math.max(place, 0));
  const input = tf.mul(rowsOf(tf, table, places), tf.reshape(there, [batch * length, 1])) as Tensor2D;
  const hidden = statesOf(
    tf,
    variables,
    tf.reshape(input, [batch, length, width]),
    tf.reshape(there, [batch, length]),
    causal,
    dropout,
  );
  const flat = tf.reshape(hidden, [batch * length, width]) as Tensor2D;
  const aimed = Int32Array.from(targets, (place) => Math.max(place, 0));
  let cost: Tensor1D;
  if (sampled === undefined) {
    const logits = tf.matMul(flat, table, false, true) as Tensor2D;
    const chosen = tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(tf.tensor1d(aimed, 'int32'), items)), 1);
    cost = tf.neg(chosen) as Tensor1D;
  } else {
    const right = tf.sum(tf.mul(flat, rowsOf(tf, table, aimed)), 1, true) as Tensor2D;
    const others = tf.matMul(flat, rowsOf(tf, table, sampled), false, true) as Tensor2D;
    // A target among the drawn items would be right and wrong at once.
    const same = tf.equal(
      tf.reshape(tf.tensor1d(aimed, 'int32'), [-1, 1]),
      tf.reshape(tf.tensor1d(sampled, 'int32'), [1, -1]),
    );
    const logits = tf.concat([right, tf.add(others, tf.mul(tf.cast(same, 'float32'), MASKED))], 1) as Tensor2D;
    cost = tf.neg(tf.reshape(tf.slice(tf.logSoftmax(logits), [0, 0], [-1, 1]), [-1])) as Tensor1D;
  }
  const counted = tf.sum(there);
  return tf.div(tf.sum(tf.mul(cost, there)), tf.maximum(counted, 1));
}

/** Vectors of the vocabulary, n x d. */
export function vectors(tf: Tensorflow, weights: Record<WeightName, Tensor>, features: Tensor2D | undefined): Tensor2D {
  if (features === undefined) return weights.items as Tensor2D;
  return tf.add(weights.items, tf.matMul(features, weights.content as Tensor2D)) as Tensor2D;
}

/**
 * The vector of each position, b x L x d.
 *
 * @param input vectors of the items, b x L x d, shorter windows filled with zeros at the left
 * @param there 1 where there is an event, else 0, b x L
 * @param causal L x L, added to the attention of a position (row) to another (column)
 */
export function statesOf(
  tf: Tensorflow,
  weights: Record<WeightName, Tensor>,
  input: Tensor,
  there: Tensor,
  causal: Tensor2D,
  dropout: number,
): Tensor3D {
  const [batch, length, width] = input.shape as [number, number, number];
  const flat = (x: Tensor): Tensor2D => tf.reshape(x, [batch * length, -1]) as Tensor2D;
  const deep = (x: Tensor): Tensor3D => tf.reshape(x, [batch, length, -1]) as Tensor3D;
  const by = (x: Tensor, name: WeightName): Tensor3D => deep(tf.matMul(flat(x), weights[name] as Tensor2D));
  const drop = <T extends Tensor>(x: T): T => (dropout > 0 ? (tf.dropout(x, dropout) as T) : x);
  const normalised = (x: Tensor, scale: WeightName, shift: WeightName): Tensor => {
    const mean = tf.mean(x, -1, true);
    const centred = tf.sub(x, mean);
    const variance = tf.mean(tf.mul(centred, centred), -1, true);
    return tf.add(tf.mul(tf.div(centred, tf.sqrt(tf.add(variance, NORM_EPSILON))), weights[scale]), weights[shift]);
  };
  const start = drop(tf.add(input, weights.positions));
  const normal = normalised(start, 'attentionScale', 'attentionShift');
  const logits = tf.div(tf.matMul(by(normal, 'query'), by(normal, 'key'), false, true), Math.sqrt(width));
  const absent = tf.mul(tf.sub(1, tf.reshape(there, [batch, 1, length])), MASKED);
  const shares = tf.softmax(tf.add(tf.add(logits, causal), absent) as Tensor3D);
  const attended = by(tf.matMul(shares, by(normal, 'value')), 'output');
  const state = tf.add(start, drop(attended));
  const inner = tf.relu(tf.add(by(normalised(state, 'layerScale', 'layerShift'), 'inner'), weights.innerBias));
  const outer = tf.add(by(inner, 'outer'), weights.outerBias);
  return normalised(tf.add(state, drop(outer)), 'lastScale', 'lastShift') as Tensor3D;
}

/** Rows of a table by number. `gather`'s own gradient needs an operation that WASM lacks. */
function rowsOf(tf: Tensorflow, table: Tensor2D, places: Int32Array): Tensor2D {
  const gathered = tf.customGrad((x) => {
    const numbers = tf.tensor1d(places, 'int32');
    const value = tf.gather(x as Tensor2D, numbers) as Tensor2D;
    const gradFunc = (dy: Tensor): Tensor =>
      tf.scatterND(tf.tensor2d(places, [places.length, 1], 'int32'), dy, table.shape);
    return { value, gradFunc };
  });
  return gathered(table) as Tensor2D;
}
