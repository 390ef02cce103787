/** What a state holds of the ranker, as a section of bytes: flags, the budget, then the ranker's own. */
import type { LearnedState } from '../learn/learner.ts';
import { ByteReader, ByteWriter } from '../primitives/bytes.ts';
import { SECTION } from './sections.ts';
import { decodeState } from './state-bytes.ts';

const STALE = 1;
const PINNED = 2;

export function encodeLearned({ stale, pinned, budget, ranker }: LearnedState): Buffer {
  const out = new ByteWriter();
  out.count((stale ? STALE : 0) | (pinned ? PINNED : 0));
  out.f64s(budget);
  out.bytes(ranker);
  return out.finish();
}

/** Throws a RangeError for bytes that end too early. */
export function decodeLearned(bytes: Buffer): LearnedState {
  const input = new ByteReader(bytes);
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
  const section = decodeState(state).sections.find(({ name }) => name === SECTION.ranker);
  if (section === undefined) return undefined;
  const { ranker } = decodeLearned(section.bytes);
  return ranker.length > 0 ? ranker : undefined;
}
