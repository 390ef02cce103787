/**
 * Pseudo-random numbers from a seed, the same on every machine that runs Node: V8 implements Math.log and Math.exp, whose
 * precision the language does not define, in software.
 */

export interface Random {
  /** Uniform on [0, 1), 32 bits. */
  next(): number;
  /** Uniform integer from 0 to n - 1, for n up to 2^32. */
  below(n: number): number;
  /** Exponential with the given mean. */
  exponential(mean: number): number;
  /** Normal with mean 0 and deviation 1 (sum of four uniforms, so within +-3.5; good enough for tastes and ratings). */
  normal(): number;
}

/**
 * xoshiro128** 1.1 by Blackman and Vigna (public domain, https://prng.di.unimi.it/xoshiro128starstar.c). {@link mix32}
 * derives its state from `seed`.
 */
export function createRandom(seed: number): Random {
  let a = mix32(seed, 1);
  let b = mix32(seed, 2);
  let c = mix32(seed, 3);
  let d = mix32(seed, 4) | 1; // the state must not be all zero

  const next = (): number => {
    const multiplied = Math.imul(b, 5);
    const result = Math.imul((multiplied << 7) | (multiplied >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result / 4294967296;
  };
  return {
    next,
    below: (n) => Math.floor(next() * n),
    exponential: (mean) => -mean * Math.log(1 - next()),
    normal: () => (next() + next() + next() + next() - 2) * Math.sqrt(3),
  };
}

/**
 * Counter-based randomness: 32 bits that depend only on both numbers, so that random properties of a reader or an item
 * need no storage. It uses the finaliser of MurmurHash3 (Appleby, public domain) over a Weyl sequence.
 */
export function mix32(seed: number, counter: number): number {
  let h = (Math.imul(seed, 0x9e3779b1) + Math.imul(counter, 0x85ebca77) + 0x165667b1) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 16)) + seed, 0x27d4eb2f);
  return (h ^ (h >>> 15)) >>> 0;
}

/** {@link mix32} as a number in [0, 1). */
export const unit = (seed: number, counter: number): number => mix32(seed, counter) / 4294967296;

/** Draws from a fixed distribution in constant time. */
export type Alias = (random: Random) => number;

/** Walker's alias table, after Vose, "A linear algorithm for generating random numbers with a given distribution" (1991). */
export function createAlias(weights: Float64Array): Alias {
  const n = weights.length;
  let total = 0;
  for (const weight of weights) total += weight;
  const keep = new Float32Array(n);
  const other = new Uint32Array(n);
  const scaled = Float64Array.from(weights, (weight) => (weight * n) / total);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < n; i++) (scaled[i]! < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const less = small.pop()!;
    const more = large.at(-1)!;
    keep[less] = scaled[less]!;
    other[less] = more;
    scaled[more] = scaled[more]! + scaled[less]! - 1;
    if (scaled[more]! < 1) {
      large.pop();
      small.push(more);
    }
  }
  // The remaining entries are 1 except for rounding.
  for (const i of [...small, ...large]) keep[i] = 1;

  return (random) => {
    const at = random.next() * n;
    const i = Math.floor(at);
    return at - i < keep[i]! ? i : other[i]!;
  };
}
