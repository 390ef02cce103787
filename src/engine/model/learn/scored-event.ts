/** An event that the learner scored before the fold counted it, for an observer that needs its list too. */
import type { Catalogue } from '../state/catalogue.ts';
import type { Popularity } from '../state/popularity.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';

/**
 * All of it is valid during the call only, as the next list overwrites it, and an observer must not write it. The ids
 * and positions of events decide which are scored (ranker/schedule.ts). Only events of users with a history are scored,
 * and, unless seen items may come back, only items that are new to the user.
 */
export interface ScoredEvent {
  /** Numbers of user and item. The item may be new, with nothing counted yet. */
  user: number;
  item: number;
  seq: number;
  /** Event time, milliseconds. */
  time: number;
  /** Rank of the item in the list, from 1, ties at their mean; 0: it was not among the candidates. */
  rank: number;
  /** Its row among the candidates, -1 for none. */
  row: number;
  /** The candidates, in an order that depends on their ids alone. */
  candidates: readonly number[];
  /** Features, `row * FEATURES.length + column`. */
  features: Float64Array;
  /** Scores by row. */
  scores: Float64Array;
  /** The user's items so far. */
  seen: Int32Array;
  profile: Profile;
  /** Decayed popularity at the time of the list. */
  popularity: Popularity;
  statistics: Statistics;
  catalogue: Catalogue;
}

export type Observer = (event: ScoredEvent) => void;
