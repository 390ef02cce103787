/**
 * The inverted index of content: for each term the items that have it, one word `item << 10 | weight` each, in the
 * order of the items' numbers. A search reads whole rows, so rows are packed. A new item goes to the end; a change or a
 * removal, which is rare, moves the rest of the row.
 */

import { type Address, Kernel } from '../kernel/kernel.ts';

/** Bits of a term's weight in an item's unit vector. */
export const WEIGHT_BITS = 10;
export const WEIGHT_MASK = 2 ** WEIGHT_BITS - 1;

const SMALLEST = 4;

export class TermPostings {
  readonly #kernel: Kernel;
  /** By term: where its row is, 0 for none; how many words it has and has room for. */
  #rows = new Uint32Array(64);
  #counts = new Int32Array(64);
  #capacities = new Int32Array(64);
  #bytes = 0;

  constructor(kernel = new Kernel()) {
    this.#kernel = kernel;
  }

  /** Where the row of a term is; 0 if no item has the term. */
  address(term: number): Address {
    return this.#rows[term] ?? 0;
  }

  /**
   * Words of a term, {@link count} of them; undefined if no item has the term. The caller must neither write nor keep
   * the array.
   */
  row(term: number): Uint32Array | undefined {
    const address = this.address(term);
    return address === 0 ? undefined : this.#kernel.uint32At(address, this.#capacities[term]!);
  }

  /** How many items have a term. */
  count(term: number): number {
    return this.#counts[term] ?? 0;
  }

  /** Sets an item's weight for a term, 1 to 1,023. */
  set(term: number, item: number, weight: number): void {
    if (term >= this.#counts.length) {
      const size = Math.max(term + 1, this.#counts.length * 2);
      this.#counts = wider(this.#counts, new Int32Array(size));
      this.#capacities = wider(this.#capacities, new Int32Array(size));
      this.#rows = wider(this.#rows, new Uint32Array(size));
    }
    const count = this.#counts[term]!;
    const place = this.#place(term, item);
    let row = this.row(term);
    const word = ((item << WEIGHT_BITS) | weight) >>> 0;
    if (row !== undefined && place < count && row[place]! >>> WEIGHT_BITS === item) {
      row[place] = word;
      return;
    }
    if (row === undefined || count === row.length) {
      const capacity = Math.max(SMALLEST, count * 2);
      this.#rows[term] = this.#kernel.calls.grow(this.#rows[term]!, count * 4, capacity * 4) >>> 0;
      this.#bytes += (capacity - this.#capacities[term]!) * 4;
      this.#capacities[term] = capacity;
      row = this.row(term)!;
    }
    row.copyWithin(place + 1, place, count);
    row[place] = word;
    this.#counts[term] = count + 1;
  }

  /** Takes an item out of a term's row, if the row has it. */
  remove(term: number, item: number): void {
    const row = this.row(term);
    const count = this.count(term);
    const place = this.#place(term, item);
    if (row === undefined || place === count || row[place]! >>> WEIGHT_BITS !== item) return;
    row.copyWithin(place, place + 1, count);
    this.#counts[term] = count - 1;
    if (count > 1) return;
    this.#kernel.calls.release(this.#rows[term]!);
    this.#bytes -= this.#capacities[term]! * 4;
    this.#rows[term] = 0;
    this.#capacities[term] = 0;
  }

  /** Bytes of all rows. */
  bytes(): number {
    return this.#bytes;
  }

  /** The place of an item in a term's row, or the place where it would go. */
  #place(term: number, item: number): number {
    const row = this.row(term);
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

function wider<T extends Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
