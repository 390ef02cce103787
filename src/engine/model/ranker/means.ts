/**
 * What a value of each column usually is, where there is any: the running mean, over the lists that were learned from,
 * of the mean of a list's positive values. Values enter a score as logarithms over it, so that weak evidence and strong
 * are told apart: over the mean of the list itself, a list in which one candidate has a trace of evidence looks like one
 * in which it has a lot. What that gains: docs/decisions/0010-the-rankers-arithmetic.md.
 */

/** Share of the newest list; of the first lists all have the same. */
const NEWEST_SHARE = 0.001;

export class RunningMeans {
  /** By column; 0: no value above 0 was ever seen. */
  readonly means: Float64Array;
  /** Lists by column that had such a value. */
  readonly lists: Float64Array;

  constructor(columns: number) {
    this.means = new Float64Array(columns);
    this.lists = new Float64Array(columns);
  }

  /** Takes in the means of a list's positive values by column, 0 where it had none. */
  learn(ofList: Float64Array): void {
    for (let k = 0; k < this.means.length; k++) {
      const mean = ofList[k]!;
      if (mean <= 0) continue;
      const lists = this.lists[k]! + 1;
      this.lists[k] = lists;
      this.means[k] = this.means[k]! + Math.max(NEWEST_SHARE, 1 / lists) * (mean - this.means[k]!);
    }
  }

  restore({ means, lists }: { means: Float64Array; lists: Float64Array }): void {
    this.means.set(means);
    this.lists.set(lists);
  }
}
