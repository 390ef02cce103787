/**
 * How much an item is taken: in all, and lately at two half-lives.
 *
 * An event adds its weight to the item's total and to the item's bucket of event time. A reader gets, at a time of the
 * fold's clock, `sum over buckets of n 2^(-age / half-life)`, with age in whole buckets and weights in whole 2^-20, so
 * that the sum is exact. A bucket that lies ahead of the clock isn't counted as recent: an event with a date in the
 * far future would otherwise lead the trends until then. Explained as itself.
 */
import { exp } from '../math.ts';
import { CO_BITS, CO_MASK, type SparseRows, WIDE } from '../rows.ts';
import { bucketOf, type Statistics } from '../statistics.ts';

export interface PopularityConfig {
  /** Half-life of the quick count, milliseconds. */
  shortHalfLifeMs: number;
  /** Half-life of the slow count, milliseconds. */
  longHalfLifeMs: number;
}

const DAY_MS = 86_400_000;

export const POPULARITY_DEFAULTS: PopularityConfig = {
  shortHalfLifeMs: 3 * DAY_MS,
  longHalfLifeMs: 30 * DAY_MS,
};

const UNIT = 2 ** 20;
const LN2 = Math.LN2;

/** Decayed popularity of all items at one time; kept until an event or the clock changes it. */
export class Popularity {
  /** By item, in 2^-20 sixteenths. */
  short = new Float64Array(0);
  long = new Float64Array(0);
  #config: PopularityConfig;
  #now = -1;
  #shortFade: Float64Array;
  #longFade: Float64Array;

  constructor(config: PopularityConfig, bucketMs: number) {
    this.#config = config;
    this.#shortFade = fades(this.#config.shortHalfLifeMs / bucketMs);
    this.#longFade = fades(this.#config.longHalfLifeMs / bucketMs);
  }

  /** Brings the sums to this time, for items numbered below `items`. */
  at(timeMs: number, statistics: Statistics, items: number): void {
    const now = bucketOf(timeMs, statistics.config.bucketMs);
    if (now === this.#now && items <= this.short.length) return;
    this.#now = now;
    if (items > this.short.length) {
      const size = Math.max(items, this.short.length * 2, 64);
      this.short = new Float64Array(size);
      this.long = new Float64Array(size);
    }
    for (let item = 0; item < items; item++) this.#sum(statistics.buckets, item);
  }

  /** Follows one event that was counted (or taken away) while the sums stood. */
  follow(item: number, timeMs: number, weight: number, bucketMs: number): void {
    if (item >= this.short.length || this.#now < 0) return;
    const age = this.#now - bucketOf(timeMs, bucketMs);
    if (age < 0) return;
    this.short[item] = this.short[item]! + weight * (this.#shortFade[age] ?? 0);
    this.long[item] = this.long[item]! + weight * (this.#longFade[age] ?? 0);
  }

  /** Forgets the sums; the next reader counts again. */
  reset(): void {
    this.#now = -1;
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
