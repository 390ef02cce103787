/**
 * Boosts and buries: items that a filter matches move up or down. The unit of scores has no meaning for a
 * caller, so a boost is in units of the list: 1 is one standard deviation of its scores.
 */

import type { Filter } from '../../items/filter.ts';
import type { Candidate } from './candidate.ts';
import { byScore } from './candidate.ts';

export interface Boost {
  filter: Filter;
  /** Standard deviations of the list's scores; a positive boost moves the item up. */
  by: number;
}

/** The candidates, best first, with a term for each boost. Boosts that match the same item add up. */
export function boost(candidates: readonly Candidate[], boosts: readonly Boost[]): Candidate[] {
  if (boosts.length === 0) return [...candidates];
  const unit = deviation(candidates);
  return candidates
    .map((candidate) => {
      let contribution = 0;
      for (const { filter, by } of boosts) if (filter.test(candidate.document)) contribution += by * unit;
      if (contribution === 0) return candidate;
      return {
        ...candidate,
        score: candidate.score + contribution,
        terms: [...candidate.terms, { rule: 'boost', contribution }],
      };
    })
    .sort(byScore);
}

/** Standard deviation of the scores; 1 if all scores are equal, so that a boost always has an effect. */
export function deviation(candidates: readonly Candidate[]): number {
  if (candidates.length === 0) return 1;
  let sum = 0;
  for (const { score } of candidates) sum += score;
  const mean = sum / candidates.length;
  let squares = 0;
  for (const { score } of candidates) squares += (score - mean) * (score - mean);
  return Math.sqrt(squares / candidates.length) || 1;
}
