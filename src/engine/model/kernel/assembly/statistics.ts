/** Counting of events into pairs (state/statistics.ts says what an event counts). */
import { alloc } from './memory';
import { addCounts, prefetch, Rows } from './rows';

const MAX_WEIGHT: i32 = 4095;

@unmanaged
export class Counting {
  pairs: usize;
  transitionReach: i32;
  coOccurrenceReach: i32;
  /** Decay of a transition by events back. */
  decays: usize;
  /** By weight: r(w, a) for all a, or 0. */
  increments: usize;

  /** r(w, a) of one weight for all a. */
  incrementsOf(weight: i32): usize {
    const at = this.increments + (<usize>weight << 2);
    let table = <usize>load<u32>(at);
    if (table == 0) {
      table = alloc(<usize>this.transitionReach << 2);
      for (let a = 0; a < this.transitionReach; a++) {
        const exact = 64 * <f64>weight * load<f64>(this.decays + (<usize>a << 3));
        store<i32>(table + (<usize>a << 2), <i32>Math.floor(exact + 0.5));
      }
      store<u32>(at, <u32>table);
    }
    return table;
  }
}

/** @param decays decay of a transition by events back, `transitionReach` doubles */
export function newCounting(pairs: Rows, transitionReach: i32, decays: usize, coOccurrenceReach: i32): Counting {
  const counting = changetype<Counting>(alloc(offsetof<Counting>()));
  counting.pairs = changetype<usize>(pairs);
  counting.transitionReach = transitionReach;
  counting.coOccurrenceReach = coOccurrenceReach;
  counting.decays = decays;
  counting.increments = alloc(<usize>(MAX_WEIGHT + 1) << 2);
  return counting;
}

/** Adds (sign 1) or takes out (sign -1) the pairs of the event at `end` of a column of items. */
export function countPairs(counting: Counting, items: usize, start: i32, end: i32, weight: i32, sign: i32): void {
  const pairs = changetype<Rows>(counting.pairs);
  const item = load<i32>(items + (<usize>end << 2));
  const w = sign * weight;
  const reach = counting.transitionReach;
  const increments = counting.incrementsOf(weight);
  const back = min(end - start, counting.coOccurrenceReach);
  prefetch(pairs, item, items + (<usize>(end - back) << 2), back);
  for (let a = 0; a < back; a++) {
    const other = load<i32>(items + (<usize>(end - 1 - a) << 2));
    if (other == item) continue;
    const r = a < reach ? sign * load<i32>(increments + (<usize>a << 2)) : 0;
    addCounts(pairs, item, other, 0, r, w);
    addCounts(pairs, other, item, r, 0, w);
  }
}

/**
 * Adds the pairs of one event, with the events before and after it, to the sums of its item's row: f, b and co of an id
 * at `id * 24` of `counts`. `ids` holds the ids with sums, `known` of them so far.
 *
 * @returns how many ids have sums now
 */
export function countAround(
  counting: Counting,
  items: usize,
  weights: usize,
  at: i32,
  start: i32,
  end: i32,
  counts: usize,
  ids: usize,
  known: i32,
): i32 {
  let count = known;
  const item = load<i32>(items + (<usize>at << 2));
  const weight = <i32>load<u16>(weights + (<usize>at << 1));
  const reach = counting.transitionReach;
  const own = counting.incrementsOf(weight);
  const from = max(start, at - counting.coOccurrenceReach);
  for (let other = at - 1; other >= from; other--) {
    const id = load<i32>(items + (<usize>other << 2));
    if (id == item) continue;
    const to = counts + <usize>id * 24;
    if (load<f64>(to, 16) == 0) store<i32>(ids + (<usize>(count++) << 2), id);
    const a = at - 1 - other;
    if (a < reach) store<f64>(to, load<f64>(to, 8) + <f64>load<i32>(own + (<usize>a << 2)), 8);
    store<f64>(to, load<f64>(to, 16) + <f64>weight, 16);
  }
  const last = min(end, at + 1 + counting.coOccurrenceReach);
  for (let other = at + 1; other < last; other++) {
    const id = load<i32>(items + (<usize>other << 2));
    if (id == item) continue;
    const to = counts + <usize>id * 24;
    if (load<f64>(to, 16) == 0) store<i32>(ids + (<usize>(count++) << 2), id);
    const a = other - 1 - at;
    const theirs = <i32>load<u16>(weights + (<usize>other << 1));
    if (a < reach) store<f64>(to, load<f64>(to) + <f64>load<i32>(counting.incrementsOf(theirs) + (<usize>a << 2)));
    store<f64>(to, load<f64>(to, 16) + <f64>theirs, 16);
  }
  return count;
}
