/**
 * What lists would have done under another policy than the one that made them (off-policy evaluation), from impressions
 * whose probability is known: by inverse propensity scores (IPS; Horvitz and Thompson 1952) and self-normalized ones
 * (SNIPS; Swaminathan and Joachims 2015), which trade a little bias for much less variance.
 *
 * An impression counts with the probability that the other policy had for this item at this place, given those before it,
 * over the one that it was shown with. So it says what a place would have brought with what stood before it as it was.
 */

/** One list: sums over its impressions of known probability. */
export interface WeighedList {
  impressions: number;
  /** Of weights. */
  weight: number;
  /** Of weights of those that were clicked. */
  clicked: number;
}

export interface OffPolicy {
  lists: number;
  impressions: number;
  /** Clicks per impression that the other policy would have had; null where there is nothing to tell it from. */
  ips: number | null;
  ips_interval: [low: number, high: number] | null;
  snips: number | null;
  snips_interval: [low: number, high: number] | null;
}

/** z of a two-sided 95 % interval. */
const Z = 1.959963984540054;

/**
 * Both estimates with 95 % intervals. Both are ratios of sums over lists, so their variance is that of linearized
 * residuals by list: impressions of one list need not be independent of each other. Lists of one person are taken to be.
 */
export function offPolicy(lists: readonly WeighedList[]): OffPolicy {
  let impressions = 0;
  let weight = 0;
  let clicked = 0;
  for (const list of lists) {
    impressions += list.impressions;
    weight += list.weight;
    clicked += list.clicked;
  }
  const ratio = (total: number, of: (list: WeighedList) => number) => {
    if (total === 0) return { value: null, interval: null };
    const value = clicked / total;
    let squares = 0;
    for (const list of lists) squares += (list.clicked - value * of(list)) ** 2;
    const n = lists.length;
    const half = n < 2 ? Number.POSITIVE_INFINITY : (Z * Math.sqrt((squares * n) / (n - 1))) / total;
    return { value, interval: [Math.max(0, value - half), Math.min(1, value + half)] as [number, number] };
  };
  const plain = ratio(impressions, (list) => list.impressions);
  const normalized = ratio(weight, (list) => list.weight);
  return {
    lists: lists.length,
    impressions,
    ips: plain.value,
    // An estimate may lie above 1; its interval then ends there as well.
    ips_interval: plain.interval && [Math.min(plain.interval[0], 1), plain.interval[1]],
    snips: normalized.value,
    snips_interval: normalized.interval,
  };
}
