/**
 * Which events the ranker learns from: a share of `dense / position`, all of the first `dense`. So a log of a million
 * events is learned from at about 6.3 times `dense` places, each doubling of the log at as many as the one before, and
 * a rebuild does not take longer the more often it was interrupted or the busier the machine is.
 */

/** A hash of the ids and the position (32-bit FNV-1a, then the finaliser of MurmurHash3), 0 to 2^32 - 1. */
export function placeHash(user: string, item: string, seq: number): number {
  let hash = 0x811c9dc5;
  const eat = (code: number): void => {
    hash = Math.imul(hash ^ code, 0x01000193);
  };
  for (let i = 0; i < user.length; i++) eat(user.charCodeAt(i));
  // No id holds this, so the two can't run into each other.
  eat(0);
  for (let i = 0; i < item.length; i++) eat(item.charCodeAt(i));
  eat(0);
  for (let rest = seq; rest > 0; rest = Math.floor(rest / 65_536)) eat(rest % 65_536);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Whether the event at this position of the log is one to score and learn from. */
export function isScored(user: string, item: string, seq: number, dense: number): boolean {
  return seq <= dense || placeHash(user, item, seq) * seq < dense * 2 ** 32;
}

/** Whether the event is scored to measure quality even where nothing is learned from it: one in so many, evenly. */
export function isMeasured(user: string, item: string, seq: number, every: number): boolean {
  return placeHash(user, item, seq) * every < 2 ** 32;
}
