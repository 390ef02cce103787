/**
 * Learning on the stream, in the order of the log: the ranker learns from what users take and from the outcomes of
 * impressions, and the prequential windows measure lists. Counts can be taken out again, but nothing of this can; see
 * `stale`.
 */
import { createHash } from 'node:crypto';
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import type { CandidateRanker } from '../candidates/candidate-ranker.ts';
import { FEATURES } from '../candidates/features.ts';
import type { RankRequest, RawExample } from '../candidates/types.ts';
import type { RecordedInputs } from '../inputs/recorded-inputs.ts';
import { Budget } from '../ranker/budget.ts';
import type { RankerConfig } from '../ranker/config.ts';
import type { Ranker } from '../ranker/ranker.ts';
import { isEvaluated, isTrainedOn } from '../ranker/schedule.ts';
import { queryOfHistory } from '../signals/content.ts';
import type { ModelState } from '../state/model-state.ts';
import { targetUserOf } from '../state/profile.ts';
import type { ExampleMaker, ExampleSource, LearningPace } from './examples.ts';
import { Prequential, type PrequentialConfig } from './prequential.ts';
import type { Observer, ScoredEvent } from './scored-event.ts';

/**
 * Length of the lists that events are scored by, which decides how many candidates they have: as many as a list of
 * usual length.
 */
const SCORED_LENGTH = 20;
/** Up to this many examples are all evaluated, so that a young log has figures too. */
const EVALUATED_FIRST = 1_000;
/** Examples that wait for an earlier one at most; each has some hundred kilobytes. */
const WAITING = 64;

/** An example that the ranker has not come to; without a raw one, somebody else makes it. */
interface Waiting {
  seq: number;
  raw: RawExample | undefined;
}

export interface LearnerConfig {
  impressions: { places: number };
  prequential: PrequentialConfig;
  ranker: Pick<RankerConfig, 'budget' | 'dense'>;
  ranking: { serveUnpublished: boolean; includeSeen: boolean };
  readBack: number;
  followLow: boolean;
}

/** What the learner reads; of the state it writes the impressions. */
export interface LearnerFrom {
  state: ModelState;
  inputs: RecordedInputs;
  candidates: CandidateRanker;
  /** Undefined: the learner only measures. */
  ranker: Ranker | undefined;
}

/** What a learner knows, beside impressions and prequential windows. */
export interface LearnedState {
  /** Whether the ranker learned from a user who was forgotten since. */
  stale: boolean;
  /** Whether the ranker is pinned. */
  pinned: boolean;
  /** See {@link Budget.state}. */
  budget: Float64Array;
  /** See {@link Ranker.encode}; empty without a ranker. */
  ranker: Buffer;
}

/** An interaction that comes after all other events of its user. */
export interface NewInteraction {
  user: number;
  item: number;
  time: number;
  seq: number;
  /** The ids that the event names. */
  id: UserId;
  itemId: ItemId;
}

/** A request for a user's list, with the whole history. */
type LearnerRequest = RankRequest & { history: Int32Array };

/** A list that a user saw. */
export interface ShownList {
  /** The user whose history it was made for, and the id that published the event. */
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
  readonly prequential: Prequential;
  readonly #config: LearnerConfig;
  readonly #state: ModelState;
  readonly #inputs: RecordedInputs;
  readonly #candidates: CandidateRanker;
  /** What training may still cost. */
  readonly #budget: Budget;
  #stale = false;
  #pinned = false;
  #observer: Observer | undefined;
  #observed = 0;
  #source: ExampleSource | undefined;
  #maker: ExampleMaker | undefined;
  /** In the order of the log. */
  readonly #waiting: Waiting[] = [];

  constructor(config: LearnerConfig, { state, inputs, candidates, ranker }: LearnerFrom) {
    this.#config = config;
    this.#state = state;
    this.#inputs = inputs;
    this.#candidates = candidates;
    this.ranker = ranker;
    this.#budget = new Budget(config.ranker.budget);
    this.prequential = new Prequential(config.prequential, config.ranking);
  }

  /** Whether the ranker learned from a user who was forgotten since. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Whether the ranker is pinned: an operator went back to earlier weights, and it learns no more. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /**
   * Sets the observer of scored events. `every`: the learner also scores one in this many other events for the
   * observer, 0 for none.
   */
  observe(observer: Observer | undefined, every: number): void {
    this.#observer = observer;
    this.#observed = every;
  }

  /** Sets where examples come from that this learner need not make; nowhere by default. */
  learnFrom(source: ExampleSource | undefined): void {
    this.settle();
    this.#source = source;
  }

  /** From here on this learner makes examples for another one, and learns nothing. */
  makeFor(maker: ExampleMaker): void {
    this.#maker = maker;
  }

  /** What a maker must know to choose the events that this learner trains on. */
  pace(): LearningPace {
    return { effort: this.ranker?.effort ?? 0, steps: this.ranker?.steps ?? 0, budget: this.#budget.state() };
  }

  /** The budget of the learner that examples are made for. */
  keepPace({ budget }: Pick<LearningPace, 'budget'>): void {
    this.#budget.restore(budget);
  }

  /** Pins the ranker to these weights; undefined: it learns on. Throws a RangeError for weights of another ranker. */
  pin(bytes: Uint8Array | undefined): void {
    if (this.ranker === undefined) return;
    if (bytes !== undefined) this.ranker.decode(bytes);
    this.#pinned = bytes !== undefined;
  }

  /**
   * Ranks an event's item in the user's list just before the event, measures the rank, and learns from it. Ids,
   * positions, times and what was learned so far decide which events are measured and which train the ranker. An item
   * that is not among the candidates teaches nothing: in a sparse log most such items have no signal, and the ranker
   * would learn that no signal is right.
   */
  learnInteraction(interaction: NewInteraction): void {
    const { user, item, time, seq, id, itemId } = interaction;
    this.#budget.advance(time);
    const { histories } = this.#state;
    const candidates = this.#candidates;
    const length = histories.length(user);
    if (length === 0) return;
    const mayTrain = this.#mayTrain(id, itemId, seq);
    const isSampled = isEvaluated(id, itemId, seq, this.#config.prequential.every);
    const isObserved = this.#observed > 0 && isEvaluated(id, itemId, seq, this.#observed);
    if (!mayTrain && !isSampled && !isObserved) return;
    // A scan of a long history takes long, so it comes after the checks that end most events.
    const start = histories.start(user);
    const taken = histories.items.subarray(start, start + length);
    if (!this.#config.ranking.includeSeen && taken.includes(item)) return;
    const trains = mayTrain && this.#budget.take();
    const evaluates = isSampled || (trains && this.#steps < EVALUATED_FIRST);
    if (this.#maker !== undefined) {
      if (trains && !evaluates && this.#maker.claim(seq, this.#inputs.version))
        this.#maker.put(candidates.raw(this.#request(user), item));
      return;
    }
    // The scores are those of a ranker that has come to this event.
    if (isObserved || evaluates) this.settle();
    // For the observer alone: the state must stay as it is without an observer.
    if (isObserved && !evaluates) this.#observer?.(this.#scored(interaction, this.#request(user)).event);
    if (!trains && !evaluates) return;
    let request: LearnerRequest | undefined;
    if (this.#inputs.isChallenged) {
      request = this.#request(user);
      this.#inputs.compare(request.history, item, candidates.sample());
    }
    if (!evaluates) {
      if (this.#source?.isMade(seq, this.#inputs.version)) this.#waiting.push({ seq, raw: undefined });
      else this.#train(seq, request ?? this.#request(user), item);
      return;
    }
    const { event, row, means } = this.#scored(interaction, request ?? this.#request(user));
    this.prequential.observe(event);
    if (isObserved || this.#observed === 0) this.#observer?.(event);
    const { features, profile } = event;
    if (trains && row >= 0)
      this.ranker?.learn({ features, means, rows: event.candidates.length, row }, profile.items.length);
  }

  /** The ranker learns from an example that this learner makes, at once or when it has come to it. */
  #train(seq: number, request: LearnerRequest, item: number): void {
    // It would overwrite the values of the example.
    this.#drain();
    const raw = this.#candidates.raw(request, item);
    if (raw === undefined) return;
    if (this.#waiting.length === 0) {
      this.#learn(raw);
      return;
    }
    this.#waiting.push({ seq, raw: { ...raw, values: raw.values.slice() } });
    if (this.#waiting.length >= WAITING) this.settle();
  }

  #learn(raw: RawExample): void {
    this.ranker?.learn(this.#candidates.exampleOf(raw), raw.effort);
  }

  /** Learns from the examples that are there. */
  #drain(): void {
    const waiting = this.#waiting;
    while (waiting.length > 0 && (waiting[0]!.raw !== undefined || this.#source!.isReady(waiting[0]!.seq)))
      this.#learnNext();
  }

  #learnNext(): void {
    const { seq, raw = this.#source!.take(seq) } = this.#waiting.shift()!;
    if (raw !== undefined) this.#learn(raw);
  }

  /** Learns from the examples that others make, and waits for them: the ranker then is that of this position. */
  settle(): void {
    while (this.#waiting.length > 0) this.#learnNext();
  }

  get #steps(): number {
    return this.#maker?.steps() ?? this.ranker?.steps ?? 0;
  }

  #scored(
    { user, item, time, seq }: NewInteraction,
    request: LearnerRequest,
  ): { event: ScoredEvent; row: number; means: Float64Array } {
    const { popularity, statistics, catalogue } = this.#state;
    const { candidates, features, scores, means } = this.#candidates.rank(request);
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
      seen: request.history,
      profile: request.profile,
      popularity,
      statistics,
      catalogue,
    };
    return { event, row, means };
  }

  /** Whether an event may train the ranker, and the budget has a token. */
  #mayTrain(user: string, what: string, seq: number): boolean {
    if (this.ranker === undefined || this.#pinned || this.#budget.isEmpty) return false;
    const { ranker, readBack } = this.#config;
    const trains = (effort: number): boolean => isTrainedOn(user, what, seq, effort / readBack, ranker.dense);
    const effort = this.#maker?.effort() ?? this.ranker.effort;
    if (!trains(effort)) return false;
    // The more the ranker has learned, the fewer events train it, and the waiting examples count as well.
    if (this.#waiting.length === 0 || trains(effort + this.#waiting.length * readBack)) return true;
    this.settle();
    return trains(this.ranker.effort);
  }

  /** The request for a user's list at the present position. */
  #request(user: number): LearnerRequest {
    const { histories, dismissals, catalogue, head } = this.#state;
    const { dismissed, ...target } = targetUserOf(user, histories, dismissals, this.#config);
    const blocked: Iterable<number>[] = [dismissed];
    if (!this.#config.ranking.includeSeen) blocked.push(target.history);
    return {
      ...target,
      query: queryOfHistory(target.profile, catalogue),
      blocked,
      count: SCORED_LENGTH,
      position: head.position,
      at: head.clock,
      blend: 'history',
    };
  }

  /** Keeps a list that a user saw as an impression, if the ranker is to learn from its outcome. */
  serve({ user, origin, id, list, items, time, seq }: ShownList): void {
    if (this.ranker === undefined) return;
    const { histories, catalogue, impressions } = this.#state;
    this.#budget.advance(time);
    const length = histories.length(user);
    if (length === 0 || !this.#mayTrain(id, list, seq)) return;
    const known = catalogue.knownNumbers(items).filter((item) => this.#candidates.isItem(item));
    const shown = [...new Set(known)].slice(0, this.#config.impressions.places);
    if (shown.length < 2 || !this.#budget.take() || this.#maker !== undefined) return;
    this.settle();
    const { candidates, features, means } = this.#candidates.rank({
      ...this.#request(user),
      include: shown,
    });
    const strength = this.#candidates.strengthOf(means);
    const rows = new Map(candidates.map((item, row) => [item, row]));
    const columns = FEATURES.length;
    const kept = new Float32Array(shown.length * columns);
    for (const [place, item] of shown.entries()) {
      const from = rows.get(item)! * columns;
      kept.set(features.subarray(from, from + columns), place * columns);
    }
    impressions.add({
      list,
      origin,
      seq,
      historyLength: length,
      strength,
      items: Int32Array.from(shown),
      features: kept,
    });
  }

  /** Learns the outcome of one item of an impression; false if the model does not know the impression or the item. */
  learnOutcome(origin: number, itemId: ItemId, list: string | undefined, outcome: 'positive' | 'negative'): boolean {
    const item = this.#state.catalogue.ids.find(itemId);
    const shown = list === undefined ? undefined : this.#state.impressions.find(origin, list);
    if (this.ranker === undefined || this.#pinned || shown === undefined || item === undefined) return false;
    const place = shown.items.indexOf(item);
    if (place < 0) return false;
    this.settle();
    this.#candidates.prepareRanker(shown.historyLength, shown.strength);
    this.ranker.learnImpression(Float64Array.from(shown.features), shown.items.length, place, outcome);
    return true;
  }

  /** Drops the impressions of a user. What the ranker learned from the user stays, and makes the ranker stale. */
  forget(user: number): void {
    if (this.ranker !== undefined && this.ranker.steps > 0) this.#stale = true;
    this.#state.impressions.forget(user);
  }

  /** Takes over what another learner has learned. */
  restore(other: Learner): void {
    if (this.ranker === undefined || other.ranker === undefined) return;
    this.ranker.restore(other.ranker.state());
    this.#budget.restore(other.#budget.state());
    this.#stale = other.#stale;
  }

  /** SHA-256, hex, of what the ranker has learned. */
  rankerHash(): string {
    return this.ranker?.hash() ?? createHash('sha256').digest('hex');
  }

  /** A copy of what the learner knows. */
  learned(): LearnedState {
    const ranker = this.ranker?.encode() ?? Buffer.alloc(0);
    return { stale: this.#stale, pinned: this.#pinned, budget: this.#budget.state(), ranker };
  }

  /** Restores what {@link learned} gave. Throws a RangeError for a ranker of another shape. */
  restoreLearned({ stale, pinned, budget, ranker }: LearnedState): void {
    this.#stale = stale;
    this.#pinned = pinned;
    this.#budget.restore(budget);
    this.ranker?.decode(ranker);
  }
}

/** Rank of a row by score, from 1; rows of equal score count half. */
function rankOf(scores: Float64Array, rows: number, row: number): number {
  let above = 0;
  let same = 0;
  for (let other = 0; other < rows; other++) {
    if (scores[other]! > scores[row]!) above++;
    else if (scores[other] === scores[row]) same++;
  }
  return above + (same + 1) / 2;
}
