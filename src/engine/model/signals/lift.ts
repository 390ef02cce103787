/**
 * Lift and the like: the evidence of each item of a history for a candidate, one item at a time. The pair channels
 * (co-occurrence.ts) sum counts over all items of the history to find candidates. Here each candidate meets each item
 * of the history:
 *
 * - Lift: how much more often the candidate follows the item than its share of all events would explain, `sum over a <
 *   30 of .8^a ln(1 + f[h_a][j] / (30 n_j / N))`. It is one logarithm for each item of the history, so many items with
 *   a little evidence weigh more than one with much. The other lift channels are the same for what came before and for
 *   co-occurrence, the best single item, how many of the items the candidate followed at all, and its share of the
 *   items' followers.
 * - Transitions and co-occurrences with the newest item alone, and a sum that fades more slowly.
 *
 * An event adds nothing for this signal, which reads the counts of statistics.ts. Its explanation names the items that
 * speak for the candidate.
 */

import { ln, wholePower } from '../primitives/math.ts';
import { FULL, type Statistics } from '../state/statistics.ts';
import { TRANSITION_UNIT } from './co-occurrence.ts';
import type { Damping } from './damping.ts';
import { FEATURE, type FeatureName, SIGNAL } from './names.ts';

export interface LiftChannel {
  name: FeatureName;
  /** The signal that a reason names. */
  signal: typeof SIGNAL.lift | typeof SIGNAL.transition | typeof SIGNAL.coOccurrence;
  /** Whether the largest part counts instead of the sum of the parts. */
  best?: true;
}

/** Channels in the order of their columns. */
export const LIFT_CHANNELS: readonly LiftChannel[] = [
  { name: FEATURE.lift, signal: SIGNAL.lift },
  { name: FEATURE.liftBest, signal: SIGNAL.lift, best: true },
  { name: FEATURE.liftBefore, signal: SIGNAL.lift },
  { name: FEATURE.liftCoOccurrence, signal: SIGNAL.lift },
  { name: FEATURE.liftReach, signal: SIGNAL.lift },
  { name: FEATURE.liftShare, signal: SIGNAL.lift },
  { name: FEATURE.afterLast, signal: SIGNAL.transition },
  { name: FEATURE.beforeLast, signal: SIGNAL.transition },
  { name: FEATURE.coOccurrenceLast, signal: SIGNAL.coOccurrence },
  { name: FEATURE.afterFar, signal: SIGNAL.transition },
  { name: FEATURE.coOccurrenceFar, signal: SIGNAL.coOccurrence },
];

const REACH = 30;
const PRIOR = 30;
/** Added to an item's own count before the share is computed. */
const SHARE_PRIOR = 5;
const table = (fade: number): Float64Array => Float64Array.from({ length: REACH }, (_, a) => wholePower(fade, a));
const FAST = table(0.8);
const SLOW = table(0.9);
const FAR = table(0.95);

export interface LiftFrom {
  statistics: Statistics;
  /** n^-.3 and n^-.5. */
  transitionDamping: Damping;
  coOccurrenceDamping: Damping;
}

/** Lift for the candidates of one list, added one item of the history after the other. */
export class Lift {
  #from: LiftFrom;
  #rows = 0;
  /**
   * By candidate: the divisor of its counts by its share of all events; its dampings, over what a full event counts.
   */
  #divisors = new Float64Array(0);
  #transition = new Float64Array(0);
  #coOccurrence = new Float64Array(0);

  constructor(from: LiftFrom) {
    this.#from = from;
  }

  /** Starts a list with these candidates. */
  begin(candidates: ArrayLike<number>): void {
    const { statistics, transitionDamping, coOccurrenceDamping } = this.#from;
    const rows = candidates.length;
    this.#rows = rows;
    if (this.#divisors.length < rows) {
      this.#divisors = new Float64Array(rows * 2);
      this.#transition = new Float64Array(rows * 2);
      this.#coOccurrence = new Float64Array(rows * 2);
    }
    const mass = Math.max(statistics.mass, 16);
    for (let row = 0; row < rows; row++) {
      const item = candidates[row]!;
      this.#divisors[row] = mass / (PRIOR * Math.max(statistics.total[item]!, 16) * TRANSITION_UNIT);
      this.#transition[row] = transitionDamping.of(item, statistics) / TRANSITION_UNIT;
      this.#coOccurrence[row] = coOccurrenceDamping.of(item, statistics) / FULL;
    }
  }

  /**
   * Adds the evidence of one item of the history, `back` events back, to the channels' columns of each candidate (`row *
   * columns + column + channel`), which begin at 0.
   *
   * @param counts f, b and co of each candidate with that item, at `row * 3`
   */
  add(own: number, back: number, counts: Float64Array, into: Float64Array, column: number, columns: number): void {
    if (back >= REACH) return;
    const { statistics, transitionDamping, coOccurrenceDamping } = this.#from;
    const count = Math.max(statistics.total[own]! / 16, 1);
    const fast = FAST[back]!;
    const slow = SLOW[back]!;
    const ownTransition = transitionDamping.of(own, statistics);
    const ownCoOccurrence = coOccurrenceDamping.of(own, statistics);
    const farTransition = FAR[back]! * ownTransition;
    const farCoOccurrence = FAR[back]! * ownCoOccurrence;
    // Items that users take this often co-occur 5 n_h n_j / N times by chance: this, over the divisor.
    const chance = (5 * count) / (PRIOR * TRANSITION_UNIT);
    const share = slow / (TRANSITION_UNIT * (count + SHARE_PRIOR));
    const rows = this.#rows;
    const divisors = this.#divisors;
    const transition = this.#transition;
    const coOccurrence = this.#coOccurrence;
    for (let row = 0; row < rows; row++) {
      const co = counts[row * 3 + 2]!;
      if (co === 0) continue;
      const f = counts[row * 3]!;
      const b = counts[row * 3 + 1]!;
      const at = row * columns + column;
      const divisor = divisors[row]!;
      if (f > 0) {
        const part = fast * ln(1 + f * divisor);
        into[at] = into[at]! + part;
        if (part > into[at + 1]!) into[at + 1] = part;
        into[at + 4] = into[at + 4]! + slow;
        into[at + 5] = into[at + 5]! + share * f;
        into[at + 9] = into[at + 9]! + farTransition * transition[row]! * f;
      }
      if (b > 0) into[at + 2] = into[at + 2]! + fast * ln(1 + b * divisor);
      into[at + 3] = into[at + 3]! + slow * ln(1 + (co * divisor) / (FULL * (chance + 0.5 * divisor)));
      into[at + 10] = into[at + 10]! + farCoOccurrence * coOccurrence[row]! * co;
      if (back > 0) continue;
      into[at + 6] = ownTransition * transition[row]! * f;
      into[at + 7] = ownTransition * transition[row]! * b;
      into[at + 8] = ownCoOccurrence * coOccurrence[row]! * co;
    }
  }
}
