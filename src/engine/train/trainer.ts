/**
 * Training in a worker thread of its own, so that serving and folding go on. One training at a time; if the worker dies,
 * its training fails, and the next training starts another worker.
 */
import { fileURLToPath } from 'node:url';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { FreshetError } from '../../errors.ts';
import type { InputKind, TrainingData } from '../model/mod.ts';
import { CLOSED_FORM_DEFAULTS, type ClosedFormConfig } from './closed-form.ts';
import type { TrainingOrder, TrainingReply } from './worker.ts';

/** A training failed: TensorFlow does not load, the worker died, or the training took too long. */
export class TrainingFailedError extends FreshetError {
  readonly code = 'FRESHET_TRAINING_FAILED';
}

export interface TrainerOptions {
  logger: Pick<Logger, 'warn' | 'info'>;
  content?: Partial<ClosedFormConfig>;
  /** Milliseconds that one training may take, loading TensorFlow included. */
  timeLimitMs?: number;
  /** URL of the worker's module; left out: the one of this package. */
  entry?: string;
}

export interface TrainedInput {
  bytes: Uint8Array;
  seconds: number;
  /** `native` or `wasm`. */
  backend: string;
  loss: number;
}

export interface Trainer {
  /** Trains an input of this kind. Throws {@link TrainingFailedError}. */
  train(kind: InputKind, data: TrainingData): Promise<TrainedInput>;
  /** Ends the worker; a training that runs fails. */
  close(): Promise<void>;
}

const TIME_LIMIT_MS = 300_000;
/**
 * Plain JavaScript, because the worker's module is TypeScript: it starts from the bundle, which takes a third of the time
 * that tsx takes to read its modules one by one. Another entry is read by tsx.
 */
const BOOT = `
  const { workerData } = require('node:worker_threads');
  (async () => {
    const { bundle, root, tsx, entry } = workerData;
    if (entry === undefined) return (await import(bundle)).loadProgram(root, 'training');
    (await import(tsx)).register();
    await import(entry);
  })().catch((err) => { throw err; });
`;
const ROOT = new URL('../../../', import.meta.url);

interface Pending {
  resolve(reply: Extract<TrainingReply, { ok: true }>): void;
  reject(err: unknown): void;
}

export function createTrainer(options: TrainerOptions): Trainer {
  const { logger, timeLimitMs = TIME_LIMIT_MS, entry } = options;
  const content = { ...CLOSED_FORM_DEFAULTS, ...options.content };
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let orders = 0;
  let noted = false;

  const failure = (message: string, cause?: unknown): TrainingFailedError =>
    new TrainingFailedError(message, { cause, next: 'npx freshet doctor, to see whether TensorFlow loads' });

  function failAll(message: string, cause?: unknown): void {
    const waiting = [...pending.values()];
    pending.clear();
    for (const { reject } of waiting) reject(failure(message, cause));
  }

  function ensureWorker(): Worker {
    if (worker !== undefined) return worker;
    // The native library reads the environment of the process before code in the worker could set it.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    const own = new Worker(BOOT, {
      eval: true,
      env: SHARE_ENV,
      workerData: {
        bundle: new URL('scripts/setup/bundle.mjs', ROOT).href,
        root: fileURLToPath(ROOT),
        tsx: import.meta.resolve('tsx/esm/api'),
        entry,
      },
    });
    worker = own;
    own.unref();
    own.on('message', (reply: TrainingReply) => {
      const order = pending.get(reply.id);
      pending.delete(reply.id);
      if (reply.ok) order?.resolve(reply);
      else order?.reject(new TrainingFailedError(reply.message, { next: 'npx freshet doctor' }));
    });
    const gone = (why: string, cause?: unknown): void => {
      if (worker !== own) return;
      worker = undefined;
      failAll(why, cause);
    };
    own.on('error', (err) =>
      gone(`the training worker died: ${err instanceof Error ? err.message : String(err)}`, err),
    );
    own.on('exit', (code) => gone(`the training worker ended with code ${code}`));
    return own;
  }

  async function end(): Promise<void> {
    const own = worker;
    worker = undefined;
    await own?.terminate();
  }

  return {
    train: async (kind, data) => {
      const own = ensureWorker();
      const id = ++orders;
      const order: TrainingOrder = { id, data: { ...data, kind }, content };
      try {
        const answer = new Promise<Extract<TrainingReply, { ok: true }>>((resolve, reject) => {
          pending.set(id, { resolve, reject });
          // The worker keeps the process alive while a caller waits.
          own.ref();
          own.postMessage(order);
        });
        const reply = await withTimeLimit(answer, timeLimitMs, () => {
          const late = `a training of ${kind} took more than ${timeLimitMs} ms (engine.training_time_limit_ms)`;
          void end();
          failAll(late);
          return failure(late);
        });
        if (reply.note !== undefined && !noted) {
          noted = true;
          logger.info({ note: reply.note }, 'training without the native library');
        }
        return { bytes: reply.bytes, seconds: reply.seconds, backend: reply.backend, loss: reply.loss };
      } catch (err) {
        logger.warn({ err, kind }, 'a training failed; the input in force stays');
        throw err;
      } finally {
        if (pending.size === 0) own.unref();
      }
    },
    close: async () => {
      const ended = end();
      failAll('the engine closed the trainer');
      await ended;
    },
  };
}
