/**
 * Sparse rows of three integer counts each. Pair counts and time buckets are both kept in them.
 *
 * A row is a region of the kernel's memory, an open-addressing table of two-word slots (row-slots.ts). A pair can
 * outgrow the bits of its slot, or be negative for a moment when a count is taken out before another is put in. Such a
 * pair moves to a side array of doubles, exact to 2^53, and its slot holds the index there. So the many rare pairs cost
 * 8 bytes over the load factor, and the few frequent pairs cost 24 more. Rows made of `Map` were ten times slower and
 * six times larger.
 *
 * The order of slots within a row depends on which id came first. A reader must therefore either compute exact integer
 * sums or sort. A list reads only the prefix of a long row: the entries whose third count is at or above a step, the
 * lowest step that no more than 256 entries reach. The row's content alone decides what is in it, so it also decides a
 * list that is computed from it.
 */
import { type Address, Kernel } from '../kernel/kernel.ts';
import { CO_BITS, CO_MASK, WIDE } from './row-slots.ts';

/** Words of a row's header, and where its parts are (kernel/assembly/rows.ts). */
const HEADER_WORDS = 8;
const ROW = { table: 0, capacity: 1, used: 2, prefix: 3, step: 4, count: 5 } as const;
/** Where the parts of the rows' record are, in words. */
const ROWS = { headers: 0, rows: 1, wide: 2, wideCapacity: 3, wideEnd: 4, freeCount: 7 } as const;
/** Counts up to this size are whole words in the kernel. */
const SMALL = 2 ** 30;

export interface PairCounts {
  f: number;
  b: number;
  co: number;
}

export class SparseRows {
  readonly kernel: Kernel;
  readonly address: Address;
  /** Three doubles that a read writes. */
  readonly #read: Address;

  constructor(kernel = new Kernel()) {
    this.kernel = kernel;
    this.address = kernel.calls.newRows() >>> 0;
    this.#read = kernel.calls.alloc(24) >>> 0;
  }

  #part(part: keyof typeof ROWS): number {
    return this.kernel.words[(this.address >>> 2) + ROWS[part]]!;
  }

  /** A part of a row's header; 0 for a row without one. */
  #of(row: number, part: keyof typeof ROW): number {
    if (row >= this.#part('rows')) return 0;
    return this.kernel.words[(this.#part('headers') >>> 2) + row * HEADER_WORDS + ROW[part]]!;
  }

  /**
   * Slots of a row, two words each; undefined for an empty row. The caller must neither write nor keep the array: it is
   * void after the next {@link add}.
   */
  table(row: number): Int32Array | undefined {
    const capacity = this.#of(row, 'capacity');
    return capacity === 0 ? undefined : this.kernel.int32At(this.#of(row, 'table'), capacity * 2);
  }

  /** Wide entries, three doubles each: f, b, co. The caller must not keep the array. */
  get wide(): Float64Array {
    return this.kernel.float64At(this.#part('wide'), this.#part('wideEnd') * 3);
  }

  /** Adds integers to the three counts of (row, id). */
  add(row: number, id: number, df: number, db: number, dco: number): void {
    const { calls } = this.kernel;
    const small = Math.abs(df) < SMALL && Math.abs(db) < SMALL && Math.abs(dco) < SMALL;
    if (small) calls.addCounts(this.address, row, id, df, db, dco);
    else calls.addLargeCounts(this.address, row, id, df, db, dco);
  }

  /**
   * Copies of the slots in a long row's prefix, two words each; undefined when a list reads the whole row. The caller
   * must not keep the array.
   */
  prefix(row: number): Int32Array | undefined {
    this.kernel.calls.visitRow(this.address, row);
    const capacity = this.#of(row, 'capacity');
    if (capacity === 0 || this.#of(row, 'step') <= 0) return undefined;
    return this.kernel.int32At(this.#of(row, 'prefix'), this.#of(row, 'count') * 2);
  }

  /** Reads the counts of (row, id) into `into`; zeros if there are none. */
  read(row: number, id: number, into: PairCounts): PairCounts {
    this.kernel.calls.readCounts(this.address, row, id, this.#read);
    const at = this.#read >>> 3;
    const { doubles } = this.kernel;
    into.f = doubles[at]!;
    into.b = doubles[at + 1]!;
    into.co = doubles[at + 2]!;
    return into;
  }

  /** Entries of a row that aren't zero, sorted by `rank[id]`: the canonical form, for hashes and tests. */
  sorted(row: number, rank: ArrayLike<number>): (PairCounts & { id: number })[] {
    const entries: (PairCounts & { id: number })[] = [];
    const table = this.table(row);
    if (table === undefined) return entries;
    const { wide } = this;
    for (let at = 0; at < table.length; at += 2) {
      const head = table[at]!;
      if (head === 0) continue;
      const co = head & CO_MASK;
      const counts = table[at + 1]!;
      const id = (head >>> CO_BITS) - 1;
      const entry =
        co === WIDE
          ? { id, f: wide[counts * 3]!, b: wide[counts * 3 + 1]!, co: wide[counts * 3 + 2]! }
          : { id, f: counts >>> 16, b: counts & 0xffff, co };
      if (entry.f !== 0 || entry.b !== 0 || entry.co !== 0) entries.push(entry);
    }
    return entries.sort((x, y) => rank[x.id]! - rank[y.id]!);
  }

  /** Rows with a table, entries in use (zeros included), wide entries, and bytes. */
  size(): { rows: number; entries: number; wide: number; bytes: number } {
    let rows = 0;
    let entries = 0;
    let bytes = this.#part('wideCapacity') * 24 + this.#part('rows') * HEADER_WORDS * 4;
    for (let row = 0; row < this.#part('rows'); row++) {
      const capacity = this.#of(row, 'capacity');
      if (capacity === 0) continue;
      rows++;
      entries += this.#of(row, 'used');
      bytes += capacity * 8;
    }
    return { rows, entries, wide: this.#part('wideEnd') - this.#part('freeCount'), bytes };
  }
}
