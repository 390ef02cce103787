/** Entry of the training worker: loads TensorFlow once, and trains one input at a time. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';
import { encodeMap, type TrainingData } from '../model/mod.ts';
import { loadTensorflow } from './backend.ts';
import { type ClosedFormConfig, trainClosedForm } from './closed-form.ts';
import { type TowersConfig, trainTowers } from './towers.ts';

/** A request to the worker. */
export interface TrainingOrder {
  id: number;
  data: TrainingData;
  content: ClosedFormConfig;
  towers: TowersConfig;
}

/** An answer of the worker. */
export type TrainingReply =
  | {
      id: number;
      ok: true;
      bytes: Uint8Array;
      seconds: number;
      backend: string;
      note: string | undefined;
      loss: number;
      /** Tensors that are not disposed; a number that grows is a leak. */
      tensors: number;
    }
  | { id: number; ok: false; message: string };

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');
/** The lowest priority of the system: no caller waits for a training, and callers do wait for lists. */
const LOWEST_PRIORITY = 19;
// On Linux this sets the priority of this thread and of the threads that TensorFlow starts from it; elsewhere that of the process.
if (process.platform === 'linux') setPriority(LOWEST_PRIORITY);
const loading = loadTensorflow();
// The request that waits for it reports the error.
loading.catch(() => {});

let last: Promise<void> = Promise.resolve();
port.on('message', (order: TrainingOrder) => {
  last = last.then(() => carryOut(order));
});

async function carryOut({ id, data, content, towers }: TrainingOrder): Promise<void> {
  let reply: TrainingReply;
  try {
    const { tf, backend, note } = await loading;
    const started = performance.now();
    const { map, loss } =
      data.kind === 'content' ? await trainClosedForm(tf, data, content) : await trainTowers(tf, data, towers);
    const seconds = (performance.now() - started) / 1000;
    const bytes = new Uint8Array(encodeMap(map));
    reply = { id, ok: true, bytes, seconds, backend, note, loss, tensors: tf.memory().numTensors };
  } catch (err) {
    reply = { id, ok: false, message: messageOf(err) };
  }
  port?.postMessage(reply);
}
