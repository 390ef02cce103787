/** What a state holds of the ranker, as a section of bytes: flags, the budget, then the ranker's own. */
import { Reader, Writer } from '../primitives/bytes.ts';
import { decodeState } from './state-bytes.ts';

/** Name of the section. */
export const LEARNED = 'ranker';

const STALE = 1;
const PINNED = 2;

export interface Learned {
  /** Whether it learned from somebody who was forgotten since. */
  stale: boolean;
  /** Whether it stays as it is. */
  pinned: boolean;
  /** See `Budget.state`. */
  budget: Float64Array;
  /** See `Ranker.encode`; empty where there is none. */
  ranker: Buffer;
}

export function encodeLearned({ stale, pinned, budget, ranker }: Learned): Buffer {
  const out = new Writer();
  out.count((stale ? STALE : 0) | (pinned ? PINNED : 0));
  out.f64s(budget);
  out.bytes(ranker);
  return out.done();
}

/** Throws a RangeError for bytes that end too early. */
export function decodeLearned(bytes: Buffer): Learned {
  const input = new Reader(bytes);
  const flags = input.count();
  return {
    stale: (flags & STALE) !== 0,
    pinned: (flags & PINNED) !== 0,
    budget: input.f64s(),
    ranker: input.rest(),
  };
}

/** The ranker's bytes in those of a model's state; undefined where it has none. Throws for what is no state. */
export function rankerIn(state: Uint8Array): Buffer | undefined {
  const section = decodeState(state).sections.find(({ name }) => name === LEARNED);
  if (section === undefined) return undefined;
  const { ranker } = decodeLearned(section.bytes);
  return ranker.length > 0 ? ranker : undefined;
}
