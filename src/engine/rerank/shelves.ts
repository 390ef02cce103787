/** Shelves: several titled rows that repeat no item. */

export interface Shelf<T extends { item: string }> {
  /** Kind of the row: `for-you`, `because`, `trending`, `new`. */
  kind: string;
  /** Of a row that goes with an item: that item. */
  of?: string;
  items: readonly T[];
}

/**
 * Rows in the order given, each with what no row above it shows, `n` items at most; one that is left with fewer than
 * `least` is left out, and what it would have shown is free for those below.
 */
export function arrange<T extends { item: string }>(rows: readonly Shelf<T>[], n: number, least: number): Shelf<T>[] {
  const shown = new Set<string>();
  const shelves: Shelf<T>[] = [];
  for (const row of rows) {
    const items: T[] = [];
    const own = new Set<string>();
    for (const one of row.items) {
      if (items.length === n) break;
      if (shown.has(one.item) || own.has(one.item)) continue;
      own.add(one.item);
      items.push(one);
    }
    if (items.length < Math.max(1, least)) continue;
    for (const item of own) shown.add(item);
    shelves.push({ ...row, items });
  }
  return shelves;
}

/** Kinds from the top of a page to its end. */
const KINDS = ['for-you', 'because', 'new', 'trending'];

/** Rows as they are shown: by kind, those of a kind as they are given. */
export const inOrder = <T extends { item: string }>(rows: readonly Shelf<T>[]): Shelf<T>[] =>
  [...rows].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
