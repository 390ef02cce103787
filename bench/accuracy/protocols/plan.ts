/** What is learned, what is asked, and when: a protocol makes it from the data alone, before anything is measured. */
import type { Entry } from '../data/data-set.ts';

export interface Question {
  /** Entries of the plan that are learned before it is asked. */
  after: number;
  user: number;
  /** What the user took next; of the cold-start protocol, all of the held-out items that the user took. */
  targets: readonly number[];
  /** The input, oldest first, where it isn't what was learned of the user. */
  history: readonly number[] | undefined;
}

export interface Plan {
  protocol: 'prequential' | 'last-out' | 'item-cold';
  entries: readonly Entry[];
  /** In the order of `after`. */
  questions: readonly Question[];
  /**
   * What is ranked, less the user's history: items that the stream has shown so far, every item that there is, or those
   * listed.
   */
  universe: 'seen' | 'all' | readonly number[];
  /** Targets that can't be ranked, being in the user's history already, and are not asked for. */
  repeats: number;
}
