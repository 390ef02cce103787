/**
 * What a value of each column usually is where it is positive: the running mean, over the lists that the ranker learned
 * from, of the mean of a list's positive values. Values enter a score as logarithms over this mean, so the score tells
 * weak evidence from strong. Over the mean of the list itself, a list in which one candidate has a trace of evidence
 * would be like one with a lot. What that gains: docs/decisions/0010-the-rankers-arithmetic.md.
 */

import type { Column, Kernel } from '../kernel/kernel.ts';

/** Weight of the newest list; the first lists all weigh the same. */
const NEWEST_SHARE = 0.001;

export class RunningMeans {
  /** See {@link means}, in the kernel. */
  readonly column: Column<Float64Array>;
  /** By column: lists with such a value. */
  readonly lists: Float64Array;

  constructor(columns: number, kernel: Kernel) {
    this.column = kernel.f64(columns);
    this.lists = new Float64Array(columns);
  }

  /** By column; 0: the ranker never saw a value above 0. */
  get means(): Float64Array {
    return this.column.view;
  }

  /** Adds the means of a list's positive values by column, 0 for a column without any. */
  learn(ofList: Float64Array): void {
    const { means } = this;
    for (let k = 0; k < means.length; k++) {
      const mean = ofList[k]!;
      if (mean <= 0) continue;
      const lists = this.lists[k]! + 1;
      this.lists[k] = lists;
      means[k] = means[k]! + Math.max(NEWEST_SHARE, 1 / lists) * (mean - means[k]!);
    }
  }

  restore({ means, lists }: { means: Float64Array; lists: Float64Array }): void {
    this.means.set(means);
    this.lists.set(lists);
  }
}
