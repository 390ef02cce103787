/**
 * Items that users dismissed: each user's dismissals, and the count of each item. Counts are whole numbers, so the fold
 * can take out what a forgotten user dismissed without a trace. A dismissed item stays off that user's lists.
 */
import { ByteReader, ByteWriter } from '../primitives/bytes.ts';

export interface Dismissal {
  item: number;
  /** Position in the log. */
  seq: number;
  /** Number of the id that published the event: the user, or a session that is linked to the user. */
  origin: number;
}

export class Dismissals {
  /** By item: dismissals of all users. */
  counts = new Float64Array(64);
  #byUser = new Map<number, Dismissal[]>();

  /** A user's dismissals, in log order. */
  of(user: number): readonly Dismissal[] {
    return this.#byUser.get(user) ?? NONE;
  }

  /** Items that a user dismissed. */
  itemsOf(user: number): number[] {
    return this.of(user).map(({ item }) => item);
  }

  get size(): number {
    let size = 0;
    for (const own of this.#byUser.values()) size += own.length;
    return size;
  }

  /** Adds a dismissal; false: the user has one of this sequence already. */
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
   * Assigns dismissals again after owners changed, and drops those of one origin.
   *
   * @param users the users whose dismissals may belong to others now
   * @param rootOf the owner of an id that published events
   * @param gone the origin whose dismissals are dropped, -1 for none
   */
  regroup(users: Iterable<number>, rootOf: (origin: number) => number, gone: number): void {
    const all: Dismissal[] = [];
    for (const user of users) {
      all.push(...this.of(user));
      this.#byUser.delete(user);
    }
    for (const dismissal of all) {
      this.#count(dismissal.item, -1);
      if (dismissal.origin !== gone) this.add(rootOf(dismissal.origin), dismissal);
    }
  }

  /** Moves a session's dismissals to the user that claimed the session. */
  move(session: number, user: number): void {
    const own = this.#byUser.get(session);
    if (own === undefined) return;
    this.#byUser.delete(session);
    for (const dismissal of own) {
      this.#count(dismissal.item, -1);
      this.add(user, dismissal);
    }
  }

  /** Bytes in log order. Items and origins are written as their places in the state that holds these bytes. */
  encode(itemPlace: (item: number) => number, originPlace: (origin: number) => number): Buffer {
    const all = [...this.#byUser.values()].flat();
    const places = all.map(({ item, seq, origin }) => ({ item: itemPlace(item), seq, origin: originPlace(origin) }));
    places.sort((a, b) => a.seq - b.seq || a.origin - b.origin);
    const out = new ByteWriter();
    out.count(places.length);
    for (const { item, seq, origin } of places) {
      out.count(item);
      out.count(seq);
      out.count(origin);
    }
    return out.finish();
  }

  decode(bytes: Uint8Array, item: (place: number) => number, origin: (place: number) => number, root: Root): void {
    const input = new ByteReader(Buffer.from(bytes));
    for (let left = input.count(); left > 0; left--) {
      const dismissal = { item: item(input.count()), seq: input.count(), origin: origin(input.count()) };
      this.add(root(dismissal.origin), dismissal);
    }
  }
}

type Root = (origin: number) => number;
const NONE: readonly Dismissal[] = [];
