import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BACKEND_MODULE, type LoadedTensorflow, loadTensorflow, type TensorflowBackend } from './backend.ts';

/** Deterministic numbers in [-1, 1), so that a failure can be seen again. */
const numbers = (n: number, seed: number): Float32Array => {
  let state = seed;
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

/** n x k by k x m, row-major, in double precision. */
const product = (a: Float32Array, b: Float32Array, n: number, k: number, m: number): Float64Array => {
  const c = new Float64Array(n * m);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) for (let l = 0; l < k; l++) c[i * m + j]! += a[i * k + l]! * b[l * m + j]!;
  return c;
};

const expectClose = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void => {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(found[i]! - expected[i]!) <= tolerance))
      expect.fail(`[${i}] is ${found[i]}, ${expected[i]} was expected (within ${tolerance})`);
};

/** A worker thread that loads TensorFlow by itself and multiplies; plain JavaScript, with tsx for the rest. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const { register } = await import('tsx/esm/api');
    register();
    const { loadTensorflow } = await import(workerData.module);
    const { tf, backend } = await loadTensorflow({ prefer: workerData.backend });
    const c = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]]));
    parentPort.postMessage({ backend, c: Array.from(await c.data()) });
  })().catch((err) => parentPort.postMessage({ error: String(err?.stack ?? err) }));
`;

const inWorker = (backend: TensorflowBackend): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { eval: true, workerData: { module: `file://${BACKEND_MODULE}`, backend } });
    worker.once('error', reject);
    worker.once('message', (message) => {
      resolve(message);
      void worker.terminate();
    });
  });

const forced = process.env.FRESHET_TF_BACKEND;

const behavesLikeTensorflow = (backend: TensorflowBackend): void => {
  describe(`TensorFlow, ${backend}`, () => {
    let loaded: LoadedTensorflow | undefined;
    let why = '';

    beforeAll(async () => {
      try {
        loaded = await loadTensorflow({ prefer: backend });
        if (loaded.backend !== backend) why = loaded.note ?? `${loaded.backend} came instead`;
      } catch (err) {
        // When a backend is forced, its absence is a failure and not a reason to skip.
        if (forced === backend) throw err;
        why = String(err);
      }
    });

    const on = (name: string, run: (tf: LoadedTensorflow['tf']) => Promise<void>): void => {
      it(name, async ({ skip }) => {
        if (!loaded || why !== '') return skip(why);
        expect(loaded.tf.getBackend()).toBe(backend === 'native' ? 'tensorflow' : 'wasm');
        await run(loaded.tf);
      });
    };

    on('multiplies matrices as plain loops do', async (tf) => {
      const [n, k, m] = [17, 31, 13];
      const a = numbers(n * k, 1);
      const b = numbers(k * m, 2);
      const c = tf.matMul(tf.tensor2d(a, [n, k]), tf.tensor2d(b, [k, m]));
      expect(c.shape).toEqual([n, m]);
      expectClose(await c.data(), product(a, b, n, k, m));
    });

    on('takes the gradient step of least squares', async (tf) => {
      const [n, d] = [24, 6];
      const x = numbers(n * d, 3);
      const y = numbers(n, 4);
      const start = numbers(d, 5);
      const rate = 0.1;
      const w = tf.variable(tf.tensor2d(start, [d, 1]));
      const inputs = tf.tensor2d(x, [n, d]);
      const targets = tf.tensor2d(y, [n, 1]);
      const optimizer = tf.train.sgd(rate);
      optimizer.minimize(() => tf.mean(tf.square(tf.sub(tf.matMul(inputs, w), targets))) as never, false, [w]);

      // d/dw of the mean of (x w - y)^2 is 2/n x^T (x w - y).
      const residual = product(x, start, n, d, 1).map((value, i) => value - y[i]!);
      const expected = Float64Array.from(start, (value, j) => {
        let gradient = 0;
        for (let i = 0; i < n; i++) gradient += (2 / n) * x[i * d + j]! * residual[i]!;
        return value - rate * gradient;
      });
      expectClose(await w.data(), expected);
    });

    on('agrees on softmax cross-entropy and its gradient', async (tf) => {
      const [n, classes] = [9, 7];
      const logits = numbers(n * classes, 6).map((value) => value * 4);
      const labels = new Float32Array(n * classes);
      for (let i = 0; i < n; i++) labels[i * classes + ((i * 3) % classes)] = 1;

      let loss = 0;
      const gradient = new Float64Array(n * classes);
      for (let i = 0; i < n; i++) {
        const row = logits.subarray(i * classes, (i + 1) * classes);
        const sum = row.reduce((total, value) => total + Math.exp(value), 0);
        for (let j = 0; j < classes; j++) {
          const label = labels[i * classes + j]!;
          loss -= (label * (row[j]! - Math.log(sum))) / n;
          gradient[i * classes + j] = (Math.exp(row[j]!) / sum - label) / n;
        }
      }

      const truth = tf.tensor2d(labels, [n, classes]);
      const crossEntropy = (input: ReturnType<typeof tf.tensor2d>) =>
        tf.mean(tf.neg(tf.sum(tf.mul(truth, tf.logSoftmax(input)), -1)));
      const { value, grad } = tf.valueAndGrad(crossEntropy as never)(tf.tensor2d(logits, [n, classes]));
      expectClose(await value.data(), [loss]);
      expectClose(await grad.data(), gradient);
    });

    on('works in a worker thread', async () => {
      expect(await inWorker(backend)).toEqual({ backend, c: [19, 22, 43, 50] });
    });

    on("leaves the process's handlers of uncaught errors alone", async () => {
      const added = process.listeners('uncaughtException').filter((listener) => /ExitStatus/.test(String(listener)));
      expect(added).toEqual([]);
    });
  });
};

if (forced !== 'wasm') behavesLikeTensorflow('native');
if (forced !== 'native') behavesLikeTensorflow('wasm');

describe('choosing a backend', () => {
  const before = process.env.FRESHET_TF_BACKEND;
  afterEach(() => {
    if (before === undefined) delete process.env.FRESHET_TF_BACKEND;
    else process.env.FRESHET_TF_BACKEND = before;
  });

  it('reports why the native library is not used', async ({ skip }) => {
    if (forced === 'native') return skip('native is forced');
    process.env.FRESHET_TF_BACKEND = 'wasm';
    const { backend, note } = await loadTensorflow({ prefer: 'native' });
    expect(backend).toBe('wasm');
    expect(note).toBeTruthy();
  });
});
