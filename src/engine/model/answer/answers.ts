/** Answers of the model: lists for users, histories and items, and how one item fares in a list. */
import type { ItemId } from '../../../bus/event/ids.ts';
import type { CandidateRanker } from '../candidates/candidate-ranker.ts';
import { FEATURES } from '../candidates/features.ts';
import type { Ranked, RankRequest, ScoredItem } from '../candidates/types.ts';
import { TopK } from '../primitives/top-k.ts';
import { type ContentQuery, queryOfHistory, queryOfTraits } from '../signals/content.ts';
import type { ModelState } from '../state/model-state.ts';
import { profileOf, targetUserOf } from '../state/profile.ts';
import { FULL } from '../state/statistics.ts';
import { type ContentConfig, traitTerms } from '../state/terms.ts';
import type { Traits } from '../state/traits.ts';
import { reasonsFor } from './explain.ts';
import { ItemTestCache } from './item-test-cache.ts';
import type {
  Examined,
  ItemStatus,
  ItemTest,
  ListSource,
  Reason,
  Recommended,
  RecommendedList,
  RecommendRequest,
  SimilarOptions,
} from './types.ts';

const MAX_LIST = 10_000;
const NOTHING: readonly number[] = [];
const FADE_UNIT = 2 ** 20;

export interface AnswersConfig {
  readBack: number;
  followLow: boolean;
  ranking: { serveUnpublished: boolean; traitsMatch: 'declared' | 'any' };
  content: ContentConfig;
}

/** What answers are computed from. Answers write nothing of it but caches. */
export interface AnswersFrom {
  state: ModelState;
  candidates: CandidateRanker;
}

export class Answers {
  readonly #config: AnswersConfig;
  readonly #state: ModelState;
  readonly #candidates: CandidateRanker;
  readonly #tests: ItemTestCache;

  constructor(config: AnswersConfig, { state, candidates }: AnswersFrom) {
    this.#config = config;
    this.#state = state;
    this.#candidates = candidates;
    this.#tests = new ItemTestCache(state.catalogue);
  }

  recommend(request: RecommendRequest): RecommendedList {
    return this.#answer(this.#rankRequest(request), request.explain === true);
  }

  #rankRequest(request: RecommendRequest): RankRequest {
    const { catalogue, head } = this.#state;
    const { profile, target, history, evidence, dismissed, historyLength, traits } = this.#target(request);
    let query: ContentQuery = queryOfHistory(profile, catalogue);
    const hasHistory = profile.items.length > 0;
    if (!hasHistory) {
      const declared = this.#config.ranking.traitsMatch === 'any' ? undefined : catalogue;
      query = queryOfTraits(traits === undefined ? [] : traitTerms(traits, this.#config.content, declared), catalogue);
    }
    const blocked: Iterable<number>[] = [catalogue.knownNumbers(request.exclude), dismissed];
    if (request.includeSeen !== true) blocked.push(history);
    return {
      profile,
      target,
      history,
      ...(evidence === undefined ? {} : { evidence }),
      historyLength,
      query,
      blocked,
      allowed: this.#tests.of(request.allowed),
      count: request.n,
      position: head.position,
      at: request.at ?? head.clock,
      blend: hasHistory ? 'history' : 'cold',
    };
  }

  #target({ user: id, history, traits }: RecommendRequest): Pick<
    RankRequest,
    'profile' | 'target' | 'historyLength' | 'evidence'
  > & {
    history: readonly number[] | Int32Array;
    dismissed: Iterable<number>;
    traits: Traits | undefined;
  } {
    const { users, links, catalogue, histories, dismissals, traits: allTraits } = this.#state;
    const back = this.#config.readBack;
    const known = history !== undefined || id === undefined ? undefined : users.find(id);
    if (known === undefined) {
      const items = catalogue.knownNumbers(history);
      const profile = profileOf(items, undefined, 0, items.length, back);
      return { profile, target: -1, history: items, dismissed: NOTHING, historyLength: items.length, traits };
    }
    const user = links.root(known);
    return {
      ...targetUserOf(user, histories, dismissals, this.#config),
      traits: traits ?? allTraits.get(user) ?? allTraits.get(known),
    };
  }

  /** @param inspect reads the ranked list before the next one overwrites it */
  #answer(
    request: RankRequest,
    explain: boolean,
    inspect?: (ranked: Ranked, reasonsOf: (chosen: ScoredItem) => Reason[]) => void,
  ): RecommendedList {
    const { catalogue, statistics } = this.#state;
    const count = lengthOf(request.count);
    const ranked = this.#candidates.rank({ ...request, count });
    const { pairs } = this.#candidates;
    const { profile, query } = request;
    const liftParts = (item: number): Float64Array[] => this.#candidates.liftParts(item, profile);
    const reasonsOf = (chosen: ScoredItem): Reason[] =>
      reasonsFor(chosen, { ranked, profile, query, pairs, liftParts, statistics, catalogue });
    inspect?.(ranked, reasonsOf);
    const items: Recommended[] = [];
    for (const chosen of ranked.list) {
      const answer: Recommended = { item: catalogue.ids.id(chosen.item) as ItemId, score: chosen.score };
      if (explain) answer.reasons = reasonsOf(chosen);
      items.push(answer);
    }
    let source: ListSource = 'popular';
    if (pairs.count > 0) source = 'model';
    else if (query.terms.length > 0) source = 'content';
    return { source, items };
  }

  examine(request: RecommendRequest, id: ItemId): Examined {
    const { catalogue, statistics, dismissals } = this.#state;
    const item = catalogue.ids.find(id);
    const ranking = this.#rankRequest(request);
    const known = request.history !== undefined || ranking.target >= 0 || ranking.historyLength > 0;
    const examined: Examined = {
      known,
      source: 'popular',
      standing: 'unknown',
      candidates: 0,
      features: [],
      reasons: [],
      counts: { taken: 0, negative: 0, dismissed: 0 },
      pairs: [],
    };
    const { profile } = ranking;
    examined.source = this.#answer(ranking, false, (ranked, reasonsOf) => {
      examined.candidates = ranked.candidates.length;
      const row = item === undefined ? -1 : ranked.candidates.indexOf(item);
      if (item === undefined || row < 0) return;
      const score = ranked.scores[row]!;
      examined.score = score;
      examined.place = 1 + this.#before(ranked, item, score);
      const weights = ranked.weightsOf(row);
      for (const [k, { name, signal }] of FEATURES.entries()) {
        const value = ranked.features[row * FEATURES.length + k]!;
        const contribution = weights[k]! * value;
        if (contribution !== 0) examined.features.push({ name, signal, value, weight: weights[k]!, contribution });
      }
      examined.features.sort((a, b) => b.contribution - a.contribution || (a.name < b.name ? -1 : 1));
      examined.reasons = reasonsOf({ item, score, row });
    }).source;
    if (item === undefined) return examined;
    const { total, negative, pairs } = statistics;
    const dismissed = dismissals.counts[item] ?? 0;
    examined.counts = { taken: total[item]! / FULL, negative: (negative[item] ?? 0) / FULL, dismissed };
    for (const [place, own] of profile.items.entries()) {
      const { f, b, co } = pairs.read(own, item, { f: 0, b: 0, co: 0 });
      if (co === 0) continue;
      const seq = profile.seqs[place]!;
      const of = { item: catalogue.ids.id(own) as ItemId, ...(seq >= 0 ? { seq } : {}) };
      examined.pairs.push({ ...of, together: co / FULL, after: f / (64 * FULL), before: b / (64 * FULL) });
    }
    return { ...examined, ...this.#status(request, ranking, item, examined.place !== undefined) };
  }

  /** Candidates that rank before an item of this score. */
  #before({ candidates, scores }: Ranked, item: number, score: number): number {
    const { ids } = this.#state.catalogue.ids;
    let before = 0;
    for (let row = 0; row < candidates.length; row++) {
      const other = candidates[row]!;
      if (scores[row]! > score || (scores[row] === score && ids[other]! < ids[item]!)) before++;
    }
    return before;
  }

  #status(
    request: RecommendRequest,
    { target, allowed, history }: RankRequest,
    item: number,
    isCandidate: boolean,
  ): { standing: ItemStatus; seq?: number } {
    const { catalogue, statistics, histories, dismissals } = this.#state;
    if (isCandidate) return { standing: 'candidate' };
    if (catalogue.isWithdrawn(item)) return { standing: 'withdrawn' };
    const dismissal = target < 0 ? undefined : dismissals.of(target).findLast((one) => one.item === item);
    if (dismissal) return { standing: 'dismissed', seq: dismissal.seq };
    if (request.includeSeen !== true) {
      for (let at = history.length - 1; at >= 0; at--) {
        if (history[at] !== item) continue;
        const own = request.history === undefined && target >= 0;
        return { standing: 'seen', ...(own ? { seq: histories.seqs[histories.start(target) + at]! } : {}) };
      }
    }
    if (catalogue.knownNumbers(request.exclude).includes(item)) return { standing: 'excluded' };
    if (!catalogue.isPublished(item) && statistics.total[item]! <= 0) return { standing: 'unknown' };
    if (!catalogue.isServable(item, this.#config.ranking.serveUnpublished)) return { standing: 'unpublished' };
    return { standing: allowed === undefined || allowed(item) ? 'not-found' : 'filtered' };
  }

  similar(id: ItemId, n: number, options: SimilarOptions): RecommendedList {
    const { catalogue, head } = this.#state;
    const item = catalogue.ids.find(id);
    if (item === undefined) return { source: 'popular', items: [] };
    const profile = profileOf([item], undefined, 0, 1, 1);
    return this.#answer(
      {
        profile,
        target: -1,
        history: [item],
        historyLength: 1,
        query: queryOfHistory(profile, catalogue),
        blocked: [[item], catalogue.knownNumbers(options.exclude)],
        allowed: this.#tests.of(options.allowed),
        count: n,
        position: head.position,
        at: head.clock,
        blend: 'similar',
      },
      options.explain === true,
    );
  }

  trending(n: number, at: number, allowed?: ItemTest): RecommendedList {
    const { catalogue, popularity, statistics } = this.#state;
    const { serveUnpublished } = this.#config.ranking;
    const { ids } = catalogue;
    const passes = this.#tests.of(allowed);
    const free = (item: number): boolean =>
      catalogue.isServable(item, serveUnpublished) && (passes === undefined || passes(item));
    const count = lengthOf(n);
    popularity.decayTo(at, statistics, ids.end);
    const lately = new TopK(count, ids.ids);
    for (let item = 0; item < ids.end; item++) {
      const score = popularity.short[item]!;
      if (score <= 0 || !lately.admits(score)) continue;
      if (free(item)) lately.offer(item, score);
    }
    const best = lately.sorted();
    if (best.length < count) {
      // After a quiet time too few items are recent: the most taken of all time follow, with a score of 0.
      const ever = new TopK(count - best.length, ids.ids);
      for (let item = 0; item < ids.end; item++) {
        const total = statistics.total[item]!;
        if (total <= 0 || popularity.short[item]! > 0 || !ever.admits(total)) continue;
        if (free(item)) ever.offer(item, total);
      }
      for (const { item } of ever.sorted()) best.push({ item, score: 0 });
    }
    const items = best.map(({ item, score }) => ({
      item: ids.id(item) as ItemId,
      score: score / (FADE_UNIT * FULL),
    }));
    return { source: 'popular', items };
  }
}

/** Length of a list for a requested length; 0 for a value that is not a number. */
function lengthOf(n: number): number {
  return Math.min(Math.max(Math.floor(n) || 0, 0), MAX_LIST);
}
