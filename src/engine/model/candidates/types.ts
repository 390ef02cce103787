/** A request for a ranked list, and the list. */
import type { Question } from '../signals/content.ts';
import type { Profile } from '../state/profile.ts';

export interface RankRequest {
  profile: Profile;
  /** Number of the user whose profile it is, -1 for none. */
  reader: number;
  /** All that was taken, oldest first. */
  past: ArrayLike<number>;
  /** Events of the whole history, also beyond the profile's reach. */
  events: number;
  question: Question;
  /** Which items may be in the list beside those; undefined: all. */
  allowed?: ((item: number) => boolean) | undefined;
  /** Items that may not be in the list, by number; repeats are fine. */
  blocked: readonly Iterable<number>[];
  count: number;
  /** Candidates in any case. */
  include?: readonly number[];
  /** Newest position of the log that anything was taken at. */
  position: number;
  /** Time for popularity and newness, milliseconds. */
  at: number;
  /** `similar`: nothing but what speaks for going together; what has none of it isn't listed. */
  blend: 'history' | 'cold' | 'similar';
}

export interface ScoredItem {
  item: number;
  score: number;
  /** Row of the feature table of the same {@link Ranked}. */
  row: number;
}

/** A ranked list, and what explains it until the next one is computed. */
export interface Ranked {
  list: ScoredItem[];
  /** Candidates, in an order that their ids alone decide. */
  candidates: number[];
  /** Features, `row * FEATURES.length + column`, valid until the next list is computed. */
  features: Float64Array;
  /** Scores by row, valid until the next list is computed; there may be more room than rows. */
  scores: Float64Array;
  /** Means of what was positive by column, before it became a feature. */
  means: Float64Array;
  /** Weights by column that make the score of a row, while the list is the last that was computed. */
  weightsOf: (row: number) => Float64Array;
}
