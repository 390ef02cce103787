/**
 * Sums of pair counts for a history, in two steps. To find candidates, one pass over the rows of the history's items
 * adds up two sums for every item in them. Then the sums of all channels are computed for the candidates alone, one
 * item of the history after the other, from the whole rows. Weights are whole multiples of 2^-20 and counts are whole,
 * so every sum is exact and does not depend on the order of rows and slots. Sums in Float32 gave different lists for
 * different memory layouts.
 *
 * The first step reads only the prefix of a long row.
 */
import { pow, wholePower } from '../primitives/math.ts';
import type { Profile } from '../state/profile.ts';
import { CO_BITS, CO_MASK, WIDE } from '../state/row-slots.ts';
import type { PairCounts, SparseRows } from '../state/sparse-rows.ts';
import type { Statistics } from '../state/statistics.ts';
import { PAIR_CHANNELS } from './co-occurrence.ts';

const CHANNELS = PAIR_CHANNELS.length;
const UNIT = 2 ** 20;

export class PairSums {
  /**
   * By item: transitions after, with a share of those before, at `item * 2`; co-occurrences at the place behind it.
   * Undamped, in 2^-20 of the channels' units; 0 if nothing is known.
   */
  found = new Float64Array(64 * 2);
  /** Items with a sum, in no particular order. */
  touched = new Int32Array(64);
  count = 0;
  /** Sums of candidates by row and channel, `row * PAIR_CHANNELS.length + channel`, in 2^-20 of the channel's unit. */
  sums = new Float64Array(0);
  /** Weight of each of the profile's items in each channel, `place * PAIR_CHANNELS.length + channel`. */
  #weights = new Float64Array(0);
  #beforeShare: number;

  /** @param beforeShare share of what came before in the sum that chooses candidates by transition */
  constructor(beforeShare: number) {
    this.#beforeShare = beforeShare;
  }

  reserve(items: number): void {
    if (items <= this.touched.length) return;
    const size = Math.max(items, this.touched.length * 2);
    this.found = new Float64Array(size * 2);
    this.touched = new Int32Array(size);
    this.count = 0;
  }

  /** Sums up the rows of a profile's items. */
  gather(profile: Profile, statistics: Statistics): void {
    for (let i = 0; i < this.count; i++) {
      const at = this.touched[i]! * 2;
      this.found[at] = 0;
      this.found[at + 1] = 0;
    }
    this.count = 0;
    if (this.#weights.length < profile.items.length * CHANNELS)
      this.#weights = new Float64Array(profile.items.length * CHANNELS * 2);
    const weights = this.#weights;
    for (let place = 0; place < profile.items.length; place++) {
      const item = profile.items[place]!;
      const n = Math.max(statistics.total[item]! / 16, 1);
      const at = place * CHANNELS;
      for (let k = 0; k < CHANNELS; k++) {
        const channel = PAIR_CHANNELS[k]!;
        let fade = 0;
        for (const back of profile.lags[place]!) fade += wholePower(channel.decay, back);
        weights[at + k] = Math.round(UNIT * fade * pow(n, -channel.source));
      }
      const after = weights[at]! + weights[at + 1]!;
      const before = Math.round(this.#beforeShare * (weights[at + 2]! + weights[at + 3]!));
      this.#addRow(statistics.pairs, item, after, before, weights[at + 4]! + weights[at + 5]!);
    }
  }

  #addRow(pairs: SparseRows, item: number, after: number, before: number, coOccurrence: number): void {
    const table = pairs.table(item);
    if (table === undefined) return;
    const prefix = pairs.prefix(item);
    const slots = prefix?.slots;
    const end = prefix === undefined ? table.length >>> 1 : prefix.count;
    const wide = pairs.wide;
    const { found, touched } = this;
    let count = this.count;
    for (let i = 0; i < end; i++) {
      const slot = (slots === undefined ? i : slots[i]!) << 1;
      const head: number = table[slot]!;
      if (head === 0) continue;
      const counts = table[slot + 1]!;
      let co = head & CO_MASK;
      let f: number;
      let b: number;
      if (co === WIDE) {
        f = wide[counts * 3]!;
        b = wide[counts * 3 + 1]!;
        co = wide[counts * 3 + 2]!;
      } else {
        f = counts >>> 16;
        b = counts & 0xffff;
      }
      if (co === 0) continue;
      const j = (head >>> CO_BITS) - 1;
      const to = j * 2;
      const known = found[to + 1]!;
      if (known === 0) touched[count++] = j;
      found[to] = found[to]! + after * f + before * b;
      found[to + 1] = known + coOccurrence * co;
    }
    this.count = count;
  }

  /** Starts the sums of a list with this many candidates. */
  begin(rows: number): void {
    if (this.sums.length < rows * CHANNELS) this.sums = new Float64Array(rows * CHANNELS * 2);
    else this.sums.fill(0, 0, rows * CHANNELS);
  }

  /**
   * Adds what the profile's item at `place` says.
   *
   * @param counts f, b and co of each candidate with that item, at `row * 3`
   */
  add(place: number, counts: Float64Array, rows: number): void {
    const { sums } = this;
    const at = place * CHANNELS;
    const weights = this.#weights;
    const w0 = weights[at]!;
    const w1 = weights[at + 1]!;
    const w2 = weights[at + 2]!;
    const w3 = weights[at + 3]!;
    const w4 = weights[at + 4]!;
    const w5 = weights[at + 5]!;
    for (let row = 0; row < rows; row++) {
      const co = counts[row * 3 + 2]!;
      if (co === 0) continue;
      const f = counts[row * 3]!;
      const b = counts[row * 3 + 1]!;
      const to = row * CHANNELS;
      sums[to] = sums[to]! + w0 * f;
      sums[to + 1] = sums[to + 1]! + w1 * f;
      sums[to + 2] = sums[to + 2]! + w2 * b;
      sums[to + 3] = sums[to + 3]! + w3 * b;
      sums[to + 4] = sums[to + 4]! + w4 * co;
      sums[to + 5] = sums[to + 5]! + w5 * co;
    }
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
    const sum = this.sums[row * CHANNELS + channel]!;
    if (sum === 0) return 0;
    const entry = pairs.read(profile.items[place]!, item, scratch);
    return (this.#weights[place * CHANNELS + channel]! * entry[PAIR_CHANNELS[channel]!.count]) / sum;
  }
}
