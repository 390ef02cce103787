/**
 * The one pass over the rows of a history that serves all pair channels. Weights are whole multiples of 2^-20 and
 * counts are whole, so every sum is exact and the order of rows and slots can't matter: sums in Float32 gave different
 * lists for different memory layouts.
 *
 * Of a long row only its prefix is summed up while candidates are looked for; what else it holds for the candidates
 * themselves is added afterwards, so that their sums are those of the whole rows.
 */
import { pow, wholePower } from './math.ts';
import type { Profile } from './profile.ts';
import { CO_BITS, CO_MASK, type SparseRows, stepOf, type Triple, WIDE } from './rows.ts';
import { DIRECTED_CHANNELS } from './signals/directed.ts';
import type { PairChannel } from './signals/pair-channel.ts';
import { TOGETHER_CHANNELS } from './signals/together.ts';
import type { Statistics } from './statistics.ts';

/** Channels in the order of their columns. The pass below knows how many read which count. */
export const PAIR_CHANNELS: readonly PairChannel[] = [...DIRECTED_CHANNELS, ...TOGETHER_CHANNELS];
/** Columns of an item in {@link PairSums.sums}: six channels, padded to a cache line. */
export const STRIDE = 8;
const UNIT = 2 ** 20;

export class PairSums {
  /** Sums by item and channel, `item * STRIDE + channel`, in 2^-20 of the channel's unit; valid for touched items. */
  sums = new Float64Array(64 * STRIDE);
  /** Items with a sum, in no particular order. */
  touched = new Int32Array(64);
  count = 0;
  /** Weight of each of the profile's items in each channel, `place * STRIDE + channel`. */
  weights = new Float64Array(0);
  #stamps = new Int32Array(64);
  #stamp = 0;
  /** Places whose row was read by its prefix, and the prefixes' steps. */
  #cut: { place: number; step: number }[] = [];
  #beforeShare: number;

  /** @param beforeShare share of what came before in {@link base} */
  constructor(beforeShare: number) {
    this.#beforeShare = beforeShare;
  }

  /** What followed, and a share of what came before: the sum that directed candidates are chosen by, undamped. */
  base(item: number): number {
    const { sums } = this;
    const at = item * STRIDE;
    return sums[at]! + sums[at + 1]! + this.#beforeShare * (sums[at + 2]! + sums[at + 3]!);
  }

  reserve(items: number): void {
    if (items <= this.touched.length) return;
    const size = Math.max(items, this.touched.length * 2);
    this.sums = new Float64Array(size * STRIDE);
    this.touched = new Int32Array(size);
    this.#stamps = new Int32Array(size);
    this.#stamp = 0;
  }

  isTouched(item: number): boolean {
    return this.#stamps[item] === this.#stamp;
  }

  /** Sums up the rows of a profile's items. */
  gather(profile: Profile, statistics: Statistics): void {
    this.count = 0;
    this.#cut = [];
    this.#stamp++;
    if (this.#stamp === 2 ** 31 - 1) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
    this.weights = new Float64Array(profile.items.length * STRIDE);
    for (let place = 0; place < profile.items.length; place++) {
      const item = profile.items[place]!;
      const n = Math.max(statistics.total[item]! / 16, 1);
      for (let k = 0; k < PAIR_CHANNELS.length; k++) {
        const channel = PAIR_CHANNELS[k]!;
        let fade = 0;
        for (const back of profile.backs[place]!) fade += wholePower(channel.decay, back);
        this.weights[place * STRIDE + k] = Math.round(UNIT * fade * pow(n, -channel.source));
      }
      this.#addRow(statistics.pairs, item, place);
    }
  }

  /** Makes the sums of these items those of the whole rows. */
  complete(profile: Profile, pairs: SparseRows, candidates: readonly number[]): void {
    const entry: Triple = { f: 0, b: 0, co: 0 };
    const { sums, weights } = this;
    for (const { place, step } of this.#cut) {
      const at = place * STRIDE;
      for (const item of candidates) {
        const { f, b, co } = pairs.read(profile.items[place]!, item, entry);
        if (co === 0 || stepOf(co) >= step) continue;
        const to = item * STRIDE;
        if (this.#stamps[item] !== this.#stamp) {
          this.#stamps[item] = this.#stamp;
          this.touched[this.count++] = item;
          sums.fill(0, to, to + STRIDE);
        }
        sums[to] = sums[to]! + weights[at]! * f;
        sums[to + 1] = sums[to + 1]! + weights[at + 1]! * f;
        sums[to + 2] = sums[to + 2]! + weights[at + 2]! * b;
        sums[to + 3] = sums[to + 3]! + weights[at + 3]! * b;
        sums[to + 4] = sums[to + 4]! + weights[at + 4]! * co;
        sums[to + 5] = sums[to + 5]! + weights[at + 5]! * co;
      }
    }
  }

  #addRow(pairs: SparseRows, item: number, place: number): void {
    const at = place * STRIDE;
    const table = pairs.table(item);
    if (table === undefined) return;
    const prefix = pairs.prefix(item);
    if (prefix !== undefined) this.#cut.push({ place, step: prefix.step });
    const slots = prefix?.slots;
    const end = prefix === undefined ? table.length >>> 1 : prefix.count;
    const wide = pairs.wide;
    const { sums, touched } = this;
    const stamps = this.#stamps;
    const stamp = this.#stamp;
    let count = this.count;
    const w0 = this.weights[at]!;
    const w1 = this.weights[at + 1]!;
    const w2 = this.weights[at + 2]!;
    const w3 = this.weights[at + 3]!;
    const w4 = this.weights[at + 4]!;
    const w5 = this.weights[at + 5]!;
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
      const to = j * STRIDE;
      if (stamps[j] === stamp) {
        sums[to] = sums[to]! + w0 * f;
        sums[to + 1] = sums[to + 1]! + w1 * f;
        sums[to + 2] = sums[to + 2]! + w2 * b;
        sums[to + 3] = sums[to + 3]! + w3 * b;
        sums[to + 4] = sums[to + 4]! + w4 * co;
        sums[to + 5] = sums[to + 5]! + w5 * co;
      } else {
        stamps[j] = stamp;
        touched[count++] = j;
        sums[to] = w0 * f;
        sums[to + 1] = w1 * f;
        sums[to + 2] = w2 * b;
        sums[to + 3] = w3 * b;
        sums[to + 4] = w4 * co;
        sums[to + 5] = w5 * co;
      }
    }
    this.count = count;
  }

  /** Share of a channel's sum for `item` that stands in the row of the profile's item at `place`. */
  share(pairs: SparseRows, profile: Profile, place: number, item: number, channel: number, scratch: Triple): number {
    const sum = this.sums[item * STRIDE + channel]!;
    if (sum === 0) return 0;
    const entry = pairs.read(profile.items[place]!, item, scratch);
    return (this.weights[place * STRIDE + channel]! * entry[PAIR_CHANNELS[channel]!.count]) / sum;
  }
}
