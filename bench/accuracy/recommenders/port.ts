/** What is measured: it learns, and it ranks; what comes of it is the harness's to compute. */
import type { Entry } from '../data/data-set.ts';

/** A question as a recommender gets it. Whatever is asked for is no part of it. */
export interface Asked {
  user: number;
  /** In place of what was learned of the user, oldest first. */
  history: readonly number[] | undefined;
  /** Where only these are ranked: those items. */
  among: readonly number[] | undefined;
}

/**
 * `scores`: one of each item, by number. `list`: items from the best on, with their scores; what is not in it was not
 * found. Both are read before the recommender is asked again, so it may use their memory for the next.
 */
export type Answer =
  | { kind: 'scores'; scores: Float64Array }
  | { kind: 'list'; items: readonly number[]; scores: readonly number[] };

export interface Recommender {
  name: string;
  learn(entries: readonly Entry[]): void | Promise<void>;
  /** May also bring items that the user knows, or that are not to be ranked: the harness leaves them out. */
  rank(question: Asked): Answer | Promise<Answer>;
  /** Interactions that it knows. The harness compares it with those that it was given. */
  learned(): number | Promise<number>;
  close?(): void | Promise<void>;
}
