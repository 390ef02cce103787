import { afterEach, describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import {
  createModel,
  decodeMap,
  encodeMap,
  type InputKind,
  MappedItems,
  type Model,
  type TrainingData,
} from '../model/mod.ts';
import { type LoadedTensorflow, loadTensorflow, type TensorflowBackend } from './backend.ts';
import { trainClosedForm } from './closed-form.ts';
import { createTrainer, type Trainer } from './trainer.ts';

const SMALL = { features: 256, rank: 8 };
const quiet = { warn: () => {}, info: () => {} };

/** Readers of five tastes; an item has the tag of its taste, and one of each taste is never taken. */
function readers(embeddings = false): Model {
  const model = createModel();
  for (let n = 0; n < 100; n++) {
    model.publishItem(`i${n}` as ItemId, {
      title: `Book ${n % 10}`,
      tags: [`taste ${n % 5}`, `cover ${n % 3}`],
      published: `${1950 + (n % 40)}-01-01T00:00:00Z`,
      ...(embeddings ? { embedding: [n % 5, 1, n % 2] } : {}),
    });
  }
  let seq = 0;
  for (let step = 0; step < 12; step++) {
    for (let n = 0; n < 240; n++) {
      const item = `i${(n % 5) + 5 * ((n * 7 + step * 3) % 19)}` as ItemId;
      model.interact({ user: `u${n}` as UserId, item, weight: 16, time: 1_000 + seq, seq: ++seq });
    }
  }
  return model;
}

const dataOf = (model: Model, kind: InputKind): TrainingData => {
  const data = model.trainingData(kind);
  if (data === undefined) throw new Error('there is too little to learn from');
  return data;
};

let trainer: Trainer | undefined;
afterEach(async () => {
  await trainer?.close();
  trainer = undefined;
});

const forced = process.env.FRESHET_TF_BACKEND;

const trainsOn = (backend: TensorflowBackend): void => {
  describe(`training, ${backend}`, () => {
    const on = (name: string, run: (tf: LoadedTensorflow['tf']) => Promise<void>): void => {
      it(name, async ({ skip }) => {
        const loaded = await loadTensorflow({ prefer: backend });
        if (loaded.backend !== backend) return skip(loaded.note ?? `${loaded.backend} came instead`);
        await run(loaded.tf);
      });
    };
    const train = (tf: LoadedTensorflow['tf'], model = readers()) =>
      trainClosedForm(tf, dataOf(model, 'content'), { ...SMALL, lambda: 10 });

    on('ranks better than chance and lets go of its memory', async (tf) => {
      const before = tf.memory().numTensors;
      const { map } = await train(tf);
      expect(tf.memory().numTensors).toBe(before);
      expect(map.quality.reciprocalRank).toBeGreaterThan(1.5 * map.quality.chance);
    });

    on('scores in plain arrays as TensorFlow does', async (tf) => {
      const model = readers(true);
      const { map } = await train(tf, model);
      const data = dataOf(model, 'content');
      const items = data.featureStarts.length - 1;
      const rows = map.hashes.length + map.embeddingSize;
      const dense = new Float32Array(items * rows);
      const mapped = new MappedItems(encodeMap(map));
      for (let item = 0; item < items; item++) {
        const own = data.features.subarray(data.featureStarts[item]!, data.featureStarts[item + 1]!);
        const embedding = data.embeddings.subarray(item * data.embeddingSize, (item + 1) * data.embeddingSize);
        mapped.set(item, own, [...embedding]);
        for (const hash of own) {
          const column = map.hashes.indexOf(hash);
          if (column >= 0) dense[item * rows + column] = 1;
        }
        dense.set(embedding, item * rows + map.hashes.length);
      }
      const past = [3, 14, 15, 92];
      expect(mapped.gather(past, 100)).toBe(true);
      const scores = tf.tidy(() => {
        const x = tf.tensor2d(dense, [items, rows]);
        const pasts = tf.matMul(x, tf.tensor2d(map.user ?? map.item, [rows, map.rank]));
        let user = tf.div(tf.sum(tf.gather(pasts, past), 0, true), Math.sqrt(past.length));
        if (map.nobody) user = tf.add(user, tf.tensor2d(map.nobody, [1, map.rank]));
        let vectors = tf.matMul(x, tf.tensor2d(map.item, [rows, map.rank]));
        if (map.hidden > 0) {
          const units = tf.add(
            tf.matMul(x, tf.tensor2d(map.hiddenIn, [rows, map.hidden])),
            tf.tensor2d(map.hiddenBias, [1, map.hidden]),
          );
          vectors = tf.add(vectors, tf.matMul(tf.relu(units), tf.tensor2d(map.hiddenOut, [map.hidden, map.rank])));
        }
        const sums = tf.matMul(vectors, user, false, true);
        return map.level ? tf.add(sums, tf.matMul(x, tf.tensor2d(map.level, [rows, 1]))) : sums;
      });
      const expected = await scores.data();
      scores.dispose();
      for (let item = 0; item < items; item++)
        expect(Math.abs(mapped.score(item) - expected[item]!)).toBeLessThan(
          1e-5 * Math.max(1, Math.abs(expected[item]!)),
        );
    });
  });
};

if (forced !== 'wasm') trainsOn('native');
if (forced !== 'native') trainsOn('wasm');

describe('the trainer', () => {
  it('returns bytes from a worker that the model reads', async () => {
    trainer = createTrainer({ logger: quiet, content: SMALL });
    const model = readers();
    const { bytes, backend, seconds } = await trainer.train('content', dataOf(model, 'content'));
    expect(decodeMap(bytes).kind).toBe('content');
    expect(['native', 'wasm']).toContain(backend);
    expect(seconds).toBeGreaterThan(0);
    model.adopt({ kind: 'content', bytes, seq: 1_000 });
    expect(model.inputs()).toMatchObject([{ kind: 'content', challenged: false }]);
  });

  it('reports why a training failed, and runs the next one', async () => {
    const said: unknown[] = [];
    trainer = createTrainer({ logger: { ...quiet, warn: (...words: unknown[]) => said.push(words) }, content: SMALL });
    const data = dataOf(readers(), 'content');
    const broken = { ...data, histories: new Int32Array(0), historyStarts: undefined as unknown as Int32Array };
    await expect(trainer.train('content', broken)).rejects.toMatchObject({ code: 'FRESHET_TRAINING_FAILED' });
    expect(said).toHaveLength(1);
    await expect(trainer.train('content', data)).resolves.toMatchObject({ bytes: expect.any(Uint8Array) });
  });

  it('fails the training of a worker that dies, and starts another worker for the next one', async () => {
    const data = dataOf(readers(), 'content');
    trainer = createTrainer({ logger: quiet, entry: 'data:text/javascript,process.exit(3)' });
    for (let time = 0; time < 2; time++)
      await expect(trainer.train('content', data)).rejects.toThrow('the training worker ended with code 3');
  });

  it('ends a training that takes too long, and starts another worker afterwards', async () => {
    const data = dataOf(readers(), 'content');
    trainer = createTrainer({ logger: quiet, content: SMALL, timeLimitMs: 1 });
    await expect(trainer.train('content', data)).rejects.toMatchObject({ code: 'FRESHET_TRAINING_FAILED' });
    await expect(trainer.train('content', data)).rejects.toMatchObject({ code: 'FRESHET_TRAINING_FAILED' });
  });
});
