/**
 * Examples that another thread makes beside the fold. Their values are those of the model at the event's position, before
 * they become features: these depend on the running means that the ranker has when it comes to the example.
 */

import type { RawExample } from '../candidates/types.ts';

/** Where the learner of a fold gets examples from that it need not make. */
export interface ExampleSource {
  /**
   * Whether somebody else makes the example of the event at this position; if not, nobody else will.
   *
   * @param inputs number of the recorded inputs that the values must depend on (RecordedInputs.version)
   */
  isMade(seq: number, inputs: number): boolean;
  /** Whether the example is there. */
  isReady(seq: number): boolean;
  /**
   * The example, once it is there; undefined: the event's item is not among the candidates. The source may overwrite it
   * after the next call. Throws an Error if nobody makes it any more.
   */
  take(seq: number): RawExample | undefined;
}

/** Who makes examples for the learner of another thread, with a model that has folded the same. */
export interface ExampleMaker {
  /** Effort and steps of the other learner's ranker, possibly of a moment ago. */
  effort(): number;
  steps(): number;
  /** Whether to make the example of the event at this position. */
  claim(seq: number, inputs: number): boolean;
  /** The example that was claimed last. */
  put(example: RawExample | undefined): void;
}

/** What the learner of a fold and that of a maker must agree on. */
export interface LearningPace {
  effort: number;
  steps: number;
  /** See {@link Budget.state}. */
  budget: Float64Array;
}
