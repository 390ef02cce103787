/** Circumstances: items that users take more often in them move up. The unit is that of boosts: standard deviations of the list's scores. */
import { type Circumstance, type ContextCounts, liftOf } from '../fold/context.ts';
import { deviation } from './boosts.ts';
import { byScore, type Candidate } from './candidate.ts';

export interface InContext {
  circumstances: readonly Circumstance[];
  counts: ContextCounts;
  /** Standard deviations by which an item moves that users take twice as often in a circumstance as by chance. */
  weight: number;
}

/** The candidates, best first, with a term for each circumstance. */
export function placeInContext(
  candidates: readonly Candidate[],
  { circumstances, counts, weight }: InContext,
): Candidate[] {
  if (circumstances.length === 0 || weight === 0) return [...candidates];
  const unit = weight * deviation(candidates);
  return candidates
    .map((candidate) => {
      const terms = circumstances.flatMap((circumstance) => {
        const contribution = unit * liftOf(circumstance, candidate.item, counts);
        return contribution === 0 ? [] : [{ rule: `context:${circumstance.key}`, contribution }];
      });
      if (terms.length === 0) return candidate;
      let { score } = candidate;
      for (const { contribution } of terms) score += contribution;
      return { ...candidate, score, terms: [...candidate.terms, ...terms] };
    })
    .sort(byScore);
}
