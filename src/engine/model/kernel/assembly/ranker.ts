/**
 * The learned ranker (ranker/ranker.ts): scores, gradients and steps. Lanes run over units or columns, never over the
 * terms of one sum, so that a build without SIMD gives the same bits.
 */
import { exp } from './math';

const GATES: i32 = 3;
/** Rows with a smaller gradient are left out: they are most of a list and move nothing. */
const NEGLIGIBLE: f64 = 1e-5;
/** A larger difference of scores counts as infinite. */
const LOWEST: f64 = -600;
const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/** The weights of one column under all gates, `columns` apart, as one weight. */
// @ts-ignore: decorator
@inline
function gated(parameters: usize, columns: i32, gates: usize): f64 {
  let weight: f64 = 0;
  for (let gate = 0; gate < GATES; gate++)
    weight += load<f64>(gates + (<usize>gate << 3)) * load<f64>(parameters + ((<usize>(gate * columns)) << 3));
  return weight;
}

/**
 * Folds the gates into plain weights: `linear` by column, `layer` by column and unit, as scores read it.
 *
 * @param stride units of a column in `layer`, an even number; the last one is 0 if there are fewer
 */
export function foldGates(
  parameters: usize,
  base: usize,
  scales: usize,
  gates: usize,
  columns: i32,
  units: i32,
  stride: i32,
  linear: usize,
  layer: usize,
): void {
  for (let k = 0; k < columns; k++) {
    const at = <usize>k << 3;
    const scale = load<f64>(scales + at);
    store<f64>(linear + at, load<f64>(base + at) + scale * gated(parameters + at, columns, gates));
    for (let unit = 0; unit < units; unit++) {
      const from = parameters + ((<usize>((1 + unit) * GATES * columns + k)) << 3);
      store<f64>(layer + ((<usize>(k * stride + unit)) << 3), scale * gated(from, columns, gates));
    }
  }
}

/** Scores of rows; `active` takes what each unit has before it is rectified, `stride` doubles a row. */
export function scoreRows(
  features: usize,
  rows: i32,
  columns: i32,
  units: i32,
  stride: i32,
  linear: usize,
  layer: usize,
  out: usize,
  active: usize,
  scores: usize,
): void {
  const unitBytes = <usize>stride << 3;
  for (let row = 0; row < rows; row++) {
    const x = features + ((<usize>(row * columns)) << 3);
    const to = active + <usize>row * unitBytes;
    let score: f64 = 0;
    for (let k = 0; k < columns; k++) score += load<f64>(linear + (<usize>k << 3)) * load<f64>(x + (<usize>k << 3));
    if (ASC_FEATURE_SIMD) {
      let unit: usize = 0;
      for (; unit + 64 <= unitBytes; unit += 64) {
        let a = f64x2.splat(0);
        let b = f64x2.splat(0);
        let c = f64x2.splat(0);
        let d = f64x2.splat(0);
        let weights = layer + unit;
        for (let k = 0; k < columns; k++) {
          const value = v128.load64_splat(x + (<usize>k << 3));
          a = f64x2.add(a, f64x2.mul(v128.load(weights), value));
          b = f64x2.add(b, f64x2.mul(v128.load(weights, 16), value));
          c = f64x2.add(c, f64x2.mul(v128.load(weights, 32), value));
          d = f64x2.add(d, f64x2.mul(v128.load(weights, 48), value));
          weights += unitBytes;
        }
        v128.store(to + unit, a);
        v128.store(to + unit, b, 16);
        v128.store(to + unit, c, 32);
        v128.store(to + unit, d, 48);
      }
      for (; unit < unitBytes; unit += 16) {
        let a = f64x2.splat(0);
        let weights = layer + unit;
        for (let k = 0; k < columns; k++) {
          a = f64x2.add(a, f64x2.mul(v128.load(weights), v128.load64_splat(x + (<usize>k << 3))));
          weights += unitBytes;
        }
        v128.store(to + unit, a);
      }
    } else {
      for (let unit: usize = 0; unit < unitBytes; unit += 8) {
        let sum: f64 = 0;
        for (let k = 0; k < columns; k++)
          sum += load<f64>(layer + <usize>k * unitBytes + unit) * load<f64>(x + (<usize>k << 3));
        store<f64>(to + unit, sum);
      }
    }
    for (let unit = 0; unit < units; unit++) {
      const sum = load<f64>(to + (<usize>unit << 3));
      if (sum > 0) score += load<f64>(out + (<usize>unit << 3)) * sum;
    }
    store<f64>(scores + (<usize>row << 3), score);
  }
}

/** Probabilities of scores. */
export function softmax(scores: usize, rows: i32, into: usize): void {
  let most = -Infinity;
  for (let row = 0; row < rows; row++) {
    const score = load<f64>(scores + (<usize>row << 3));
    if (score > most) most = score;
  }
  let sum: f64 = 0;
  for (let row = 0; row < rows; row++) {
    const below = load<f64>(scores + (<usize>row << 3)) - most;
    const p = exp(below > LOWEST ? below : LOWEST);
    store<f64>(into + (<usize>row << 3), p);
    sum += p;
  }
  for (let row = 0; row < rows; row++) {
    const at = into + (<usize>row << 3);
    store<f64>(at, load<f64>(at) / sum);
  }
}

/** Adds `factor` times a row of features to a row of the gradient. */
// @ts-ignore: decorator
@inline
function addScaled(to: usize, from: usize, columns: i32, factor: f64): void {
  const bytes = <usize>columns << 3;
  let k: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const factors = f64x2.splat(factor);
    for (; k + 16 <= bytes; k += 16)
      v128.store(to + k, f64x2.add(v128.load(to + k), f64x2.mul(factors, v128.load(from + k))));
  }
  for (; k < bytes; k += 8) store<f64>(to + k, load<f64>(to + k) + factor * load<f64>(from + k));
}

/**
 * The gradient of a list by all parameters.
 *
 * @param slopes gradient by score
 * @param depth gradient by the weight of an item's position
 */
export function gradientOf(
  features: usize,
  rows: i32,
  columns: i32,
  units: i32,
  stride: i32,
  slopes: usize,
  active: usize,
  parameters: usize,
  scales: usize,
  gates: usize,
  depth: f64,
  gradient: usize,
): void {
  const out = (1 + units) * GATES * columns;
  const size = out + units + 1;
  memory.fill(gradient, 0, <usize>size << 3);
  store<f64>(gradient + (<usize>(size - 1) << 3), depth);
  for (let row = 0; row < rows; row++) {
    const slope = load<f64>(slopes + (<usize>row << 3));
    if (slope < NEGLIGIBLE && slope > -NEGLIGIBLE) continue;
    const x = features + ((<usize>(row * columns)) << 3);
    addScaled(gradient, x, columns, slope);
    for (let unit = 0; unit < units; unit++) {
      const sum = load<f64>(active + ((<usize>(row * stride + unit)) << 3));
      if (sum <= 0) continue;
      const v = (<usize>(out + unit)) << 3;
      store<f64>(gradient + v, load<f64>(gradient + v) + slope * sum);
      addScaled(gradient + ((<usize>((1 + unit) * GATES * columns)) << 3), x, columns, slope * load<f64>(parameters + v));
    }
  }
  // The sums are the gradient of the folded weights, in the place of the first gate.
  for (let from = 0; from < out; from += GATES * columns) {
    for (let k = 0; k < columns; k++) {
      const at = gradient + ((<usize>(from + k)) << 3);
      const sum = load<f64>(scales + (<usize>k << 3)) * load<f64>(at);
      for (let gate = 0; gate < GATES; gate++)
        store<f64>(at + ((<usize>(gate * columns)) << 3), load<f64>(gates + (<usize>gate << 3)) * sum);
    }
  }
}

/** One step of Adam (ranker/adam.ts). `step` is the rate and `secondScale` the factor, both corrected for the start. */
export function stepAdam(
  parameters: usize,
  gradient: usize,
  first: usize,
  second: usize,
  size: i32,
  step: f64,
  secondScale: f64,
): void {
  const bytes = <usize>size << 3;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 16 <= bytes; i += 16) {
      const g = v128.load(gradient + i);
      const m = f64x2.add(
        f64x2.mul(f64x2.splat(FIRST), v128.load(first + i)),
        f64x2.mul(f64x2.splat(1 - FIRST), g),
      );
      const v = f64x2.add(
        f64x2.mul(f64x2.splat(SECOND), v128.load(second + i)),
        f64x2.mul(f64x2.mul(f64x2.splat(1 - SECOND), g), g),
      );
      v128.store(first + i, m);
      v128.store(second + i, v);
      const root = f64x2.add(f64x2.sqrt(f64x2.mul(v, f64x2.splat(secondScale))), f64x2.splat(EPSILON));
      v128.store(
        parameters + i,
        f64x2.sub(v128.load(parameters + i), f64x2.div(f64x2.mul(f64x2.splat(step), m), root)),
      );
    }
  }
  for (; i < bytes; i += 8) {
    const g = load<f64>(gradient + i);
    const m = FIRST * load<f64>(first + i) + (1 - FIRST) * g;
    const v = SECOND * load<f64>(second + i) + (1 - SECOND) * g * g;
    store<f64>(first + i, m);
    store<f64>(second + i, v);
    store<f64>(parameters + i, load<f64>(parameters + i) - (step * m) / (Math.sqrt(v * secondScale) + EPSILON));
  }
}

/** Moves the running average towards the parameters by a share of the difference. */
export function average(average: usize, parameters: usize, size: i32, share: f64): void {
  const bytes = <usize>size << 3;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 16 <= bytes; i += 16) {
      const a = v128.load(average + i);
      v128.store(average + i, f64x2.add(a, f64x2.mul(f64x2.splat(share), f64x2.sub(v128.load(parameters + i), a))));
    }
  }
  for (; i < bytes; i += 8) {
    const a = load<f64>(average + i);
    store<f64>(average + i, a + share * (load<f64>(parameters + i) - a));
  }
}
