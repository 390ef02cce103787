/**
 * From a profile to a ranked list: the best of each signal become candidates, each candidate gets the value of every
 * signal, the blend scores them. Candidates stand in an order that their ids alone decide while numbers are added up, so
 * that a list is the same wherever it is computed.
 */

import { Top } from '../primitives/top-k.ts';
import { strengthOf } from '../ranker/gates.ts';
import type { Ranker } from '../ranker/ranker.ts';
import { AGE_DEFAULTS, type AgeConfig, Newest, newness } from '../signals/age.ts';
import { ContentSearch, Likeness, type Question, questionOfLast } from '../signals/content.ts';
import { Damping } from '../signals/damping.ts';
import { DIRECTED_CHANNELS } from '../signals/directed.ts';
import { Evidence } from '../signals/lift.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import {
  NEIGHBOUR_CHANNELS,
  NEIGHBOUR_DEFAULTS,
  NEIGHBOUR_STRIDE,
  NEIGHBOUR_UNIT,
  type NeighbourConfig,
  Neighbours,
} from '../signals/neighbours.ts';
import { PAIR_CHANNELS, PairSums } from '../signals/pair-sums.ts';
import { addRecency } from '../signals/recency.ts';
import { TOGETHER_CHANNELS } from '../signals/together.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { Dismissals } from '../state/dismissals.ts';
import type { Histories } from '../state/histories.ts';
import type { Popularity } from '../state/popularity.ts';
import type { Postings } from '../state/postings.ts';
import type { Profile } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';
import {
  type BlendWeights,
  COLD_DEFAULTS,
  COLUMN,
  FEATURES,
  LONG_DEFAULTS,
  mixByLength,
  SHORT_DEFAULTS,
  SIMILAR_DEFAULTS,
  toFeatures,
  weightColumns,
} from './blend.ts';

export interface RankingConfig extends AgeConfig, NeighbourConfig {
  /** Candidates of the directed counts. */
  directedCandidates: number;
  /** Candidates of the symmetric counts. */
  togetherCandidates: number;
  /** Candidates of sequence neighbours. */
  neighbourCandidates: number;
  /** Candidates by content. */
  contentCandidates: number;
  /** Candidates by decayed popularity. */
  popularCandidates: number;
  /** Candidates among the items listed last. */
  newCandidates: number;
  /** Candidates among items with few events of their own, by what their features promise. */
  promisedCandidates: number;
  /** Items that those are chosen from: the ones listed last of all with few events. */
  promisedAmong: number;
  /** Share of what came before in the sum that directed candidates are chosen by. */
  beforeShare: number;
  /** Weights for readers with a few events; in between, the two are mixed. */
  short: BlendWeights;
  /** Weights for readers with a long history. */
  long: BlendWeights;
  /** Weights for readers without one. */
  cold: BlendWeights;
  /** Weights for items that go with an item. */
  similar: BlendWeights;
  /** Whether items of a user's own history may come back; decides what the ranker learns from. */
  includeSeen: boolean;
  /** Whether items that were never published may be served; needed where interactions come without a catalogue. */
  serveUnpublished: boolean;
}

export const RANKING_DEFAULTS: RankingConfig = {
  ...AGE_DEFAULTS,
  ...NEIGHBOUR_DEFAULTS,
  directedCandidates: 120,
  togetherCandidates: 60,
  neighbourCandidates: 60,
  contentCandidates: 60,
  popularCandidates: 60,
  newCandidates: 20,
  promisedCandidates: 30,
  promisedAmong: 1_024,
  beforeShare: 0.3,
  short: SHORT_DEFAULTS,
  long: LONG_DEFAULTS,
  cold: COLD_DEFAULTS,
  similar: SIMILAR_DEFAULTS,
  includeSeen: false,
  serveUnpublished: false,
};

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
const MAPPED_COLUMNS = [
  ['content', COLUMN.whitened],
  ['towers', COLUMN.towers],
] as const;
/** Pair channels of the directed counts, which stand before those of the symmetric ones; each kind shares its damping. */
const DIRECTED = DIRECTED_CHANNELS.length;
const UNITS = Float64Array.from(PAIR_CHANNELS, ({ unit }) => 1 / unit);

export interface RankRequest {
  profile: Profile;
  /** Number of the user whose profile it is, -1 for none. */
  reader: number;
  /** All that was taken, oldest first. */
  past: ArrayLike<number>;
  /** Events of the whole history, also beyond the profile's reach. */
  events: number;
  question: Question;
  /** Which items may be in the list beside those; undefined: all. */
  allowed?: ((item: number) => boolean) | undefined;
  /** Items that may not be in the list, by number; repeats are fine. */
  blocked: readonly Iterable<number>[];
  count: number;
  /** Candidates in any case. */
  include?: readonly number[];
  /** Newest position of the log that anything was taken at. */
  position: number;
  /** Time for popularity and newness, milliseconds. */
  at: number;
  /** `similar`: nothing but what speaks for going together; what has none of it isn't listed. */
  blend: 'history' | 'cold' | 'similar';
}

export interface RankedItem {
  item: number;
  score: number;
  /** Row of the feature table of the same {@link Ranked}. */
  row: number;
}

/** A ranked list, and what explains it until the next one is computed. */
export interface Ranked {
  list: RankedItem[];
  /** Candidates, in an order that their ids alone decide. */
  candidates: number[];
  /** Features, `row * FEATURES.length + column`, valid until the next list is computed. */
  features: Float64Array;
  /** Scores by row, valid until the next list is computed; there may be more room than rows. */
  scores: Float64Array;
  /** Means of what was positive by column, before it became a feature. */
  means: Float64Array;
  /** Weights by column that make the score of a row, while the list is the last that was computed. */
  weightsOf: (row: number) => Float64Array;
}

/** Features of candidates as of {@link Ranked}, and the row of what was taken. */
export interface Example {
  features: Float64Array;
  /** Means of what was positive by column, before it became a feature. */
  means: Float64Array;
  rows: number;
  row: number;
}

/** What lists are computed from. */
export interface RankedFrom {
  catalogue: Catalogue;
  statistics: Statistics;
  popularity: Popularity;
  histories: Histories;
  postings: Postings;
  dismissals: Dismissals;
  /** Corrects the weights of lists for a history; undefined: they are the blend's alone. */
  ranker: Ranker | undefined;
  /** What recorded inputs say. */
  mapped: MappedSignals;
  /** Ids of users by number. */
  users: readonly string[];
}

/**
 * Share of the configured numbers of candidates. Each candidate is looked at through each item of the history, so that
 * long histories take fewer. Measured: MovieLens 100K (30 items read back) is as accurate with 0.4 of them as with all,
 * Amazon Beauty (8 items) loses 1 % in hit rate. What is learned from has as many as a list that is served: what values
 * usually are (ranker/means.ts) is a matter of how many are looked at.
 */
function shareOf({ profile }: RankRequest): number {
  return Math.min(1, Math.max(LEAST_SHARE, WHOLE_SHARE_ITEMS / profile.items.length));
}

export class Ranking {
  readonly pairs: PairSums;
  readonly evidence: Evidence;
  readonly #neighbours: Neighbours;
  #histories: Histories;
  #postings: Postings;
  #config: RankingConfig;
  #catalogue: Catalogue;
  #statistics: Statistics;
  #popularity: Popularity;
  #dismissals: Dismissals;
  #ranker: Ranker | undefined;
  #mapped: MappedSignals;
  #mixed = new Float64Array(FEATURES.length);
  #table = new Float64Array(0);
  #scores = new Float64Array(0);
  #content = new ContentSearch();
  #likeness = new Likeness();
  /** The best by what is looked at just now, one after the other; the second where two are looked for at once. */
  #best: Top;
  #second: Top;
  #newest: Newest;
  /** Scratch: items with few events. */
  #few = new Int32Array(0);
  #directedDamping = new Damping(DIRECTED_CHANNELS[0]!.target);
  #togetherDamping = new Damping(TOGETHER_CHANNELS[0]!.target);
  #weights: Record<'short' | 'long' | 'cold' | 'similar', Float64Array>;
  /** f, b and co of candidates with one item of the history; numbers of the candidates. */
  #counts = new Float64Array(0);
  #numbers = new Int32Array(0);
  #blocked = new Int32Array(64);
  #stamp = 0;
  #allowed: ((item: number) => boolean) | undefined;

  constructor(config: RankingConfig, from: RankedFrom) {
    const { catalogue, statistics, popularity, histories, postings, dismissals, ranker, mapped, users } = from;
    this.#mapped = mapped;
    this.#config = config;
    this.pairs = new PairSums(config.beforeShare);
    this.#histories = histories;
    this.#postings = postings;
    this.#neighbours = new Neighbours(config, users);
    this.#catalogue = catalogue;
    this.#statistics = statistics;
    this.#popularity = popularity;
    this.#dismissals = dismissals;
    this.#ranker = ranker;
    this.#best = new Top(0, catalogue.ids.ids);
    this.#second = new Top(0, catalogue.ids.ids);
    this.evidence = new Evidence({
      statistics,
      directedDamping: this.#directedDamping,
      togetherDamping: this.#togetherDamping,
    });
    this.#newest = new Newest(NEWEST_KEPT, catalogue);
    this.#weights = {
      short: weightColumns(config.short),
      long: weightColumns(config.long),
      cold: weightColumns(config.cold),
      similar: weightColumns(config.similar),
    };
  }

  /**
   * Whether there is an item of this number. Having one says nothing: that of an item whose events were all taken back
   * stays until the model is read from a state, where it has none.
   */
  isItem(item: number): boolean {
    return this.#statistics.total[item]! > 0 || this.#catalogue.isPublished(item);
  }

  #free(item: number): boolean {
    if (this.#blocked[item] === this.#stamp) return false;
    if (!this.#catalogue.servable(item, this.#config.serveUnpublished)) return false;
    if (!this.isItem(item)) return false;
    return this.#allowed === undefined || this.#allowed(item);
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

  rank(request: RankRequest): Ranked {
    const candidates = this.#find(request);
    const { features, means } = this.#features(request, candidates);
    const { scores, weightsOf } = this.#score(request, features, candidates.length, means);
    const best = this.#best.restart(Math.min(request.count, candidates.length));
    const rows = new Map<number, number>();
    for (let row = 0; row < candidates.length; row++) {
      const score = scores[row]!;
      if (!best.admits(score)) continue;
      best.offer(candidates[row]!, score);
      rows.set(candidates[row]!, row);
    }
    const list = best.sorted().map(({ item, score }) => ({ item, score, row: rows.get(item)! }));
    return { list, candidates, features, scores, means, weightsOf };
  }

  /** What the ranker learns from: features of all candidates, if this item is one of them; nothing is scored. */
  example(request: RankRequest, item: number): Example | undefined {
    const candidates = this.#find(request);
    const row = candidates.indexOf(item);
    if (row < 0) return undefined;
    const { features, means } = this.#features(request, candidates);
    this.foldRanker(request.events, this.strengthOf(means));
    return { features, means, rows: candidates.length, row };
  }

  #find(request: RankRequest): number[] {
    const end = this.#catalogue.ids.end;
    this.#block(request.blocked, end);
    this.#allowed = request.allowed;
    this.pairs.reserve(end);
    this.#content.reserve(end);
    this.pairs.gather(request.profile, this.#statistics);
    this.#popularity.at(request.at, this.#statistics, end);
    return this.#candidates(request, end);
  }

  #features(request: RankRequest, candidates: readonly number[]): Pick<Ranked, 'features' | 'means'> {
    const features = this.#values(request, candidates);
    const usual = request.blend === 'history' ? this.#ranker?.means : undefined;
    return { features, means: toFeatures(features, candidates.length, usual) };
  }

  /** Prepares the ranker for features of a list that was made earlier, for a history of this many events. */
  foldRanker(events: number, strength: number): void {
    this.#ranker?.fold(mixByLength(this.#weights.short, this.#weights.long, events, this.#mixed), events, strength);
  }

  /** How strong the evidence of a list is, by its means as they were before they became features. */
  strengthOf(means: Float64Array): number {
    return strengthOf(means[COLUMN.strength]!, this.#ranker?.means[COLUMN.strength] ?? 0);
  }

  #score(
    { blend, events }: RankRequest,
    features: Float64Array,
    rows: number,
    means: Float64Array,
  ): { scores: Float64Array; weightsOf: (row: number) => Float64Array } {
    const ranker = this.#ranker;
    if (blend === 'history' && ranker !== undefined) {
      this.foldRanker(events, this.strengthOf(means));
      return { scores: ranker.score(features, rows), weightsOf: (row) => ranker.weightsOf(features, row) };
    }
    const weights =
      blend === 'history'
        ? mixByLength(this.#weights.short, this.#weights.long, events, this.#mixed)
        : this.#weights[blend];
    if (this.#scores.length < rows) this.#scores = new Float64Array(rows * 2);
    const columns = FEATURES.length;
    for (let row = 0; row < rows; row++) {
      let score = 0;
      for (let k = 0; k < columns; k++) score += weights[k]! * features[row * columns + k]!;
      this.#scores[row] = score;
    }
    return { scores: this.#scores, weightsOf: () => weights };
  }

  #candidates(request: RankRequest, end: number): number[] {
    const config = this.#config;
    const statistics = this.#statistics;
    const found = new Set<number>(request.include);
    // A list longer than usual needs more of everything.
    const more = Math.max(0, request.count - USUAL_LENGTH);
    const share = shareOf(request);
    const directed = this.#best.restart(Math.ceil(config.directedCandidates * share) + more);
    const together = this.#second.restart(Math.ceil(config.togetherCandidates * share));
    const { touched, found: sums } = this.pairs;
    const count = this.pairs.count;
    const directedDamping = this.#directedDamping;
    const togetherDamping = this.#togetherDamping;
    for (let i = 0; i < count; i++) {
      const item = touched[i]!;
      // No damping is above 1, so what falls short without it needn't be looked at further; most items do.
      const base = sums[item * 2]!;
      if (directed.admits(base)) {
        const score = base * directedDamping.of(item, statistics);
        if (directed.admits(score) && this.#free(item)) directed.offer(item, score);
      }
      const symmetric = sums[item * 2 + 1]!;
      if (together.admits(symmetric)) {
        const score = symmetric * togetherDamping.of(item, statistics);
        if (together.admits(score) && this.#free(item)) together.offer(item, score);
      }
    }
    directed.addTo(found);
    together.addTo(found);
    this.#addNeighbours(request, found, end);
    this.#content.search(request.question, this.#catalogue);
    const content = this.#best.restart(
      Math.ceil(config.contentCandidates * share) + (request.blend === 'history' ? 0 : more),
    );
    for (let i = 0; i < this.#content.count; i++) {
      const item = this.#content.touched[i]!;
      const score = this.#content.sums[item]!;
      if (content.admits(score) && this.#free(item)) content.offer(item, score);
    }
    content.addTo(found);
    if (request.blend === 'similar') return this.#catalogue.inOrder(found);
    const popular = this.#best.restart(Math.ceil(config.popularCandidates * share) + more);
    this.#popularity.offerBest(popular, end, statistics, (item) => this.#free(item));
    popular.addTo(found);
    this.#newest.refresh();
    let fresh = Math.ceil(config.newCandidates * share);
    for (const item of this.#newest.items.slice(0, config.newCandidates * 10)) {
      if (fresh === 0) break;
      if (!this.#free(item)) continue;
      found.add(item);
      fresh--;
    }
    this.#addPromising(request, found);
    if (found.size < request.count) this.#fill(found, request.count, end);
    return this.#catalogue.inOrder(found);
  }

  /** Some of the items listed last, spread over them. */
  sample(): number[] {
    this.#newest.refresh();
    const { items } = this.#newest;
    const step = Math.max(1, Math.floor(items.length / SAMPLED));
    return items.filter((_, place) => place % step === 0);
  }

  /** Of the items listed last with few events of their own, those whose features promise most. */
  #addPromising(request: RankRequest, found: Set<number>): void {
    const { promisedCandidates, promisedAmong } = this.#config;
    const { total } = this.#statistics;
    if (this.#few.length !== promisedAmong) this.#few = new Int32Array(promisedAmong);
    const few = this.#few;
    let count = 0;
    for (const item of this.#newest.items) {
      if (count === promisedAmong) break;
      if (total[item]! < FEW_EVENTS * 16 && this.#free(item)) few[count++] = item;
    }
    const best = this.#best.restart(Math.ceil(promisedCandidates * shareOf(request)));
    this.#mapped.offer(request.past, few.subarray(0, count), (item, score) => {
      if (score > 0 && best.admits(score)) best.offer(item, score);
    });
    best.addTo(found);
  }

  #addNeighbours(request: RankRequest, found: Set<number>, end: number): void {
    const { profile, reader, blend } = request;
    const near = this.#neighbours;
    // Of an item there are followers, but nobody whose history is like its own.
    const of = blend === 'similar' ? { ...profile, items: [] } : profile;
    near.gather(
      of,
      reader,
      end,
      this.#postings,
      this.#histories,
      this.#statistics,
      this.#directedDamping,
      this.#togetherDamping,
    );
    const best = this.#best.restart(Math.ceil(this.#config.neighbourCandidates * shareOf(request)));
    for (let i = 0; i < near.count; i++) {
      const item = near.touched[i]!;
      const score = near.sums[item * NEIGHBOUR_STRIDE]!;
      if (score > 0 && best.admits(score) && this.#free(item)) best.offer(item, score);
    }
    best.addTo(found);
  }

  /** The rest of the catalogue in the order of ids, for lists longer than what any signal knows. */
  #fill(found: Set<number>, count: number, end: number): void {
    const rest = this.#best.restart(count - found.size);
    for (let item = 0; item < end; item++) if (!found.has(item) && this.#free(item)) rest.offer(item, 0);
    rest.addTo(found);
  }

  #values(request: RankRequest, candidates: readonly number[]): Float64Array {
    const columns = FEATURES.length;
    const size = candidates.length * columns;
    if (this.#table.length < size) this.#table = new Float64Array(size * 2);
    const values = this.#table.subarray(0, size).fill(0);
    const { profile, question } = request;
    this.#addCounts(profile, candidates, values);
    this.#likeness.take(question, questionOfLast(profile, this.#catalogue), this.#catalogue);
    const statistics = this.#statistics;
    const { short, long } = this.#popularity;
    for (let row = 0; row < candidates.length; row++) {
      const item = candidates[row]!;
      const at = row * columns;
      if (this.#neighbours.isTouched(item)) {
        for (let k = 0; k < NEIGHBOUR_CHANNELS.length; k++) {
          values[at + COLUMN.neighbours + k] = this.#neighbours.sums[item * NEIGHBOUR_STRIDE + k]! * NEIGHBOUR_UNIT;
        }
      }
      const total = statistics.total[item] ?? 0;
      this.#likeness.fill(item, this.#catalogue, values, at + COLUMN.content, at + COLUMN.contentLast);
      values[at + COLUMN.popular] = total / 16;
      values[at + COLUMN.popularShort] = short[item]!;
      values[at + COLUMN.popularLong] = long[item]!;
      values[at + COLUMN.newness] = newness(item, request.at, this.#catalogue, this.#config);
      values[at + COLUMN.disliked] = (statistics.negative[item] ?? 0) / (total + 80);
      values[at + COLUMN.dismissed] = (16 * (this.#dismissals.counts[item] ?? 0)) / (total + 80);
    }
    for (const [kind, column] of MAPPED_COLUMNS)
      this.#mapped.fill(kind, request.past, candidates, statistics, values, column, columns);
    for (let row = 0; row < candidates.length; row++) {
      const at = row * columns;
      // Of a new item whitened likeness says the same and better: together they rank like the worse of the two.
      if (values[at + COLUMN.whitened]! > 0)
        values[at + COLUMN.content] =
          values[at + COLUMN.content]! * this.#mapped.ownShare(candidates[row]!, statistics);
    }
    addRecency(candidates, this.#postings, request.position, values, COLUMN.recency, columns);
    return values;
  }

  /** What is counted of pairs of a history's items and candidates: each row of counts is read once for all of it. */
  #addCounts({ items, backs }: Profile, candidates: readonly number[], values: Float64Array): void {
    const columns = FEATURES.length;
    const rows = candidates.length;
    const statistics = this.#statistics;
    if (this.#counts.length < rows * 3) {
      this.#counts = new Float64Array(rows * 6);
      this.#numbers = new Int32Array(rows * 2);
    }
    const counts = this.#counts;
    const numbers = this.#numbers;
    numbers.set(candidates);
    this.pairs.begin(rows);
    this.evidence.begin(candidates);
    for (let place = 0; place < items.length; place++) {
      const own = items[place]!;
      statistics.pairs.readAll(own, numbers, rows, counts);
      this.pairs.add(place, counts, rows);
      this.evidence.add(own, backs[place]![0]!, counts, values, COLUMN.evidence, columns);
    }
    const { sums } = this.pairs;
    for (let row = 0; row < rows; row++) {
      const item = candidates[row]!;
      const directed = this.#directedDamping.of(item, statistics);
      const together = this.#togetherDamping.of(item, statistics);
      for (let k = 0; k < PAIR_CHANNELS.length; k++) {
        const sum = sums[row * PAIR_CHANNELS.length + k]!;
        values[row * columns + k] = sum * (k < DIRECTED ? directed : together) * UNITS[k]!;
      }
    }
  }
}
