/**
 * Which users took an item, and at which place of their history: a row for each item, in log order. The fold appends as
 * events come, so the newest postings of an item are the end of its row. The fold can take a posting out without a
 * trace.
 *
 * A row is a region of the kernel's memory with two doubles for each posting: the event's sequence, and `user 2^22 + place`. Two events
 * can have the same sequence if they come from partitions with logs of their own; the ids of their users decide the
 * order.
 */

import { type Column, Kernel } from '../kernel/kernel.ts';

/** Places in a history that a posting can hold; later events have no posting. */
export const PLACES = 2 ** 22;
const SMALLEST = 4;
/** Up to this many changes of a row happen one by one, so that one event does not rewrite a row of a million. */
const FEW = 8;

export interface Posting {
  /** Position of the event in the log. */
  seq: number;
  /** Number of the user whose history holds the event. */
  user: number;
  /** The event's place there; the oldest event is at 0. */
  place: number;
}

export const packPosting = (user: number, place: number): number => user * PLACES + place;
export const userOf = (packed: number): number => Math.floor(packed / PLACES);
export const placeOf = (packed: number): number => packed % PLACES;

export class Postings {
  /** By item: where its row is, 0 for none, and how many postings it has. */
  readonly columns: { readonly rows: Column<Uint32Array>; readonly counts: Column<Int32Array> };
  /** By item: postings that its row has room for. */
  #capacities = new Int32Array(64);
  #bytes = 0;
  readonly #kernel: Kernel;
  #ids: readonly string[];

  /** @param ids ids of users by number */
  constructor(ids: readonly string[], kernel = new Kernel()) {
    this.#ids = ids;
    this.#kernel = kernel;
    this.columns = { rows: kernel.u32(64), counts: kernel.i32(64) };
  }

  get #counts(): Int32Array {
    return this.columns.counts.view;
  }

  /** A row, two doubles for each posting, the oldest first. The caller must neither write nor keep the array. */
  row(item: number): Float64Array | undefined {
    const capacity = item < this.#capacities.length ? this.#capacities[item]! : 0;
    return capacity === 0 ? undefined : this.#kernel.float64At(this.columns.rows.view[item]!, capacity * 2);
  }

  /** Sequence of the posting at a place of a row, which must have it. */
  seqAt(item: number, place: number): number {
    return this.#kernel.doubles[(this.columns.rows.view[item]! >>> 3) + place * 2]!;
  }

  /** How many postings an item has. */
  count(item: number): number {
    return item < this.#counts.length ? this.#counts[item]! : 0;
  }

  /** Adds a posting. When events come in log order it goes to the end of the row. */
  append(item: number, seq: number, user: number, place: number): void {
    if (place >= PLACES) return;
    const count = this.count(item);
    const row = this.#reserve(item, count + 1);
    const packed = packPosting(user, place);
    let at = count;
    if (count > 0 && !this.#isBefore(row[count * 2 - 2]!, row[count * 2 - 1]!, seq, packed)) {
      at = this.#find(row, count, seq, packed);
      row.copyWithin(at * 2 + 2, at * 2, count * 2);
    }
    row[at * 2] = seq;
    row[at * 2 + 1] = packed;
    this.#counts[item] = count + 1;
  }

  /** Changes the place in the history of a posting that stays. */
  move(item: number, posting: Posting, place: number): void {
    const count = this.count(item);
    const row = this.row(item);
    const packed = packPosting(posting.user, posting.place);
    const at = row === undefined ? count : this.#find(row, count, posting.seq, packed);
    const known = row !== undefined && at < count && row[at * 2] === posting.seq && row[at * 2 + 1] === packed;
    if (known && place < PLACES) row[at * 2 + 1] = packPosting(posting.user, place);
    else if (known) this.change(item, [posting], []);
    else this.append(item, posting.seq, posting.user, place);
  }

  /** Takes postings out of a row and puts others in, in one pass: both the row and the change may be long. */
  change(item: number, gone: readonly Posting[], come: readonly Posting[]): void {
    if (gone.length + come.length <= FEW) {
      for (const posting of gone) this.#remove(item, posting);
      for (const { seq, user, place } of come) this.append(item, seq, user, place);
      return;
    }
    const count = this.count(item);
    const out = new Map<number, number>();
    for (const { seq, user, place } of gone) out.set(packPosting(user, place), seq);
    const kept: [seq: number, packed: number][] = [];
    for (const { seq, user, place } of come) if (place < PLACES) kept.push([seq, packPosting(user, place)]);
    const row = this.#reserve(item, count + kept.length);
    let first = count;
    for (const { seq } of [...gone, ...come]) first = Math.min(first, this.#find(row, count, seq, -1));
    const old = row.slice(first * 2, count * 2);
    kept.sort(([x, p], [y, q]) => (this.#isBefore(x, p, y, q) ? -1 : 1));
    let to = first * 2;
    let next = 0;
    for (let at = 0; at < old.length; at += 2) {
      const seq = old[at]!;
      const packed = old[at + 1]!;
      if (out.size > 0 && out.get(packed) === seq) continue;
      for (; next < kept.length && this.#isBefore(kept[next]![0], kept[next]![1], seq, packed); next++) {
        row[to++] = kept[next]![0];
        row[to++] = kept[next]![1];
      }
      row[to++] = seq;
      row[to++] = packed;
    }
    for (; next < kept.length; next++) {
      row[to++] = kept[next]![0];
      row[to++] = kept[next]![1];
    }
    // A posting that the fold took out must not stay readable behind the end.
    row.fill(0, to, count * 2);
    this.#counts[item] = to / 2;
  }

  #remove(item: number, { seq, user, place }: Posting): void {
    const count = this.count(item);
    const row = this.row(item);
    if (row === undefined || place >= PLACES) return;
    const packed = packPosting(user, place);
    const at = this.#find(row, count, seq, packed);
    if (at >= count || row[at * 2] !== seq || row[at * 2 + 1] !== packed) return;
    row.copyWithin(at * 2, at * 2 + 2, count * 2);
    // A posting that the fold took out must not stay readable behind the end.
    row.fill(0, count * 2 - 2, count * 2);
    this.#counts[item] = count - 1;
  }

  /** Index of the first posting that does not come before this one. */
  #find(row: Float64Array, count: number, seq: number, packed: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(row[middle * 2]!, row[middle * 2 + 1]!, seq, packed)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(seq: number, packed: number, otherSeq: number, other: number): boolean {
    if (seq !== otherSeq || packed === other) return seq < otherSeq;
    if (packed < 0 || other < 0) return packed < other;
    const user = userOf(packed);
    const otherUser = userOf(other);
    return user === otherUser ? packed < other : this.#ids[user]! < this.#ids[otherUser]!;
  }

  #reserve(item: number, count: number): Float64Array {
    const { rows, counts } = this.columns;
    if (item >= rows.length) {
      rows.reserveTwice(item + 1);
      counts.reserve(rows.length);
      const capacities = new Int32Array(rows.length);
      capacities.set(this.#capacities);
      this.#capacities = capacities;
    }
    const capacity = this.#capacities[item]!;
    if (count > capacity) {
      const wider = Math.max(SMALLEST, count, Math.ceil(capacity * 1.5));
      const address = this.#kernel.calls.grow(rows.view[item]!, capacity * 16, wider * 16) >>> 0;
      rows.view[item] = address;
      this.#capacities[item] = wider;
      this.#bytes += (wider - capacity) * 16;
    }
    return this.row(item)!;
  }

  /** Bytes in use. */
  bytes(): number {
    return this.columns.counts.bytes + this.columns.rows.bytes + this.#bytes;
  }
}
