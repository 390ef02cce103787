/**
 * Trains at fixed positions of the log, in a worker beside the fold, and records the result between two batches. The
 * input counts from after the rows' position, so the engine need not undo anything that it has folded.
 */
import type { Logger } from 'pino';
import { type StreamSeq, streamSeq } from '../../bus/event/ids.ts';
import type { Fingerprint } from '../../bus/projection/store.ts';
import type { InputKind, Model, TrainingData } from '../model/mod.ts';
import { lastTraining, nextTraining, type TrainingSchedule } from '../train/schedule.ts';
import type { Trainer } from '../train/trainer.ts';
import { type InputMention, type InputRecords, type RecordedInput, sha256Of } from './records.ts';

/** Positions at which the fold stops exactly, also within a batch. */
export interface Stops {
  /** The next one after a position. */
  next(after: number): number;
  /** Called when the model has folded the log up to this position. */
  reached(seq: StreamSeq): void;
}

export interface TrainingsOptions {
  kinds: readonly InputKind[];
  schedule: TrainingSchedule;
  trainer: Pick<Trainer, 'train' | 'close'>;
  model: Pick<Model, 'trainingData'>;
  records: Pick<InputRecords, 'add' | 'trainedAt'>;
  /** Position of the model. */
  position: () => number;
  /** Position of the rows, and messages there, newest first. */
  rows: () => { seq: number; marks: readonly Fingerprint[] };
  /** Whether the model is in a catch-up, over events that the engine has trained on before. */
  catchingUp: () => boolean;
  logger: Pick<Logger, 'info' | 'warn'>;
  onRecorded?: (input: RecordedInput) => void;
  onFailed?: (kind: InputKind) => void;
}

export interface TrainingStatus {
  /** The kind in training; null: none. */
  running: InputKind | null;
  /** The newest record of this process. */
  last: Omit<InputMention, 'marks'> | null;
  /** Failed trainings since the process started. */
  failed: number;
}

export interface Trainings extends Stops {
  /** Begins a due training that could not begin at its position; called between batches. */
  poll(): void;
  /**
   * Trains these kinds once more from the present state, at any position; `replace` gets each result, undefined if
   * the training failed. False: another training or a catch-up runs; the caller tries again.
   */
  renew(
    kinds: readonly InputKind[],
    replace: (kind: InputKind, input: RecordedInput | undefined) => void,
  ): Promise<boolean>;
  status(): TrainingStatus;
  /** Ends the training that runs; the engine records no more results. */
  stop(): Promise<void>;
}

export function createTrainings(options: TrainingsOptions): Trainings {
  const { kinds, schedule, trainer, model, records, position, rows, catchingUp, logger } = options;
  /** The newest position whose training began. */
  let begun = 0;
  let running: InputKind | null = null;
  let busy = false;
  let stopped = false;
  let failed = 0;
  let last: TrainingStatus['last'] = null;

  /** Begins a training with the data of the present position, if one is due. */
  function begin(seq: number): void {
    const due = lastTraining(seq, schedule);
    if (stopped || busy || kinds.length === 0 || due <= begun || catchingUp()) return;
    begun = due;
    const orders: { kind: InputKind; data: TrainingData }[] = [];
    for (const kind of kinds) {
      try {
        const data = records.trainedAt(kind) < due ? model.trainingData(kind) : undefined;
        if (data !== undefined) orders.push({ kind, data });
      } catch (err) {
        // The fold goes on if a training fails.
        fail(kind, seq, err);
      }
    }
    if (orders.length === 0) return;
    busy = true;
    void carryOut(orders, seq).finally(() => {
      busy = false;
      poll();
    });
  }

  function fail(kind: InputKind, seq: number, err: unknown): void {
    failed++;
    options.onFailed?.(kind);
    logger.warn({ err, kind, seq }, 'a training failed; the engine goes on with the inputs in force');
  }

  async function carryOut(orders: { kind: InputKind; data: TrainingData }[], seq: number): Promise<void> {
    for (const { kind, data } of orders) {
      if (stopped) return;
      running = kind;
      try {
        const { bytes, seconds, backend } = await trainer.train(kind, data);
        if (!stopped) record({ kind, trained_at: seq, bytes, seconds, backend });
      } catch (err) {
        if (!stopped) fail(kind, seq, err);
      } finally {
        running = null;
      }
    }
  }

  /** Reads the rows' position and writes the record behind it in one step, so that nothing is folded in between. */
  function record(
    made: Pick<RecordedInput, 'kind' | 'trained_at' | 'bytes' | 'seconds' | 'backend'>,
    write: (input: RecordedInput) => void = records.add,
  ): void {
    const { seq, marks } = rows();
    const input = { ...made, from_seq: seq + 1, sha256: sha256Of(made.bytes), marks };
    write(input);
    const { bytes, marks: _, ...mention } = input;
    last = mention;
    logger.info(
      { ...mention, bytes: bytes.length },
      'the engine recorded a trained input; it counts from this position on',
    );
    options.onRecorded?.(input);
  }

  async function renew(
    again: readonly InputKind[],
    replace: (kind: InputKind, input: RecordedInput | undefined) => void,
  ): Promise<boolean> {
    if (stopped || busy || catchingUp()) return false;
    busy = true;
    const seq = position();
    const orders = again.map((kind) => ({ kind, data: dataOf(kind, seq) }));
    try {
      for (const { kind, data } of orders) {
        if (stopped) return false;
        if (data === undefined) {
          replace(kind, undefined);
          continue;
        }
        running = kind;
        try {
          const { bytes, seconds, backend } = await trainer.train(kind, data);
          if (!stopped) record({ kind, trained_at: seq, bytes, seconds, backend }, (input) => replace(kind, input));
        } catch (err) {
          if (stopped) return false;
          fail(kind, seq, err);
          replace(kind, undefined);
        } finally {
          running = null;
        }
      }
      return !stopped;
    } finally {
      busy = false;
      poll();
    }
  }

  /** Data without the weights in force: a forgotten user has a part in them, which a warm start would keep. */
  function dataOf(kind: InputKind, seq: number): TrainingData | undefined {
    try {
      const data = kinds.includes(kind) ? model.trainingData(kind) : undefined;
      return data && { ...data, previous: undefined };
    } catch (err) {
      fail(kind, seq, err);
      return undefined;
    }
  }

  function poll(): void {
    begin(position());
  }

  return {
    next: (after) => nextTraining(after, schedule),
    reached: (seq) => begin(streamSeq(seq)),
    poll,
    renew,
    status: () => ({ running, last, failed }),
    stop: async () => {
      stopped = true;
      await trainer.close();
    },
  };
}
