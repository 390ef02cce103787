/**
 * How often users take an item: in all, and lately at two half-lives.
 *
 * An event adds its weight to the item's total and to the item's bucket of event time. At a time of the fold's clock a
 * list reads `sum over buckets of n 2^(-age / half-life)`, with age in whole buckets and weights in whole 2^-20, so the
 * sum is exact. A bucket ahead of the clock does not count as recent: an event with a date in the far future would
 * otherwise lead the trends until then.
 */
import { exp } from '../primitives/math.ts';
import type { TopK } from '../primitives/top-k.ts';
import { CO_BITS, CO_MASK, WIDE } from './row-slots.ts';
import type { SparseRows } from './sparse-rows.ts';
import { bucketOf, type Statistics } from './statistics.ts';

export interface PopularityConfig {
  /** Half-life of the short sum, milliseconds. */
  shortHalfLifeMs: number;
  /** Half-life of the long sum, milliseconds. */
  longHalfLifeMs: number;
}

const DAY_MS = 86_400_000;

export const POPULARITY_DEFAULTS: PopularityConfig = {
  shortHalfLifeMs: 3 * DAY_MS,
  longHalfLifeMs: 30 * DAY_MS,
};

const UNIT = 2 ** 20;
const LN2 = Math.LN2;
/**
 * How many leading items the model keeps. A longer list, or a user who took most of the leaders, needs a pass over all
 * items.
 */
const LEADERS = 1_024;

/** Decayed popularity of all items at one time, valid until an event or the clock changes it. */
export class Popularity {
  /** By item, in 2^-20 sixteenths. */
  short = new Float64Array(0);
  long = new Float64Array(0);
  #config: PopularityConfig;
  #now = -1;
  /** All items with a sum of at least `#floor`, and some others; undefined: not computed yet. */
  #leaders: number[] | undefined;
  #leads = new Uint8Array(0);
  #floor = 0;
  #shortFade: Float64Array;
  #longFade: Float64Array;

  constructor(config: PopularityConfig, bucketMs: number) {
    this.#config = config;
    this.#shortFade = fades(this.#config.shortHalfLifeMs / bucketMs);
    this.#longFade = fades(this.#config.longHalfLifeMs / bucketMs);
  }

  /** Decays the sums to this time, for items numbered below `items`. */
  decayTo(timeMs: number, statistics: Statistics, items: number): void {
    const now = bucketOf(timeMs, statistics.config.bucketMs);
    if (now === this.#now && items <= this.short.length) return;
    this.#now = now;
    this.#leaders = undefined;
    if (items > this.short.length) {
      const size = Math.max(items, this.short.length * 2, 64);
      this.short = new Float64Array(size);
      this.long = new Float64Array(size);
    }
    for (let item = 0; item < items; item++) this.#sum(statistics.buckets, item);
  }

  /** Adds one event that the fold counted (or took out) to the sums. */
  count(item: number, timeMs: number, weight: number, bucketMs: number, statistics: Statistics): void {
    if (item >= this.short.length || this.#now < 0) return;
    const age = this.#now - bucketOf(timeMs, bucketMs);
    if (age >= 0) {
      this.short[item] = this.short[item]! + weight * (this.#shortFade[age] ?? 0);
      this.long[item] = this.long[item]! + weight * (this.#longFade[age] ?? 0);
    }
    if (this.#leaders === undefined || this.#leads[item] === 1) return;
    const sum = this.sum(item, statistics);
    if (sum > 0 && sum >= this.#floor) {
      this.#leads[item] = 1;
      this.#leaders.push(item);
      if (this.#leaders.length > 4 * LEADERS && this.#floor > 0) this.#leaders = undefined;
    }
  }

  /** The order of popularity: recent counts decide first, the total decides among items that nobody took lately. */
  sum(item: number, statistics: Statistics): number {
    // The total counts in the unit of one sixteenth of 2^-20.
    return this.short[item]! + this.long[item]! + statistics.total[item]!;
  }

  /**
   * Offers items by {@link sum}, with the same result as a pass over all items numbered below `items`. The model keeps
   * the leaders true as events come, so the cost of a list does not grow with the catalogue. The caller must call
   * {@link decayTo} before.
   */
  offerBest(best: TopK, items: number, statistics: Statistics, free: (item: number) => boolean): void {
    this.#leaders ??= this.#lead(items, statistics);
    for (const item of this.#leaders) {
      const sum = this.sum(item, statistics);
      if (sum > 0 && sum >= this.#floor && best.admits(sum) && free(item)) best.offer(item, sum);
    }
    if (this.#floor === 0 || best.isFull) return;
    for (let item = 0; item < items; item++) {
      const sum = this.sum(item, statistics);
      if (sum > 0 && sum < this.#floor && best.admits(sum) && free(item)) best.offer(item, sum);
    }
  }

  #lead(items: number, statistics: Statistics): number[] {
    const sums = new Float64Array(items);
    for (let item = 0; item < items; item++) sums[item] = this.sum(item, statistics);
    const sorted = sums.slice().sort();
    const floor = items > LEADERS ? Math.max(0, sorted[items - LEADERS]!) : 0;
    this.#floor = floor;
    this.#leads = new Uint8Array(this.short.length);
    const leaders: number[] = [];
    for (let item = 0; item < items; item++) {
      if (sums[item]! <= 0 || sums[item]! < floor) continue;
      this.#leads[item] = 1;
      leaders.push(item);
    }
    return leaders;
  }

  /** Drops the sums; the next list computes them again. */
  reset(): void {
    this.#now = -1;
    this.#leaders = undefined;
  }

  #sum(buckets: SparseRows, item: number): void {
    let short = 0;
    let long = 0;
    const table = buckets.table(item);
    if (table !== undefined) {
      for (let slot = 0; slot < table.length; slot += 2) {
        const head = table[slot]!;
        if (head === 0) continue;
        const age = this.#now - ((head >>> CO_BITS) - 1);
        if (age < 0 || age >= this.#longFade.length) continue;
        const counts = table[slot + 1]!;
        const n = (head & CO_MASK) === WIDE ? buckets.wide[counts * 3]! : counts >>> 16;
        short += n * (this.#shortFade[age] ?? 0);
        long += n * this.#longFade[age]!;
      }
    }
    this.short[item] = short;
    this.long[item] = long;
  }
}

/** Weight by age in buckets, in 2^-20, as far as it is above zero. */
function fades(halfLife: number): Float64Array {
  const length = Math.min(Math.ceil(halfLife * 21) + 1, 200_000);
  const table = new Float64Array(length);
  for (let age = 0; age < length; age++) table[age] = Math.round(UNIT * exp((-LN2 * age) / halfLife));
  return table;
}
