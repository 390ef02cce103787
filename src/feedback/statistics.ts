/** Statistics of shares and distributions. */

/** z of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval (1927) of a share, 95 %. It suits small numbers and shares near 0 and 1. It assumes independent
 * trials. Impressions of one user depend on each other a little, so the interval is slightly too narrow.
 */
export function shareInterval(hits: number, trials: number): [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const share = hits / trials;
  const square = (Z * Z) / trials;
  const middle = (share + square / 2) / (1 + square);
  const half = (Z * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials))) / (1 + square);
  // Rounding must not exclude the share itself, nor leave 0 to 1.
  return [Math.max(0, Math.min(share, middle - half)), Math.min(1, Math.max(share, middle + half))];
}

/** How many items have so many impressions. A distribution is an array of them, in any order. */
export interface Exposed {
  /** Impressions of each of these items, above 0. */
  impressions: number;
  items: number;
}

/** Gini coefficient of counts above 0: 0 if all are equal, towards 1 if a few have almost all impressions. */
export function gini(exposed: readonly Exposed[]): number {
  const sorted = [...exposed].sort((a, b) => a.impressions - b.impressions);
  let n = 0;
  let sum = 0;
  let weighted = 0;
  for (const { impressions, items } of sorted) {
    sum += items * impressions;
    // The ranks n + 1 to n + items.
    weighted += (items * n + (items * (items + 1)) / 2) * impressions;
    n += items;
  }
  return sum === 0 ? 0 : Math.max(0, (2 * weighted) / (n * sum) - (n + 1) / n);
}

/**
 * Mean self-information of impressions in bits: how rare the shown items are among the lists (Vargas and Castells 2011,
 * with exposure in place of choice). 0 if every list shows the same items.
 */
export function novelty(exposed: readonly Exposed[], lists: number): number {
  let sum = 0;
  let bits = 0;
  for (const { impressions, items } of exposed) {
    sum += items * impressions;
    // An item may occur twice in a list, so its share may exceed 1.
    bits -= items * impressions * Math.log2(Math.min(1, impressions / lists));
  }
  return sum === 0 ? 0 : bits / sum;
}

/**
 * Probability that two impressions, drawn without replacement, show different items (Simpson 1949). 0 with fewer than two
 * impressions.
 */
export function diversity(exposed: readonly Exposed[]): number {
  let sum = 0;
  let same = 0;
  for (const { impressions, items } of exposed) {
    sum += items * impressions;
    same += items * impressions * (impressions - 1);
  }
  return sum < 2 ? 0 : 1 - same / (sum * (sum - 1));
}
