/**
 * How lately users take an item, by the log's own pace: positions since its last and its first event, and its rate,
 * which is a number of its newest postings over the positions since the oldest of them. Popularity by event time needs
 * half-lives that suit the data; the pace of the log always suits it.
 *
 * An event adds its posting (postings.ts) and nothing else. Reasons name this signal popularity.
 */

import type { Postings } from '../state/postings.ts';
import { FEATURE } from './names.ts';

export const RECENCY_CHANNELS = [
  FEATURE.sinceTaken,
  FEATURE.sinceFirst,
  FEATURE.takenLately,
  FEATURE.takenLatelyLong,
] as const;
/** Newest postings that the rates read, in short and in long. */
const NEWEST = [4, 32] as const;
/** Positions that are added, so that two events in a row are no trend. */
const PRIOR = 100;

/**
 * Fills the channels' columns for each candidate (`row * columns + column + channel`).
 *
 * @param position newest position of the log at which a user took an item
 */
export function addRecency(
  candidates: readonly number[],
  postings: Postings,
  position: number,
  into: Float64Array,
  column: number,
  columns: number,
): void {
  for (let row = 0; row < candidates.length; row++) {
    const at = row * columns + column;
    const item = candidates[row]!;
    const count = postings.count(item);
    if (count === 0) {
      // As if the item had been listed just now and nobody had ever taken it.
      into[at] = position + 1;
      continue;
    }
    into[at] = Math.max(0, position - postings.seqAt(item, count - 1));
    into[at + 1] = Math.max(0, position - postings.seqAt(item, 0));
    for (let k = 0; k < NEWEST.length; k++) {
      const newest = Math.min(count, NEWEST[k]!);
      into[at + 2 + k] = newest / (PRIOR + Math.max(0, position - postings.seqAt(item, count - newest)));
    }
  }
}
