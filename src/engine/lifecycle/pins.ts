/**
 * A ranker that was put back (decision 0021), as a recorded input: a line of JSON that says what it is for, then the
 * ranker's bytes. Without any it is the end of a pin: the ranker learns on.
 */
import type { Logger } from 'pino';
import type { Fingerprint } from '../../bus/projection/store.ts';
import { messageOf } from '../../errors.ts';
import { type InputMention, type InputRecords, type RecordedInput, sha256Of } from '../artifacts/records.ts';
import { InputUnreadableError, rankerIn } from '../model/mod.ts';
import type { Manifest } from '../snapshots/manifest.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Act } from './activations.ts';

export interface Pin {
  /** Hash of the settings that it is for; a fold under others passes over it. */
  config: string;
  /** The act that asked for it. */
  act: string;
  /** Object that the weights are of. */
  snapshot: string;
  /** The ranker's bytes; undefined: the pin ends. */
  ranker: Uint8Array | undefined;
}

export function encodePin({ ranker, ...head }: Pin): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ranker ?? Buffer.alloc(0)]);
}

/** Throws `InputUnreadableError`. */
export function decodePin(bytes: Uint8Array): Pin {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.indexOf('\n');
  try {
    const head = JSON.parse(all.toString('utf8', 0, Math.max(end, 0))) as Partial<Pin>;
    if (typeof head.config === 'string' && typeof head.act === 'string' && typeof head.snapshot === 'string') {
      const ranker = all.subarray(end + 1);
      const { config, act, snapshot } = head as Pin;
      return { config, act, snapshot, ranker: ranker.length > 0 ? ranker : undefined };
    }
  } catch {
    // falls through to the error below
  }
  throw new InputUnreadableError('these bytes are no pinned ranker');
}

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
  settle(act: Act): Promise<boolean>;
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

  async function settle({ act, verb, snapshot, seq }: Act): Promise<boolean> {
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

  return { pinned, settle };
}

/** A record with the weights that a fold of its own had at the position it names; undefined where it isn't one of these. */
export function refolded(input: RecordedInput, config: string, ranker: Uint8Array): RecordedInput | undefined {
  if (input.kind !== 'ranker') return undefined;
  try {
    const pin = decodePin(input.bytes);
    if (pin.config !== config || pin.ranker === undefined) return undefined;
    const bytes = encodePin({ ...pin, ranker });
    return { ...input, bytes, sha256: sha256Of(bytes) };
  } catch (err) {
    if (!(err instanceof InputUnreadableError)) throw err;
    return undefined;
  }
}

/** Positions at which rebuilds look what the ranker was. */
export const pinnedAt = (records: readonly InputMention[]): number[] =>
  records.filter(({ kind }) => kind === 'ranker').map(({ trained_at }) => trained_at);

/** Whether a snapshot can be rolled back to by an engine of this version, on this log; in words why not. */
export function unfit(manifest: Manifest, ours: { model: number; stream: string; config: string }): string | undefined {
  if (manifest.stream !== ours.stream) return 'it was made from another stream';
  if (manifest.model !== ours.model) return 'it was made by another version of the model';
  if (manifest.settings === undefined && manifest.config !== ours.config)
    return 'it does not say its settings, and they are not those in force';
  return undefined;
}
