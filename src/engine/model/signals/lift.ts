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

import type { Address, Column, Kernel } from '../kernel/kernel.ts';
import { wholePower } from '../primitives/math.ts';
import type { Profile } from '../state/profile.ts';
import { FULL, type Statistics } from '../state/statistics.ts';
import { PAIR_CHANNELS, TRANSITION_UNIT } from './co-occurrence.ts';
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

/** Weight of all events; a log with less than one full event counts as one. */
export const massOf = ({ mass }: Statistics): number => Math.max(mass, FULL);

export interface LiftFrom {
  statistics: Statistics;
  /** n^-.3 and n^-.5. */
  transitionDamping: Damping;
  coOccurrenceDamping: Damping;
}

/** Doubles of an item of the history, as the kernel reads them. */
export const OWN = 8;
const PAIRS = PAIR_CHANNELS.length;

/** What lift reads of the items of a history and of the candidates, beside the counts of their pairs. */
export class Lift {
  readonly #from: LiftFrom;
  readonly #kernel: Kernel;
  readonly #search: Address;
  /** Scratch of {@link partsOf}. */
  readonly #own: Column<Float64Array>;
  readonly #number: Column<Int32Array>;
  readonly #table: Column<Float64Array>;

  /** @param search the kernel's search, whose pairs it reads */
  constructor(from: LiftFrom, kernel: Kernel, search: Address) {
    this.#from = from;
    this.#kernel = kernel;
    this.#search = search;
    this.#own = kernel.f64(OWN);
    this.#number = kernel.i32(1);
    this.#table = kernel.f64(1 + 2 * PAIRS + LIFT_CHANNELS.length);
  }

  /**
   * Writes what the channels read of the items of a history, {@link OWN} doubles each. Items beyond the channels' reach
   * have zeros.
   */
  describeHistory({ items, lags }: Profile, into: Column<Float64Array>): void {
    const { statistics, transitionDamping, coOccurrenceDamping } = this.#from;
    into.reserveTwice(items.length * OWN);
    for (let place = 0; place < items.length; place++) {
      const own = items[place]!;
      const back = lags[place]![0]!;
      const transition = transitionDamping.of(own, statistics);
      const coOccurrence = coOccurrenceDamping.of(own, statistics);
      const { view } = into;
      const at = place * OWN;
      if (back >= REACH) {
        view.fill(0, at, at + OWN);
        continue;
      }
      const count = Math.max(statistics.total[own]! / 16, 1);
      view[at] = FAST[back]!;
      view[at + 1] = SLOW[back]!;
      view[at + 2] = SLOW[back]! / (TRANSITION_UNIT * (count + SHARE_PRIOR));
      // Items that users take this often co-occur 5 n_h n_j / N times by chance: this, over the divisor.
      view[at + 3] = (5 * count) / (PRIOR * TRANSITION_UNIT);
      view[at + 4] = transition;
      view[at + 5] = coOccurrence;
      view[at + 6] = FAR[back]! * transition;
      view[at + 7] = FAR[back]! * coOccurrence;
    }
  }

  /**
   * Values of the channels for an item from each item of a history alone.
   *
   * @param items the history's items and the smallest lag of each, in the kernel
   */
  partsOf(
    item: number,
    profile: Profile,
    items: Column<Int32Array>,
    lags: Column<Int32Array>,
    weights: Column<Float64Array>,
  ): Float64Array[] {
    this.describeHistory(profile, this.#own);
    this.#number.view[0] = item;
    // One behind the other: a slot, pair sums, and a table of pair channels and lift channels.
    const table = this.#table;
    const columns = PAIRS + LIFT_CHANNELS.length;
    return profile.items.map((_, place) => {
      table.view.fill(0);
      this.#kernel.calls.addPairs(
        this.#search,
        items.address + place * 4,
        lags.address + place * 4,
        1,
        weights.address + place * PAIRS * 8,
        this.#own.address + place * OWN * 8,
        this.#number.address,
        1,
        massOf(this.#from.statistics),
        table.address,
        table.address + 8,
        table.address + (1 + PAIRS) * 8,
        columns,
        PAIRS,
      );
      return table.view.slice(1 + 2 * PAIRS);
    });
  }
}
