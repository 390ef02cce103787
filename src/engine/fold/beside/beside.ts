/**
 * Learning beside the fold: a second thread makes a part of the examples that the ranker learns from, while the fold counts
 * and makes the others. The ranker learns from all of them in the order of the log, so the state has the same bits with the
 * thread and without it.
 *
 * The thread has a model of its own, to which it tells what the fold tells the fold's, from the first event on. It ends when
 * that model has become too large, or when the fold does what the thread cannot follow.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { startThread } from '../../../bus/service/thread.ts';
import type { Config } from '../../../config/schema.ts';
import { messageOf } from '../../../errors.ts';
import type { Model } from '../../model/mod.ts';
import { type Command, tell } from './commands.ts';
import { SharedSource, shareBuffers } from './shared.ts';
import type { Batch, BesideData } from './worker.ts';

/** Calls of a batch from which on the threads share it: fewer cost more to tell than they save. */
const LEAST_CALLS = 24;
/** Calls that the fold keeps at most until it tells the thread all of them at once. */
const MOST_WAITING = 2_000;
const MIB = 2 ** 20;

/** Whether the settings want the second thread. */
export const besideWanted = ({ engine }: Config): boolean =>
  engine.learn_beside_mib > 0 && engine.ranker_form !== 'none';

export interface Beside {
  /** Whether the thread runs, or starts. */
  readonly isOpen: boolean;
  /** Resolves when the thread has started, or ended. */
  readonly started: Promise<void>;
  /** Examples that the thread has made. */
  readonly made: number;
  /**
   * Tells the model and the thread what the events say. Afterwards the model's ranker has learned from all examples.
   *
   * @param first position of the first event
   */
  tell(commands: readonly Command[], first: number): void;
  /** Ends the thread. */
  end(why: string): void;
}

export interface BesideOptions {
  config: Config;
  /** An empty one. */
  model: Model;
  logger?: Pick<Logger, 'info' | 'warn'> | undefined;
  /** Whether the thread leaves all examples to the fold, as other work needs the processor; left out: never. */
  rests?: (() => boolean) | undefined;
}

export function learnBeside({ config, model, logger, rests = () => false }: BesideOptions): Beside {
  const buffers = shareBuffers(model.exampleSize);
  const shared = new SharedSource(buffers);
  const data: BesideData = { config, buffers };
  let worker: Worker | undefined = startThread({ program: 'beside', data });
  let waiting: Command[] = [];
  let inputs = 0;
  /** Whether the thread makes examples of the events that the model is told. */
  let shares = false;
  let made = 0;
  let start!: () => void;
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });

  worker.once('message', () => start());
  worker.on('error', (err) => end(`the thread beside the fold died: ${messageOf(err)}`));
  model.learnFrom({
    isMade: (seq, version) => {
      const isMade = shares && shared.isMade(seq, version);
      if (isMade) made++;
      return isMade;
    },
    isReady: (seq) => shared.isReady(seq),
    take: (seq) => shared.take(seq, config.engine.learn_beside_ms),
  });

  function end(why: string): void {
    if (worker === undefined) return;
    const own = worker;
    worker = undefined;
    waiting = [];
    shares = false;
    void own.terminate();
    start();
    logger?.info({ why, made }, 'the engine learns in one thread from here on');
  }

  function send(batch: Batch['batch'], commands: readonly Command[]): void {
    const { budget, effort, steps } = model.pace();
    shared.setPace(effort, steps);
    const inForce = model.inputsInForce();
    const message: Batch = {
      before: waiting,
      batch,
      budget,
      inputs: inForce.version === inputs ? undefined : inForce,
      commands,
    };
    inputs = inForce.version;
    waiting = [];
    worker?.postMessage(message);
  }

  return {
    get isOpen() {
      return worker !== undefined;
    },
    get made() {
      return made;
    },
    started,
    tell: (commands, first) => {
      if (worker !== undefined && model.memoryBytes > config.engine.learn_beside_mib * MIB)
        end(`the model has more than ${config.engine.learn_beside_mib} MiB (engine.learn_beside_mib)`);
      shares = worker !== undefined && commands.length >= LEAST_CALLS && !rests();
      if (shares) send({ number: shared.begin(first), first }, commands);
      tell(model, commands);
      model.settle();
      if (worker === undefined || shares) return;
      waiting.push(...commands);
      if (waiting.length >= MOST_WAITING) send(undefined, []);
    },
    end,
  };
}
