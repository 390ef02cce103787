/** What the benchmark measures: a recommender learns and ranks, and the harness computes the measures. */
import type { Entry } from '../data/data-set.ts';

/** A question in the form that a recommender gets, without the targets. */
export interface Asked {
  user: number;
  /** Replaces the learned history of the user, oldest first. */
  history: readonly number[] | undefined;
  /** The only items to rank; undefined: all items. */
  among: readonly number[] | undefined;
}

/**
 * `scores`: one score for each item, by number. `list`: items with their scores, best first; other items count as not
 * found. The harness reads both before its next question, so the recommender may reuse their memory.
 */
export type Answer =
  | { kind: 'scores'; scores: Float64Array }
  | { kind: 'list'; items: readonly number[]; scores: readonly number[] };

export interface Recommender {
  name: string;
  learn(entries: readonly Entry[]): void | Promise<void>;
  /** The answer may hold items that the user knows, or that are not in `among`: the harness leaves them out. */
  rank(question: Asked): Answer | Promise<Answer>;
  /** Number of interactions that it knows. The harness compares it with the number that it gave. */
  learned(): number | Promise<number>;
  close?(): void | Promise<void>;
}
