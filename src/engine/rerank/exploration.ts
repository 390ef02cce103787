/**
 * Exploration: a set share of the places goes to items with few interactions. The draws (whether a place
 * explores, and which item it takes) depend only on the inputs of the list, so that the engine can make the same list
 * again. The probability of each item at its place is exact, so that reactions allow estimates of other lists.
 */
import { hash53 } from '../../bus/event/canonical.ts';
import type { Candidate } from './candidate.ts';

/** A draw of [0, 1) for a place of the list; the second of a place is independent of the first. */
export type Draw = (place: number, which: 0 | 1) => number;

export interface Placed {
  candidate: Candidate;
  /** Probability of this item at this place, given those before it: above 0, at most 1. */
  propensity: number;
  /** Whether the place would hold another item without exploration. */
  explored: boolean;
}

export interface ExplorationOptions {
  /** Probability of a place to explore. */
  share: number;
  count: number;
  draw: Draw;
  /** Whole interactions with an item, over all users. */
  taken: (item: string) => number;
}

/** An exploring place draws among so many of the best remaining items. */
export const EXPLORATION_REACH = 100;

const HASHES = 2 ** 53;

/** Draws that depend on the user of the list, its log position, and a seed. */
export const drawsOf =
  ({ user, seq, seed }: { user: string; seq: number; seed: number }): Draw =>
  (place, which) =>
    hash53(`${seed}\n${seq}\n${place}\n${which}\n${user}`) / HASHES;

/**
 * Fills the places from the front. A place that does not explore takes the best remaining item; an exploring place takes
 * an item with probability in proportion to the width of the upper confidence bound of its value, `sqrt(2 ln N / n)` of UCB1
 * (Auer, Cesa-Bianchi and Fischer 2002) with one more than the interactions with it as `n`; `N` is the same for all.
 *
 * @param ordered best first
 */
export function explore(ordered: readonly Candidate[], { share, count, draw, taken }: ExplorationOptions): Placed[] {
  const rest = ordered.map((candidate) => ({
    candidate,
    width: 1 / Math.sqrt(1 + Math.max(0, taken(candidate.item))),
  }));
  const placed: Placed[] = [];
  while (placed.length < count && rest.length > 0) {
    const place = placed.length;
    const reach = Math.min(EXPLORATION_REACH, rest.length);
    let total = 0;
    for (let i = 0; i < reach; i++) total += (rest[i] as { width: number }).width;
    let at = 0;
    if (draw(place, 0) < share) {
      let left = draw(place, 1) * total;
      while (at < reach - 1 && left >= (rest[at] as { width: number }).width) {
        left -= (rest[at] as { width: number }).width;
        at++;
      }
    }
    const [{ candidate, width }] = rest.splice(at, 1) as [{ candidate: Candidate; width: number }];
    const propensity = (at === 0 ? 1 - share : 0) + (share * width) / total;
    placed.push({ candidate, propensity: Math.min(1, propensity), explored: at > 0 });
  }
  return placed;
}
