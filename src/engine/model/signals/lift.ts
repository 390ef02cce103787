/**
 * What each item of a history says for a candidate, one at a time. The pair channels (pair-sums.ts) add up counts over
 * all items that share a user with the history, to find candidates; here each candidate is looked at through each item:
 *
 * - evidence: how much more often it follows than its share of all events would have it, `sum over a < 30 of
 *   .8^a ln(1 + f[h_a][j] / (30 n_j / N))`: a logarithm per item of the history, so that many that speak for it a
 *   little weigh more than one that speaks for it much; the same of what came before, and of what goes together; the
 *   best single one; how many of the items it followed at all; and the share of an item's followers that it is;
 * - what followed, came before and went together with the newest item alone, and a sum that fades slower.
 *
 * An event adds nothing of its own, the counts are there anyway (statistics.ts). Explained by the items that speak
 * for it.
 */

import { ln, wholePower } from '../primitives/math.ts';
import { FULL, type Statistics } from '../state/statistics.ts';
import { TRANSITION_UNIT } from './co-occurrence.ts';
import type { Damping } from './damping.ts';
import { FEATURE, type FeatureName, SIGNAL } from './names.ts';

export interface LiftChannel {
  name: FeatureName;
  /** The signal under whose name it is explained. */
  signal: typeof SIGNAL.lift | typeof SIGNAL.transition | typeof SIGNAL.coOccurrence;
  /** Whether the largest part counts rather than their sum. */
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
/** Added to an item's own count before a share of it is taken. */
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

/** Lift for the candidates of one list at a time, added one item of the history after the other. */
export class Lift {
  #from: LiftFrom;
  #rows = 0;
  /** By candidate: what its share of all events is divided by; its damping, over what a full event counts. */
  #divisors = new Float64Array(0);
  #transition = new Float64Array(0);
  #coOccurrence = new Float64Array(0);

  constructor(from: LiftFrom) {
    this.#from = from;
  }

  /** Starts with these candidates. */
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
   * Adds what an item of the history says, `back` events back, to the channels' columns of each candidate
   * (`row * columns + column + channel`), which are 0 at first.
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
    // What would go together by chance, 5 n_h n_j / N, of items that are taken this often, is this over the divisor.
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
