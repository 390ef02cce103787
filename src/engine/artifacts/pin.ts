/**
 * A ranker that an operator rolled back to (decision 0021), as a recorded input: a line of JSON that describes the pin,
 * then the ranker's bytes. Without bytes it ends a pin, and the ranker learns again.
 */
import { InputUnreadableError } from '../model/mod.ts';
import { type InputMention, type RecordedInput, sha256Of } from './records.ts';

export interface Pin {
  /** Hash of the settings that it applies to; a fold under other settings ignores it. */
  config: string;
  /** Id of the activation that set it. */
  act: string;
  /** Snapshot object that the weights come from. */
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
  throw new InputUnreadableError('the bytes hold no pinned ranker');
}

/** A pin with the weights that a rebuild had at its position; undefined: the record is not a pin under these settings. */
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

/** Positions at which a rebuild reads its own ranker for a pin. */
export const pinnedAt = (records: readonly InputMention[]): number[] =>
  records.filter(({ kind }) => kind === 'ranker').map(({ trained_at }) => trained_at);
