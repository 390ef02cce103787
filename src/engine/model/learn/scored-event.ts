/** What is told of an event that was scored before it was counted, so that its list isn't computed twice. */
import type { Catalogue } from '../state/catalogue.ts';
import type { Popularity } from '../state/popularity.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';

/**
 * All of it is valid during the call only, and not to be written: the next list overwrites it. Which events are
 * scored is a function of their ids and positions (ranker/schedule.ts), of users with a history, and, unless seen
 * items may come back, of items that are new to the user.
 */
export interface ScoredEvent {
  /** Numbers of user and item; the item's may be new, with nothing counted yet. */
  user: number;
  item: number;
  seq: number;
  /** Event time, milliseconds. */
  time: number;
  /** Place of the item in the list, from 1, ties at their mean; 0: it wasn't among the candidates. */
  rank: number;
  /** Its row among the candidates, -1 for none. */
  row: number;
  /** Items that were ranked, in an order that their ids alone decide. */
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
