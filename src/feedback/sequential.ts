/**
 * Comparing arms with a test that may be looked at every day: the mixture sequential probability ratio test with a normal
 * mixture (Robbins 1970; Johari, Pekelis and Walsh, "Always valid inference", 2015). Its p-value and interval hold
 * whenever one stops, so that looking often, and ending when it looks good, finds no more than it should.
 */

/** What one user brought. */
export interface UserCounts {
  impressions: number;
  hits: number;
}

export interface ArmFigures {
  users: number;
  impressions: number;
  hits: number;
  /** Hits per impression; null without impressions. */
  rate: number | null;
  /** Of the rate, with users as what was drawn; null where it can't be told. */
  variance: number | null;
}

export interface Comparison {
  /** Second rate less the first. */
  difference: number;
  /** Holds the true difference, at all times at once, with the probability of the level. */
  interval: [low: number, high: number];
  /** Always valid; at most as large as what one is ready to risk: there is a difference. */
  p: number;
}

/** Users of an arm from which on its rate counts as normally distributed. */
export const LEAST_USERS = 50;

/** Rate with the variance of a ratio of sums (delta method): impressions of one user are not independent. */
export function armFigures(counts: readonly UserCounts[]): ArmFigures {
  let impressions = 0;
  let hits = 0;
  for (const one of counts) {
    impressions += one.impressions;
    hits += one.hits;
  }
  const users = counts.length;
  if (impressions === 0) return { users, impressions, hits, rate: null, variance: null };
  const rate = hits / impressions;
  let squares = 0;
  for (const one of counts) squares += (one.hits - rate * one.impressions) ** 2;
  const variance = users < 2 ? null : (squares * users) / (users - 1) / impressions ** 2;
  return { users, impressions, hits, rate, variance };
}

/**
 * Undefined as long as nothing can be told.
 *
 * @param effect difference for which the test is quickest: the deviation of the mixture. It is chosen before looking.
 * @param alpha risk of finding a difference where there is none
 */
export function compare(
  first: ArmFigures,
  second: ArmFigures,
  { effect, alpha }: { effect: number; alpha: number },
): Comparison | undefined {
  if (first.users < LEAST_USERS || second.users < LEAST_USERS) return undefined;
  if (first.rate === null || second.rate === null) return undefined;
  const v = (first.variance ?? 0) + (second.variance ?? 0);
  if (!(v > 0)) return undefined;
  const difference = second.rate - first.rate;
  const t = effect ** 2;
  const logRatio = 0.5 * Math.log(v / (v + t)) + (t * difference ** 2) / (2 * v * (v + t));
  const half = Math.sqrt(((2 * v * (v + t)) / t) * (Math.log(1 / alpha) + 0.5 * Math.log((v + t) / v)));
  return { difference, interval: [difference - half, difference + half], p: Math.min(1, Math.exp(-logRatio)) };
}
