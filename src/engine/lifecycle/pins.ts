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
  /** Snapshot whose ranker is pinned under these settings; undefined: the ranker learns. */
  pinned(): string | undefined;
  /** Records the pin of an activation, or its end, unless it is recorded; false: the snapshot is not readable. */
  activate(activation: Activation): Promise<boolean>;
}

/** The newest pin that applies to these settings. */
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
      logger.info({ act: id, snapshot: before.snapshot }, 'the pin of the ranker has ended; the ranker learns again');
      return true;
    }
    if (before?.act === id) return true;
    const manifest = (await snapshots.list()).find(({ object }) => object === snapshot);
    if (!manifest) {
      logger.warn(
        { act: id, snapshot },
        'the snapshot store does not have the snapshot of the rollback; the ranker stays as it is',
      );
      return false;
    }
    try {
      const ranker = rankerIn(await snapshots.read(manifest));
      record({ config, act: id, snapshot, ranker }, manifest.seq);
    } catch (err) {
      logger.warn(
        { act: id, snapshot, reason: messageOf(err) },
        'the engine cannot read the snapshot of the rollback; the ranker stays as it is',
      );
      return false;
    }
    await snapshots.point(manifest);
    logger.info({ act: id, snapshot }, 'the ranker is pinned to its weights in this snapshot');
    return true;
  }

  return { pinned, activate };
}

/** Why this engine cannot roll back to a snapshot on this log, in words; undefined if it can. */
export function unfit(manifest: Manifest, ours: { model: number; stream: string; config: string }): string | undefined {
  if (manifest.stream !== ours.stream) return 'it comes from another stream';
  if (manifest.model !== ours.model) return 'another version of the model wrote it';
  if (manifest.settings === undefined && manifest.config !== ours.config)
    return 'it does not contain its settings, and their hash differs from that of the settings in force';
  return undefined;
}
