/**
 * What users don't want to see: each user's dismissals, and how many there are of each item. Whole numbers, so that
 * what a forgotten user dismissed is taken out without a trace. An item that was dismissed stays off that user's lists.
 */
import { Reader, Writer } from '../primitives/bytes.ts';

export interface Dismissal {
  item: number;
  /** Position in the log. */
  seq: number;
  /** Number of the id under which it was published: the user, or a session linked to them. */
  origin: number;
}

export class Dismissals {
  /** By item: dismissals in all. */
  counts = new Float64Array(64);
  #byUser = new Map<number, Dismissal[]>();

  /** A user's, in log order. */
  of(user: number): readonly Dismissal[] {
    return this.#byUser.get(user) ?? NONE;
  }

  /** What a user doesn't want to see. */
  itemsOf(user: number): number[] {
    return this.of(user).map(({ item }) => item);
  }

  get size(): number {
    let size = 0;
    for (const own of this.#byUser.values()) size += own.length;
    return size;
  }

  /** Notes one; false: there is one of this sequence already. */
  add(user: number, dismissal: Dismissal): boolean {
    const own = this.#byUser.get(user);
    if (own === undefined) this.#byUser.set(user, [dismissal]);
    else {
      let at = own.length;
      while (at > 0 && own[at - 1]!.seq > dismissal.seq) at--;
      if (at > 0 && own[at - 1]!.seq === dismissal.seq) return false;
      own.splice(at, 0, dismissal);
    }
    this.#count(dismissal.item, 1);
    return true;
  }

  #count(item: number, by: number): void {
    if (item >= this.counts.length) {
      const counts = new Float64Array(Math.max(item + 1, this.counts.length * 2));
      counts.set(this.counts);
      this.counts = counts;
    }
    this.counts[item] = this.counts[item]! + by;
  }

  /**
   * Deals them out again after owners changed, and drops those of an origin.
   *
   * @param rootOf whose they are by the id under which they were published
   * @param gone origin whose dismissals are dropped, -1 for none
   */
  regroup(rootOf: (origin: number) => number, gone: number): void {
    const all = [...this.#byUser.values()].flat();
    this.#byUser.clear();
    for (const dismissal of all) {
      this.#count(dismissal.item, -1);
      if (dismissal.origin !== gone) this.add(rootOf(dismissal.origin), dismissal);
    }
  }

  /** Gives a session's to the user that it was linked to. */
  move(session: number, user: number): void {
    const own = this.#byUser.get(session);
    if (own === undefined) return;
    this.#byUser.delete(session);
    for (const dismissal of own) {
      this.#count(dismissal.item, -1);
      this.add(user, dismissal);
    }
  }

  /** Bytes with the places of items and origins in the state that they are a part of; in log order. */
  encode(itemPlace: (item: number) => number, originPlace: (origin: number) => number): Buffer {
    const all = [...this.#byUser.values()].flat();
    const places = all.map(({ item, seq, origin }) => ({ item: itemPlace(item), seq, origin: originPlace(origin) }));
    places.sort((a, b) => a.seq - b.seq || a.origin - b.origin);
    const out = new Writer();
    out.count(places.length);
    for (const { item, seq, origin } of places) {
      out.count(item);
      out.count(seq);
      out.count(origin);
    }
    return out.done();
  }

  decode(bytes: Uint8Array, item: (place: number) => number, origin: (place: number) => number, root: Root): void {
    const input = new Reader(Buffer.from(bytes));
    for (let left = input.count(); left > 0; left--) {
      const dismissal = { item: item(input.count()), seq: input.count(), origin: origin(input.count()) };
      this.add(root(dismissal.origin), dismissal);
    }
  }
}

type Root = (origin: number) => number;
const NONE: readonly Dismissal[] = [];
