/** Candidates of a list: the best items of each signal. */
import { TopK } from '../primitives/top-k.ts';
import { Newest } from '../signals/age.ts';
import { ContentSearch } from '../signals/content.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import { NEIGHBOUR_STRIDE } from '../signals/neighbours.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { ModelState } from '../state/model-state.ts';
import type { Statistics } from '../state/statistics.ts';
import type { RankingConfig } from './config.ts';
import type { ListSignals } from './list-signals.ts';
import type { RankRequest } from './types.ts';

/** How many of the newest items the search looks through, for new items and for items with few events. */
const NEWEST_KEPT = 4_096;
/**
 * Length of a list up to which the configured numbers of candidates apply. A published list has 50 items, and it has
 * the same candidates as the list of 20 that the learner scores events by.
 */
const USUAL_LENGTH = 60;
/** Items that recorded inputs are compared on. */
const SAMPLED = 200;
/** Full interactions from which on an item's own evidence finds it. */
const FEW_EVENTS = 10;
/** Least share of the candidates, and the length of a profile up to which the share is 1. */
const LEAST_SHARE = 0.4;
const WHOLE_SHARE_ITEMS = 12;

/**
 * Share of the configured numbers of candidates. Each candidate meets each item of the history, so a long history takes
 * fewer candidates. Measured: MovieLens 100K (30 items read back) is as accurate with 0.4 of them as with all, Amazon
 * Beauty (8 items) loses 1 % in hit rate. A training example has as many candidates as a served list, as the running
 * means of values (ranker/means.ts) depend on their number.
 */
function shareOf({ profile }: RankRequest): number {
  return Math.min(1, Math.max(LEAST_SHARE, WHOLE_SHARE_ITEMS / profile.items.length));
}

export class CandidateSearch {
  readonly #config: RankingConfig;
  readonly #state: ModelState;
  readonly #signals: ListSignals;
  readonly #mapped: MappedSignals;
  readonly #catalogue: Catalogue;
  readonly #statistics: Statistics;
  readonly #content = new ContentSearch();
  readonly #newest: Newest;
  /** The best items by one signal after the other; the second heap is for two signals at once. */
  readonly #best: TopK;
  readonly #second: TopK;
  /** Scratch: items with few events. */
  #few = new Int32Array(0);
  #blocked = new Int32Array(64);
  #stamp = 0;
  #allowed: ((item: number) => boolean) | undefined;
  /** Whether the leaders of popularity were chosen after the first publication of an item. */
  #ledListed = false;

  constructor(config: RankingConfig, state: ModelState, signals: ListSignals, mapped: MappedSignals) {
    this.#config = config;
    this.#state = state;
    this.#signals = signals;
    this.#mapped = mapped;
    this.#catalogue = state.catalogue;
    this.#statistics = state.statistics;
    this.#best = new TopK(0, state.catalogue.ids.ids);
    this.#second = new TopK(0, state.catalogue.ids.ids);
    this.#newest = new Newest(NEWEST_KEPT, state.catalogue);
    this.#catalogue.onListing((item) => state.popularity.consider(item, this.#statistics));
  }

  /**
   * Whether the model has an item of this number. A number alone says nothing: an item whose events were all retracted
   * keeps its number until the model reads a state, in which it has none.
   */
  isItem(item: number): boolean {
    return this.#statistics.total[item]! > 0 || this.#catalogue.isPublished(item);
  }

  /** A sample of the newest items, spread over them. */
  sample(): number[] {
    this.#newest.refresh();
    const { items } = this.#newest;
    const step = Math.max(1, Math.floor(items.length / SAMPLED));
    return items.filter((_, place) => place % step === 0);
  }

  /** The candidates of a list, in an order that depends on their ids alone. */
  find(request: RankRequest): number[] {
    const end = this.#catalogue.ids.end;
    const { pairs } = this.#signals;
    this.#block(request.blocked, end);
    this.#allowed = request.allowed;
    pairs.reserve(end);
    this.#content.reserve(end);
    pairs.gather(request.profile, this.#statistics);
    this.#state.popularity.decayTo(request.at, this.#statistics, end);
    const found = new Set<number>(request.include);
    // A longer list needs more candidates of every signal.
    const more = Math.max(0, request.count - USUAL_LENGTH);
    const share = shareOf(request);
    this.#addPairs(found, share, more);
    this.#addNeighbours(request, found, share, end);
    this.#addSimilarContent(request, found, share, more);
    if (request.blend === 'similar') return this.#catalogue.canonicalOrder(found);
    this.#addPopular(found, share, more, end);
    this.#addNew(found, share);
    this.#addColdItems(request, found, share);
    if (found.size < request.count) this.#fill(found, request.count, end);
    return this.#catalogue.canonicalOrder(found);
  }

  #block(lists: readonly Iterable<number>[], end: number): void {
    if (end > this.#blocked.length) {
      this.#blocked = new Int32Array(Math.max(end, this.#blocked.length * 2));
      this.#stamp = 0;
    }
    this.#stamp++;
    if (this.#stamp === 2 ** 31 - 1) {
      this.#blocked.fill(0);
      this.#stamp = 1;
    }
    for (const items of lists) for (const item of items) this.#blocked[item] = this.#stamp;
  }

  #free(item: number): boolean {
    if (this.#blocked[item] === this.#stamp) return false;
    if (!this.#catalogue.isServable(item, this.#config.serveUnpublished)) return false;
    if (!this.isItem(item)) return false;
    return this.#allowed === undefined || this.#allowed(item);
  }

  #addPairs(found: Set<number>, share: number, more: number): void {
    const statistics = this.#statistics;
    const transitions = this.#best.reset(Math.ceil(this.#config.transitionCandidates * share) + more);
    const coOccurrences = this.#second.reset(Math.ceil(this.#config.coOccurrenceCandidates * share));
    const { pairs, transitionDamping, coOccurrenceDamping } = this.#signals;
    const { touched, found: sums } = pairs;
    const count = pairs.count;
    for (let i = 0; i < count; i++) {
      const item = touched[i]!;
      // No damping is above 1, so an item that falls short without it needs no further work; most items do.
      const base = sums[item * 2]!;
      if (transitions.admits(base)) {
        const score = base * transitionDamping.of(item, statistics);
        if (transitions.admits(score) && this.#free(item)) transitions.offer(item, score);
      }
      const coOccurrence = sums[item * 2 + 1]!;
      if (coOccurrences.admits(coOccurrence)) {
        const score = coOccurrence * coOccurrenceDamping.of(item, statistics);
        if (coOccurrences.admits(score) && this.#free(item)) coOccurrences.offer(item, score);
      }
    }
    transitions.addTo(found);
    coOccurrences.addTo(found);
  }

  #addNeighbours(request: RankRequest, found: Set<number>, share: number, end: number): void {
    const { profile, target, blend } = request;
    const { neighbours, transitionDamping, coOccurrenceDamping } = this.#signals;
    const { postings, histories } = this.#state;
    // An item has followers, but no user's history is like an item's.
    const of = blend === 'similar' ? { ...profile, items: [] } : profile;
    neighbours.gather(of, target, end, postings, histories, this.#statistics, transitionDamping, coOccurrenceDamping);
    const best = this.#best.reset(Math.ceil(this.#config.neighbourCandidates * share));
    for (let i = 0; i < neighbours.count; i++) {
      const item = neighbours.touched[i]!;
      const score = neighbours.sums[item * NEIGHBOUR_STRIDE]!;
      if (score > 0 && best.admits(score) && this.#free(item)) best.offer(item, score);
    }
    best.addTo(found);
  }

  #addSimilarContent(request: RankRequest, found: Set<number>, share: number, more: number): void {
    const search = this.#content;
    search.search(request.query, this.#catalogue);
    const best = this.#best.reset(
      Math.ceil(this.#config.contentCandidates * share) + (request.blend === 'history' ? 0 : more),
    );
    for (let i = 0; i < search.count; i++) {
      const item = search.touched[i]!;
      const score = search.sums[item]!;
      if (best.admits(score) && this.#free(item)) best.offer(item, score);
    }
    best.addTo(found);
  }

  #addPopular(found: Set<number>, share: number, more: number, end: number): void {
    const catalogue = this.#catalogue;
    const { popularity } = this.#state;
    if (catalogue.everPublished && !this.#ledListed && !this.#config.serveUnpublished) {
      this.#ledListed = true;
      popularity.leadOnly((item) => catalogue.isPublished(item));
    }
    const best = this.#best.reset(Math.ceil(this.#config.popularCandidates * share) + more);
    popularity.offerBest(best, end, this.#statistics, (item) => this.#free(item));
    best.addTo(found);
  }

  #addNew(found: Set<number>, share: number): void {
    const { newCandidates } = this.#config;
    this.#newest.refresh();
    let left = Math.ceil(newCandidates * share);
    for (const item of this.#newest.items.slice(0, newCandidates * 10)) {
      if (left === 0) break;
      if (!this.#free(item)) continue;
      found.add(item);
      left--;
    }
  }

  /** Of the newest items with few events of their own, the best by their features. */
  #addColdItems(request: RankRequest, found: Set<number>, share: number): void {
    const { coldItemCandidates, coldItemPool } = this.#config;
    const { total } = this.#statistics;
    if (this.#few.length !== coldItemPool) this.#few = new Int32Array(coldItemPool);
    const few = this.#few;
    let count = 0;
    for (const item of this.#newest.items) {
      if (count === coldItemPool) break;
      if (total[item]! < FEW_EVENTS * 16 && this.#free(item)) few[count++] = item;
    }
    const best = this.#best.reset(Math.ceil(coldItemCandidates * share));
    this.#mapped.offer(request.history, few.subarray(0, count), (item, score) => {
      if (score > 0 && best.admits(score)) best.offer(item, score);
    });
    best.addTo(found);
  }

  /** The rest of the catalogue in the order of ids, for lists that are longer than all signals together. */
  #fill(found: Set<number>, count: number, end: number): void {
    const rest = this.#best.reset(count - found.size);
    // Most numbers may belong to items that no list may show, so the cheaper test comes first.
    for (let item = 0; item < end; item++) if (this.#free(item) && !found.has(item)) rest.offer(item, 0);
    rest.addTo(found);
  }
}
