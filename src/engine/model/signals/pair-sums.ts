/**
 * Sums of pair counts for a history, in two steps. To find candidates, one pass over the rows of the history's items
 * adds up two sums for every item in them (kernel/assembly/search.ts). Then the sums of all channels are computed for
 * the candidates alone, one item of the history after the other, from the whole rows (kernel/assembly/features.ts).
 * Weights are whole multiples of 2^-20 and counts are whole, so every sum is exact and does not depend on the order of
 * rows and slots. Sums in Float32 gave different lists for different memory layouts.
 *
 * The first step reads only the prefix of a long row.
 */
import type { Address, Column, Kernel } from '../kernel/kernel.ts';
import { wholePower } from '../primitives/math.ts';
import type { Profile } from '../state/profile.ts';
import type { PairCounts, SparseRows } from '../state/sparse-rows.ts';
import type { Statistics } from '../state/statistics.ts';
import { PAIR_CHANNELS } from './co-occurrence.ts';
import type { Damping } from './damping.ts';

const CHANNELS = PAIR_CHANNELS.length;
const UNIT = 2 ** 20;
/** By channel: how it fades with events back, as far as tables reach. */
const FADES = PAIR_CHANNELS.map(({ decay }) =>
  Float64Array.from({ length: 256 }, (_, back) => wholePower(decay, back)),
);

export class PairSums {
  /** Sums of candidates by row and channel, `row * PAIR_CHANNELS.length + channel`, in 2^-20 of the channel's unit. */
  readonly sums: Column<Float64Array>;
  /** Weight of each of the profile's items in each channel, `place * PAIR_CHANNELS.length + channel`. */
  readonly weights: Column<Float64Array>;
  readonly #kernel: Kernel;
  readonly #search: Address;
  readonly #transitionDamping: Damping;
  readonly #coOccurrenceDamping: Damping;
  #beforeShare: number;

  /**
   * @param search the kernel's search, which takes the sums of the first step
   * @param beforeShare share of what came before in the sum that chooses candidates by transition
   */
  constructor(
    beforeShare: number,
    kernel: Kernel,
    search: Address,
    dampings: { transitionDamping: Damping; coOccurrenceDamping: Damping },
  ) {
    this.#beforeShare = beforeShare;
    this.#kernel = kernel;
    this.#search = search;
    this.#transitionDamping = dampings.transitionDamping;
    this.#coOccurrenceDamping = dampings.coOccurrenceDamping;
    this.sums = kernel.f64(CHANNELS * 64);
    this.weights = kernel.f64(CHANNELS * 64);
  }

  /** Items that the first step found. */
  get count(): number {
    return this.#kernel.calls.foundCount(this.#search);
  }

  /** Sums up the rows of a profile's items. */
  gather({ items, lags }: Profile, statistics: Statistics): void {
    this.weights.reserveTwice(items.length * CHANNELS);
    for (let place = 0; place < items.length; place++) {
      const item = items[place]!;
      // Every channel's n^-source is that of one of the two dampings.
      const transition = this.#transitionDamping.of(item, statistics);
      const coOccurrence = this.#coOccurrenceDamping.of(item, statistics);
      const weights = this.weights.view;
      const at = place * CHANNELS;
      for (let k = 0; k < CHANNELS; k++) {
        const fades = FADES[k]!;
        let fade = 0;
        for (const back of lags[place]!)
          fade += back < fades.length ? fades[back]! : wholePower(PAIR_CHANNELS[k]!.decay, back);
        weights[at + k] = Math.round(UNIT * fade * (k < 4 ? transition : coOccurrence));
      }
      const after = weights[at]! + weights[at + 1]!;
      const before = Math.round(this.#beforeShare * (weights[at + 2]! + weights[at + 3]!));
      this.#kernel.calls.gatherPairs(this.#search, item, after, before, weights[at + 4]! + weights[at + 5]!);
    }
  }

  /** Makes room for the sums of this many candidates. */
  reserve(rows: number): void {
    this.sums.reserveTwice(rows * CHANNELS);
  }

  /**
   * Share of a candidate's sum in one channel that comes from the profile's item at `place`.
   *
   * @param row the candidate's row
   */
  share(
    pairs: SparseRows,
    profile: Profile,
    place: number,
    { item, row }: { item: number; row: number },
    channel: number,
    scratch: PairCounts,
  ): number {
    const sum = this.sums.view[row * CHANNELS + channel]!;
    if (sum === 0) return 0;
    const entry = pairs.read(profile.items[place]!, item, scratch);
    return (this.weights.view[place * CHANNELS + channel]! * entry[PAIR_CHANNELS[channel]!.count]) / sum;
  }
}
