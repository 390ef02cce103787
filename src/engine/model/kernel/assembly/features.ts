/** The feature table: pair sums, lift and votes of the candidates, and how values become features. */
import { ln, lnOfTwo } from './math';
import { add, alloc, release } from './memory';
import { afterOf, beforeOf, readSlots, Rows, settled, togetherOf } from './rows';
import { Search, VOTE_BYTES, VOTES } from './search';

const FULL: f64 = 16;
/** Bytes of what one item of a history says of a candidate: three logarithms, three counts, the item's place. */
const PART_BYTES: usize = 64;
/** Items further back than this have no lift. */
const LIFT_REACH: i32 = 30;
/** Added to an item's share of all events before a count is divided by it. */
const PRIOR: f64 = 30;
/** What one full event counts when it comes right after another. */
const TRANSITION_UNIT: f64 = 1024;

/**
 * Computes what the items of the history say of each candidate (signals/pair-sums.ts, signals/lift.ts), one candidate
 * after the other, from the newest item back.
 *
 * @param items items of the history, newest first, `count` of them; `lags`: the smallest lag of each
 * @param weights by item of the history: its weight in each of the six pair channels
 * @param own by item of the history: 8 doubles, as signals/lift.ts names them: fast, slow, share, chance, transition,
 *   co-occurrence, far transition, far co-occurrence
 * @param candidates numbers, `rows` of them
 * @param mass weight of all events
 * @param slots scratch of 8 bytes for each pair
 * @param sums takes six sums for each candidate
 * @param table the feature table, with `columns` columns; pair channels first
 * @param lift column of the first lift channel
 */
export function addPairs(
  search: Search,
  items: usize,
  lags: usize,
  count: i32,
  weights: usize,
  own: usize,
  candidates: usize,
  rows: i32,
  mass: f64,
  slots: usize,
  sums: usize,
  table: usize,
  columns: i32,
  lift: i32,
): void {
  if (count > search.partCapacity) {
    release(search.parts);
    search.parts = alloc(<usize>count * PART_BYTES);
    search.partCapacity = count;
  }
  const parts = search.parts;
  const pairs = changetype<Rows>(search.pairs);
  const stride = <usize>count << 3;
  const places = search.places;
  for (let row = 0; row < rows; row++)
    store<i32>(places + (<usize>load<i32>(candidates + (<usize>row << 2)) << 2), row + 1);
  for (let place = 0; place < count; place++) {
    const item = load<i32>(items + (<usize>place << 2));
    readSlots(pairs, item, candidates, rows, places, slots + (<usize>place << 3), stride);
  }
  for (let row = 0; row < rows; row++)
    store<i32>(places + (<usize>load<i32>(candidates + (<usize>row << 2)) << 2), 0);
  for (let row = 0; row < rows; row++) {
    const candidate = load<i32>(candidates + (<usize>row << 2));
    const at = table + (<usize>(row * columns) << 3);
    const total = load<f64>(search.totals + (<usize>candidate << 3));
    const divisor = mass / (PRIOR * (total > FULL ? total : FULL) * TRANSITION_UNIT);
    const transition = search.damp(search.transition, candidate) / TRANSITION_UNIT;
    const together = search.damp(search.coOccurrence, candidate) / FULL;
    let s0: f64 = 0;
    let s1: f64 = 0;
    let s2: f64 = 0;
    let s3: f64 = 0;
    let s4: f64 = 0;
    let s5: f64 = 0;
    let kept = 0;
    for (let place = 0; place < count; place++) {
      const first = load<u64>(slots + <usize>row * stride + (<usize>place << 3));
      if (<u32>first == 0) continue;
      const slot = settled(pairs, load<i32>(items + (<usize>place << 2)), <u32>candidate, first);
      const co = togetherOf(pairs, slot);
      if (co == 0) continue;
      const f = afterOf(pairs, slot);
      const b = beforeOf(pairs, slot);
      const w = weights + <usize>place * 48;
      s0 += load<f64>(w) * f;
      s1 += load<f64>(w, 8) * f;
      s2 += load<f64>(w, 16) * b;
      s3 += load<f64>(w, 24) * b;
      s4 += load<f64>(w, 32) * co;
      s5 += load<f64>(w, 40) * co;
      if (load<i32>(lags + (<usize>place << 2)) >= LIFT_REACH) continue;
      const part = parts + <usize>(kept++) * PART_BYTES;
      store<f64>(part, 1 + f * divisor);
      store<f64>(part, 1 + b * divisor, 8);
      store<f64>(part, 1 + (co * divisor) / (FULL * (load<f64>(own + (<usize>place << 6), 24) + 0.5 * divisor)), 16);
      store<f64>(part, f, 32);
      store<f64>(part, b, 40);
      store<f64>(part, co, 48);
      store<i32>(part, place, 56);
    }
    // The logarithms of one candidate do not depend on each other, so the processor overlaps them.
    for (let i = 0; i < kept; i++) {
      const part = parts + <usize>i * PART_BYTES;
      if (ASC_FEATURE_SIMD) {
        v128.store(part, lnOfTwo(v128.load(part)));
        if (i + 1 < kept) {
          // The third number of this part and of the next.
          const next = part + PART_BYTES;
          const two = lnOfTwo(f64x2.replace_lane(v128.load64_splat(part, 16), 1, load<f64>(next, 16)));
          store<f64>(part, f64x2.extract_lane(two, 0), 16);
          store<f64>(next, f64x2.extract_lane(two, 1), 16);
          i++;
          v128.store(next, lnOfTwo(v128.load(next)));
        } else store<f64>(part, ln(load<f64>(part, 16)), 16);
      } else {
        store<f64>(part, ln(load<f64>(part)));
        store<f64>(part, ln(load<f64>(part, 8)), 8);
        store<f64>(part, ln(load<f64>(part, 16)), 16);
      }
    }
    let lifted: f64 = 0;
    let best: f64 = 0;
    let liftBefore: f64 = 0;
    let liftTogether: f64 = 0;
    let reach: f64 = 0;
    let shares: f64 = 0;
    let farAfter: f64 = 0;
    let farTogether: f64 = 0;
    for (let i = 0; i < kept; i++) {
      const part = parts + <usize>i * PART_BYTES;
      const f = load<f64>(part, 32);
      const b = load<f64>(part, 40);
      const co = load<f64>(part, 48);
      const place = <usize>load<i32>(part, 56);
      const mine = own + (place << 6);
      const fast = load<f64>(mine);
      const slow = load<f64>(mine, 8);
      if (f > 0) {
        const after = fast * load<f64>(part);
        lifted += after;
        if (after > best) best = after;
        reach += slow;
        shares += load<f64>(mine, 16) * f;
        farAfter += load<f64>(mine, 48) * transition * f;
      }
      if (b > 0) liftBefore += fast * load<f64>(part, 8);
      liftTogether += slow * load<f64>(part, 16);
      farTogether += load<f64>(mine, 56) * together * co;
      if (load<i32>(lags + (place << 2)) > 0) continue;
      const last = at + (<usize>lift << 3);
      store<f64>(last, load<f64>(mine, 32) * transition * f, 48);
      store<f64>(last, load<f64>(mine, 32) * transition * b, 56);
      store<f64>(last, load<f64>(mine, 40) * together * co, 64);
    }
    const to = sums + <usize>row * 48;
    store<f64>(to, s0);
    store<f64>(to, s1, 8);
    store<f64>(to, s2, 16);
    store<f64>(to, s3, 24);
    store<f64>(to, s4, 32);
    store<f64>(to, s5, 40);
    store<f64>(at, s0 * transition);
    store<f64>(at, s1 * transition, 8);
    store<f64>(at, s2 * transition, 16);
    store<f64>(at, s3 * transition, 24);
    store<f64>(at, s4 * together, 32);
    store<f64>(at, s5 * together, 40);
    const lifts = at + (<usize>lift << 3);
    store<f64>(lifts, lifted);
    store<f64>(lifts, best, 8);
    store<f64>(lifts, liftBefore, 16);
    store<f64>(lifts, liftTogether, 24);
    store<f64>(lifts, reach, 32);
    store<f64>(lifts, shares, 40);
    store<f64>(lifts, farAfter, 72);
    store<f64>(lifts, farTogether, 80);
  }
}

/** Writes the votes by sequence of the candidates to three columns. */
export function addVotes(search: Search, candidates: usize, rows: i32, table: usize, columns: i32, column: i32): void {
  for (let row = 0; row < rows; row++) {
    const item = load<i32>(candidates + (<usize>row << 2));
    if (!search.isVoted(item)) continue;
    const from = search.votes + <usize>item * VOTE_BYTES;
    const at = table + ((<usize>(row * columns + column)) << 3);
    for (let k: usize = 0; k < 24; k += 8) store<f64>(at + k, load<f64>(from + k) * VOTES);
  }
}

/**
 * Turns values into features, in place (candidates/features.ts).
 *
 * @param forms by column: 0 for a level, 1 for a count, 2 for a value over a mean
 * @param usual by column: the running mean of positive values, or 0
 * @param means takes the means of this list's positive values by column
 * @param scales scratch, a double for each column
 */
export function makeFeatures(
  table: usize,
  rows: i32,
  columns: i32,
  forms: usize,
  usual: usize,
  means: usize,
  scales: usize,
): void {
  const rowBytes = <usize>columns << 3;
  memory.fill(means, 0, rowBytes);
  memory.fill(scales, 0, rowBytes);
  for (let row = 0; row < rows; row++) {
    const at = table + <usize>row * rowBytes;
    let k: usize = 0;
    if (ASC_FEATURE_SIMD) {
      for (; k + 16 <= rowBytes; k += 16) {
        const value = v128.load(at + k);
        const mask = f64x2.gt(value, f64x2.splat(0));
        v128.store(means + k, f64x2.add(v128.load(means + k), v128.and(value, mask)));
        v128.store(scales + k, f64x2.add(v128.load(scales + k), v128.and(f64x2.splat(1), mask)));
      }
    }
    for (; k < rowBytes; k += 8) {
      const value = load<f64>(at + k);
      if (value > 0) {
        add(means + k, value);
        add(scales + k, 1);
      }
    }
  }
  for (let k = 0; k < columns; k++) {
    const at = <usize>k << 3;
    const count = load<f64>(scales + at);
    if (count > 0) store<f64>(means + at, load<f64>(means + at) / count);
    const known = load<f64>(usual + at);
    const mean = known > 0 ? known : load<f64>(means + at);
    const form = load<i32>(forms + (<usize>k << 2));
    store<f64>(scales + at, form == 0 ? 0 : form == 1 || mean == 0 ? 1 : 1 / mean);
  }
  for (let row = 0; row < rows; row++) {
    const at = table + <usize>row * rowBytes;
    let k: usize = 0;
    if (ASC_FEATURE_SIMD) {
      const zero = f64x2.splat(0);
      for (; k + 16 <= rowBytes; k += 16) {
        const value = v128.load(at + k);
        const scale = v128.load(scales + k);
        const feature = lnOfTwo(f64x2.add(f64x2.splat(1), f64x2.mul(value, scale)));
        const mask = v128.and(f64x2.gt(value, zero), f64x2.ne(scale, zero));
        v128.store(at + k, v128.bitselect(feature, value, mask));
      }
    }
    for (; k < rowBytes; k += 8) {
      const value = load<f64>(at + k);
      const scale = load<f64>(scales + k);
      if (value > 0 && scale != 0) store<f64>(at + k, ln(1 + value * scale));
    }
  }
}
