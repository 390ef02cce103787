/** Candidates of re-ranking: scored items, best first, with their documents. */
import type { ItemDocument } from './document.ts';

/** One rule's part in a score. */
export interface RuleTerm {
  /** Which one: `boost`, `unlike`. */
  rule: string;
  contribution: number;
}

export interface Candidate {
  item: string;
  score: number;
  document: ItemDocument;
  /** What rules added to the score; with the model's own terms they add up to it. */
  terms: readonly RuleTerm[];
}

/** By score, the same score by id: the same list everywhere. */
export const byScore = (a: Candidate, b: Candidate): number =>
  b.score - a.score || (a.item < b.item ? -1 : a.item > b.item ? 1 : 0);
