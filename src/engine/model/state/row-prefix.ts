/**
 * The entries of a long row whose third count is at or above a step: the lowest step that no more than 256 entries
 * reach. The row's content alone decides what is in it, so it also decides a list that is computed from it.
 */
import { coAt } from './row-slots.ts';

/** Rows with more entries than this have a prefix. */
export const LONG_ROW = 512;
/** Most entries of a prefix. */
const PREFIX_MOST = 256;
/** A row is read whole when fewer entries than this reach the lowest step that is short enough. */
const PREFIX_LEAST = 32;
const STEPS = 128;

export interface RowPrefix {
  /** 0: the row is read whole. */
  step: number;
  /** Slots of the entries, `count` of them. */
  slots: Int32Array;
  count: number;
  /** Entries of the row that aren't zero. */
  live: number;
}

/** Step of a count: four to each power of two; 0 for none. */
export function stepOf(co: number): number {
  if (co < 4) return co > 0 ? co : 0;
  const whole = Math.min(co, 2 ** 30);
  const exponent = 31 - Math.clz32(whole);
  return exponent * 4 - 4 + ((whole >>> (exponent - 2)) & 3);
}

/** The prefix of a row. */
export function prefixOf(table: Int32Array, wide: Float64Array): RowPrefix {
  const reached = new Int32Array(STEPS);
  let live = 0;
  for (let at = 0; at < table.length; at += 2) {
    if (table[at] === 0) continue;
    const step = stepOf(coAt(table, at, wide));
    if (step === 0) continue;
    live++;
    reached[step]!++;
  }
  const prefix: RowPrefix = { step: 0, slots: new Int32Array(0), count: 0, live };
  if (live <= LONG_ROW) return prefix;
  let count = 0;
  let step = STEPS;
  while (step > 1 && count + reached[step - 1]! <= PREFIX_MOST) count += reached[--step]!;
  if (count < PREFIX_LEAST) return prefix;
  prefix.step = step;
  prefix.slots = new Int32Array(PREFIX_MOST);
  for (let at = 0; at < table.length; at += 2) {
    if (table[at] !== 0 && stepOf(coAt(table, at, wide)) >= step) prefix.slots[prefix.count++] = at >>> 1;
  }
  return prefix;
}

/**
 * Keeps a prefix true to its row after the third count of a slot changed. An entry that grows can only enter it.
 *
 * @returns whether the prefix is still true; false: the caller must make it anew, because an entry shrank or the prefix is full
 */
export function keepPrefix(prefix: RowPrefix, slot: number, before: number, after: number): boolean {
  const from = stepOf(before);
  const to = stepOf(after);
  if (from === to) return true;
  if (from === 0) prefix.live++;
  const reaches = prefix.step > 0 && from < prefix.step && to >= prefix.step;
  if (to < from || (prefix.step === 0 && prefix.live > LONG_ROW) || (reaches && prefix.count === PREFIX_MOST)) {
    return false;
  }
  if (reaches) prefix.slots[prefix.count++] = slot;
  return true;
}
