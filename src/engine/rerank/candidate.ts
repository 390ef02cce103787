/** Candidates of re-ranking: scored items, best first, with their documents. */
import type { ItemDocument } from '../../items/document.ts';

/** The part of a rule in a score. */
export interface RuleTerm {
  /** The rule: `boost`, `unlike`. */
  rule: string;
  contribution: number;
}

export interface Candidate {
  item: string;
  score: number;
  document: ItemDocument;
  /** The terms of rules. With the terms of the model they add up to the score. */
  terms: readonly RuleTerm[];
}

/** Orders by score, equal scores by id, so that the list is the same everywhere. */
export const byScore = (a: Candidate, b: Candidate): number =>
  b.score - a.score || (a.item < b.item ? -1 : a.item > b.item ? 1 : 0);
