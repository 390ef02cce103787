/**
 * Quotas: at most so many of a kind, at least so many of a kind. The list always keeps upper bounds. It meets lower
 * bounds if the candidates allow it, and moves as few items as possible: it takes items in their order, until only the
 * places are left that a lower bound needs.
 */

import { valuesOf } from '../../items/document.ts';
import type { Filter } from '../../items/filter.ts';
import type { Candidate } from './candidate.ts';

export type Quota =
  /** At most `max` items for each value of a field, such as two per author. */
  | { kind: 'per'; key: string; max: number }
  /** At least `min` and at most `max` items that match a filter. */
  | { kind: 'of'; filter: Filter; min: number; max: number };

interface Bound {
  quota: Extract<Quota, { kind: 'of' }>;
  taken: number;
}

/** At most `count` candidates, in their order as far as the quotas allow. */
export function fill(candidates: readonly Candidate[], quotas: readonly Quota[], count: number): Candidate[] {
  const bounds: Bound[] = [];
  const perValue: { key: string; max: number; taken: Map<unknown, number> }[] = [];
  for (const quota of quotas) {
    if (quota.kind === 'of') bounds.push({ quota, taken: 0 });
    else perValue.push({ key: quota.key, max: quota.max, taken: new Map() });
  }
  const rest = [...candidates];
  const matches = new Map(
    rest.map((candidate) => [candidate, bounds.map(({ quota }) => quota.filter.test(candidate.document))]),
  );
  const of = (candidate: Candidate): readonly boolean[] => matches.get(candidate) as boolean[];
  const fits = (candidate: Candidate): boolean =>
    bounds.every(({ quota, taken }, i) => !of(candidate)[i] || taken < quota.max) &&
    perValue.every(({ key, max, taken }) =>
      valuesOf(candidate.document, key).every((value) => (taken.get(value) ?? 0) < max),
    );
  const serves = (candidate: Candidate): boolean =>
    bounds.some(({ quota, taken }, i) => of(candidate)[i] && taken < quota.min);

  const chosen: Candidate[] = [];
  while (chosen.length < count) {
    // One item may serve several lower bounds; the search for it begins when places run out.
    const owed = bounds.reduce((sum, { quota, taken }) => sum + Math.max(0, quota.min - taken), 0);
    const tight = owed >= count - chosen.length;
    let at = tight ? rest.findIndex((candidate) => serves(candidate) && fits(candidate)) : -1;
    if (at === -1) at = rest.findIndex(fits);
    if (at === -1) break;
    const [next] = rest.splice(at, 1) as [Candidate];
    chosen.push(next);
    for (const [i, bound] of bounds.entries()) if (of(next)[i]) bound.taken++;
    for (const { key, taken } of perValue)
      for (const value of new Set(valuesOf(next.document, key))) taken.set(value, (taken.get(value) ?? 0) + 1);
  }
  return chosen;
}
