/**
 * Similarity of content: idf-weighted cosine between an item's terms and a query, which is made of the user's newest
 * items, of the newest one alone, of the user's traits, or of another item.
 *
 * A catalogue event changes the item's unit vector and the inverted index (catalogue.ts); interactions add nothing. A
 * list builds a query (terms with whole weights) and reads its whole-number dot product with each item's vector. So an
 * item that nobody took finds its audience. The explanation names the common terms and the item that they come from.
 */

import type { Address, Column, Kernel } from '../kernel/kernel.ts';
import { wholePower } from '../primitives/math.ts';
import { type Catalogue, partOf, termOf, VECTOR_UNIT } from '../state/catalogue.ts';
import type { Profile } from '../state/profile.ts';
import { MAX_ROW_ID } from '../state/row-slots.ts';

const UNIT = 2 ** 20;
/** The user's newest items that the query is made of, and how they fade. */
const REACH = 20;
const FADE = 0.9;
/** Most terms of a query, the heaviest ones, that find candidates, and most postings that they read in total. */
const SEARCH_TERMS = 32;
const SEARCH_POSTINGS = 50_000;
/** More than the highest term number. */
const NUMBERS = MAX_ROW_ID + 2;

/** Weights of terms, in whole 2^-20; `norm` is the divisor of the cosine. */
export interface ContentQuery {
  /** Numbers of terms, each once, and the weight of each. */
  terms: readonly number[];
  weights: readonly number[];
  norm: number;
  /** Weight of each of the profile's items in the query; empty if the query is not made of a history. */
  fades: number[];
}

const NO_QUERY: ContentQuery = { terms: [], weights: [], norm: 0, fades: [] };

/** The weight of each term of a query. */
export const weightsByTerm = ({ terms, weights }: ContentQuery): Map<number, number> =>
  new Map(terms.map((term, place) => [term, weights[place]!]));

/** Scratch: sums by term, which are 0 between two queries. A map takes several times as long. */
let sums = new Float64Array(64);

/** The query of a history. */
export function queryOfHistory(profile: Profile, catalogue: Catalogue): ContentQuery {
  if (sums.length < catalogue.terms.end) sums = new Float64Array(catalogue.terms.end * 2);
  const terms: number[] = [];
  const fades: number[] = [];
  const reach = Math.min(REACH, profile.items.length);
  for (let place = 0; place < reach; place++) {
    const fade = Math.round(1024 * wholePower(FADE, profile.lags[place]![0]!));
    fades.push(fade);
    const vector = catalogue.vector(profile.items[place]!);
    if (vector === undefined) continue;
    for (let i = 0; i < vector.length; i++) {
      const word = vector[i]!;
      const term = termOf(word);
      const sum = sums[term]!;
      if (sum === 0) terms.push(term);
      sums[term] = sum + fade * partOf(word);
    }
  }
  const raw = terms.map((term) => sums[term]!);
  for (const term of terms) sums[term] = 0;
  return weighed(terms, raw, catalogue, fades);
}

/** The query of a history's newest item. */
export function queryOfLastItem({ items, lags, seqs }: Profile, catalogue: Catalogue): ContentQuery {
  return queryOfHistory({ items: items.slice(0, 1), lags: lags.slice(0, 1), seqs: seqs.slice(0, 1) }, catalogue);
}

/** The query of a user's traits; it leaves out terms that no item has. */
export function queryOfTraits(traits: readonly (readonly [string, number])[], catalogue: Catalogue): ContentQuery {
  const raw = new Map<number, number>();
  for (const [text, weight] of traits) {
    const term = catalogue.terms.find(text);
    if (term !== undefined) raw.set(term, Math.round(1024 * VECTOR_UNIT * weight));
  }
  return weighed([...raw.keys()], [...raw.values()], catalogue, []);
}

/** The query of terms with these sums: a sum times its term's inverse document frequency, over the heaviest. */
function weighed(
  found: readonly number[],
  raw: readonly number[],
  catalogue: Catalogue,
  fades: number[],
): ContentQuery {
  const exact = found.map((term, place) => raw[place]! * catalogue.idf(term));
  let most = 0;
  for (const weight of exact) if (weight > most) most = weight;
  const terms: number[] = [];
  const weights: number[] = [];
  let squares = 0;
  for (let place = 0; place < found.length; place++) {
    const whole = Math.round((exact[place]! / most) * UNIT);
    if (whole === 0) continue;
    terms.push(found[place]!);
    weights.push(whole);
    squares += whole * whole;
  }
  return { terms, weights, norm: Math.sqrt(squares) * VECTOR_UNIT, fades };
}

/** The heaviest terms, the heaviest first, ties by the terms themselves. */
function heaviest(
  { terms, weights }: ContentQuery,
  count: number,
  catalogue: Catalogue,
): { term: number; weight: number }[] {
  // Exact in a double: 21 bits of weight over 22 of number. Numbers are sorted ten times as fast as pairs of them.
  const keys = new Float64Array(terms.length);
  let at = 0;
  for (; at < terms.length; at++) keys[at] = weights[at]! * NUMBERS + terms[at]!;
  keys.sort();
  const found: { term: number; weight: number }[] = [];
  while (at > 0 && found.length < count) {
    const weight = Math.floor(keys[at - 1]! / NUMBERS);
    const same: number[] = [];
    while (at > 0 && keys[at - 1]! >= weight * NUMBERS) same.push(keys[--at]! - weight * NUMBERS);
    if (same.length > 1) same.sort((a, b) => (catalogue.terms.id(a) < catalogue.terms.id(b) ? -1 : 1));
    for (const term of same) found.push({ term, weight });
  }
  return found.slice(0, count);
}

/** The heaviest common terms, as text; tags and attributes come before plain words of the same weight. */
export function commonTerms(query: ContentQuery, item: number, catalogue: Catalogue, count: number): string[] {
  const common: [string, number][] = [];
  const weights = weightsByTerm(query);
  for (const word of catalogue.vector(item) ?? []) {
    const weight = weights.get(termOf(word));
    if (weight !== undefined) common.push([catalogue.terms.id(termOf(word)), weight * partOf(word)]);
  }
  common.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return common.slice(0, count).map(([term]) => (term.startsWith('=') ? term.slice(1) : term));
}

/** Similarity of candidates to two queries at a time: one of a whole history, one of its newest item. */
export class ContentSimilarity {
  readonly #kernel: Kernel;
  /** Weights of the queries' terms, at `term * 2` and the place behind it; 0 for all other terms. */
  readonly #weights: Column<Float64Array>;
  #whole: ContentQuery = NO_QUERY;
  #last: ContentQuery = NO_QUERY;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#weights = kernel.f64(64);
  }

  take(whole: ContentQuery, last: ContentQuery, catalogue: Catalogue): void {
    this.#weights.reserveTwice(catalogue.terms.end * 2);
    const { view } = this.#weights;
    for (const term of this.#whole.terms) view[term * 2] = 0;
    for (const term of this.#last.terms) view[term * 2 + 1] = 0;
    this.#whole = whole;
    this.#last = last;
    for (let i = 0; i < whole.terms.length; i++) view[whole.terms[i]! * 2] = whole.weights[i]!;
    for (let i = 0; i < last.terms.length; i++) view[last.terms[i]! * 2 + 1] = last.weights[i]!;
  }

  /** Writes the cosines of candidates with the two queries, 0 to 1, to two columns of a table that are 0 before. */
  fill(
    candidates: Column<Int32Array>,
    rows: number,
    { vectors }: Catalogue,
    table: Column<Float64Array>,
    { columns, whole, last }: { columns: number; whole: number; last: number },
  ): void {
    this.#kernel.calls.addSimilarity(
      candidates.address,
      rows,
      vectors.rows.address,
      vectors.lengths.address,
      this.#weights.address,
      this.#whole.norm,
      this.#last.norm,
      table.address,
      columns,
      whole,
      last,
    );
  }
}

/** Adds up the items that share the heaviest terms of a query, in the kernel's search. */
export function searchContent(query: ContentQuery, catalogue: Catalogue, kernel: Kernel, search: Address): void {
  let left = SEARCH_POSTINGS;
  for (const { term, weight } of heaviest(query, SEARCH_TERMS, catalogue)) {
    const documents = catalogue.postings.count(term);
    // The search skips a frequent term instead of ending, as rarer terms may follow.
    if (documents > left) continue;
    left -= documents;
    kernel.calls.gatherTerm(search, catalogue.postings.address(term), documents, weight);
  }
}
