/**
 * Logarithm, exponential and power from the four basic operations alone. IEEE 754 fixes those to the last bit, but
 * `Math.log`, `Math.exp` and `Math.pow` may differ between engines and versions, and the same log must give the same
 * list everywhere. The relative error is below 1e-14, far below what a score needs.
 */

const LN2 = Math.LN2;
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
// The machine's byte order decides which of the two words holds sign and exponent.
float[0] = 1;
const HIGH = words[1] === 0x3ff00000 ? 1 : 0;

/** ln m for m in [1, 2), by a series: ln m = 2 artanh((m - 1) / (m + 1)). */
function lnBySeries(m: number): number {
  const t = (m - 1) / (m + 1);
  const u = t * t;
  let sum = 0;
  for (let i = 43; i >= 1; i -= 2) sum = sum * u + 1 / i;
  return 2 * t * sum;
}

const LN_BITS = 7;
/** By step of [1, 2): the reciprocal of the step's middle, then its logarithm. The two share a cache line. */
const STEPS = Float64Array.from({ length: 2 ** (LN_BITS + 1) }, (_, i) => {
  const reciprocal = 1 / (1 + ((i >>> 1) + 0.5) / 2 ** LN_BITS);
  return i % 2 === 0 ? reciprocal : lnBySeries(1 / reciprocal);
});
/** 2^-(i - 1023), which brings a number with exponent bits i into [1, 2). Exact, as only the exponent changes. */
const TO_MANTISSA = Float64Array.from({ length: 2047 }, (_, i) => 2 ** (1023 - i));

/**
 * Natural logarithm of a positive, finite, normal number. A list takes thousands of them, so the function uses a table
 * that fits into the cache and six terms of the series around the table's entry. The rest is at most 2^-8, and rounding
 * hides its seventh power.
 */
export function ln(x: number): number {
  if (x === 1) return 0;
  float[0] = x;
  const high = words[HIGH]!;
  const exponent = high >>> 20;
  const step = ((high & 0xfffff) >>> (20 - LN_BITS)) << 1;
  // A product rather than a write of the mantissa: a load that spans an earlier, shorter store waits for that store.
  const r = x * TO_MANTISSA[exponent]! * STEPS[step]! - 1;
  const series = 1 - r * (1 / 2 - r * (1 / 3 - r * (1 / 4 - r * (1 / 5 - r * (1 / 6)))));
  return (exponent - 1023) * LN2 + STEPS[step + 1]! + r * series;
}

/** e to the x, for |x| < 700. */
export function exp(x: number): number {
  const k = Math.floor(x / LN2 + 0.5);
  const r = x - k * LN2;
  let sum = 1;
  for (let i = 14; i >= 1; i--) sum = 1 + (sum * r) / i;
  float[0] = 1;
  words[HIGH] = (k + 1023) << 20;
  words[1 - HIGH] = 0;
  return sum * float[0]!;
}

/** x to the y, for positive normal x. */
export function pow(x: number, y: number): number {
  return exp(y * ln(x));
}

/** base to the n by repeated multiplication, for whole n >= 0. Every machine computes the same table entries. */
export function wholePower(base: number, n: number): number {
  let value = 1;
  for (let i = 0; i < n; i++) value *= base;
  return value;
}
