/**
 * The inverted index of content: for each term the items that have it, one word `item << 10 | weight` each, in the
 * order of the items' numbers. A search reads whole rows, so rows are packed. A new item goes to the end; a change or a
 * removal, which is rare, moves the rest of the row.
 */

/** Bits of a term's weight in an item's unit vector. */
export const WEIGHT_BITS = 10;
export const WEIGHT_MASK = 2 ** WEIGHT_BITS - 1;

const SMALLEST = 4;

export class TermPostings {
  #rows: (Uint32Array | undefined)[] = [];
  #counts = new Int32Array(64);

  /**
   * Words of a term, {@link count} of them; undefined if no item has the term. The caller must neither write nor keep
   * the array.
   */
  row(term: number): Uint32Array | undefined {
    return this.#rows[term];
  }

  /** How many items have a term. */
  count(term: number): number {
    return this.#counts[term] ?? 0;
  }

  /** Sets an item's weight for a term, 1 to 1,023. */
  set(term: number, item: number, weight: number): void {
    if (term >= this.#counts.length) {
      const counts = new Int32Array(Math.max(term + 1, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    const count = this.#counts[term]!;
    const place = this.#place(term, item);
    let row = this.#rows[term];
    const word = ((item << WEIGHT_BITS) | weight) >>> 0;
    if (row !== undefined && place < count && row[place]! >>> WEIGHT_BITS === item) {
      row[place] = word;
      return;
    }
    if (row === undefined || count === row.length) {
      const wider = new Uint32Array(Math.max(SMALLEST, count * 2));
      if (row !== undefined) wider.set(row);
      this.#rows[term] = wider;
      row = wider;
    }
    row.copyWithin(place + 1, place, count);
    row[place] = word;
    this.#counts[term] = count + 1;
  }

  /** Takes an item out of a term's row, if the row has it. */
  remove(term: number, item: number): void {
    const row = this.#rows[term];
    const count = this.count(term);
    const place = this.#place(term, item);
    if (row === undefined || place === count || row[place]! >>> WEIGHT_BITS !== item) return;
    row.copyWithin(place, place + 1, count);
    this.#counts[term] = count - 1;
    if (count === 1) this.#rows[term] = undefined;
  }

  /** Bytes of all rows. */
  bytes(): number {
    let bytes = 0;
    for (const row of this.#rows) bytes += row?.byteLength ?? 0;
    return bytes;
  }

  /** The place of an item in a term's row, or the place where it would go. */
  #place(term: number, item: number): number {
    const row = this.#rows[term];
    let low = 0;
    let high = this.count(term);
    // Items are published in the order of their numbers, so most new items go to the end.
    if (row === undefined || high === 0 || row[high - 1]! >>> WEIGHT_BITS < item) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (row[middle]! >>> WEIGHT_BITS < item) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
