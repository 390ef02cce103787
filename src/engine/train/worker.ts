/** Entry of the training worker: loads TensorFlow once, and trains one input at a time. */
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';
import { encodeMap, type TrainingData } from '../model/mod.ts';
import { loadTensorflow } from './backend.ts';
import { type ClosedFormConfig, trainClosedForm } from './closed-form.ts';

/** A request to the worker. */
export interface TrainingOrder {
  id: number;
  data: TrainingData;
  content: ClosedFormConfig;
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
/**
 * Below normal, because callers wait for lists and none waits for a training. With the lowest priority a training had
 * 1.5 % of a core that other processes keep busy, and reached its time limit; with this one it has 10 %.
 */
const PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL;
// On Linux this sets the priority of this thread and of the threads that TensorFlow starts from it; elsewhere that of the process.
if (process.platform === 'linux') setPriority(PRIORITY);
const loading = loadTensorflow();
// The request that waits for it reports the error.
loading.catch(() => {});

let last: Promise<void> = Promise.resolve();
port.on('message', (order: TrainingOrder) => {
  last = last.then(() => carryOut(order));
});

async function carryOut({ id, data, content }: TrainingOrder): Promise<void> {
  let reply: TrainingReply;
  try {
    const { tf, backend, note } = await loading;
    const started = performance.now();
    const { map, loss } = await trainClosedForm(tf, data, content);
    const seconds = (performance.now() - started) / 1000;
    const bytes = new Uint8Array(encodeMap(map));
    reply = { id, ok: true, bytes, seconds, backend, note, loss, tensors: tf.memory().numTensors };
  } catch (err) {
    reply = { id, ok: false, message: messageOf(err) };
  }
  port?.postMessage(reply);
}
