/** Figures about shares and spreads. */

/** z of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval (1927) of a share, 95 %: sensible for small numbers and for shares near 0 and 1. It takes the
 * trials for independent; impressions of one person are not quite that, so it is rather too narrow.
 */
export function shareInterval(hits: number, trials: number): [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const share = hits / trials;
  const square = (Z * Z) / trials;
  const middle = (share + square / 2) / (1 + square);
  const half = (Z * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials))) / (1 + square);
  // Rounding must not leave the share itself, or what can be a share, outside.
  return [Math.max(0, Math.min(share, middle - half)), Math.min(1, Math.max(share, middle + half))];
}

/** Gini coefficient of counts above 0: 0 where all are shown alike, towards 1 where few are shown all the time. */
export function gini(counts: readonly number[]): number {
  const sorted = [...counts].sort((a, b) => a - b);
  let sum = 0;
  let weighted = 0;
  for (const [i, count] of sorted.entries()) {
    sum += count;
    weighted += (i + 1) * count;
  }
  const n = sorted.length;
  return sum === 0 ? 0 : Math.max(0, (2 * weighted) / (n * sum) - (n + 1) / n);
}

/**
 * Mean self-information of impressions, bits: how rare what is shown is among the lists (Vargas and Castells 2011, with
 * exposure in place of choice). 0 where every list shows the same items.
 */
export function novelty(counts: readonly number[], lists: number): number {
  let sum = 0;
  let bits = 0;
  for (const count of counts) {
    sum += count;
    // An item that stands twice in a list is no rarer for it.
    bits -= count * Math.log2(Math.min(1, count / lists));
  }
  return sum === 0 ? 0 : bits / sum;
}

/**
 * Probability that two impressions, drawn without putting back, are of different items (Simpson 1949); 0 where there are
 * not two.
 */
export function diversity(counts: readonly number[]): number {
  let sum = 0;
  let same = 0;
  for (const count of counts) {
    sum += count;
    same += count * (count - 1);
  }
  return sum < 2 ? 0 : 1 - same / (sum * (sum - 1));
}
