/**
 * What the model counts of events: transitions and co-occurrences of pairs of items, and the total of each item by
 * bucket of event time. All counts are integers. So a sum does not depend on the order of events, the counts of
 * partitions add up to those of the whole, and the fold can take out what it added without a trace.
 *
 * With a user's history h_0 (newest), h_1, ... in log order, an event with item i and weight w (whole sixteenths) adds
 * `r(w, a) = round(64 w 0.8^a)` to `f[h_a][i]` and `b[i][h_a]` for a < 20 (1024 is one full event right after another),
 * w to `co[h_a][i]` and `co[i][h_a]` for a < 30, and w to `n[i]`. The formula counts every occurrence, repeats
 * included. It leaves out the pair of an item with itself, which says nothing about other items.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Address, type Column, Kernel } from '../kernel/kernel.ts';
import { wholePower } from '../primitives/math.ts';
import type { Steps } from '../primitives/steps.ts';
import type { Histories } from './histories.ts';
import { SparseRows } from './sparse-rows.ts';

/** Largest weight of one event, in sixteenths. */
export const MAX_WEIGHT = 4095;
/** Weight of one full interaction. */
export const FULL = 16;
/** Events with their neighbours that one step of {@link Statistics.countingAll} counts. */
const STEP_EVENTS = 512;
const DAY_MS = 86_400_000;
/** Event times are between 1970 and the year 2200; a time outside counts at the nearer end. */
export const MAX_TIME_MS = 7_258_118_399_999;

export interface StatisticsConfig {
  /** How many events back transitions reach. */
  transitionReach: number;
  /** Decay of a transition with each event further back. */
  transitionDecay: number;
  /** How many events back co-occurrences reach; at least as far as transitions. */
  coOccurrenceReach: number;
  /** Width of a bucket of event time, milliseconds; at least an hour. */
  bucketMs: number;
}

export const STATISTICS_DEFAULTS: StatisticsConfig = {
  transitionReach: 20,
  transitionDecay: 0.8,
  coOccurrenceReach: 30,
  bucketMs: DAY_MS,
};

/** Bucket of an event time. */
export function bucketOf(timeMs: number, bucketMs: number): number {
  const time = timeMs < 0 ? 0 : Math.min(timeMs, MAX_TIME_MS);
  return Math.floor(time / bucketMs);
}

export class Statistics {
  readonly config: StatisticsConfig;
  /** Row: item; id: other item; f: the other came after; b: the other came before; co: both within the window. */
  readonly pairs: SparseRows;
  /** Row: item; id: bucket of event time; f: weight of positive events, b: of negative feedback. */
  readonly buckets: SparseRows;
  /** See {@link total}, as a column. */
  readonly totalColumn: Column<Float64Array>;
  /** Weight of an item's negative feedback, sixteenths. */
  negative = new Float64Array(64);
  /** Weight of all events of all items, sixteenths. */
  mass = 0;
  readonly #kernel: Kernel;
  /** What an event counts in pairs, in the kernel. */
  readonly #counting: Address;

  constructor(config: StatisticsConfig, kernel = new Kernel()) {
    this.config = config;
    this.#kernel = kernel;
    this.pairs = new SparseRows(kernel);
    this.buckets = new SparseRows(kernel);
    this.totalColumn = kernel.f64(64);
    const { transitionReach, transitionDecay, coOccurrenceReach } = config;
    const decays = kernel.f64(transitionReach);
    for (let a = 0; a < transitionReach; a++) decays.view[a] = wholePower(transitionDecay, a);
    this.#counting =
      kernel.calls.newCounting(this.pairs.address, transitionReach, decays.address, coOccurrenceReach) >>> 0;
  }

  /** Weight of all events of an item, sixteenths; valid until the next event. */
  get total(): Float64Array {
    return this.totalColumn.view;
  }

  /** Makes room for items numbered below `count`. */
  reserve(count: number): void {
    if (count <= this.totalColumn.length) return;
    this.totalColumn.reserveTwice(count);
    const negative = new Float64Array(this.totalColumn.length);
    negative.set(this.negative);
    this.negative = negative;
  }

  /**
   * Adds (sign 1) or takes out (sign -1) what one event contributes.
   *
   * @param items a column with the user's items in log order; the event's own is at `end`, those before it begin at
   *   `start`
   * @param weight whole sixteenths, 1 to {@link MAX_WEIGHT}
   * @param negative whole sixteenths of the event's negative feedback, 0 for none
   */
  count(
    items: Column<Int32Array>,
    start: number,
    end: number,
    weight: number,
    negative: number,
    timeMs: number,
    sign: 1 | -1,
  ): void {
    this.#countItem(items.view[end]!, sign * weight, sign * negative, timeMs);
    this.#kernel.calls.countPairs(this.#counting, items.address, start, end, weight, sign);
  }

  #countItem(item: number, weight: number, negative: number, timeMs: number): void {
    const { view } = this.totalColumn;
    view[item] = view[item]! + weight;
    this.mass += weight;
    if (negative !== 0) this.negative[item] = this.negative[item]! + negative;
    this.buckets.add(item, bucketOf(timeMs, this.config.bucketMs), weight, negative, 0);
  }

  /**
   * Counts whole histories into empty statistics, in steps, with the same result as {@link count} for each event. It
   * computes one row at a time in a dense array of sums. The pairs of the item stay in the cache meanwhile, and each row
   * is allocated once, in its final size. Measured at a million events: a third of the time.
   *
   * @param items all item numbers are below this
   * @param users all user numbers are below this
   */
  *countingAll(histories: Histories, items: number, users: number): Steps<void> {
    const first = new Int32Array(items + 1);
    const lengths = Array.from({ length: users }, (_, user) => histories.length(user));
    for (let user = 0; user < users; user++) {
      const start = histories.start(user);
      for (let at = start; at < start + lengths[user]!; at++) {
        const item = histories.items[at]!;
        first[item + 1]!++;
        this.#countItem(item, histories.weights[at]!, histories.negatives[at]!, histories.times[at]!);
      }
      yield;
    }
    for (let item = 0; item < items; item++) first[item + 1]! += first[item]!;
    const ends = first.slice();
    // Where the events of each item are in the pool, and which user's history holds each.
    const places = new Float64Array(histories.events);
    const owners = new Int32Array(histories.events);
    for (let user = 0; user < users; user++) {
      const start = histories.start(user);
      for (let at = start; at < start + lengths[user]!; at++) {
        const to = ends[histories.items[at]!]!++;
        places[to] = at;
        owners[to] = user;
      }
      yield;
    }
    const { calls } = this.#kernel;
    const counts = calls.alloc(items * 24) >>> 0;
    const ids = calls.alloc(items * 4) >>> 0;
    const { columns } = histories;
    for (let item = 0; item < items; item++) {
      let count = 0;
      for (let i = first[item]!; i < ends[item]!; i++) {
        const start = histories.start(owners[i]!);
        const end = start + lengths[owners[i]!]!;
        const { items: column, weights } = columns;
        count = calls.countAround(
          this.#counting,
          column.address,
          weights.address,
          places[i]!,
          start,
          end,
          counts,
          ids,
          count,
        );
        if ((i + 1) % STEP_EVENTS === 0) yield;
      }
      if (count > 0) calls.fillRow(this.pairs.address, item, ids, count, counts);
    }
    calls.release(counts);
    calls.release(ids);
  }

  /**
   * Adds the statistics of another partition. No user may be in both partitions.
   *
   * @param numberHere this side's number of an item of the other side
   */
  merge(other: Statistics, count: number, numberHere: (item: number) => number): void {
    const order = new Int32Array(Math.max(count, 1));
    for (let i = 0; i < count; i++) order[i] = numberHere(i);
    const identity = { length: 0 } as ArrayLike<number>;
    for (let i = 0; i < count; i++) {
      const here = order[i]!;
      this.total[here] = this.total[here]! + other.total[i]!;
      this.negative[here] = this.negative[here]! + other.negative[i]!;
      this.mass += other.total[i]!;
      for (const entry of other.pairs.sorted(i, order)) {
        this.pairs.add(here, order[entry.id]!, entry.f, entry.b, entry.co);
      }
      for (const entry of other.buckets.sorted(i, identity)) {
        this.buckets.add(here, entry.id, entry.f, entry.b, entry.co);
      }
    }
  }

  /**
   * SHA-256 of the canonical form: items with counts in code-unit order of their ids, each with its totals, its buckets
   * and its pairs, without zeros. Equal statistics have the same hash, whatever the memory layout.
   */
  hash(ids: readonly string[]): string {
    const { live, rank } = this.#inOrder(ids);
    const { transitionReach, transitionDecay, coOccurrenceReach, bucketMs } = this.config;
    const hash = createHash('sha256');
    hash.update(
      `freshet statistics 1 ${transitionReach} ${transitionDecay} ${coOccurrenceReach} ${bucketMs} ${live.length}\n`,
    );
    for (const item of live) {
      const id = Buffer.from(ids[item]!, 'utf8');
      writeNumbers(hash, [id.length, this.total[item]!, this.negative[item]!]);
      hash.update(id);
      const buckets = this.buckets.sorted(item, { length: 0 });
      const pairs = this.pairs.sorted(item, rank);
      buckets.sort((x, y) => x.id - y.id);
      const numbers = [buckets.length, pairs.length];
      for (const entry of buckets) numbers.push(entry.id, entry.f, entry.b);
      for (const entry of pairs) numbers.push(rank[entry.id]!, entry.f, entry.b, entry.co);
      writeNumbers(hash, numbers);
    }
    return hash.digest('hex');
  }

  /** Items with counts in code-unit order of their ids, and the place of each in that order. */
  #inOrder(ids: readonly string[]): { live: number[]; rank: Float64Array } {
    const live: number[] = [];
    for (let i = 0; i < ids.length; i++) if (this.#alive(i)) live.push(i);
    live.sort((x, y) => (ids[x]! < ids[y]! ? -1 : 1));
    const rank = new Float64Array(Math.max(ids.length, 1));
    for (let position = 0; position < live.length; position++) rank[live[position]!] = position;
    return { live, rank };
  }

  /** By item, in code-unit order of ids: weight of all its events and of its negative feedback, sixteenths. */
  *totals(ids: readonly string[]): Generator<[item: string, weight: number, negative: number]> {
    for (const item of this.#inOrder(ids).live) yield [ids[item]!, this.total[item]!, this.negative[item]!];
  }

  /** By item and bucket of event time, both in order: weight and negative feedback, sixteenths. */
  *times(ids: readonly string[]): Generator<[item: string, bucket: number, weight: number, negative: number]> {
    for (const item of this.#inOrder(ids).live) {
      const buckets = this.buckets.sorted(item, { length: 0 }).sort((x, y) => x.id - y.id);
      for (const { id, f, b } of buckets) yield [ids[item]!, id, f, b];
    }
  }

  /** By pair of items, in code-unit order of both: counts of the other after, before, and within the window. */
  *pairsInOrder(
    ids: readonly string[],
  ): Generator<[item: string, other: string, after: number, before: number, together: number]> {
    const { live, rank } = this.#inOrder(ids);
    for (const item of live)
      for (const { id, f, b, co } of this.pairs.sorted(item, rank)) yield [ids[item]!, ids[id]!, f, b, co];
  }

  #alive(item: number): boolean {
    return item < this.total.length && (this.total[item] !== 0 || this.negative[item] !== 0);
  }
}

function writeNumbers(hash: Hash, numbers: readonly number[]): void {
  const bytes = Buffer.allocUnsafe(numbers.length * 8);
  for (let i = 0; i < numbers.length; i++) bytes.writeDoubleLE(numbers[i]!, i * 8);
  hash.update(bytes);
}
