/**
 * Compares arms by a sequential test: the mixture sequential probability ratio test with a normal mixture (Robbins 1970;
 * Johari, Pekelis and Walsh, "Always valid inference", 2015). Its p-value and interval are valid at any time, so an
 * operator may check the results every day and stop when they are clear.
 */

/** How many users have so many impressions and clicks each. */
export interface UserCounts {
  users: number;
  impressions: number;
  hits: number;
}

export interface ArmFigures {
  users: number;
  impressions: number;
  hits: number;
  /** Hits per impression; null without impressions. */
  rate: number | null;
  /** Variance of the rate, with the user as the sampling unit; null with fewer than two users. */
  variance: number | null;
}

export interface Comparison {
  /** Second rate minus the first. */
  difference: number;
  /** Contains the true difference, at all times together, with probability 1 - alpha. */
  interval: [low: number, high: number];
  /** The always-valid p-value. The arms differ if it is at most alpha. */
  p: number;
}

/** Fewest users of an arm for which its rate counts as normally distributed. */
export const LEAST_USERS = 50;

/** The rate of an arm, with the variance of a ratio of sums (delta method): impressions of one user may depend on each other. */
export function armFigures(counts: readonly UserCounts[]): ArmFigures {
  let users = 0;
  let impressions = 0;
  let hits = 0;
  for (const one of counts) {
    users += one.users;
    impressions += one.users * one.impressions;
    hits += one.users * one.hits;
  }
  if (impressions === 0) return { users, impressions, hits, rate: null, variance: null };
  const rate = hits / impressions;
  let squares = 0;
  for (const one of counts) {
    const away = one.hits - rate * one.impressions;
    squares += one.users * away * away;
  }
  const variance = users < 2 ? null : (squares * users) / (users - 1) / (impressions * impressions);
  return { users, impressions, hits, rate, variance };
}

/**
 * Compares two arms. Undefined while there are too few users.
 *
 * @param effect difference that the test detects soonest: the deviation of the mixture. Choose it before the experiment.
 * @param alpha probability of a false difference
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
  const t = effect * effect;
  const logRatio = 0.5 * Math.log(v / (v + t)) + (t * (difference * difference)) / (2 * v * (v + t));
  const half = Math.sqrt(((2 * v * (v + t)) / t) * (Math.log(1 / alpha) + 0.5 * Math.log((v + t) / v)));
  return { difference, interval: [difference - half, difference + half], p: Math.min(1, Math.exp(-logRatio)) };
}
