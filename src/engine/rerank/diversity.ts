/**
 * Maximal marginal relevance (Carbonell and Goldstein 1998): the next item is the one with the largest
 * `lambda * relevance - (1 - lambda) * likeness to the most similar chosen item`.
 */

import { valuesOf } from '../../items/document.ts';
import type { Candidate } from './candidate.ts';

/** Likeness of two items: 0 without anything in common, 1 for equal ones. */
export type Likeness = (a: Candidate, b: Candidate) => number;

/** Most candidates: the rule compares each chosen item with all that are left. */
const REACH = 400;

/**
 * The items in the order in which the rule chooses them; those after the first `count` keep their order. Relevance is the
 * score, from 0 for the lowest of the candidates to 1 for the highest.
 *
 * @param lambda 1 leaves the order as it is, 0 orders by likeness alone
 */
export function diversify(
  candidates: readonly Candidate[],
  { lambda, count, likeness = sharedTags }: { lambda: number; count: number; likeness?: Likeness },
): Candidate[] {
  if (lambda >= 1 || candidates.length < 2) return [...candidates];
  const pool = candidates.slice(0, REACH);
  const highest = Math.max(...pool.map(({ score }) => score));
  const lowest = Math.min(...pool.map(({ score }) => score));
  const range = highest - lowest || 1;
  const closest = new Float64Array(pool.length);
  const left = new Set(pool.keys());
  const chosen: Candidate[] = [];
  while (left.size > 0 && chosen.length < count) {
    let best = -1;
    let bestValue = Number.NEGATIVE_INFINITY;
    // In the given order, so that the better of two equal items comes first.
    for (const i of left) {
      const relevance = ((pool[i] as Candidate).score - lowest) / range;
      const value = lambda * relevance - (1 - lambda) * (closest[i] as number);
      if (value > bestValue) {
        best = i;
        bestValue = value;
      }
    }
    const next = pool[best] as Candidate;
    chosen.push(next);
    left.delete(best);
    for (const i of left) closest[i] = Math.max(closest[i] as number, likeness(pool[i] as Candidate, next));
  }
  return [...chosen, ...[...left].map((i) => pool[i] as Candidate), ...candidates.slice(REACH)];
}

/** Share of common tags and attribute values among those of both items (Jaccard 1901). */
export const sharedTags: Likeness = (a, b) => {
  const one = featuresOf(a);
  const other = featuresOf(b);
  if (one.size === 0 || other.size === 0) return 0;
  let common = 0;
  for (const feature of one) if (other.has(feature)) common++;
  return common / (one.size + other.size - common);
};

const known = new WeakMap<object, ReadonlySet<string>>();

function featuresOf({ document }: Candidate): ReadonlySet<string> {
  const before = known.get(document);
  if (before) return before;
  const features = new Set<string>();
  for (const key of Object.keys(document)) {
    if (key !== 'tags' && !key.startsWith('@')) continue;
    // Numbers are measures more than kinds: two items of the same price are not alike.
    for (const value of valuesOf(document, key)) if (typeof value !== 'number') features.add(`${key}=${value}`);
  }
  known.set(document, features);
  return features;
}
