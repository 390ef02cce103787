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

/** Natural logarithm of a positive, finite, normal number. */
export function ln(x: number): number {
  float[0] = x;
  const high = words[HIGH]!;
  let exponent = (high >>> 20) - 1023;
  words[HIGH] = (high & 0xfffff) | 0x3ff00000;
  let m = float[0]!;
  if (m > Math.SQRT2) {
    m *= 0.5;
    exponent++;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)); |t| < 0.1716, so that ten terms reach 1e-17.
  const t = (m - 1) / (m + 1);
  const u = t * t;
  const series =
    1 +
    u *
      (1 / 3 +
        u *
          (1 / 5 +
            u * (1 / 7 + u * (1 / 9 + u * (1 / 11 + u * (1 / 13 + u * (1 / 15 + u * (1 / 17 + u * (1 / 19)))))))));
  return exponent * LN2 + 2 * t * series;
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
