/** What the model answers: lists for users, histories and items, and how an item fares in one. */
import type { ItemId } from '../../../bus/event/ids.ts';
import { FEATURES } from '../candidates/blend.ts';
import type { Ranked, RankedItem, Ranking, RankRequest } from '../candidates/candidate-ranker.ts';
import type { ModelConfig } from '../config.ts';
import { Top } from '../primitives/top-k.ts';
import { type Question, questionOfHistory, questionOfTraits } from '../signals/content.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { Dismissals } from '../state/dismissals.ts';
import type { Histories } from '../state/histories.ts';
import type { Numbering } from '../state/id-table.ts';
import type { Links } from '../state/links.ts';
import type { Popularity } from '../state/popularity.ts';
import { profileOf, readerOf } from '../state/profile.ts';
import { FULL, type Statistics } from '../state/statistics.ts';
import { type ContentConfig, traitTerms } from '../state/terms.ts';
import type {
  Examined,
  ItemTest,
  ListSource,
  Reason,
  Recommended,
  RecommendedList,
  RecommendRequest,
  SimilarOptions,
  Standing,
  Traits,
} from '../types.ts';
import { reasonsFor } from './explain.ts';
import { Verdicts } from './item-test-cache.ts';

const MAX_LIST = 10_000;
const NOTHING: readonly number[] = [];
const FADE_UNIT = 2 ** 20;

/** What is read; nothing of it is written here. */
export interface AnsweredFrom {
  catalogue: Catalogue;
  statistics: Statistics;
  popularity: Popularity;
  histories: Histories;
  dismissals: Dismissals;
  links: Links;
  users: Numbering;
  traits: ReadonlyMap<number, Traits>;
  ranking: Ranking;
  /** Newest position that anything was taken at, and the fold's clock. */
  head: () => { position: number; clock: number };
}

export class Answers {
  readonly #catalogue: Catalogue;
  readonly #statistics: Statistics;
  readonly #popularity: Popularity;
  readonly #histories: Histories;
  readonly #dismissals: Dismissals;
  readonly #links: Links;
  readonly #users: Numbering;
  readonly #traits: ReadonlyMap<number, Traits>;
  readonly #ranking: Ranking;
  readonly #head: AnsweredFrom['head'];
  readonly #verdicts: Verdicts;
  readonly #readBack: number;
  readonly #serveUnpublished: boolean;
  readonly #content: ContentConfig;

  constructor({ readBack, ranking, content }: ModelConfig, from: AnsweredFrom) {
    this.#catalogue = from.catalogue;
    this.#statistics = from.statistics;
    this.#popularity = from.popularity;
    this.#histories = from.histories;
    this.#dismissals = from.dismissals;
    this.#links = from.links;
    this.#users = from.users;
    this.#traits = from.traits;
    this.#ranking = from.ranking;
    this.#head = from.head;
    this.#verdicts = new Verdicts(from.catalogue);
    this.#readBack = readBack;
    this.#serveUnpublished = ranking.serveUnpublished;
    this.#content = content;
  }

  recommend(request: RecommendRequest): RecommendedList {
    return this.#answer(this.#rankRequest(request), request.explain === true);
  }

  #rankRequest(request: RecommendRequest): RankRequest {
    const { profile, reader, past, dismissed, events, traits } = this.#reader(request);
    let question: Question = questionOfHistory(profile, this.#catalogue);
    const hasHistory = profile.items.length > 0;
    if (!hasHistory) {
      question = questionOfTraits(traits === undefined ? [] : traitTerms(traits, this.#content), this.#catalogue);
    }
    const blocked: Iterable<number>[] = [this.#catalogue.numbersOf(request.exclude), dismissed];
    if (request.includeSeen !== true) blocked.push(past);
    return {
      profile,
      reader,
      past,
      events,
      question,
      blocked,
      allowed: this.#verdicts.of(request.allowed),
      count: request.n,
      position: this.#head().position,
      at: request.at ?? this.#head().clock,
      blend: hasHistory ? 'history' : 'cold',
    };
  }

  examine(request: RecommendRequest, id: ItemId): Examined {
    const item = this.#catalogue.ids.find(id);
    const asked = this.#rankRequest(request);
    const known = request.history !== undefined || asked.reader >= 0 || asked.events > 0;
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
    const { profile } = asked;
    examined.source = this.#answer(asked, false, (ranked, reasonsOf) => {
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
    const { total, negative, pairs } = this.#statistics;
    const dismissed = this.#dismissals.counts[item] ?? 0;
    examined.counts = { taken: total[item]! / FULL, negative: (negative[item] ?? 0) / FULL, dismissed };
    for (const [place, own] of profile.items.entries()) {
      const { f, b, co } = pairs.read(own, item, { f: 0, b: 0, co: 0 });
      if (co === 0) continue;
      const seq = profile.seqs[place]!;
      const of = { item: this.#catalogue.ids.id(own) as ItemId, ...(seq >= 0 ? { seq } : {}) };
      examined.pairs.push({ ...of, together: co / FULL, after: f / (64 * FULL), before: b / (64 * FULL) });
    }
    return { ...examined, ...this.#standing(request, asked, item, examined.place !== undefined) };
  }

  /** Candidates that stand before one of this score. */
  #before({ candidates, scores }: Ranked, item: number, score: number): number {
    const { ids } = this.#catalogue.ids;
    let before = 0;
    for (let row = 0; row < candidates.length; row++) {
      const other = candidates[row]!;
      if (scores[row]! > score || (scores[row] === score && ids[other]! < ids[item]!)) before++;
    }
    return before;
  }

  #standing(
    request: RecommendRequest,
    { reader, allowed, past }: RankRequest,
    item: number,
    isCandidate: boolean,
  ): { standing: Standing; seq?: number } {
    if (isCandidate) return { standing: 'candidate' };
    if (this.#catalogue.isWithdrawn(item)) return { standing: 'withdrawn' };
    const dismissal = reader < 0 ? undefined : this.#dismissals.of(reader).findLast((one) => one.item === item);
    if (dismissal) return { standing: 'dismissed', seq: dismissal.seq };
    if (request.includeSeen !== true) {
      for (let at = past.length - 1; at >= 0; at--) {
        if (past[at] !== item) continue;
        const own = request.history === undefined && reader >= 0;
        return { standing: 'seen', ...(own ? { seq: this.#histories.seqs[this.#histories.start(reader) + at]! } : {}) };
      }
    }
    if (this.#catalogue.numbersOf(request.exclude).includes(item)) return { standing: 'excluded' };
    const listed = this.#catalogue.isPublished(item);
    if (!listed && this.#statistics.total[item]! <= 0) return { standing: 'unknown' };
    if (!this.#catalogue.servable(item, this.#serveUnpublished)) return { standing: 'unpublished' };
    return { standing: allowed === undefined || allowed(item) ? 'not-found' : 'filtered' };
  }

  #reader({ user: id, history, traits }: RecommendRequest): Pick<RankRequest, 'profile' | 'reader' | 'events'> & {
    past: readonly number[] | Int32Array;
    dismissed: Iterable<number>;
    traits: Traits | undefined;
  } {
    const back = this.#readBack;
    const known = history !== undefined || id === undefined ? undefined : this.#users.find(id);
    if (known === undefined) {
      const items = this.#catalogue.numbersOf(history);
      const profile = profileOf(items, undefined, 0, items.length, back);
      return { profile, reader: -1, past: items, dismissed: NOTHING, events: items.length, traits };
    }
    const user = this.#links.root(known);
    return {
      ...readerOf(user, this.#histories, this.#dismissals, back),
      traits: traits ?? this.#traits.get(user) ?? this.#traits.get(known),
    };
  }

  /** @param look is shown the ranking before the next one overwrites it */
  #answer(
    request: RankRequest,
    explain: boolean,
    look?: (ranked: Ranked, reasonsOf: (chosen: RankedItem) => Reason[]) => void,
  ): RecommendedList {
    const count = Math.min(Math.max(Math.floor(request.count) || 0, 0), MAX_LIST);
    const ranked = this.#ranking.rank({ ...request, count });
    const { pairs, evidence } = this.#ranking;
    const reasonsOf = (chosen: RankedItem): Reason[] =>
      reasonsFor(chosen, {
        ranked,
        profile: request.profile,
        question: request.question,
        pairs,
        evidence,
        statistics: this.#statistics,
        catalogue: this.#catalogue,
      });
    look?.(ranked, reasonsOf);
    const items: Recommended[] = [];
    for (const chosen of ranked.list) {
      const answer: Recommended = { item: this.#catalogue.ids.id(chosen.item) as ItemId, score: chosen.score };
      if (explain) answer.reasons = reasonsOf(chosen);
      items.push(answer);
    }
    let source: ListSource = 'popular';
    if (pairs.count > 0) source = 'model';
    else if (request.question.terms.size > 0) source = 'content';
    return { source, items };
  }

  similar(id: ItemId, n: number, options: SimilarOptions): RecommendedList {
    const item = this.#catalogue.ids.find(id);
    if (item === undefined) return { source: 'popular', items: [] };
    const profile = profileOf([item], undefined, 0, 1, 1);
    const question = questionOfHistory(profile, this.#catalogue);
    const blocked = [[item], this.#catalogue.numbersOf(options.exclude)];
    return this.#answer(
      {
        profile,
        reader: -1,
        past: [item],
        events: 1,
        question,
        blocked,
        allowed: this.#verdicts.of(options.allowed),
        count: n,
        position: this.#head().position,
        at: this.#head().clock,
        blend: 'similar',
      },
      options.explain === true,
    );
  }

  trending(n: number, at: number, allowed?: ItemTest): RecommendedList {
    const { ids } = this.#catalogue;
    const passes = this.#verdicts.of(allowed);
    const free = (item: number): boolean =>
      this.#catalogue.servable(item, this.#serveUnpublished) && (passes === undefined || passes(item));
    const count = Math.min(Math.max(Math.floor(n) || 0, 0), MAX_LIST);
    this.#popularity.at(at, this.#statistics, ids.end);
    const lately = new Top(count, ids.ids);
    for (let item = 0; item < ids.end; item++) {
      const score = this.#popularity.short[item]!;
      if (score <= 0 || !lately.admits(score)) continue;
      if (free(item)) lately.offer(item, score);
    }
    const best = lately.sorted();
    if (best.length < count) {
      // After a quiet time too little is recent: what was taken most in all follows, with a score of 0.
      const ever = new Top(count - best.length, ids.ids);
      for (let item = 0; item < ids.end; item++) {
        const total = this.#statistics.total[item]!;
        if (total <= 0 || this.#popularity.short[item]! > 0 || !ever.admits(total)) continue;
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
