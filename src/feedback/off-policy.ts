/**
 * Off-policy evaluation: estimates the click-through of lists under another policy than the one that made them, from
 * impressions with a known probability. Uses inverse propensity scores (IPS; Horvitz and Thompson 1952) and
 * self-normalized ones (SNIPS; Swaminathan and Joachims 2015), which have a little bias and much less variance.
 *
 * The weight of an impression is the probability of its item at its place under the other policy, given the items before
 * it, divided by the probability under which the list showed it. So the estimate assumes the same items in the places
 * before.
 */

/** Lists with the same sums over the impressions that have a known probability. */
export interface WeighedLists {
  /** How many lists. */
  lists: number;
  /** Of each of them, as the other sums. */
  impressions: number;
  /** Sum of the weights. */
  weight: number;
  /** Sum of the weights of clicked impressions. */
  clicked: number;
}

export interface OffPolicy {
  lists: number;
  impressions: number;
  /** Estimated clicks per impression under the other policy; null without impressions. */
  ips: number | null;
  ips_interval: [low: number, high: number] | null;
  snips: number | null;
  snips_interval: [low: number, high: number] | null;
}

/** z of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * Both estimates with 95 % intervals. Both are ratios of sums over lists, so their variance comes from linearized
 * residuals per list. Impressions of one list may depend on each other. The lists of one user count as independent.
 */
export function offPolicy(weighed: readonly WeighedLists[]): OffPolicy {
  let n = 0;
  let impressions = 0;
  let weight = 0;
  let clicked = 0;
  for (const one of weighed) {
    n += one.lists;
    impressions += one.lists * one.impressions;
    weight += one.lists * one.weight;
    clicked += one.lists * one.clicked;
  }
  const ratio = (total: number, of: (one: WeighedLists) => number) => {
    if (total === 0) return { value: null, interval: null };
    const value = clicked / total;
    let squares = 0;
    for (const one of weighed) {
      const away = one.clicked - value * of(one);
      squares += one.lists * away * away;
    }
    const half = n < 2 ? Number.POSITIVE_INFINITY : (Z * Math.sqrt((squares * n) / (n - 1))) / total;
    return { value, interval: [Math.max(0, value - half), Math.min(1, value + half)] as [number, number] };
  };
  const plain = ratio(impressions, (one) => one.impressions);
  const normalized = ratio(weight, (one) => one.weight);
  return {
    lists: n,
    impressions,
    ips: plain.value,
    // An estimate may exceed 1, and its interval must contain values up to 1 only.
    ips_interval: plain.interval && [Math.min(plain.interval[0], 1), plain.interval[1]],
    snips: normalized.value,
    snips_interval: normalized.interval,
  };
}
