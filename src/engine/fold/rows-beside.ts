/** Reads the engine's rows for lists, beside the model. */
import type { ContextCounts } from './context.ts';
import type { EngineTables } from './projection.ts';

export interface TakenLately {
  /** The id that published the event. If it is a session, it may belong to a user by now. */
  user: string;
  item: string;
  /** In sixteenths of an interaction. */
  weight: number;
  /** Counted time, milliseconds since 1970. */
  time: number;
}

/** Facts in the engine's rows that the model does not hold. */
export interface RowsBeside extends ContextCounts {
  /** The newest interactions, the newest first. */
  newest(count: number): Iterable<TakenLately>;
  /** Verb of the interaction at a position. */
  verbOf(seq: number): string | undefined;
  /** Items of the catalogue in order of id, with their fields as JSON. */
  itemsAfter(item: string, count: number): { item: string; fields: string }[];
}

export const NO_ROWS: RowsBeside = { newest: () => [], verbOf: () => undefined, taken: () => 0, itemsAfter: () => [] };

/** Reads what lists need from the engine's rows. */
export const rowsBeside = ({ verb, taken, newest, itemsAfter }: EngineTables): RowsBeside => ({
  newest: (count) => newest.iterate(count),
  itemsAfter: (item, count) => itemsAfter.all(item, count),
  verbOf: (seq) => verb.get(seq)?.verb,
  taken: (key, value, item) => taken.get(key, value, item)?.weight ?? 0,
});
