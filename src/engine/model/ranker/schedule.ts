/**
 * Which events train the ranker: all of them until it has learned from `dense` full lists, then a share of `(dense /
 * learned)^3`. A list counts by the items of the history that it is computed for, as these are its cost. So a log of
 * short histories trains with five times as many examples as one of long histories in the same time. An event trains
 * only if its item is among the candidates, which is rare in a sparse log. The share depends on what was learned and
 * not on the position, so a sparse log gives enough examples too, and the rebuild of a dense log takes no longer for
 * it. With n events of full histories, of which a share r trains, there are about `(4 r n dense^3)^(1/4)` examples: 16
 * thousand of 100,000 events and 28 thousand of a million, with r = .75 and dense = 6,000.
 */

import { HASH_START, hashEnd, hashNext, hashText } from '../primitives/hash.ts';

/** A hash of the ids and the position, 0 to 2^32 - 1. */
export function eventHash(user: string, item: string, seq: number): number {
  // No id holds a 0, so it separates the two.
  let hash = hashNext(hashText(HASH_START, user), 0);
  hash = hashNext(hashText(hash, item), 0);
  for (let rest = seq; rest > 0; rest = Math.floor(rest / 65_536)) hash = hashNext(hash, rest % 65_536);
  return hashEnd(hash);
}

/**
 * Whether the event at this position of the log may train the ranker: a function of the log alone, as what was learned
 * so far is one.
 *
 * @param learned full lists that the ranker has learned from
 */
export function isTrainedOn(user: string, what: string, seq: number, learned: number, dense: number): boolean {
  if (learned < dense) return true;
  const share = dense / learned;
  return eventHash(user, what, seq) < share * share * share * 2 ** 32;
}

/** Whether the event is evaluated even if it does not train the ranker: one in `every`, evenly spread. */
export function isEvaluated(user: string, item: string, seq: number, every: number): boolean {
  return eventHash(user, item, seq) * every < 2 ** 32;
}
