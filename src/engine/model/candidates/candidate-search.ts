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

/** Items listed last that are looked through for new ones, and for ones with few events. */
const NEWEST_KEPT = 4_096;
/**
 * Length of a list that the configured numbers of candidates are enough for: what is published and kept has 50 items,
 * and stands on the same candidates as the one of 20 that events are scored by.
 */
const USUAL_LENGTH = 60;
/** Items that recorded inputs are compared on. */
const SAMPLED = 200;
/** Full interactions from which on an item is found by its own evidence. */
const FEW_EVENTS = 10;
/** Least share of the candidates, and items of a history up to which all are looked for. */
const LEAST_SHARE = 0.4;
const WHOLE_SHARE_ITEMS = 12;

/**
 * Share of the configured numbers of candidates. Each candidate is looked at through each item of the history, so that
 * long histories take fewer. Measured: MovieLens 100K (30 items read back) is as accurate with 0.4 of them as with all,
 * Amazon Beauty (8 items) loses 1 % in hit rate. What is learned from has as many as a list that is served: what values
 * usually are (ranker/means.ts) is a matter of how many are looked at.
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
  /** The best by what is looked at just now, one after the other; the second where two are looked for at once. */
  readonly #best: TopK;
  readonly #second: TopK;
  /** Scratch: items with few events. */
  #few = new Int32Array(0);
  #blocked = new Int32Array(64);
  #stamp = 0;
  #allowed: ((item: number) => boolean) | undefined;

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
  }

  /**
   * Whether there is an item of this number. Having one says nothing: that of an item whose events were all taken back
   * stays until the model is read from a state, where it has none.
   */
  isItem(item: number): boolean {
    return this.#statistics.total[item]! > 0 || this.#catalogue.isPublished(item);
  }

  /** Some of the items listed last, spread over them. */
  sample(): number[] {
    this.#newest.refresh();
    const { items } = this.#newest;
    const step = Math.max(1, Math.floor(items.length / SAMPLED));
    return items.filter((_, place) => place % step === 0);
  }

  /** Candidates of a list, in an order that their ids alone decide. */
  find(request: RankRequest): number[] {
    const end = this.#catalogue.ids.end;
    const { pairs } = this.#signals;
    this.#block(request.blocked, end);
    this.#allowed = request.allowed;
    pairs.reserve(end);
    this.#content.reserve(end);
    pairs.gather(request.profile, this.#statistics);
    this.#state.popularity.at(request.at, this.#statistics, end);
    const found = new Set<number>(request.include);
    // A list longer than usual needs more of everything.
    const more = Math.max(0, request.count - USUAL_LENGTH);
    const share = shareOf(request);
    this.#addPairs(found, share, more);
    this.#addNeighbours(request, found, share, end);
    this.#addAlike(request, found, share, more);
    if (request.blend === 'similar') return this.#catalogue.inOrder(found);
    this.#addPopular(found, share, more, end);
    this.#addNew(found, share);
    this.#addColdItems(request, found, share);
    if (found.size < request.count) this.#fill(found, request.count, end);
    return this.#catalogue.inOrder(found);
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
    if (!this.#catalogue.servable(item, this.#config.serveUnpublished)) return false;
    if (!this.isItem(item)) return false;
    return this.#allowed === undefined || this.#allowed(item);
  }

  #addPairs(found: Set<number>, share: number, more: number): void {
    const statistics = this.#statistics;
    const transitions = this.#best.restart(Math.ceil(this.#config.transitionCandidates * share) + more);
    const coOccurrences = this.#second.restart(Math.ceil(this.#config.coOccurrenceCandidates * share));
    const { pairs, transitionDamping, coOccurrenceDamping } = this.#signals;
    const { touched, found: sums } = pairs;
    const count = pairs.count;
    for (let i = 0; i < count; i++) {
      const item = touched[i]!;
      // No damping is above 1, so what falls short without it needn't be looked at further; most items do.
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
    const { profile, reader, blend } = request;
    const { neighbours, transitionDamping, coOccurrenceDamping } = this.#signals;
    const { postings, histories } = this.#state;
    // Of an item there are followers, but nobody whose history is like its own.
    const of = blend === 'similar' ? { ...profile, items: [] } : profile;
    neighbours.gather(of, reader, end, postings, histories, this.#statistics, transitionDamping, coOccurrenceDamping);
    const best = this.#best.restart(Math.ceil(this.#config.neighbourCandidates * share));
    for (let i = 0; i < neighbours.count; i++) {
      const item = neighbours.touched[i]!;
      const score = neighbours.sums[item * NEIGHBOUR_STRIDE]!;
      if (score > 0 && best.admits(score) && this.#free(item)) best.offer(item, score);
    }
    best.addTo(found);
  }

  #addAlike(request: RankRequest, found: Set<number>, share: number, more: number): void {
    const search = this.#content;
    search.search(request.question, this.#catalogue);
    const best = this.#best.restart(
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
    const best = this.#best.restart(Math.ceil(this.#config.popularCandidates * share) + more);
    this.#state.popularity.offerBest(best, end, this.#statistics, (item) => this.#free(item));
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

  /** Of the items listed last with few events of their own, those whose features promise most. */
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
    const best = this.#best.restart(Math.ceil(coldItemCandidates * share));
    this.#mapped.offer(request.past, few.subarray(0, count), (item, score) => {
      if (score > 0 && best.admits(score)) best.offer(item, score);
    });
    best.addTo(found);
  }

  /** The rest of the catalogue in the order of ids, for lists longer than what any signal knows. */
  #fill(found: Set<number>, count: number, end: number): void {
    const rest = this.#best.restart(count - found.size);
    for (let item = 0; item < end; item++) if (!found.has(item) && this.#free(item)) rest.offer(item, 0);
    rest.addTo(found);
  }
}
