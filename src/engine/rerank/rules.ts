/** Re-ranking rules, applied in this order: circumstances, items to avoid, boosts, diversity, quotas. */

import type { Filter } from '../../items/filter.ts';
import { type Boost, boost } from './boosts.ts';
import type { Candidate } from './candidate.ts';
import { type InContext, placeInContext } from './context.ts';
import { contrast } from './contrast.ts';
import { diversify } from './diversity.ts';
import { fill, type Quota } from './quotas.ts';

export interface Rules {
  /** An item must match all of them; the model ranks such items only. */
  filters: readonly Filter[];
  boosts: readonly Boost[];
  /** Lambda of maximal marginal relevance; 1: no diversity. */
  lambda: number;
  quotas: readonly Quota[];
  /** Probability of a place to explore; undefined: as the configuration says. */
  exploration: number | undefined;
  /** Loss of the candidate that is most like the items to avoid, in ranges of the list's scores. */
  unlikeWeight: number;
}

export const NO_RULES: Rules = {
  filters: [],
  boosts: [],
  lambda: 1,
  quotas: [],
  exploration: undefined,
  unlikeWeight: 1,
};

/** Whether the order or the choice depends on more than the model's scores. */
export const reorders = ({ boosts, lambda, quotas }: Rules, unlike: ReadonlyMap<string, number>): boolean =>
  boosts.length > 0 || lambda < 1 || quotas.length > 0 || unlike.size > 0;

/** Probability that a place explores. Under quotas it is 0: a quota moves items with no known probability. */
export const explorationOf = ({ exploration = 0, quotas }: Rules): number => (quotas.length > 0 ? 0 : exploration);

/** At most `count` of the candidates, each at most once. */
export function applyRules(
  candidates: readonly Candidate[],
  { filters, boosts, lambda, quotas, unlikeWeight }: Rules,
  {
    count,
    unlike = new Map(),
    context,
    spare = [],
  }: {
    count: number;
    unlike?: ReadonlyMap<string, number>;
    context?: InContext | undefined;
    /** Items for quotas alone, if the candidates have too few of a kind. */
    spare?: readonly Candidate[];
  },
): Candidate[] {
  const allowed = candidates.filter(({ document }) => filters.every((filter) => filter.test(document)));
  const placed = context ? placeInContext(allowed, context) : allowed;
  const weighed = boost(contrast(placed, unlike, unlikeWeight), boosts);
  // Quotas skip some candidates, so more of them than the list's length need a good order.
  const ordered = diversify(weighed, { lambda, count: quotas.length > 0 ? 3 * count : count });
  return quotas.length > 0 ? fill([...ordered, ...spare], quotas, count) : ordered.slice(0, count);
}
