/**
 * Pins the ranker to a snapshot, or ends the pin (decision 0021): an activation becomes a recorded input, with which
 * every fold of the log has the same ranker.
 */
import type { Logger } from 'pino';
import type { Fingerprint } from '../../bus/projection/store.ts';
import { messageOf } from '../../errors.ts';
import { decodePin, encodePin, type Pin } from '../artifacts/pin.ts';
import { type InputRecords, type RecordedInput, sha256Of } from '../artifacts/records.ts';
import { InputUnreadableError, rankerIn } from '../model/mod.ts';
import type { Manifest } from '../snapshots/manifest.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Activation } from './activations.ts';

export interface PinsOptions {
  records: Pick<InputRecords, 'list' | 'read' | 'add'>;
  snapshots: Pick<Snapshots, 'list' | 'read' | 'point'>;
  /** Hash of the settings that this engine folds under. */
  config: string;
  /** Position of the rows, and messages there, newest first. */
  rows: () => { seq: number; marks: readonly Fingerprint[] };
  logger: Pick<Logger, 'info' | 'warn'>;
  onRecorded?: (input: RecordedInput) => void;
}

export interface Pins {
  /** Snapshot whose ranker is pinned under these settings; undefined: the ranker learns on. */
  pinned(): string | undefined;
  /** Records the pin of an activation, or its end, unless it is recorded; false: the snapshot can't be read. */
  activate(activation: Activation): Promise<boolean>;
}

/** The newest pin that is for these settings. */
function newest(records: Pick<InputRecords, 'list' | 'read'>, config: string): Pin | undefined {
  for (const mention of records.list().reverse()) {
    if (mention.kind !== 'ranker') continue;
    const input = records.read(mention);
    try {
      const pin = input && decodePin(input.bytes);
      if (pin?.config === config) return pin;
    } catch (err) {
      if (!(err instanceof InputUnreadableError)) throw err;
    }
  }
  return undefined;
}

export function createPins({ records, snapshots, config, rows, logger, onRecorded }: PinsOptions): Pins {
  const pinned = (): string | undefined => {
    const pin = newest(records, config);
    return pin?.ranker && pin.snapshot;
  };

  function record(pin: Pin, trainedAt: number): void {
    const { seq, marks } = rows();
    const bytes = encodePin(pin);
    const input: RecordedInput = {
      kind: 'ranker',
      trained_at: trainedAt,
      from_seq: seq + 1,
      sha256: sha256Of(bytes),
      backend: 'fold',
      seconds: 0,
      marks,
      bytes,
    };
    records.add(input);
    onRecorded?.(input);
  }

  async function activate({ act: id, verb, snapshot, seq }: Activation): Promise<boolean> {
    const before = newest(records, config);
    if (verb === 'promoted') {
      if (!before?.ranker) return true;
      record({ config, act: id, snapshot, ranker: undefined }, seq);
      logger.info({ act: id, snapshot: before.snapshot }, 'the pin of the ranker has ended; the ranker learns on');
      return true;
    }
    if (before?.act === id) return true;
    const manifest = (await snapshots.list()).find(({ object }) => object === snapshot);
    if (!manifest) {
      logger.warn({ act: id, snapshot }, 'the store has no such snapshot to roll back to; the ranker stays as it is');
      return false;
    }
    try {
      const ranker = rankerIn(await snapshots.read(manifest));
      record({ config, act: id, snapshot, ranker }, manifest.seq);
    } catch (err) {
      logger.warn(
        { act: id, snapshot, reason: messageOf(err) },
        'the engine can’t read the snapshot to roll back to; the ranker stays as it is',
      );
      return false;
    }
    await snapshots.point(manifest);
    logger.info({ act: id, snapshot }, 'the ranker is pinned to its weights in this snapshot');
    return true;
  }

  return { pinned, activate };
}

/** Why an engine of this version can't roll back to a snapshot on this log, in words; undefined: it can. */
export function unfit(manifest: Manifest, ours: { model: number; stream: string; config: string }): string | undefined {
  if (manifest.stream !== ours.stream) return 'it is of another stream';
  if (manifest.model !== ours.model) return 'another version of the model wrote it';
  if (manifest.settings === undefined && manifest.config !== ours.config)
    return 'it does not hold its settings, and they are not those in force';
  return undefined;
}
