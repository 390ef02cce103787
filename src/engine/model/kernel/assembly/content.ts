/** Similarity of content and products of vectors for the candidates of a list. */

/**
 * Writes the cosines of candidates with two queries to two columns of the feature table (signals/content.ts).
 *
 * @param vectors by item: where its words of terms and weights are; `lengths`: how many
 * @param weights by term: its weights in both queries, two doubles
 * @param whole divisors of the cosines; 0: the query has no terms
 */
export function addSimilarity(
  candidates: usize,
  rows: i32,
  vectors: usize,
  lengths: usize,
  weights: usize,
  whole: f64,
  last: f64,
  table: usize,
  columns: i32,
  wholeColumn: i32,
  lastColumn: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const item = <usize>load<i32>(candidates + (<usize>row << 2));
    const length = load<i32>(lengths + (item << 2));
    if (length == 0) continue;
    const vector = <usize>load<u32>(vectors + (item << 2));
    let a: f64 = 0;
    let b: f64 = 0;
    for (let i = 0; i < length; i++) {
      const word = load<u32>(vector + (<usize>i << 2));
      const at = weights + (<usize>(word >> 10) << 4);
      const part = <f64>(word & 1023);
      a += load<f64>(at) * part;
      b += load<f64>(at, 8) * part;
    }
    const to = table + (<usize>(row * columns) << 3);
    if (whole != 0) store<f64>(to + (<usize>wholeColumn << 3), a / whole);
    if (last != 0) store<f64>(to + (<usize>lastColumn << 3), b / last);
  }
}

/**
 * Adds the vectors of items, the last first, to a sum.
 *
 * @param known by item numbered below `limit`: whether it has a vector
 * @returns how many of them have one
 */
export function sumVectors(known: usize, limit: i32, vectors: usize, rank: i32, items: usize, count: i32, into: usize): i32 {
  let found = 0;
  const bytes = <usize>rank << 3;
  memory.fill(into, 0, bytes);
  for (let i = count - 1; i >= 0; i--) {
    const item = <usize>load<i32>(items + (<usize>i << 2));
    if (item >= <usize>limit || load<u8>(known + item) != 1) continue;
    found++;
    const from = vectors + ((item * <usize>rank) << 2);
    let k: usize = 0;
    if (ASC_FEATURE_SIMD) {
      for (; k + 16 <= bytes; k += 16) {
        const part = f64x2.promote_low_f32x4(v128.load64_zero(from + (k >> 1)));
        v128.store(into + k, f64x2.add(v128.load(into + k), part));
      }
    }
    for (; k < bytes; k += 8) store<f64>(into + k, load<f64>(into + k) + <f64>load<f32>(from + (k >> 1)));
  }
  return found;
}

/**
 * Scores of items: the product of a user's vector with an item's, as four sums of every fourth term, plus its level.
 *
 * @param known by item numbered below `limit`: whether it has a vector
 * @param missing score of an item that has none
 */
export function scoreVectors(
  known: usize,
  limit: i32,
  vectors: usize,
  levels: usize,
  rank: i32,
  user: usize,
  items: usize,
  count: i32,
  missing: f64,
  scores: usize,
): void {
  const fours = rank & ~3;
  for (let i = 0; i < count; i++) {
    const item = <usize>load<i32>(items + (<usize>i << 2));
    if (item >= <usize>limit || load<u8>(known + item) != 1) {
      store<f64>(scores + (<usize>i << 3), missing);
      continue;
    }
    const from = vectors + ((item * <usize>rank) << 2);
    let a = <f64>load<f32>(levels + (item << 2));
    let b: f64 = 0;
    let c: f64 = 0;
    let d: f64 = 0;
    let k = 0;
    if (ASC_FEATURE_SIMD) {
      let first = f64x2.replace_lane(f64x2.splat(0), 0, a);
      let second = f64x2.splat(0);
      for (; k < fours; k += 4) {
        const at = user + (<usize>k << 3);
        const x = v128.load(from + (<usize>k << 2));
        first = f64x2.add(first, f64x2.mul(v128.load(at), f64x2.promote_low_f32x4(x)));
        const high = i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
        second = f64x2.add(second, f64x2.mul(v128.load(at, 16), f64x2.promote_low_f32x4(high)));
      }
      a = f64x2.extract_lane(first, 0);
      b = f64x2.extract_lane(first, 1);
      c = f64x2.extract_lane(second, 0);
      d = f64x2.extract_lane(second, 1);
    } else {
      for (; k < fours; k += 4) {
        const at = user + (<usize>k << 3);
        const x = from + (<usize>k << 2);
        a += load<f64>(at) * <f64>load<f32>(x);
        b += load<f64>(at, 8) * <f64>load<f32>(x, 4);
        c += load<f64>(at, 16) * <f64>load<f32>(x, 8);
        d += load<f64>(at, 24) * <f64>load<f32>(x, 12);
      }
    }
    for (; k < rank; k++) a += load<f64>(user + (<usize>k << 3)) * <f64>load<f32>(from + (<usize>k << 2));
    store<f64>(scores + (<usize>i << 3), a + b + (c + d));
  }
}
