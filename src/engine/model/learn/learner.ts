/**
 * What is learned on the stream, in the order of the log: the ranker from what users take and from what became of lists
 * that were shown, and how good the lists were. Unlike counts none of it can be taken back; see `stale`.
 */
import { createHash } from 'node:crypto';
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import { FEATURES } from '../candidates/blend.ts';
import type { Ranking, RankRequest } from '../candidates/candidate-ranker.ts';
import type { ModelConfig } from '../config.ts';
import { Budget } from '../ranker/budget.ts';
import type { Ranker } from '../ranker/ranker.ts';
import { isMeasured, isTaught } from '../ranker/schedule.ts';
import { decodeLearned, encodeLearned } from '../serialization/ranker-section.ts';
import { questionOfHistory } from '../signals/content.ts';
import type { MappedSignals } from '../signals/mapped.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { Dismissals } from '../state/dismissals.ts';
import type { Histories } from '../state/histories.ts';
import { Impressions } from '../state/impressions.ts';
import type { Popularity } from '../state/popularity.ts';
import { readerOf } from '../state/profile.ts';
import type { Statistics } from '../state/statistics.ts';
import { Prequential } from './prequential.ts';
import type { Observer, ScoredEvent } from './scored-event.ts';

/** What candidates are looked for when an event is scored: as many as for a list of usual length. */
const SCORED_LENGTH = 20;
/** So many of the first examples are measured all, so that a young log has figures as well. */
const MEASURED_FIRST = 1_000;

/** What is read while learning. */
export interface LearnedFrom {
  catalogue: Catalogue;
  statistics: Statistics;
  popularity: Popularity;
  histories: Histories;
  dismissals: Dismissals;
  mapped: MappedSignals;
  ranking: Ranking;
  /** Undefined: nothing is learned, only measured. */
  ranker: Ranker | undefined;
  /** Newest position that anything was taken at, and the fold's clock. */
  head: () => { position: number; clock: number };
}

/** An event that comes behind all that its user did. */
export interface Step {
  user: number;
  item: number;
  time: number;
  seq: number;
  /** The ids as published. */
  id: UserId;
  itemId: ItemId;
}

/** A list that was shown. */
export interface Shown {
  /** Whose history it was made for, and under which id. */
  user: number;
  origin: number;
  id: UserId;
  list: string;
  items: Iterable<ItemId>;
  time: number;
  seq: number;
}

export class Learner {
  readonly ranker: Ranker | undefined;
  readonly impressions: Impressions;
  readonly prequential: Prequential;
  readonly #config: ModelConfig;
  readonly #from: LearnedFrom;
  /** What may still be looked at to learn from it. */
  readonly #budget: Budget;
  #stale = false;
  #pinned = false;
  #observer: Observer | undefined;
  #observed = 0;

  constructor(config: ModelConfig, from: LearnedFrom) {
    this.#config = config;
    this.#from = from;
    this.ranker = from.ranker;
    this.impressions = new Impressions(config.impressions);
    this.#budget = new Budget(config.ranker.budget);
    this.prequential = new Prequential(config.prequential, {
      serveUnpublished: config.ranking.serveUnpublished,
      includeSeen: config.ranking.includeSeen,
    });
  }

  /** Whether the ranker has learned from somebody who was forgotten since. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Whether the ranker stays as it is: somebody went back to what it was. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /** Tells of every event that is scored, from here on; `every`: one in so many of all others as well, 0 for none. */
  observe(observer: Observer | undefined, every: number): void {
    this.#observer = observer;
    this.#observed = every;
  }

  /** Holds the ranker at these weights, or lets go of it. Throws a RangeError for weights of another ranker. */
  pin(bytes: Uint8Array | undefined): void {
    if (this.ranker === undefined) return;
    if (bytes !== undefined) this.ranker.decode(bytes);
    this.#pinned = bytes !== undefined;
  }

  /**
   * Ranks an event's item as the user's list would just before it, measures where it stood, and learns from it. Which
   * events are measured and which are learned from is a function of ids, positions, times and what was learned so far.
   * An item that wasn't among the candidates teaches nothing: in a sparse log most have no signal, and the ranker would
   * learn that no signal is right.
   */
  follow(step: Step): void {
    const { user, item, time, seq, id, itemId } = step;
    this.#budget.follow(time);
    const { histories, mapped, ranking } = this.#from;
    const length = histories.length(user);
    if (length === 0) return;
    const wanted = this.#isWanted(id, itemId, seq);
    const sampled = isMeasured(id, itemId, seq, this.#config.prequential.every);
    const chosen = this.#observed > 0 && isMeasured(id, itemId, seq, this.#observed);
    if (!wanted && !sampled && !chosen) return;
    // Long histories take long to look through, so that comes after what most events end at.
    const start = histories.start(user);
    const seen = histories.items.subarray(start, start + length);
    if (!this.#config.ranking.includeSeen && seen.includes(item)) return;
    const teaches = wanted && this.#budget.take();
    const measured = sampled || (teaches && this.ranker!.steps < MEASURED_FIRST);
    // Looked at only: what follows has to be as it is where nobody looks.
    if (chosen && !measured) this.#observer?.(this.#scored(step, seen).event);
    if (!teaches && !measured) return;
    if (mapped.isChallenged) mapped.judge(seen, item, ranking.sample());
    if (!measured) {
      const request = this.#request(user);
      const example = ranking.example(request, item);
      if (example !== undefined) this.ranker?.learn(example, request.profile.items.length);
      return;
    }
    const { event, row, means } = this.#scored(step, seen);
    this.prequential.observe(event);
    if (chosen || this.#observed === 0) this.#observer?.(event);
    const { features, candidates, profile } = event;
    if (teaches && row >= 0)
      this.ranker?.learn({ features, means, rows: candidates.length, row }, profile.items.length);
  }

  #scored({ user, item, time, seq }: Step, seen: Int32Array): { event: ScoredEvent; row: number; means: Float64Array } {
    const { ranking, popularity, statistics, catalogue } = this.#from;
    const request = this.#request(user);
    const { candidates, features, scores, means } = ranking.rank(request);
    const row = candidates.indexOf(item);
    const event: ScoredEvent = {
      user,
      item,
      seq,
      time,
      rank: row < 0 ? 0 : rankOf(scores, candidates.length, row),
      row,
      candidates,
      features,
      scores,
      seen,
      profile: request.profile,
      popularity,
      statistics,
      catalogue,
    };
    return { event, row, means };
  }

  /** Whether an event is one to learn from, and there is a token for it. */
  #isWanted(user: string, what: string, seq: number): boolean {
    if (this.ranker === undefined || this.#pinned || this.#budget.isEmpty) return false;
    const learned = this.ranker.effort / this.#config.readBack;
    return isTaught(user, what, seq, learned, this.#config.ranker.dense);
  }

  /** What the list of a user as it is now is asked for by. */
  #request(user: number): RankRequest {
    const { histories, dismissals, catalogue, head } = this.#from;
    const { dismissed, ...reader } = readerOf(user, histories, dismissals, this.#config.readBack);
    const blocked: Iterable<number>[] = [dismissed];
    if (!this.#config.ranking.includeSeen) blocked.push(reader.past);
    const { position, clock } = head();
    return {
      ...reader,
      question: questionOfHistory(reader.profile, catalogue),
      blocked,
      count: SCORED_LENGTH,
      position,
      at: clock,
      blend: 'history',
    };
  }

  /** Keeps a list that was shown, if it is one to learn from once it is known what became of it. */
  serve({ user, origin, id, list, items, time, seq }: Shown): void {
    if (this.ranker === undefined) return;
    const { histories, catalogue, ranking } = this.#from;
    this.#budget.follow(time);
    const length = histories.length(user);
    if (length === 0 || !this.#isWanted(id, list, seq)) return;
    const known = catalogue.numbersOf(items).filter((item) => ranking.isItem(item));
    const shown = [...new Set(known)].slice(0, this.#config.impressions.places);
    if (shown.length < 2 || !this.#budget.take()) return;
    const { candidates, features, means } = ranking.rank({ ...this.#request(user), include: shown });
    const strength = ranking.strengthOf(means);
    const rows = new Map(candidates.map((item, row) => [item, row]));
    const columns = FEATURES.length;
    const kept = new Float32Array(shown.length * columns);
    for (const [place, item] of shown.entries()) {
      const from = rows.get(item)! * columns;
      kept.set(features.subarray(from, from + columns), place * columns);
    }
    this.impressions.add({
      list,
      origin,
      seq,
      events: length,
      strength,
      items: Int32Array.from(shown),
      features: kept,
    });
  }

  /** Learns what became of an item of a list that was shown; false where that is not known of. */
  outcome(origin: number, itemId: ItemId, list: string | undefined, outcome: 'taken' | 'refused'): boolean {
    const item = this.#from.catalogue.ids.find(itemId);
    const shown = list === undefined ? undefined : this.impressions.find(origin, list);
    if (this.ranker === undefined || this.#pinned || shown === undefined || item === undefined) return false;
    const place = shown.items.indexOf(item);
    if (place < 0) return false;
    this.#from.ranking.foldRanker(shown.events, shown.strength);
    this.ranker.learnShown(Float64Array.from(shown.features), shown.items.length, place, outcome);
    return true;
  }

  /** Forgets what is kept of somebody; what was learned from them stays, and is stale. */
  forget(user: number): void {
    if (this.ranker !== undefined && this.ranker.steps > 0) this.#stale = true;
    this.impressions.forget(user);
  }

  /** Takes over what another one has learned. */
  restore(other: Learner): void {
    if (this.ranker === undefined || other.ranker === undefined) return;
    this.ranker.restore(other.ranker.state());
    this.#budget.restore(other.#budget.state());
    this.#stale = other.#stale;
  }

  /** SHA-256, hex, of what the ranker knows. */
  rankerHash(): string {
    return this.ranker?.hash() ?? createHash('sha256').digest('hex');
  }

  /** Ranker and budget; impressions and quality have sections of their own. */
  encode(): Buffer {
    const ranker = this.ranker?.encode() ?? Buffer.alloc(0);
    return encodeLearned({ stale: this.#stale, pinned: this.#pinned, budget: this.#budget.state(), ranker });
  }

  /** Takes over what {@link encode} wrote. Throws a RangeError for a ranker of another shape. */
  decode(bytes: Buffer): void {
    const { stale, pinned, budget, ranker } = decodeLearned(bytes);
    this.#stale = stale;
    this.#pinned = pinned;
    this.#budget.restore(budget);
    this.ranker?.decode(ranker);
  }
}

/** Place of a row by score, from 1; those of the same score count half. */
function rankOf(scores: Float64Array, rows: number, row: number): number {
  let above = 0;
  let same = 0;
  for (let other = 0; other < rows; other++) {
    if (scores[other]! > scores[row]!) above++;
    else if (scores[other] === scores[row]) same++;
  }
  return above + (same + 1) / 2;
}
