/** What lists read from the engine's rows beside the model. */
import type { ContextCounts } from './context.ts';
import type { EngineTables } from './projection.ts';

export interface TakenLately {
  /** As it was published; a session's may be a user's by now. */
  user: string;
  item: string;
  /** Sixteenths. */
  weight: number;
  /** Event time, milliseconds since 1970. */
  time: number;
}

/** What the engine's rows know beside the model. */
export interface RowsBeside extends ContextCounts {
  /** The newest interactions, the newest first. */
  newest(count: number): Iterable<TakenLately>;
  /** Verb of the interaction at a position. */
  verbOf(seq: number): string | undefined;
}

export const NO_ROWS: RowsBeside = { newest: () => [], verbOf: () => undefined, taken: () => 0 };

/** Reads what lists need from the engine's rows. */
export const rowsBeside = ({ verb, taken, newest }: EngineTables): RowsBeside => ({
  newest: (count) => newest.iterate(count),
  verbOf: (seq) => verb.get(seq)?.verb,
  taken: (key, value, item) => taken.get(key, value, item)?.weight ?? 0,
});
