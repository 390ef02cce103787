/** Entry of the thread that makes examples: its model folds what the fold tells its own, and learns nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../../../config/schema.ts';
import type { InputsInForce } from '../../model/mod.ts';
import { emptyModel } from '../model-fold.ts';
import { type Command, tell } from './commands.ts';
import { type SharedBuffers, SharedMaker } from './shared.ts';

export interface BesideData {
  config: Config;
  buffers: SharedBuffers;
}

/** A batch of the fold. */
export interface Batch {
  /** What the fold told its model before, without examples. */
  before: readonly Command[];
  /** Number and first position; undefined: no examples. */
  batch: { number: number; first: number } | undefined;
  budget: Float64Array;
  /** Left out: those of the batch before. */
  inputs: InputsInForce | undefined;
  commands: readonly Command[];
}

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');
const { config, buffers } = (workerData as { data: BesideData }).data;
const maker = new SharedMaker(buffers);
const model = emptyModel(config);
model.makeFor(maker);

port.on('message', ({ before, batch, budget, inputs, commands }: Batch) => {
  tell(model, before);
  model.follow({ budget, inputs });
  if (batch !== undefined) maker.begin(batch.number, batch.first);
  tell(model, commands);
});
port.postMessage('started');
