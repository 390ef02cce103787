import { beforeAll, describe, expect, it } from 'vitest';
import { type LoadedTensorflow, loadTensorflow, type TensorflowBackend } from '../../../../src/engine/train/backend.ts';
import { type NetworkShape, type NetworkWeights, SequenceNetwork } from './network.ts';
import { SEQUENCE_TRAINING, type SequenceData, statesOf, trainSequence, vectors } from './train.ts';

const SHAPE: NetworkShape = { width: 8, length: 6, hidden: 12, features: 5 };
const ITEMS = 20;

/** Histories that go round the catalogue: each item is followed by the next. */
function circles(): SequenceData {
  const users = 40;
  const each = 9;
  const histories = Int32Array.from(
    { length: users * each },
    (_, at) => (Math.floor(at / each) * 7 + (at % each)) % ITEMS,
  );
  return {
    shape: SHAPE,
    items: ITEMS,
    histories,
    starts: Int32Array.from({ length: users + 1 }, (_, user) => user * each),
    featureStarts: Int32Array.from({ length: ITEMS + 1 }, (_, item) => item),
    featureColumns: Int32Array.from({ length: ITEMS }, (_, item) => item % SHAPE.features),
    featureValues: new Float32Array(ITEMS).fill(1),
    warm: undefined,
  };
}

const vectorOf = (network: SequenceNetwork, item: number): Float64Array =>
  network.vectorOf(item, [item % SHAPE.features], [1]);

const TRAINING = { ...SEQUENCE_TRAINING, batch: 16, steps: 150, learningRate: 1e-2, dropout: 0, seed: 3 };

for (const backend of ['native', 'wasm'] as const satisfies TensorflowBackend[]) {
  describe(`the sequence network, ${backend}`, () => {
    let loaded: LoadedTensorflow | undefined;
    let weights: NetworkWeights | undefined;
    let loss = Number.NaN;

    beforeAll(async () => {
      const found = await loadTensorflow({ prefer: backend }).catch(() => undefined);
      if (found?.backend !== backend) return;
      loaded = found;
      ({ weights, loss } = await trainSequence(found.tf, circles(), TRAINING));
    });

    it('learns which item follows which', ({ skip }) => {
      if (!weights) return skip(`${backend} does not load here`);
      expect(loss).toBeLessThan(1);
      const network = new SequenceNetwork(SHAPE, weights);
      const all = Array.from({ length: ITEMS }, (_, item) => vectorOf(network, item));
      let right = 0;
      for (let item = 0; item < ITEMS; item++) {
        const history = [item + 17, item + 18, item + 19, item].map((i) => all[i % ITEMS] as Float64Array);
        const asked = network.ask(history) as Float64Array;
        const scores = all.map((vector) => vector.reduce((sum, value, k) => sum + value * asked[k]!, 0));
        if (scores.indexOf(Math.max(...scores)) === (item + 1) % ITEMS) right++;
      }
      expect(right).toBeGreaterThan(ITEMS * 0.8);
    });

    it('computes in plain arrays what TensorFlow computes, within 1e-5', ({ skip }) => {
      if (!loaded || !weights) return skip(`${backend} does not load here`);
      const { tf } = loaded;
      const network = new SequenceNetwork(SHAPE, weights);
      for (const history of [[3], [1, 2, 3], [5, 6, 7, 8, 9, 10], [0, 1, 2, 3, 4, 5, 6, 7, 8]]) {
        const plain = network.ask(history.map((item) => vectorOf(network, item))) as Float64Array;
        const states = tf.tidy(() => {
          const tensors = tensorsOf(loaded as LoadedTensorflow, weights as NetworkWeights);
          const features = tf.oneHot(
            tf.tensor1d(
              Array.from({ length: ITEMS }, (_, item) => item % SHAPE.features),
              'int32',
            ),
            SHAPE.features,
          );
          const table = vectors(tf, tensors, tf.cast(features, 'float32') as never);
          const read = history.slice(-SHAPE.length);
          const missing = SHAPE.length - read.length;
          const rows = tf.gather(table, tf.tensor1d(read, 'int32'));
          const input = tf.reshape(
            tf.pad(rows, [
              [missing, 0],
              [0, 0],
            ]),
            [1, SHAPE.length, SHAPE.width],
          );
          const there = tf.tensor2d([Array.from({ length: SHAPE.length }, (_, at) => (at < missing ? 0 : 1))]);
          const causal = tf.tensor2d(
            Array.from({ length: SHAPE.length }, (_, row) =>
              Array.from({ length: SHAPE.length }, (_, column) => (column > row ? -1e9 : 0)),
            ),
          );
          return statesOf(tf, tensors, input, there, causal, 0).dataSync().slice(-SHAPE.width);
        });
        for (let k = 0; k < SHAPE.width; k++) expect(Math.abs(states[k]! - plain[k]!)).toBeLessThan(1e-5);
      }
    });

    it('continues from given weights', async ({ skip }) => {
      if (!loaded || !weights) return skip(`${backend} does not load here`);
      const warm = await trainSequence(loaded.tf, { ...circles(), warm: weights }, { ...TRAINING, steps: 10 });
      const cold = await trainSequence(loaded.tf, circles(), { ...TRAINING, steps: 10 });
      expect(warm.loss).toBeLessThan(cold.loss / 2);
    });

    it('takes a sample of a large vocabulary for the softmax', async ({ skip }) => {
      if (!loaded) return skip(`${backend} does not load here`);
      const { loss: sampled } = await trainSequence(loaded.tf, circles(), { ...TRAINING, sampled: 10 });
      expect(sampled).toBeLessThan(1);
    });
  });
}

function tensorsOf({ tf }: LoadedTensorflow, weights: NetworkWeights) {
  const shaped: Record<string, number[]> = {
    items: [ITEMS, SHAPE.width],
    content: [SHAPE.features, SHAPE.width],
    positions: [SHAPE.length, SHAPE.width],
    inner: [SHAPE.width, SHAPE.hidden],
    outer: [SHAPE.hidden, SHAPE.width],
  };
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const square = values.length === SHAPE.width ** 2 ? [SHAPE.width, SHAPE.width] : [values.length];
      return [name, tf.tensor(values, shaped[name] ?? square)];
    }),
  ) as never;
}
