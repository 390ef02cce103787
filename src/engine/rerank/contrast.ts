/** "More like these, not like those": what goes with the second takes away from what goes with the first. */
import { byScore, type Candidate } from './candidate.ts';

/**
 * @param unlike scores of what goes with the items to avoid, by item
 * @param weight how much of the list's range the most alike of those loses
 */
export function contrast(
  candidates: readonly Candidate[],
  unlike: ReadonlyMap<string, number>,
  weight: number,
): Candidate[] {
  if (unlike.size === 0 || candidates.length === 0 || weight === 0) return [...candidates];
  const against = [...unlike.values()];
  const most = Math.max(...against);
  const least = Math.min(...against);
  const scores = candidates.map(({ score }) => score);
  const range = Math.max(...scores) - Math.min(...scores) || 1;
  return candidates
    .map((candidate) => {
      const score = unlike.get(candidate.item);
      if (score === undefined) return candidate;
      // One that only just goes with those loses next to nothing, as the ones below it lose nothing.
      const contribution = -weight * range * (most === least ? 1 : (score - least) / (most - least));
      if (contribution === 0) return candidate;
      return {
        ...candidate,
        score: candidate.score + contribution,
        terms: [...candidate.terms, { rule: 'unlike', contribution }],
      };
    })
    .sort(byScore);
}
