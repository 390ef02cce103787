/**
 * The logarithm and the exponential of primitives/math.ts, operation by operation, so that both give the same bits. No
 * operation here is relaxed or fused.
 */

import { alloc } from './memory';

const LN2: f64 = 0.6931471805599453;
const LN_BITS: u64 = 7;

function lnBySeries(m: f64): f64 {
  const t = (m - 1) / (m + 1);
  const u = t * t;
  let sum: f64 = 0;
  for (let i = 43; i >= 1; i -= 2) sum = sum * u + 1 / <f64>i;
  return 2 * t * sum;
}

function steps(): usize {
  const table = alloc(2 << (3 + <usize>LN_BITS));
  for (let i = 0; i < 1 << <i32>LN_BITS; i++) {
    const reciprocal = 1 / (1 + (<f64>i + 0.5) / 128);
    store<f64>(table + (<usize>i << 4), reciprocal);
    store<f64>(table + (<usize>i << 4), lnBySeries(1 / reciprocal), 8);
  }
  return table;
}

/** By step of [1, 2): the reciprocal of the step's middle, then its logarithm. */
const STEPS: usize = steps();

/** Natural logarithm of a positive, finite, normal number. */
// @ts-ignore: decorator
@inline
export function ln(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  const exponent = <i32>(bits >> 52);
  const at = STEPS + ((<usize>(bits >> (52 - LN_BITS)) & 127) << 4);
  const mantissa = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  const r = mantissa * load<f64>(at) - 1;
  const series = 1 - r * (0.5 - r * (1.0 / 3 - r * (0.25 - r * (0.2 - r * (1.0 / 6)))));
  const value = <f64>(exponent - 1023) * LN2 + load<f64>(at, 8) + r * series;
  return x == 1 ? 0 : value;
}

/** The same for two numbers at a time, with the same bits. */
// @ts-ignore: decorator
@inline
export function lnOfTwo(x: v128): v128 {
  const exponents = v128.or(i64x2.shr_u(x, 52), i64x2.splat(0x4330000000000000));
  const exponent = f64x2.sub(f64x2.sub(exponents, f64x2.splat(4503599627370496)), f64x2.splat(1023));
  const first = v128.load(STEPS + stepOf(i64x2.extract_lane(x, 0)));
  const second = v128.load(STEPS + stepOf(i64x2.extract_lane(x, 1)));
  const reciprocals = i8x16.shuffle(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  const logarithms = i8x16.shuffle(first, second, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  const mantissas = v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3ff0000000000000));
  const r = f64x2.sub(f64x2.mul(mantissas, reciprocals), f64x2.splat(1));
  let series = f64x2.sub(f64x2.splat(0.2), f64x2.mul(r, f64x2.splat(1.0 / 6)));
  series = f64x2.sub(f64x2.splat(0.25), f64x2.mul(r, series));
  series = f64x2.sub(f64x2.splat(1.0 / 3), f64x2.mul(r, series));
  series = f64x2.sub(f64x2.splat(0.5), f64x2.mul(r, series));
  series = f64x2.sub(f64x2.splat(1), f64x2.mul(r, series));
  const value = f64x2.add(f64x2.add(f64x2.mul(exponent, f64x2.splat(LN2)), logarithms), f64x2.mul(r, series));
  return v128.andnot(value, f64x2.eq(x, f64x2.splat(1)));
}

// @ts-ignore: decorator
@inline
function stepOf(bits: i64): usize {
  return (<usize>(bits >> (52 - <i64>LN_BITS)) & 127) << 4;
}

/** e to the x, for |x| < 700. */
export function exp(x: f64): f64 {
  const k = Math.floor(x / LN2 + 0.5);
  const r = x - k * LN2;
  let sum: f64 = 1;
  for (let i = 14; i >= 1; i--) sum = 1 + (sum * r) / <f64>i;
  return sum * reinterpret<f64>((<u64>(<i64>k + 1023)) << 52);
}
