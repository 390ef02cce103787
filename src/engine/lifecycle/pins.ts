/**
 * A ranker that was put back (decision 0021), as a recorded input: a line of JSON that says what it is for, then the
 * ranker's bytes. Without any it is the end of a pin: the ranker learns on.
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
  /** Snapshot whose ranker is pinned under these settings; undefined: none is. */
  pinned(): string | undefined;
  /** Records what an act asks for, unless that was done; says whether the act is in force as far as pins go. */
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

  async function activate({ act, verb, snapshot, seq }: Activation): Promise<boolean> {
    const before = newest(records, config);
    if (verb === 'promoted') {
      if (!before?.ranker) return true;
      record({ config, act, snapshot, ranker: undefined }, seq);
      logger.info({ act, snapshot: before.snapshot }, 'the ranker is pinned no more, and learns on');
      return true;
    }
    if (before?.act === act) return true;
    const manifest = (await snapshots.list()).find(({ object }) => object === snapshot);
    if (!manifest) {
      logger.warn({ act, snapshot }, 'the snapshot that was rolled back to is not there: the ranker stays as it is');
      return false;
    }
    try {
      const ranker = rankerIn(await snapshots.read(manifest));
      record({ config, act, snapshot, ranker }, manifest.seq);
    } catch (err) {
      logger.warn({ act, snapshot, reason: messageOf(err) }, 'the snapshot that was rolled back to can’t be read');
      return false;
    }
    await snapshots.point(manifest);
    logger.info({ act, snapshot }, 'the ranker is pinned to what it was in this snapshot');
    return true;
  }

  return { pinned, activate };
}

/** Whether a snapshot can be rolled back to by an engine of this version, on this log; in words why not. */
export function unfit(manifest: Manifest, ours: { model: number; stream: string; config: string }): string | undefined {
  if (manifest.stream !== ours.stream) return 'it was made from another stream';
  if (manifest.model !== ours.model) return 'it was made by another version of the model';
  if (manifest.settings === undefined && manifest.config !== ours.config)
    return 'it does not say its settings, and they are not those in force';
  return undefined;
}
