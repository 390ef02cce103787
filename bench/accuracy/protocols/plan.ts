/** Which events to learn, which questions to ask, and when: a protocol makes the plan from the data before a measurement. */
import type { Entry } from '../data/data-set.ts';

export interface Question {
  /** Number of entries of the plan to learn before this question. */
  after: number;
  user: number;
  /** The item that the user took next; in the cold-start protocol, all held-out items that the user took. */
  targets: readonly number[];
  /** The input, oldest first, if it differs from the learned history of the user. */
  history: readonly number[] | undefined;
}

export interface Plan {
  protocol: 'prequential' | 'last-out' | 'item-cold';
  entries: readonly Entry[];
  /** In the order of `after`. */
  questions: readonly Question[];
  /**
   * The items to rank, without the user's history: the items that the stream has shown so far, all items, or the listed
   * ones.
   */
  universe: 'seen' | 'all' | readonly number[];
  /** Number of targets without a question, because they are in the user's history already. */
  repeats: number;
}
