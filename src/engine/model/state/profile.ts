/** The user that a list is for: the newest events as distinct items with their lags, and the whole history. */
import type { Dismissals } from './dismissals.ts';
import type { Histories } from './histories.ts';

export interface Profile {
  /** Distinct items, newest first. */
  items: number[];
  /** Lags of each item, in events back from the newest, the smallest first; one for each occurrence. */
  lags: number[][];
  /** Sequence of each item's newest occurrence; -1 if the caller gave the history with the request. */
  seqs: number[];
}

/**
 * Profile of the newest events of a column of items that ends before `end`.
 *
 * @param reach events that the profile is made of
 * @param negatives negative feedback of each event; events with some are left out. Undefined: none are
 */
export function profileOf(
  items: ArrayLike<number>,
  seqs: ArrayLike<number> | undefined,
  start: number,
  end: number,
  reach: number,
  negatives?: ArrayLike<number>,
): Profile {
  const profile: Profile = { items: [], lags: [], seqs: [] };
  for (let at = end - 1; at >= start && end - 1 - at < reach; at--) {
    if (negatives !== undefined && negatives[at]! > 0) continue;
    const item = items[at]!;
    // A profile is short, so a search of it costs less than a map.
    const place = profile.items.indexOf(item);
    if (place >= 0) profile.lags[place]!.push(end - 1 - at);
    else {
      profile.items.push(item);
      profile.lags.push([end - 1 - at]);
      profile.seqs.push(seqs === undefined ? -1 : seqs[at]!);
    }
  }
  return profile;
}

/** A user with a history, at the present position. */
export interface TargetUser {
  profile: Profile;
  /** Number of the user. */
  target: number;
  /** A copy of the items of the whole history, oldest first. */
  history: Int32Array;
  /** Those of them that may bring similar items: all, unless low ratings are left out. */
  evidence: Int32Array;
  /** Events of the whole history. */
  historyLength: number;
  /** Items that the user dismissed. */
  dismissed: number[];
}

export interface Reading {
  /** Newest events that the profile is made of. */
  readBack: number;
  /** Whether an item that the user rated low brings what is like it. */
  followLow: boolean;
}

export function targetUserOf(
  user: number,
  histories: Histories,
  dismissals: Dismissals,
  { readBack, followLow }: Reading,
): TargetUser {
  const { items, seqs } = histories;
  const negatives = followLow ? undefined : histories.negatives;
  const start = histories.start(user);
  const end = start + histories.length(user);
  const history = items.slice(start, end);
  return {
    profile: profileOf(items, seqs, start, end, readBack, negatives),
    target: user,
    history,
    evidence: negatives === undefined ? history : history.filter((_, at) => negatives[start + at] === 0),
    historyLength: end - start,
    dismissed: dismissals.itemsOf(user),
  };
}
