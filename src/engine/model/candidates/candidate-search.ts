/** Candidates of a list: the best items of each signal. */
import type { Column } from '../kernel/kernel.ts';
import { TopK } from '../primitives/top-k.ts';
import { Newest } from '../signals/age.ts';
import { searchContent } from '../signals/content.ts';
import type { MappedSignals } from '../signals/mapped.ts';
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

/** Candidates, each once. A set takes several times as long. */
class CandidateSet {
  items: number[] = [];
  #stamps = new Int32Array(64);
  #stamp = 0;

  /** Starts an empty set of items numbered below `items`. */
  begin(items: number): void {
    this.items = [];
    this.#stamp++;
    if (items <= this.#stamps.length && this.#stamp < 2 ** 31 - 1) return;
    this.#stamps = new Int32Array(Math.max(items, this.#stamps.length * 2));
    this.#stamp = 1;
  }

  get size(): number {
    return this.items.length;
  }

  has(item: number): boolean {
    return this.#stamps[item] === this.#stamp;
  }

  add(item: number): void {
    if (this.#stamps[item] === this.#stamp) return;
    this.#stamps[item] = this.#stamp;
    this.items.push(item);
  }
}

export class CandidateSearch {
  readonly #found = new CandidateSet();
  readonly #config: RankingConfig;
  readonly #state: ModelState;
  readonly #signals: ListSignals;
  readonly #mapped: MappedSignals;
  readonly #catalogue: Catalogue;
  readonly #statistics: Statistics;
  readonly #newest: Newest;
  /** The best items by one signal after the other. */
  readonly #best: TopK;
  /** Scratch: items with few events. */
  readonly #few: Column<Int32Array>;
  /** Scratch: items that the list may not hold. */
  readonly #blocked: Column<Int32Array>;
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
    this.#blocked = state.kernel.i32(64);
    this.#few = state.kernel.i32(64);
    this.#newest = new Newest(NEWEST_KEPT, state.catalogue, state.kernel);
    this.#catalogue.onListing((item) => state.popularity.consider(item, this.#statistics));
  }

  /**
   * Whether the model has an item of this number. A number alone says nothing: an item whose events were all retracted
   * keeps its number until the model reads a state, in which it has none.
   */
  isItem(item: number): boolean {
    return this.#statistics.total[item]! > 0 || this.#catalogue.isPublished(item);
  }

  /** Most candidates of a list of up to {@link USUAL_LENGTH} items without included ones. */
  get most(): number {
    const config = this.#config;
    const { transitionCandidates, coOccurrenceCandidates, neighbourCandidates, contentCandidates } = config;
    const { popularCandidates, newCandidates, coldItemCandidates } = config;
    const ofEvents = transitionCandidates + coOccurrenceCandidates + neighbourCandidates;
    const ofItems = contentCandidates + popularCandidates + newCandidates + coldItemCandidates;
    return Math.max(USUAL_LENGTH, ofEvents + ofItems);
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
    this.#begin(request, end);
    this.#signals.profile.take(request.profile);
    this.#signals.pairs.gather(request.profile, this.#statistics);
    this.#state.popularity.decayTo(request.at, this.#statistics, end);
    const found = this.#found;
    found.begin(end);
    for (const item of request.include ?? []) found.add(item);
    // A longer list needs more candidates of every signal.
    const more = Math.max(0, request.count - USUAL_LENGTH);
    const share = shareOf(request);
    this.#addPairs(found, share, more);
    this.#addNeighbours(request, found, share);
    this.#addSimilarContent(request, found, share, more);
    if (request.blend === 'similar') return this.#catalogue.canonicalOrder(found.items);
    this.#addPopular(found, share, more, end);
    this.#addNew(found, share);
    this.#addColdItems(request, found, share);
    if (found.size < request.count) this.#fill(found, request.count, end);
    return this.#catalogue.canonicalOrder(found.items);
  }

  /** Starts the kernel's search: its columns, and the items that the list may not hold. */
  #begin({ blocked, allowed }: RankRequest, end: number): void {
    const { kernel, histories, postings, users } = this.#state;
    const { search } = this.#signals;
    const { calls } = kernel;
    this.#statistics.reserve(end);
    const { items, starts, lengths } = histories.columns;
    calls.placeColumns(
      search,
      this.#statistics.totalColumn.address,
      this.#catalogue.statuses.address,
      postings.columns.rows.address,
      postings.columns.counts.address,
      postings.columns.counts.length,
      items.address,
      starts.address,
      lengths.address,
      lengths.length,
    );
    const unpublished = this.#config.serveUnpublished || !this.#catalogue.everPublished;
    kernel.filter(allowed);
    calls.beginSearch(search, end, users.end, unpublished, allowed !== undefined);
    for (const list of blocked) {
      const items = Array.isArray(list) || list instanceof Int32Array ? list : [...list];
      this.#blocked.reserveTwice(items.length);
      this.#blocked.view.set(items);
      calls.blockAll(search, this.#blocked.address, items.length);
    }
  }

  #free(item: number): boolean {
    return this.#state.kernel.calls.isFree(this.#signals.search, item) !== 0;
  }

  /** Adds the items of the kernel's first or second heap. */
  #addTop(found: CandidateSet, second: boolean): void {
    const { kernel } = this.#state;
    const { search } = this.#signals;
    const at = kernel.calls.topItems(search, second) >>> 2;
    const count = kernel.calls.topCount(search, second);
    for (let i = 0; i < count; i++) found.add(kernel.words[at + i]!);
  }

  #addPairs(found: CandidateSet, share: number, more: number): void {
    const { transitionCandidates, coOccurrenceCandidates } = this.#config;
    const { kernel } = this.#state;
    kernel.calls.choosePairs(
      this.#signals.search,
      Math.ceil(transitionCandidates * share) + more,
      Math.ceil(coOccurrenceCandidates * share),
    );
    this.#addTop(found, false);
    this.#addTop(found, true);
  }

  #addNeighbours({ profile, target, blend }: RankRequest, found: CandidateSet, share: number): void {
    const { search, neighbours, profile: columns } = this.#signals;
    const { kernel } = this.#state;
    // An item has followers, but no user's history is like an item's.
    if (blend !== 'similar') neighbours.gather(profile, columns.items, columns.lags, target);
    kernel.calls.chooseNeighbours(search, Math.ceil(this.#config.neighbourCandidates * share));
    this.#addTop(found, false);
  }

  #addSimilarContent(request: RankRequest, found: CandidateSet, share: number, more: number): void {
    const { kernel } = this.#state;
    const { search } = this.#signals;
    searchContent(request.query, this.#catalogue, kernel, search);
    const size = Math.ceil(this.#config.contentCandidates * share) + (request.blend === 'history' ? 0 : more);
    kernel.calls.chooseContent(search, size);
    this.#addTop(found, false);
  }

  #addPopular(found: CandidateSet, share: number, more: number, end: number): void {
    const catalogue = this.#catalogue;
    const { popularity } = this.#state;
    if (catalogue.everPublished && !this.#ledListed && !this.#config.serveUnpublished) {
      this.#ledListed = true;
      popularity.leadOnly((item) => catalogue.isPublished(item));
    }
    const size = Math.ceil(this.#config.popularCandidates * share) + more;
    popularity.choose(this.#signals.search, size, end, this.#statistics);
    this.#addTop(found, false);
  }

  #addNew(found: CandidateSet, share: number): void {
    const { newCandidates } = this.#config;
    this.#newest.refresh();
    let left = Math.ceil(newCandidates * share);
    const { items } = this.#newest;
    for (let place = 0; place < items.length && place < newCandidates * 10 && left > 0; place++) {
      const item = items[place]!;
      if (!this.#free(item)) continue;
      found.add(item);
      left--;
    }
  }

  /** Of the newest items with few events of their own, the best by their features. */
  #addColdItems(request: RankRequest, found: CandidateSet, share: number): void {
    const { coldItemCandidates, coldItemPool } = this.#config;
    const { kernel } = this.#state;
    const { search } = this.#signals;
    const newest = this.#newest.column;
    this.#few.reserve(coldItemPool);
    const [items, few] = [this.#newest.items.length, this.#few.address];
    const count = kernel.calls.findFew(search, newest.address, items, FEW_EVENTS * 16, few, coldItemPool);
    const scores = this.#mapped.scores(request.evidence ?? request.history, this.#few, count);
    if (scores === undefined) return;
    kernel.calls.chooseScored(search, few, scores.address, count, Math.ceil(coldItemCandidates * share));
    this.#addTop(found, false);
  }

  /** The rest of the catalogue in the order of ids, for lists that are longer than all signals together. */
  #fill(found: CandidateSet, count: number, end: number): void {
    const rest = this.#best.reset(count - found.size);
    // Most numbers may belong to items that no list may show, so the cheaper test comes first.
    for (let item = 0; item < end; item++) if (this.#free(item) && !found.has(item)) rest.offer(item, 0);
    for (let i = 0; i < rest.count; i++) found.add(rest.items[i]!);
  }
}
