/** Settings of the learned ranker; all of them belong to the fold, so another value means a rebuild. */
export type RankerForm = 'none' | 'linear' | 'hidden';

export interface RankerConfig {
  /** `linear`: weights by column and gate; `hidden`: a layer of rectified units beside them; `none`: the blend alone. */
  form: RankerForm;
  /** Units of the hidden layer. */
  hidden: number;
  /** Step size of Adam. */
  learningRate: number;
  /** Of the first so many positions of the log each event is learned from, further on as many of each doubling. */
  dense: number;
  /** Examples that are kept to be learned from again. */
  examplesKept: number;
  /** Seed of the hidden layer's first weights. */
  seed: number;
}

export const RANKER_DEFAULTS: RankerConfig = {
  form: 'none',
  hidden: 16,
  learningRate: 0.003,
  dense: 5_000,
  examplesKept: 0,
  seed: 1,
};
