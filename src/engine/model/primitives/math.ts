/**
 * Logarithm, exponential and power from the four basic operations only. IEEE 754 fixes those to the last bit, while
 * `Math.log`, `Math.exp` and `Math.pow` may differ between engines and versions; the same log has to give the same
 * list everywhere. Relative error below 1e-14, which is far below what a score needs.
 */

const LN2 = Math.LN2;
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
// Which of the two words holds sign and exponent depends on the machine's byte order.
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
/** By step of [1, 2): the reciprocal of its middle and that one's logarithm, next to each other: one cache line. */
const STEPS = Float64Array.from({ length: 2 ** (LN_BITS + 1) }, (_, i) => {
  const reciprocal = 1 / (1 + ((i >>> 1) + 0.5) / 2 ** LN_BITS);
  return i % 2 === 0 ? reciprocal : lnBySeries(1 / reciprocal);
});
/** 2^-(i - 1023), by which a number with exponent bits i comes into [1, 2); exact, as only the exponent changes. */
const TO_MANTISSA = Float64Array.from({ length: 2047 }, (_, i) => 2 ** (1023 - i));

/**
 * Natural logarithm of a positive, finite, normal number. A list takes thousands of them: a table small enough to stay
 * in the cache, and six terms of the series around its entry, where the rest is at most 2^-8 and its seventh power
 * lost in the rounding.
 */
export function ln(x: number): number {
  if (x === 1) return 0;
  float[0] = x;
  const high = words[HIGH]!;
  const exponent = high >>> 20;
  const step = ((high & 0xfffff) >>> (20 - LN_BITS)) << 1;
  // Multiplied rather than written back: a load that spans an earlier, shorter store waits for it.
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

/** base to the n by repeated multiplication, for whole n >= 0: table entries that every machine agrees on. */
export function wholePower(base: number, n: number): number {
  let value = 1;
  for (let i = 0; i < n; i++) value *= base;
  return value;
}
