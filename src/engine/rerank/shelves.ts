/** Shelves: several titled rows that repeat no item. */

export interface Shelf<T extends { item: string }> {
  /** Kind of the row: `for-you`, `because`, `trending`, `new`. */
  kind: string;
  /** The item that the row goes with, if it goes with one. */
  of?: string;
  items: readonly T[];
}

/**
 * Rows in the given order, each with at most `n` items that no row above it shows. A row with fewer than `least` items is
 * left out, and its items are free for the rows below.
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

/** Rows in the order of the page: by kind, and within a kind in the given order. */
export const inOrder = <T extends { item: string }>(rows: readonly Shelf<T>[]): Shelf<T>[] =>
  [...rows].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
