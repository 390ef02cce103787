/** A request for a ranked list, and the list. */
import type { ContentQuery } from '../signals/content.ts';
import type { Profile } from '../state/profile.ts';

export interface RankRequest {
  profile: Profile;
  /** Number of the user that the list is for, -1 for none. */
  target: number;
  /** Items of the whole history, oldest first. */
  history: ArrayLike<number>;
  /** Those of them that may bring similar items; left out: all. */
  evidence?: ArrayLike<number>;
  /** Events of the whole history, also beyond the profile's reach. */
  historyLength: number;
  query: ContentQuery;
  /** Which other items may be in the list; undefined: all. */
  allowed?: ((item: number) => boolean) | undefined;
  /** Items that may not be in the list, by number; repeats are fine. */
  blocked: readonly Iterable<number>[];
  count: number;
  /** Items that are candidates in any case. */
  include?: readonly number[];
  /** Newest position of the log at which a user took an item. */
  position: number;
  /** Time for popularity and newness, milliseconds since 1970. */
  at: number;
  /** Which weights score the list. `similar` also limits the candidates to items with evidence of similarity. */
  blend: 'history' | 'cold' | 'similar';
}

export interface ScoredItem {
  item: number;
  score: number;
  /** Row in the feature table of the same {@link Ranked}. */
  row: number;
}

/** A ranked list, and what explains it until the next list is computed. */
export interface Ranked {
  list: ScoredItem[];
  /** The candidates, in an order that depends on their ids alone. */
  candidates: number[];
  /** Features, `row * FEATURES.length + column`. */
  features: Float64Array;
  /** Scores by row. */
  scores: Float64Array;
  /** Means of positive values by column, before they became features. */
  means: Float64Array;
  /** Weights by column whose product with a row's features is its score, valid until the next list is computed. */
  weightsOf: (row: number) => Float64Array;
}

/**
 * A list to learn from, by the values of the model at an event's position. They become features when the ranker comes to it,
 * as features depend on its running means.
 */
export interface RawExample {
  /** Values of each candidate, `row * FEATURES.length + column`. */
  values: Float64Array;
  rows: number;
  /** The row of the item that the user took. */
  row: number;
  /** Events of the user's whole history. */
  historyLength: number;
  /** Items of the history that the list was computed for. */
  effort: number;
}
