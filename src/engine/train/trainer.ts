/**
 * Training in a worker thread of its own, so that serving and folding go on. One training at a time; if the worker dies,
 * its training fails, and the next training starts another worker.
 */
import type { Logger } from 'pino';
import { withTimeLimit } from '../../bus/nats/time-limit.ts';
import { createThread } from '../../bus/service/thread.ts';
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
type Trained = Extract<TrainingReply, { ok: true }>;

export function createTrainer(options: TrainerOptions): Trainer {
  const { logger, timeLimitMs = TIME_LIMIT_MS, entry } = options;
  const content = { ...CLOSED_FORM_DEFAULTS, ...options.content };
  const failure = (message: string, cause?: unknown): TrainingFailedError =>
    new TrainingFailedError(message, { cause, next: 'npx freshet doctor, to see whether TensorFlow loads' });
  const thread = createThread<Omit<TrainingOrder, 'id'>, Trained>({
    program: 'training',
    entry,
    failure,
    name: 'training worker',
  });
  let noted = false;

  return {
    train: async (kind, data) => {
      // The native library reads the environment of the process before code in the worker could set it.
      process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
      try {
        const answer = thread.request({ data: { ...data, kind }, content });
        const reply = await withTimeLimit(answer, timeLimitMs, () => {
          const late = `a training of ${kind} took more than ${timeLimitMs} ms (engine.training_time_limit_ms)`;
          void thread.end(late);
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
      }
    },
    close: () => thread.end('the engine closed the trainer'),
  };
}
