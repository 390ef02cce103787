/** "More like these, not like those": lowers the scores of items that go with the items to avoid. */
import { byScore, type Candidate } from './candidate.ts';

/**
 * @param unlike scores of what goes with the items to avoid, by item
 * @param weight loss of the item that is most like them, in ranges of the list's scores
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
      // The loss falls to nearly 0 for the least similar item, because the items after it lose nothing.
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
