/** What a list is computed for: a user's newest events, as distinct items with where they stand. */
import type { Dismissals } from './dismissals.ts';
import type { Histories } from './histories.ts';

export interface Profile {
  /** Distinct items, newest first. */
  items: number[];
  /** For each of them, how many events back it stands: one entry per occurrence, newest first. */
  backs: number[][];
  /** Sequence of its newest occurrence, -1 where the history was given with the question. */
  seqs: number[];
}

/** Profile of the newest events of a column of items that ends before `end`. */
export function profileOf(
  items: ArrayLike<number>,
  seqs: ArrayLike<number> | undefined,
  start: number,
  end: number,
  reach: number,
): Profile {
  const profile: Profile = { items: [], backs: [], seqs: [] };
  const places = new Map<number, number>();
  for (let at = end - 1; at >= start && end - 1 - at < reach; at--) {
    const item = items[at]!;
    const place = places.get(item);
    if (place !== undefined) profile.backs[place]!.push(end - 1 - at);
    else {
      places.set(item, profile.items.length);
      profile.items.push(item);
      profile.backs.push([end - 1 - at]);
      profile.seqs.push(seqs === undefined ? -1 : seqs[at]!);
    }
  }
  return profile;
}

/** Somebody of whom a history is known, as they are now. */
export interface Reader {
  profile: Profile;
  /** Number of the user. */
  reader: number;
  /** All that was taken, oldest first; valid until the next event. */
  past: Int32Array;
  /** Events of the whole history. */
  events: number;
  /** What they don't want to see. */
  dismissed: number[];
}

/** @param reach newest events that the profile is made of */
export function readerOf(user: number, histories: Histories, dismissals: Dismissals, reach: number): Reader {
  const { items, seqs } = histories;
  const start = histories.start(user);
  const end = start + histories.length(user);
  return {
    profile: profileOf(items, seqs, start, end, reach),
    reader: user,
    past: items.subarray(start, end),
    events: end - start,
    dismissed: dismissals.itemsOf(user),
  };
}
