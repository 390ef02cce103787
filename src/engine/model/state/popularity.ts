/**
 * How often users take an item: in all, and lately at two half-lives.
 *
 * An event adds its weight to the item's total and to the item's bucket of event time. At a time of the fold's clock a
 * list reads `sum over buckets of n 2^(-age / half-life)`, with age in whole buckets and weights in whole 2^-20, so the
 * sum is exact. A bucket ahead of the clock does not count as recent: an event with a date in the far future would
 * otherwise lead the trends until then.
 */
import { type Address, type Column, Kernel } from '../kernel/kernel.ts';
import { exp } from '../primitives/math.ts';
import { TopK } from '../primitives/top-k.ts';
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
  readonly #sums: { readonly short: Column<Float64Array>; readonly long: Column<Float64Array> };
  readonly #kernel: Kernel;
  /** The leaders, in the kernel. */
  readonly #column: Column<Int32Array>;
  /** Which leaders it copies, and how many of them. */
  #copied: readonly number[] | undefined;
  #copies = 0;
  #config: PopularityConfig;
  #now = -1;
  /** Sums of items numbered below this are known. */
  #size = 0;
  /**
   * All items that may lead and rank no lower than the floor, and some others; undefined: not computed yet. Never many
   * more than {@link LEADERS}, even if all items are equally popular.
   */
  #leaders: number[] | undefined;
  #leads = new Uint8Array(0);
  /** Sum and id of the lowest rank that the leaders cover; a sum of 0 covers all. */
  #floor = 0;
  #floorId = '';
  readonly #ids: readonly string[];
  #mayLead: (item: number) => boolean = () => true;
  #shortFade: Float64Array;
  #longFade: Float64Array;

  /** @param ids of the items, by number */
  constructor(config: PopularityConfig, bucketMs: number, ids: readonly string[], kernel = new Kernel()) {
    this.#config = config;
    this.#kernel = kernel;
    this.#sums = { short: kernel.f64(64), long: kernel.f64(64) };
    this.#column = kernel.i32(64);
    this.#ids = ids;
    this.#shortFade = fades(this.#config.shortHalfLifeMs / bucketMs);
    this.#longFade = fades(this.#config.longHalfLifeMs / bucketMs);
  }

  get short(): Float64Array {
    return this.#sums.short.view;
  }

  get long(): Float64Array {
    return this.#sums.long.view;
  }

  /** Decays the sums to this time, for items numbered below `items`. */
  decayTo(timeMs: number, statistics: Statistics, items: number): void {
    const now = bucketOf(timeMs, statistics.config.bucketMs);
    if (now === this.#now && items <= this.#size) return;
    this.#now = now;
    this.#leaders = undefined;
    this.#sums.short.reserveTwice(items);
    this.#sums.long.reserveTwice(items);
    this.#size = this.#sums.short.length;
    for (let item = 0; item < items; item++) this.#sum(statistics.buckets, item);
  }

  /** Adds one event that the fold counted (or took out) to the sums. */
  count(item: number, timeMs: number, weight: number, bucketMs: number, statistics: Statistics): void {
    if (item >= this.#size || this.#now < 0) return;
    const age = this.#now - bucketOf(timeMs, bucketMs);
    if (age >= 0) {
      const { short, long } = this;
      short[item] = short[item]! + weight * (this.#shortFade[age] ?? 0);
      long[item] = long[item]! + weight * (this.#longFade[age] ?? 0);
    }
    this.consider(item, statistics);
  }

  /**
   * Only these items lead from now on, so that items which no list may show do not take the places of others. The caller
   * calls {@link consider} for an item that may lead from now on.
   */
  leadOnly(mayLead: (item: number) => boolean): void {
    this.#mayLead = mayLead;
    this.#leaders = undefined;
  }

  /** The item may be a leader now: its sum has grown, or lists may show it. */
  consider(item: number, statistics: Statistics): void {
    if (this.#leaders === undefined || item >= this.#size || this.#leads[item] === 1) return;
    if (!this.#covers(item, this.sum(item, statistics))) return;
    this.#leads[item] = 1;
    this.#leaders.push(item);
    if (this.#leaders.length > 4 * LEADERS) this.#prune(this.#leaders, statistics);
  }

  /** The order of popularity: recent counts decide first, the total decides among items that nobody took lately. */
  sum(item: number, statistics: Statistics): number {
    // The total counts in the unit of one sixteenth of 2^-20.
    return this.short[item]! + this.long[item]! + statistics.total[item]!;
  }

  /**
   * Chooses the best free items by {@link sum}, into the first heap of the kernel's search, with the same result as a
   * pass over all items numbered below `items`. The model keeps the leaders true as events come, so the cost of a list
   * does not grow with the catalogue. The caller must call {@link decayTo} before.
   */
  choose(search: Address, size: number, items: number, statistics: Statistics): void {
    this.#leaders ??= this.#lead(items, statistics);
    const leaders = this.#leaders;
    this.#copyLeaders(leaders);
    this.#kernel.floor((item) => this.#ids[item]! <= this.#floorId);
    const { short, long } = this.#sums;
    this.#kernel.calls.choosePopular(
      search,
      this.#column.address,
      leaders.length,
      short.address,
      long.address,
      this.#floor,
      size,
    );
  }

  /** Brings the kernel's copy of the leaders up to date: most often there are some more of them, or none. */
  #copyLeaders(leaders: readonly number[]): void {
    if (this.#copied !== leaders) this.#copies = 0;
    this.#copied = leaders;
    this.#column.reserveTwice(leaders.length);
    const { view } = this.#column;
    for (let i = this.#copies; i < leaders.length; i++) view[i] = leaders[i]!;
    this.#copies = leaders.length;
  }

  /** Whether an item of this sum ranks no lower than the floor, in the order of {@link TopK}. */
  #covers(item: number, sum: number): boolean {
    return sum > this.#floor || (sum === this.#floor && sum > 0 && this.#ids[item]! <= this.#floorId);
  }

  #lead(items: number, statistics: Statistics): number[] {
    const best = new TopK(LEADERS, this.#ids);
    for (let item = 0; item < items; item++) {
      const sum = this.sum(item, statistics);
      if (sum > 0 && best.admits(sum) && this.#mayLead(item)) best.offer(item, sum);
    }
    this.#setFloor(best);
    this.#leads = new Uint8Array(this.#size);
    return this.#take(best);
  }

  /** Keeps the best of the leaders. The floor rises to the lowest of them. */
  #prune(leaders: readonly number[], statistics: Statistics): void {
    const best = new TopK(LEADERS, this.#ids);
    for (const item of leaders) {
      const sum = this.sum(item, statistics);
      this.#leads[item] = 0;
      if (this.#covers(item, sum) && best.admits(sum) && this.#mayLead(item)) best.offer(item, sum);
    }
    if (best.isFull) this.#setFloor(best);
    this.#leaders = this.#take(best);
  }

  #setFloor(best: TopK): void {
    // The worst is on top of the heap.
    this.#floor = best.isFull ? best.scores[0]! : 0;
    this.#floorId = best.isFull ? this.#ids[best.items[0]!]! : '';
  }

  #take(best: TopK): number[] {
    const leaders = [...best.items.subarray(0, best.count)];
    for (const item of leaders) this.#leads[item] = 1;
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
    const { wide } = buckets;
    const table = buckets.table(item);
    if (table !== undefined) {
      for (let slot = 0; slot < table.length; slot += 2) {
        const head = table[slot]!;
        if (head === 0) continue;
        const age = this.#now - ((head >>> CO_BITS) - 1);
        if (age < 0 || age >= this.#longFade.length) continue;
        const counts = table[slot + 1]!;
        const n = (head & CO_MASK) === WIDE ? wide[counts * 3]! : counts >>> 16;
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
