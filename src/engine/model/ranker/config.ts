/** Settings of the learned ranker. All of them belong to the fold, so another value needs a rebuild. */
import { BUDGET_DEFAULTS, type BudgetConfig } from './budget.ts';

export type RankerForm = 'none' | 'linear' | 'hidden';

export interface RankerConfig {
  /**
   * `linear`: weights by column and gate; `hidden`: a layer of rectified units as well; `none`: the hand-set blend
   * alone.
   */
  form: RankerForm;
  /** Units of the hidden layer. */
  hidden: number;
  /**
   * Lists for full histories up to which every event trains the ranker; after that a share of them does (schedule.ts).
   */
  learningRate: number;
  /** Lists for full histories up to which every event is learned from; further on a share of them (schedule.ts). */
  dense: number;
  /** The searches that training may cost. */
  budget: BudgetConfig;
  /** Seed of the hidden layer's first weights. */
  seed: number;
}

export const RANKER_DEFAULTS: RankerConfig = {
  form: 'hidden',
  hidden: 16,
  learningRate: 0.003,
  dense: 6_000,
  budget: BUDGET_DEFAULTS,
  seed: 1,
};
