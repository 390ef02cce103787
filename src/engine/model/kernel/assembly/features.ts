/** The feature table: pair sums, lift and votes of the candidates, and how values become features. */
import { ln, lnOfTwo } from './math';
import { readRow, Rows } from './rows';
import { Search, VOTE_BYTES } from './search';

const FULL: f64 = 16;
/** Items further back than this have no lift. */
const LIFT_REACH: i32 = 30;
const NEIGHBOUR_UNIT: f64 = 1.0 / (1048576.0 * 65536.0);
const PAIR_CHANNELS: i32 = 6;
const TRANSITIONS: i32 = 4;

/** Adds `factor * value` to two doubles that lie side by side. */
// @ts-ignore: decorator
@inline
function addTwo(at: usize, factors: usize, value: f64): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(at, f64x2.add(v128.load(at), f64x2.mul(v128.load(factors), f64x2.splat(value))));
  } else {
    store<f64>(at, load<f64>(at) + load<f64>(factors) * value);
    store<f64>(at, load<f64>(at, 8) + load<f64>(factors, 8) * value, 8);
  }
}

// @ts-ignore: decorator
@inline
function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value);
}

/**
 * Adds what each item of the history says of each candidate (signals/pair-sums.ts, signals/lift.ts).
 *
 * @param items items of the history, newest first, `count` of them
 * @param weights by item of the history: its weight in each of the six pair channels
 * @param own by item of the history: 8 doubles, as signals/lift.ts names them: fast, slow, share, chance, transition,
 *   co-occurrence, far transition, far co-occurrence
 * @param candidates numbers, `rows` of them
 * @param candidate by candidate: 3 doubles: divisor, transition, co-occurrence
 * @param counts scratch of 24 bytes a candidate
 * @param sums by candidate: six sums, which begin at 0
 * @param table the feature table, with `columns` columns; pair channels first
 * @param lift column of the first lift channel
 */
export function addPairs(
  pairs: Rows,
  items: usize,
  lags: usize,
  count: i32,
  weights: usize,
  own: usize,
  candidates: usize,
  candidate: usize,
  rows: i32,
  counts: usize,
  sums: usize,
  table: usize,
  columns: i32,
  lift: i32,
): void {
  const rowBytes = <usize>columns << 3;
  for (let place = 0; place < count; place++) {
    readRow(pairs, load<i32>(items + (<usize>place << 2)), candidates, rows, counts);
    const back = load<i32>(lags + (<usize>place << 2));
    const w = weights + <usize>place * 48;
    const mine = own + (<usize>place << 6);
    const fast = load<f64>(mine);
    const slow = load<f64>(mine, 8);
    const share = load<f64>(mine, 16);
    const chance = load<f64>(mine, 24);
    const ownTransition = load<f64>(mine, 32);
    const ownTogether = load<f64>(mine, 40);
    const farTransition = load<f64>(mine, 48);
    const farTogether = load<f64>(mine, 56);
    for (let row = 0; row < rows; row++) {
      const from = counts + <usize>row * 24;
      const co = load<f64>(from, 16);
      if (co == 0) continue;
      const f = load<f64>(from);
      const b = load<f64>(from, 8);
      const to = sums + <usize>row * 48;
      addTwo(to, w, f);
      addTwo(to + 16, w + 16, b);
      addTwo(to + 32, w + 32, co);
      if (back >= LIFT_REACH) continue;
      const at = table + <usize>row * rowBytes + (<usize>lift << 3);
      const item = candidate + <usize>row * 24;
      const divisor = load<f64>(item);
      const transition = load<f64>(item, 8);
      const together = load<f64>(item, 16);
      let after: f64 = 0;
      let before: f64 = 0;
      if (ASC_FEATURE_SIMD) {
        const two = f64x2.replace_lane(f64x2.splat(f), 1, b);
        const both = lnOfTwo(f64x2.add(f64x2.splat(1), f64x2.mul(two, f64x2.splat(divisor))));
        after = f64x2.extract_lane(both, 0);
        before = f64x2.extract_lane(both, 1);
      } else {
        after = ln(1 + f * divisor);
        before = ln(1 + b * divisor);
      }
      if (f > 0) {
        const part = fast * after;
        add(at, part);
        if (part > load<f64>(at, 8)) store<f64>(at, part, 8);
        add(at + 32, slow);
        add(at + 40, share * f);
        add(at + 72, farTransition * transition * f);
      }
      if (b > 0) add(at + 16, fast * before);
      add(at + 24, slow * ln(1 + (co * divisor) / (FULL * (chance + 0.5 * divisor))));
      add(at + 80, farTogether * together * co);
      if (back > 0) continue;
      store<f64>(at, ownTransition * transition * f, 48);
      store<f64>(at, ownTransition * transition * b, 56);
      store<f64>(at, ownTogether * together * co, 64);
    }
  }
  for (let row = 0; row < rows; row++) {
    const at = table + <usize>row * rowBytes;
    const item = candidate + <usize>row * 24;
    const from = sums + <usize>row * 48;
    for (let k = 0; k < PAIR_CHANNELS; k++) {
      const damping = k < TRANSITIONS ? load<f64>(item, 8) : load<f64>(item, 16);
      store<f64>(at + (<usize>k << 3), load<f64>(from + (<usize>k << 3)) * damping);
    }
  }
}

/** Writes the votes of the candidates to six columns. */
export function addVotes(search: Search, candidates: usize, rows: i32, table: usize, columns: i32, column: i32): void {
  for (let row = 0; row < rows; row++) {
    const item = load<i32>(candidates + (<usize>row << 2));
    if (!search.isVoted(item)) continue;
    const from = search.votes + <usize>item * VOTE_BYTES;
    const at = table + ((<usize>(row * columns + column)) << 3);
    for (let k: usize = 0; k < VOTE_BYTES; k += 8) store<f64>(at + k, load<f64>(from + k) * NEIGHBOUR_UNIT);
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
