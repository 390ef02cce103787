/** Rules after ranking, in one order: circumstances, likeness against, boosts, diversity, quotas. */
import { type Boost, boost } from './boosts.ts';
import type { Candidate } from './candidate.ts';
import { type InContext, placeInContext } from './context.ts';
import { contrast } from './contrast.ts';
import { diversify } from './diversity.ts';
import type { Filter } from './filter.ts';
import { fill, type Quota } from './quotas.ts';

export interface Rules {
  /** All have to match; the model is asked for such items only. */
  filters: readonly Filter[];
  boosts: readonly Boost[];
  /** Of maximal marginal relevance; 1 for none. */
  lambda: number;
  quotas: readonly Quota[];
  /** Probability of a place to explore; undefined: as the configuration says. */
  exploration: number | undefined;
  /** What the most alike of the items to keep away from loses, in ranges of the list's scores. */
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

/** Probability of a place to explore. Under quotas none does: what is moved for them has no known probability. */
export const explorationOf = ({ exploration = 0, quotas }: Rules): number => (quotas.length > 0 ? 0 : exploration);

/** At most `count` of the candidates; each of them at most once. */
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
    /** What quotas may take where the candidates have too few of a kind; nothing else brings them in. */
    spare?: readonly Candidate[];
  },
): Candidate[] {
  const allowed = candidates.filter(({ document }) => filters.every((filter) => filter.test(document)));
  const placed = context ? placeInContext(allowed, context) : allowed;
  const weighed = boost(contrast(placed, unlike, unlikeWeight), boosts);
  // Quotas pass some over, so more than the list's length has to be in a good order.
  const ordered = diversify(weighed, { lambda, count: quotas.length > 0 ? 3 * count : count });
  return quotas.length > 0 ? fill([...ordered, ...spare], quotas, count) : ordered.slice(0, count);
}
