/** When each item of the simulated bookshop is published. */
import { mix32 } from './random.ts';
import type { Stock } from './stock.ts';

export interface Releases {
  item: Int32Array;
  /** Milliseconds since 1970, ascending. */
  time: Float64Array;
}

/** Share of the items that the shop publishes during the simulated time and not at its start. */
const LATE = 0.08;

/** Most items are there from the start, one millisecond apart. The others follow at equal distances. */
export function releasesOf(stock: Stock, seed: number, published: number, begin: number, end: number): Releases {
  // A small stock is there from the start, so that readers always have something to read.
  const isLate = (item: number): boolean =>
    published >= 50 && stock.popularity[item]! < 3 && mix32(seed ^ 0x1a7e, item) < LATE * 2 ** 32;
  const numbers = Array.from({ length: published }, (_, i) => i);
  const early = numbers.filter((item) => !isLate(item));
  const late = numbers.filter(isLate);
  const spacing = Math.min(1, ((end - begin) * 0.1) / Math.max(1, published));
  return {
    item: Int32Array.from([...early, ...late]),
    time: Float64Array.from([
      ...early.map((_, i) => begin + i * spacing),
      ...late.map((_, i) => begin + (end - begin) * (0.05 + (0.93 * (i + 0.5)) / late.length)),
    ]),
  };
}
