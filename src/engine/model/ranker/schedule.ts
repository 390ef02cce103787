/**
 * Which events the ranker learns from: all of them until it has learned from `dense` full lists, then the fewer the
 * more it knows, a share of `(dense / learned)^3`. A list counts by the items of the history that it is computed for:
 * that is what it costs, so that a log of short histories teaches by five times as many examples as one of long ones
 * in the same time. What teaches is an event whose item was among the candidates, and in a sparse log few are: by what
 * was learned rather than by the position, sparse logs give enough examples too, while a rebuild of a dense one does
 * not take the longer. With n events of full histories of which a share r teaches, about `(4 r n dense^3)^(1/4)`
 * examples: 16 thousand of 100,000 events and 28 thousand of a million, with r = .75 and dense = 6,000.
 */

import { HASH_START, hashEnd, hashNext, hashText } from '../primitives/hash.ts';

/** A hash of the ids and the position, 0 to 2^32 - 1. */
export function placeHash(user: string, item: string, seq: number): number {
  // No id holds a 0, so the two can't run into each other.
  let hash = hashNext(hashText(HASH_START, user), 0);
  hash = hashNext(hashText(hash, item), 0);
  for (let rest = seq; rest > 0; rest = Math.floor(rest / 65_536)) hash = hashNext(hash, rest % 65_536);
  return hashEnd(hash);
}

/**
 * Whether the event at this position of the log is one to score and learn from: a function of the log alone, as what
 * was learned so far is one.
 *
 * @param learned full lists learned from so far
 */
export function isTaught(user: string, what: string, seq: number, learned: number, dense: number): boolean {
  if (learned < dense) return true;
  const share = dense / learned;
  return placeHash(user, what, seq) < share * share * share * 2 ** 32;
}

/** Whether the event is scored to measure quality even where nothing is learned from it: one in so many, evenly. */
export function isMeasured(user: string, item: string, seq: number, every: number): boolean {
  return placeHash(user, item, seq) * every < 2 ** 32;
}
