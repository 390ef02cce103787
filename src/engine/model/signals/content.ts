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
  terms: Map<number, number>;
  norm: number;
  /** Weight of each of the profile's items in the query; empty if the query is not made of a history. */
  fades: number[];
}

const NO_QUERY: ContentQuery = { terms: new Map(), norm: 0, fades: [] };

/** The query of a history. */
export function queryOfHistory(profile: Profile, catalogue: Catalogue): ContentQuery {
  const raw = new Map<number, number>();
  const fades: number[] = [];
  const reach = Math.min(REACH, profile.items.length);
  for (let place = 0; place < reach; place++) {
    const fade = Math.round(1024 * wholePower(FADE, profile.lags[place]![0]!));
    fades.push(fade);
    const vector = catalogue.vector(profile.items[place]!);
    if (vector === undefined) continue;
    for (const word of vector) {
      const term = termOf(word);
      raw.set(term, (raw.get(term) ?? 0) + fade * partOf(word));
    }
  }
  return weighed(raw, catalogue, fades);
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
  return weighed(raw, catalogue, []);
}

function weighed(raw: Map<number, number>, catalogue: Catalogue, fades: number[]): ContentQuery {
  let most = 0;
  const weights = new Float64Array(raw.size);
  let at = 0;
  for (const [term, sum] of raw) {
    const weight = sum * catalogue.idf(term);
    weights[at++] = weight;
    if (weight > most) most = weight;
  }
  const terms = new Map<number, number>();
  let squares = 0;
  at = 0;
  for (const term of raw.keys()) {
    const whole = Math.round((weights[at++]! / most) * UNIT);
    if (whole === 0) continue;
    terms.set(term, whole);
    squares += whole * whole;
  }
  return { terms, norm: Math.sqrt(squares) * VECTOR_UNIT, fades };
}

/** The heaviest terms, the heaviest first, ties by the terms themselves. */
function heaviest(terms: ReadonlyMap<number, number>, count: number, catalogue: Catalogue): number[] {
  // Exact in a double: 21 bits of weight over 22 of number. Numbers are sorted ten times as fast as pairs of them.
  const keys = new Float64Array(terms.size);
  let at = 0;
  for (const [term, weight] of terms) keys[at++] = weight * NUMBERS + term;
  keys.sort();
  const found: number[] = [];
  while (at > 0 && found.length < count) {
    const weight = Math.floor(keys[at - 1]! / NUMBERS);
    const same: number[] = [];
    while (at > 0 && keys[at - 1]! >= weight * NUMBERS) same.push(keys[--at]! - weight * NUMBERS);
    if (same.length > 1) same.sort((a, b) => (catalogue.terms.id(a) < catalogue.terms.id(b) ? -1 : 1));
    found.push(...same);
  }
  return found.slice(0, count);
}

/** The heaviest common terms, as text; tags and attributes come before plain words of the same weight. */
export function commonTerms(query: ContentQuery, item: number, catalogue: Catalogue, count: number): string[] {
  const common: [string, number][] = [];
  for (const word of catalogue.vector(item) ?? []) {
    const weight = query.terms.get(termOf(word));
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
    for (const term of this.#whole.terms.keys()) view[term * 2] = 0;
    for (const term of this.#last.terms.keys()) view[term * 2 + 1] = 0;
    this.#whole = whole;
    this.#last = last;
    for (const [term, weight] of whole.terms) view[term * 2] = weight;
    for (const [term, weight] of last.terms) view[term * 2 + 1] = weight;
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
  for (const term of heaviest(query.terms, SEARCH_TERMS, catalogue)) {
    const documents = catalogue.postings.count(term);
    // The search skips a frequent term instead of ending, as rarer terms may follow.
    if (documents > left) continue;
    left -= documents;
    kernel.calls.gatherTerm(search, catalogue.postings.address(term), documents, query.terms.get(term)!);
  }
}
