/** The model: a fold of events into statistics, histories and catalogue, and the questions it answers. */
import { createHash } from 'node:crypto';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../bus/event/types.ts';
import { FEATURE_SCALES, FEATURES } from './blend.ts';
import { Reader, Writer } from './bytes.ts';
import { Catalogue } from './catalogue.ts';
import { completeConfig, type ModelConfig, type PartialModelConfig } from './config.ts';
import { Dismissals } from './dismissals.ts';
import { reasonsFor } from './explain.ts';
import { Histories, type HistoryEvent } from './histories.ts';
import { Impressions } from './impressions.ts';
import {
  decodeAdopted,
  encodeAdopted,
  type InputKind,
  InputUnreadableError,
  isMapKind,
  type TrainingData,
} from './inputs.ts';
import { type Claim, Links, rootBy } from './links.ts';
import { logOrder } from './log-order.ts';
import { Numbering } from './numbering.ts';
import type { Observer, ScoredEvent } from './observer.ts';
import { type Posting, Postings, placeOf, userOf } from './postings.ts';
import { Prequential, type PrequentialReport } from './prequential.ts';
import { type Profile, profileOf } from './profile.ts';
import { Budget } from './ranker/budget.ts';
import { Ranker } from './ranker/ranker.ts';
import { isMeasured, isTaught } from './ranker/schedule.ts';
import { type Ranked, type RankedItem, Ranking, type RankRequest } from './ranking.ts';
import { MAX_ROW_ID } from './rows.ts';
import { type Question, questionOfHistory, questionOfTraits } from './signals/content.ts';
import { MappedSignals } from './signals/mapped.ts';
import { Popularity } from './signals/popularity.ts';
import { decodeState, encodeState, ModelStateUnreadableError, type StateUser } from './state.ts';
import { MAX_WEIGHT, Statistics } from './statistics.ts';
import { traitTerms } from './terms.ts';
import { Top } from './top.ts';
import { trainingDataOf } from './training-data.ts';
import type {
  CountedPart,
  Examined,
  HeldOfUser,
  InputInForce,
  Interaction,
  ItemTest,
  ListSource,
  Model,
  ModelSizes,
  Reaction,
  Reason,
  Recommended,
  RecommendedList,
  RecommendRequest,
  ServedList,
  Standing,
  Traits,
  WarningName,
} from './types.ts';
import { Verdicts } from './verdicts.ts';

const MAX_LIST = 10_000;
/** What candidates are looked for when an event is scored: as many as for a list of usual length. */
const SCORED_LENGTH = 20;
/** So many of the first examples are measured all, so that a young log has figures as well. */
const MEASURED_FIRST = 1_000;
/** Sections of the state. */
const INPUTS = 'inputs';
const PREQUENTIAL = 'prequential';
const DISMISSALS = 'dismissals';
const IMPRESSIONS = 'impressions';
const RANKER = 'ranker';
/** Flags of the ranker's section. */
const STALE = 1;
const PINNED = 2;
const NOTHING: readonly number[] = [];
const FULL = 16;
const FADE_UNIT = 2 ** 20;

/** An empty model; values left out of the configuration are the defaults. */
export function createModel(config: PartialModelConfig = {}): Model {
  return new FoldedModel(completeConfig(config));
}

class FoldedModel implements Model {
  readonly #config: ModelConfig;
  readonly #statistics: Statistics;
  readonly #catalogue: Catalogue;
  readonly #verdicts: Verdicts;
  readonly #popularity: Popularity;
  readonly #ranking: Ranking;
  readonly #mapped: MappedSignals;
  readonly #ranker: Ranker | undefined;
  /** What may still be looked at to learn from it. */
  readonly #budget: Budget;
  readonly #histories = new Histories();
  readonly #links = new Links();
  readonly #users = new Numbering();
  readonly #postings = new Postings(this.#users.ids);
  readonly #traits = new Map<number, Traits>();
  readonly #dismissals = new Dismissals();
  readonly #impressions: Impressions;
  readonly #warnings: Record<WarningName, number> = {
    'bad-weight': 0,
    'bad-time': 0,
    'bad-sequence': 0,
    'repeated-sequence': 0,
    'bad-number': 0,
    'unknown-item': 0,
    'unlisted-item': 0,
    'too-many-items': 0,
    'unknown-event': 0,
    'embedding-length': 0,
    'idle-link': 0,
  };
  readonly #prequential: Prequential;
  #clock = 0;
  /** Newest position of the log that anything was taken at. */
  #position = 0;
  /** Whether the ranker has learned from somebody who was forgotten since. */
  #stale = false;
  /** Whether the ranker stays as it is: somebody went back to what it was. */
  #pinned = false;
  #observer: Observer | undefined;
  #observed = 0;

  constructor(config: ModelConfig) {
    this.#config = config;
    this.#statistics = new Statistics(config.statistics);
    this.#prequential = new Prequential(config.prequential, {
      serveUnpublished: config.ranking.serveUnpublished,
      includeSeen: config.ranking.includeSeen,
    });
    this.#mapped = new MappedSignals(config.mapped, config.content.descriptionCharacters);
    this.#catalogue = new Catalogue(config.content, (item, fields) => {
      if (!this.#mapped.describe(item, fields)) this.#warnings['embedding-length']++;
    });
    this.#verdicts = new Verdicts(this.#catalogue);
    this.#popularity = new Popularity(config.popularity, config.statistics.bucketMs);
    this.#impressions = new Impressions(config.impressions);
    this.#ranker = config.ranker.form === 'none' ? undefined : new Ranker(config.ranker, FEATURE_SCALES);
    this.#budget = new Budget(config.ranker.budget);
    this.#ranking = new Ranking(config.ranking, {
      catalogue: this.#catalogue,
      statistics: this.#statistics,
      popularity: this.#popularity,
      histories: this.#histories,
      postings: this.#postings,
      dismissals: this.#dismissals,
      ranker: this.#ranker,
      mapped: this.#mapped,
      users: this.#users.ids,
    });
  }

  get clock(): number {
    return this.#clock;
  }

  set clock(timeMs: number) {
    if (timeMs > this.#clock) this.#clock = timeMs;
  }

  // --- catalogue ---------------------------------------------------------------------------------------------------

  publishItem(id: ItemId, fields: ItemData, listedMs = 0): void {
    if (!this.#hasRoom(id)) this.#warn('too-many-items');
    else this.#catalogue.publish(this.#item(id), this.#clean(fields), Number.isFinite(listedMs) ? listedMs : 0);
  }

  updateItem(id: ItemId, patch: ItemPatch): void {
    const item = this.#catalogue.ids.find(id);
    if (item === undefined || !this.#catalogue.update(item, this.#clean(patch))) this.#warnings['unknown-item']++;
  }

  withdrawItem(id: ItemId): void {
    if (!this.#hasRoom(id)) this.#warn('too-many-items');
    else this.#catalogue.withdraw(this.#item(id), true);
  }

  restoreItem(id: ItemId): void {
    const item = this.#catalogue.ids.find(id);
    if (item === undefined) this.#warnings['unknown-item']++;
    else this.#catalogue.withdraw(item, false);
  }

  /** Whether an item has a number, or can have one. */
  #hasRoom(id: string): boolean {
    return this.#catalogue.ids.find(id) !== undefined || this.#catalogue.ids.count <= MAX_ROW_ID;
  }

  #item(id: string): number {
    const item = this.#catalogue.number(id);
    this.#statistics.reserve(item + 1);
    return item;
  }

  /** Fields as far as the model keeps them: no more of a description than it reads, no numbers that aren't. */
  #clean<T extends ItemData | ItemPatch>(fields: T): T {
    const kept: T = { ...fields };
    if (typeof kept.description === 'string') {
      kept.description = kept.description.slice(0, this.#config.content.descriptionCharacters);
    }
    if (kept.attributes) {
      const attributes = { ...kept.attributes };
      for (const [key, value] of Object.entries(attributes)) {
        if (typeof value !== 'number' || Number.isFinite(value)) continue;
        delete attributes[key];
        this.#warnings['bad-number']++;
      }
      kept.attributes = attributes as NonNullable<T['attributes']>;
    }
    if (kept.embedding && !kept.embedding.every(Number.isFinite)) {
      delete kept.embedding;
      this.#warnings['bad-number']++;
    }
    return kept;
  }

  // --- histories ---------------------------------------------------------------------------------------------------

  interact({ user: id, item: itemId, weight, negative = 0, time, seq }: Interaction): boolean {
    if (weight === 0) return false;
    if (!isSixteenths(weight, 1) || !isSixteenths(negative, 0)) return this.#warn('bad-weight');
    if (!Number.isFinite(time)) return this.#warn('bad-time');
    if (!Number.isSafeInteger(seq) || seq < 0) return this.#warn('bad-sequence');
    if (!this.#hasRoom(itemId)) return this.#warn('too-many-items');
    const origin = this.#users.of(id);
    const user = this.#links.root(origin);
    const item = this.#item(itemId);
    // Kept all the same: whoever publishes it later finds its history.
    if (this.#catalogue.catalogued && !this.#catalogue.isPublished(item)) this.#warnings['unlisted-item']++;
    const histories = this.#histories;
    if (seq > histories.lastSeq(user)) {
      this.clock = time;
      this.#score(user, item, time, seq, id, itemId);
      this.#learn(user, item, weight, negative, time, seq, origin);
      return true;
    }
    const place = histories.find(user, seq);
    if (histories.seqs[histories.start(user) + place] === seq) return this.#warn('repeated-sequence');
    const events = histories.read(user);
    events.splice(place, 0, { item, weight, negative, time, seq, origin });
    this.#rewrite(user, events);
    return true;
  }

  observe(observer: Observer | undefined, every = 0): void {
    this.#observer = observer;
    this.#observed = every;
  }

  pinRanker(bytes: Uint8Array | undefined): void {
    if (this.#ranker === undefined) return;
    try {
      if (bytes !== undefined) this.#ranker.decode(bytes);
    } catch (err) {
      throw new InputUnreadableError('the weights are of another ranker', { cause: err });
    }
    this.#pinned = bytes !== undefined;
  }

  rankerBytes(): Buffer {
    return this.#ranker?.encode() ?? Buffer.alloc(0);
  }

  get pinned(): boolean {
    return this.#pinned;
  }

  /**
   * Ranks an event's item as the user's list would just before it, measures where it stood, and learns from it. Which
   * events are measured and which are learned from is a function of ids, positions and what was learned so far. An item
   * that wasn't among the candidates teaches nothing: in a sparse log most have no signal, and the ranker would learn
   * that no signal is right.
   */
  #score(user: number, item: number, time: number, seq: number, id: UserId, itemId: ItemId): void {
    this.#budget.follow(time);
    const length = this.#histories.length(user);
    if (length === 0) return;
    const start = this.#histories.start(user);
    const seen = this.#histories.items.subarray(start, start + length);
    if (!this.#config.ranking.includeSeen && seen.includes(item)) return;
    const teaches = this.#teaches(id, itemId, seq);
    const early = teaches && this.#ranker!.steps < MEASURED_FIRST;
    const measured = early || isMeasured(id, itemId, seq, this.#config.prequential.every);
    const chosen = this.#observed > 0 && isMeasured(id, itemId, seq, this.#observed);
    const observed = chosen && !measured;
    // Looked at only: what follows has to be as it is where nobody looks.
    if (observed) this.#observer?.(this.#scored(user, item, time, seq, seen).event);
    if (!teaches && !measured) return;
    if (this.#mapped.isChallenged) this.#mapped.judge(seen, item, this.#ranking.sample());
    if (!measured) {
      const request = this.#historyRequest(user);
      const example = this.#ranking.example(request, item);
      if (example !== undefined) this.#ranker?.learn(example, request.profile.items.length);
      return;
    }
    const { event, row, means } = this.#scored(user, item, time, seq, seen);
    this.#prequential.observe(event);
    if (chosen || this.#observed === 0) this.#observer?.(event);
    const { features, candidates, profile } = event;
    if (teaches && row >= 0)
      this.#ranker?.learn({ features, means, rows: candidates.length, row }, profile.items.length);
  }

  #scored(
    user: number,
    item: number,
    time: number,
    seq: number,
    seen: Int32Array,
  ): { event: ScoredEvent; row: number; means: Float64Array } {
    const request = this.#historyRequest(user);
    const { candidates, features, scores, means } = this.#ranking.rank(request);
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
      popularity: this.#popularity,
      statistics: this.#statistics,
      catalogue: this.#catalogue,
    };
    return { event, row, means };
  }

  /** Whether an event is one to learn from, and there is a token for it, which it takes. */
  #teaches(user: string, what: string, seq: number): boolean {
    if (this.#ranker === undefined || this.#pinned) return false;
    const learned = this.#ranker.effort / this.#config.readBack;
    return isTaught(user, what, seq, learned, this.#config.ranker.dense) && this.#budget.take();
  }

  /** What the list of a user as it is now is asked for by. */
  #historyRequest(user: number): RankRequest {
    const { items, seqs } = this.#histories;
    const start = this.#histories.start(user);
    const length = this.#histories.length(user);
    const profile = profileOf(items, seqs, start, start + length, this.#config.readBack);
    const blocked: Iterable<number>[] = [this.#dismissed(user)];
    if (!this.#config.ranking.includeSeen) blocked.push(items.subarray(start, start + length));
    return {
      profile,
      reader: user,
      past: items.subarray(start, start + length),
      events: length,
      question: questionOfHistory(profile, this.#catalogue),
      blocked,
      count: SCORED_LENGTH,
      position: this.#position,
      at: this.#clock,
      blend: 'history',
    };
  }

  #dismissed(user: number): number[] {
    return this.#dismissals.of(user).map(({ item }) => item);
  }

  /** Appends an event behind all that the user did, and counts it. */
  #learn(
    user: number,
    item: number,
    weight: number,
    negative: number,
    time: number,
    seq: number,
    origin: number,
  ): void {
    const histories = this.#histories;
    const at = histories.append(user, item, weight, negative, time, seq, origin);
    const start = histories.start(user);
    if (seq > this.#position) this.#position = seq;
    this.#statistics.count(histories.items, start, at, weight, negative, time, 1);
    this.#postings.append(item, seq, user, at - start);
    this.#popularity.follow(item, time, weight, this.#config.statistics.bucketMs, this.#statistics);
  }

  // --- feedback ----------------------------------------------------------------------------------------------------

  serve({ user: id, list, items, time, seq }: ServedList): void {
    if (!Number.isFinite(time) || !Number.isSafeInteger(seq) || seq < 0) {
      this.#warn('bad-sequence');
      return;
    }
    const origin = this.#users.find(id);
    if (this.#ranker === undefined || origin === undefined) return;
    const user = this.#links.root(origin);
    const length = this.#histories.length(user);
    const shown = [...new Set(this.#numbersOf(items))].slice(0, this.#config.impressions.places);
    this.#budget.follow(time);
    if (length === 0 || shown.length < 2 || !this.#teaches(id, list, seq)) return;
    this.clock = time;
    const { candidates, features, means } = this.#ranking.rank({ ...this.#historyRequest(user), include: shown });
    const strength = this.#ranking.strengthOf(means);
    const rows = new Map(candidates.map((item, row) => [item, row]));
    const columns = FEATURES.length;
    const kept = new Float32Array(shown.length * columns);
    for (const [place, item] of shown.entries()) {
      const from = rows.get(item)! * columns;
      kept.set(features.subarray(from, from + columns), place * columns);
    }
    this.#impressions.add({
      list,
      origin,
      seq,
      events: length,
      strength,
      items: Int32Array.from(shown),
      features: kept,
    });
  }

  click({ user: id, item: itemId, list }: Reaction): boolean {
    const origin = this.#users.find(id);
    return origin !== undefined && this.#learnShown(origin, itemId, list, 'taken');
  }

  dismiss({ user: id, item: itemId, list, seq }: Reaction): boolean {
    if (!Number.isSafeInteger(seq) || seq < 0) return this.#warn('bad-sequence');
    const origin = this.#users.of(id);
    this.#learnShown(origin, itemId, list, 'refused');
    const item = this.#item(itemId);
    if (this.#dismissals.add(this.#links.root(origin), { item, seq, origin })) return true;
    return this.#warn('repeated-sequence');
  }

  #learnShown(origin: number, itemId: ItemId, list: string | undefined, outcome: 'taken' | 'refused'): boolean {
    const item = this.#catalogue.ids.find(itemId);
    const shown = list === undefined ? undefined : this.#impressions.find(origin, list);
    if (this.#ranker === undefined || this.#pinned || shown === undefined || item === undefined) return false;
    const place = shown.items.indexOf(item);
    if (place < 0) return false;
    this.#ranking.foldRanker(shown.events, shown.strength);
    this.#ranker.learnShown(Float64Array.from(shown.features), shown.items.length, place, outcome);
    return true;
  }

  #warn(name: WarningName): false {
    this.#warnings[name]++;
    return false;
  }

  /**
   * Puts another history in place of a user's and moves the statistics with it. What an event contributes depends on
   * the 30 before it only, so nothing is counted again but what differs and the 30 events after that: taking one event
   * out of a history of a hundred thousand costs no more than out of a short one.
   */
  #rewrite(user: number, next: readonly HistoryEvent[]): void {
    const old = this.#histories.read(user);
    const shorter = Math.min(old.length, next.length);
    let head = 0;
    while (head < shorter && old[head]!.seq === next[head]!.seq) head++;
    let tail = 0;
    while (tail < shorter - head && old[old.length - 1 - tail]!.seq === next[next.length - 1 - tail]!.seq) tail++;
    const reach = this.#config.statistics.togetherBack;
    this.#count(old, head, Math.min(old.length, old.length - tail + reach), -1);
    this.#count(next, head, Math.min(next.length, next.length - tail + reach), 1);
    this.#repost(user, old, next, head, tail);
    this.#histories.write(user, next);
    const newest = next.at(-1)?.seq ?? 0;
    if (newest > this.#position) this.#position = newest;
    else if (old.at(-1)?.seq === this.#position) this.#findPosition();
  }

  #findPosition(): void {
    this.#position = 0;
    for (let user = 0; user < this.#users.end; user++) {
      this.#position = Math.max(this.#position, this.#histories.lastSeq(user));
    }
  }

  /** Moves the postings of a user's events with their history, of which `head` and `tail` events stay. */
  #repost(user: number, old: readonly HistoryEvent[], next: readonly HistoryEvent[], head: number, tail: number): void {
    const changes = new Map<number, { gone: Posting[]; come: Posting[] }>();
    const changeOf = (item: number): { gone: Posting[]; come: Posting[] } => {
      let change = changes.get(item);
      if (change === undefined) {
        change = { gone: [], come: [] };
        changes.set(item, change);
      }
      return change;
    };
    for (let place = head; place < old.length - tail; place++) {
      const { item, seq } = old[place]!;
      changeOf(item).gone.push({ seq, user, place });
    }
    for (let place = head; place < next.length - tail; place++) {
      const { item, seq } = next[place]!;
      changeOf(item).come.push({ seq, user, place });
    }
    const shift = next.length - old.length;
    if (shift !== 0) {
      for (let place = old.length - tail; place < old.length; place++) {
        const { item, seq } = old[place]!;
        this.#postings.move(item, { seq, user, place }, place + shift);
      }
    }
    for (const [item, { gone, come }] of changes) this.#postings.change(item, gone, come);
  }

  #count(events: readonly HistoryEvent[], from: number, to: number, sign: 1 | -1): void {
    const first = Math.max(0, from - this.#config.statistics.togetherBack);
    const items = new Int32Array(Math.max(0, to - first));
    for (let i = 0; i < items.length; i++) items[i] = events[first + i]!.item;
    for (let i = from; i < to; i++) {
      const { item, weight, negative, time } = events[i]!;
      this.#statistics.count(items, 0, i - first, weight, negative, time, sign);
      this.#popularity.follow(item, time, sign * weight, this.#config.statistics.bucketMs, this.#statistics);
    }
  }

  retract(id: UserId, seq: number): boolean {
    const origin = this.#users.find(id);
    if (origin === undefined) return this.#warn('unknown-event');
    const before = this.#links.drop((claim) => claim.seq === seq && claim.user === origin);
    if (before !== undefined) {
      this.#regroup(before, -1);
      // Ids that only the link spoke of; the session's is among the owners as they were.
      for (const id of [...before.keys(), origin]) this.#releaseIfUnused(id);
      return true;
    }
    const user = this.#links.root(origin);
    const place = this.#histories.find(user, seq);
    const events = this.#histories.read(user);
    if (events[place]?.seq !== seq) return this.#warn('unknown-event');
    const { origin: published } = events[place]!;
    events.splice(place, 1);
    this.#rewrite(user, events);
    this.#releaseIfUnused(published);
    return true;
  }

  link(userId: UserId, sessionId: UserId, seq: number): boolean {
    if (!Number.isSafeInteger(seq) || seq < 0) return this.#warn('bad-sequence');
    const user = this.#users.of(userId);
    const session = this.#users.of(sessionId);
    const result = this.#links.add({ session, user, seq });
    if (result === 'idle') return this.#warn('idle-link');
    if (result === 'moved') {
      const root = this.#links.root(user);
      const events = this.#histories.read(session);
      if (events.length > 0) {
        this.#rewrite(session, []);
        this.#rewrite(root, mergeInOrder(this.#histories.read(root), events));
      }
      this.#dismissals.move(session, root);
    } else this.#regroup(result, -1);
    return true;
  }

  setTraits(id: UserId, traits: Traits): void {
    const kept: Record<string, Traits[string]> = {};
    for (const [key, value] of Object.entries(traits)) {
      if (typeof value === 'number' && !Number.isFinite(value)) this.#warnings['bad-number']++;
      else kept[key] = value;
    }
    if (Object.keys(kept).length > 0) {
      this.#traits.set(this.#users.of(id), kept);
      return;
    }
    // Nothing known is no state: whether it was said, taken back or never there makes no difference.
    const user = this.#users.find(id);
    if (user === undefined) return;
    this.#traits.delete(user);
    this.#releaseIfUnused(user);
  }

  forget(id: UserId): void {
    const user = this.#users.find(id);
    if (user === undefined) return;
    if (this.#ranker !== undefined && this.#ranker.steps > 0) this.#stale = true;
    this.#impressions.forget(user);
    const claimed = this.#links.claims.filter((claim) => claim.user === user);
    this.#traits.delete(user);
    const before = this.#links.drop((claim) => claim.user === user) ?? new Map<number, number>();
    this.#regroup(claimed.length > 0 ? before : undefined, user);
    this.#releaseIfUnused(user);
    for (const { session } of claimed) this.#releaseIfUnused(session);
  }

  users(): string[] {
    return this.#users.sorted();
  }

  /** Lets go of an id that nothing is known under: neither events, nor traits, nor a link. */
  #releaseIfUnused(user: number): void {
    if (this.#traits.has(user) || this.#links.mentions(user) || this.#histories.length(user) > 0) return;
    if (this.#dismissals.of(user).length > 0) return;
    this.#impressions.forget(user);
    this.#users.release(user);
  }

  /**
   * Deals the events out again after owners changed.
   *
   * @param before owners as they were; undefined: they did not change
   * @param gone origin whose events are dropped, -1 for none
   */
  #regroup(before: ReadonlyMap<number, number> | undefined, gone: number): void {
    const links = this.#links;
    const oldRoot = (id: number): number => (before === undefined ? links.root(id) : rootBy(before, id));
    const changed = before === undefined ? new Set<number>() : links.changedSince(before);
    const roots = new Set<number>();
    for (const id of changed) {
      roots.add(oldRoot(id));
      roots.add(oldRoot(links.root(id)));
    }
    if (gone >= 0) roots.add(oldRoot(gone));
    const next = new Map<number, HistoryEvent[]>();
    for (const root of roots) next.set(root, []);
    for (const root of roots) {
      for (const event of this.#histories.read(root)) {
        if (event.origin === gone) continue;
        const to = links.root(event.origin);
        const events = next.get(to);
        if (events === undefined) next.set(to, [event]);
        else events.push(event);
      }
    }
    for (const [root, events] of next) {
      events.sort((a, b) => a.seq - b.seq);
      this.#rewrite(root, events);
    }
    this.#dismissals.regroup((origin) => links.root(origin), gone);
  }

  history(id: UserId, n = 100): { item: ItemId; weight: number; time: number; seq: number }[] {
    const known = this.#users.find(id);
    if (known === undefined) return [];
    const user = this.#links.root(known);
    const start = this.#histories.start(user);
    const events: { item: ItemId; weight: number; time: number; seq: number }[] = [];
    for (let at = start + this.#histories.length(user) - 1; at >= start && events.length < n; at--) {
      events.push({
        item: this.#catalogue.ids.id(this.#histories.items[at]!) as ItemId,
        weight: this.#histories.weights[at]!,
        time: this.#histories.times[at]!,
        seq: this.#histories.seqs[at]!,
      });
    }
    return events;
  }

  held(id: UserId): HeldOfUser {
    const origin = this.#users.find(id);
    if (origin === undefined) return { history: [], dismissed: [], shown: [] };
    const user = this.#links.root(origin);
    const item = (number: number): ItemId => this.#catalogue.ids.id(number) as ItemId;
    return {
      history: this.#histories
        .read(user)
        .filter((event) => event.origin === origin)
        .map((event) => ({
          seq: event.seq,
          item: item(event.item),
          weight: event.weight,
          negative: event.negative,
          time: event.time,
        })),
      dismissed: this.#dismissals
        .of(user)
        .filter((dismissal) => dismissal.origin === origin)
        .map((dismissal) => ({ seq: dismissal.seq, item: item(dismissal.item) })),
      shown: [...this.#impressions.all()]
        .filter((impression) => impression.origin === origin)
        .map(({ seq, list, items }) => ({ seq, list, items: [...items].map(item), features: FEATURES.length })),
    };
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  recommend(request: RecommendRequest): RecommendedList {
    return this.#answer(this.#rankRequest(request), request.explain === true);
  }

  #rankRequest(request: RecommendRequest): RankRequest {
    const { profile, reader, seen, dismissed, events, traits } = this.#reader(request);
    let question: Question = questionOfHistory(profile, this.#catalogue);
    const hasHistory = profile.items.length > 0;
    if (!hasHistory) {
      question = questionOfTraits(
        traits === undefined ? [] : traitTerms(traits, this.#config.content),
        this.#catalogue,
      );
    }
    const blocked: Iterable<number>[] = [this.#numbersOf(request.exclude), dismissed];
    if (request.includeSeen !== true) blocked.push(seen);
    return {
      profile,
      reader,
      past: seen,
      events,
      question,
      blocked,
      allowed: this.#verdicts.of(request.allowed),
      count: request.n,
      position: this.#position,
      at: request.at ?? this.#clock,
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
    if (this.#numbersOf(request.exclude).includes(item)) return { standing: 'excluded' };
    const listed = this.#catalogue.isPublished(item);
    if (!listed && this.#statistics.total[item]! <= 0) return { standing: 'unknown' };
    if (!this.#catalogue.servable(item, this.#config.ranking.serveUnpublished)) return { standing: 'unpublished' };
    return { standing: allowed === undefined || allowed(item) ? 'not-found' : 'filtered' };
  }

  #reader({ user: id, history, traits }: RecommendRequest): {
    profile: Profile;
    reader: number;
    seen: readonly number[] | Int32Array;
    dismissed: Iterable<number>;
    events: number;
    traits: Traits | undefined;
  } {
    const back = this.#config.readBack;
    if (history !== undefined) {
      const items = this.#numbersOf(history);
      const profile = profileOf(items, undefined, 0, items.length, back);
      return { profile, reader: -1, seen: items, dismissed: NOTHING, events: items.length, traits };
    }
    const known = id === undefined ? undefined : this.#users.find(id);
    if (known === undefined) {
      const profile = profileOf(NOTHING, undefined, 0, 0, back);
      return { profile, reader: -1, seen: NOTHING, dismissed: NOTHING, events: 0, traits };
    }
    const user = this.#links.root(known);
    const { items, seqs } = this.#histories;
    const start = this.#histories.start(user);
    const end = start + this.#histories.length(user);
    return {
      profile: profileOf(items, seqs, start, end, back),
      reader: user,
      seen: items.subarray(start, end),
      dismissed: this.#dismissed(user),
      events: end - start,
      traits: traits ?? this.#traits.get(user) ?? this.#traits.get(known),
    };
  }

  /** Numbers of the items that are known. */
  #numbersOf(ids: Iterable<ItemId> = []): number[] {
    const numbers: number[] = [];
    for (const id of ids) {
      const item = this.#catalogue.ids.find(id);
      if (item !== undefined) numbers.push(item);
    }
    return numbers;
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

  similar(
    id: ItemId,
    n: number,
    options: { explain?: boolean; exclude?: Iterable<ItemId>; allowed?: ItemTest | undefined } = {},
  ): RecommendedList {
    const item = this.#catalogue.ids.find(id);
    if (item === undefined) return { source: 'popular', items: [] };
    const profile = profileOf([item], undefined, 0, 1, 1);
    const question = questionOfHistory(profile, this.#catalogue);
    const blocked = [[item], this.#numbersOf(options.exclude)];
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
        position: this.#position,
        at: this.#clock,
        blend: 'similar',
      },
      options.explain === true,
    );
  }

  trending(n: number, at: number = this.#clock, allowed?: ItemTest): RecommendedList {
    const { ids } = this.#catalogue;
    const passes = this.#verdicts.of(allowed);
    const free = (item: number): boolean =>
      this.#catalogue.servable(item, this.#config.ranking.serveUnpublished) && (passes === undefined || passes(item));
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

  item(id: ItemId): { fields: ItemData; listed: number } | undefined {
    const number = this.#catalogue.ids.find(id);
    const known = number === undefined ? undefined : this.#catalogue.item(number);
    return known?.fields === undefined ? undefined : { fields: known.fields, listed: known.listed };
  }

  traitsOf(id: UserId): Traits | undefined {
    const known = this.#users.find(id);
    return known === undefined ? undefined : (this.#traits.get(this.#links.root(known)) ?? this.#traits.get(known));
  }

  taken(id: ItemId): number {
    const number = this.#catalogue.ids.find(id);
    return number === undefined ? 0 : (this.#statistics.total[number] ?? 0) / FULL;
  }

  // --- recorded inputs ---------------------------------------------------------------------------------------------

  trainingData(kind: InputKind): TrainingData | undefined {
    const of = {
      itemIds: this.#catalogue.ids.ids,
      userIds: this.#users.ids,
      statistics: this.#statistics,
      histories: this.#histories,
      mapped: this.#mapped,
      previous: isMapKind(kind) ? this.#mapped.inForce(kind)?.bytes : undefined,
    };
    return isMapKind(kind) ? trainingDataOf(kind, of, this.#config.training) : undefined;
  }

  adopt({ kind, bytes }: { kind: InputKind; bytes: Uint8Array; seq: number }): void {
    this.#mapped.adopt(kind, bytes);
  }

  inputs(): InputInForce[] {
    return this.#mapped.inForceKinds();
  }

  // --- the whole ---------------------------------------------------------------------------------------------------

  merge(other: Model): void {
    if (!(other instanceof FoldedModel)) throw new TypeError('only models of this release can be merged');
    if (other.#histories.events > this.#histories.events && this.#ranker !== undefined && other.#ranker !== undefined) {
      this.#ranker.restore(other.#ranker.state());
      this.#budget.restore(other.#budget.state());
      this.#stale = other.#stale;
    }
    const here = Int32Array.from(other.#catalogue.ids.ids, (id) => this.#item(id));
    for (let item = 0; item < here.length; item++) {
      const known = other.#catalogue.item(item);
      if (known?.fields !== undefined) this.#catalogue.publish(here[item]!, known.fields, known.listed);
      if (other.#catalogue.isWithdrawn(item)) this.#catalogue.withdraw(here[item]!, true);
    }
    this.#statistics.merge(other.#statistics, here.length, (item) => here[item]!);
    this.#popularity.reset();
    const user = (number: number): number => this.#users.of(other.#users.id(number));
    for (const claim of other.#links.claims) {
      this.#links.add({ session: user(claim.session), user: user(claim.user), seq: claim.seq });
    }
    for (let number = 0; number < other.#users.end; number++) {
      const events = other.#histories.read(number);
      if (events.length === 0) continue;
      const own = user(number);
      const taken = events.map((event) => ({ ...event, item: here[event.item]!, origin: user(event.origin) }));
      this.#histories.write(own, taken);
      for (const [place, { item, seq }] of taken.entries()) this.#postings.append(item, seq, own, place);
    }
    this.#findPosition();
    for (let number = 0; number < other.#users.end; number++) {
      for (const { item, seq, origin } of other.#dismissals.of(number)) {
        const by = user(origin);
        this.#dismissals.add(this.#links.root(by), { item: here[item]!, seq, origin: by });
      }
    }
    for (const [number, traits] of other.#traits) this.#traits.set(user(number), traits);
    this.clock = other.#clock;
  }

  stats(): ModelSizes {
    const pairs = this.#statistics.pairs.size();
    return {
      users: this.#users.count,
      items: this.#catalogue.ids.count,
      publishedItems: this.#catalogue.published,
      events: this.#histories.events,
      links: this.#links.size,
      terms: this.#catalogue.terms.count,
      pairs: pairs.entries,
      widePairs: pairs.wide,
      bytes: {
        pairs: pairs.bytes,
        buckets: this.#statistics.buckets.size().bytes,
        postings: this.#catalogue.postings.bytes() + this.#postings.bytes(),
        histories: this.#histories.bytes(),
        inputs: this.#mapped.bytes(),
      },
      dismissals: this.#dismissals.size,
      impressions: this.#impressions.size,
      ranker: { steps: this.#ranker?.steps ?? 0, stale: this.#stale },
      warnings: this.warnings(),
    };
  }

  warnings(): Readonly<Record<WarningName, number>> {
    return { ...this.#warnings };
  }

  prequential(): PrequentialReport {
    return this.#prequential.report();
  }

  statisticsHash(): string {
    return this.#statistics.hash(this.#catalogue.ids.ids);
  }

  counted(part: CountedPart): Iterable<readonly (string | number)[]> {
    const { ids } = this.#catalogue.ids;
    switch (part) {
      case 'item_count':
        return this.#statistics.totals(ids);
      case 'item_time':
        return this.#statistics.times(ids);
      case 'pair':
        return this.#statistics.pairsInOrder(ids);
      case 'dismissed':
        return this.#itemsInOrder().flatMap((item) => {
          const count = this.#dismissals.counts[item] ?? 0;
          return count === 0 ? [] : [[ids[item]!, count]];
        });
      case 'posting':
        return this.#postingsInOrder();
      case 'total':
        return [
          ['clock', this.#clock],
          ['mass', this.#statistics.mass],
          ['position', this.#position],
        ];
    }
  }

  #itemsInOrder(): number[] {
    const { ids } = this.#catalogue;
    return ids.sorted().map((id) => ids.find(id)!);
  }

  *#postingsInOrder(): Generator<[item: string, seq: number, user: string, place: number]> {
    for (const item of this.#itemsInOrder()) {
      const row = this.#postings.row(item);
      for (let at = 0; at < this.#postings.count(item) * 2; at += 2) {
        const packed = row![at + 1]!;
        yield [this.#catalogue.ids.id(item), row![at]!, this.#users.id(userOf(packed)), placeOf(packed)];
      }
    }
  }

  get stale(): boolean {
    return this.#stale;
  }

  rankerHash(): string {
    return this.#ranker?.hash() ?? createHash('sha256').digest('hex');
  }

  exportState({ learned = true }: { learned?: boolean } = {}): Buffer {
    const histories = this.#histories;
    const { order, ends } = histories.byOrigin(this.#users.end);
    const used = new Set<number>();
    for (let i = 0; i < order.length; i++) used.add(histories.items[order[i]!]!);
    for (let user = 0; user < this.#users.end; user++) {
      for (const { item } of this.#dismissals.of(user)) used.add(item);
    }
    if (learned) for (const { items } of this.#impressions.all()) for (const item of items) used.add(item);
    const { ids } = this.#catalogue;
    // An item that only a forgotten user's events spoke of has a number, but is no part of the state.
    const items = ids.sorted().flatMap((id) => {
      const number = ids.find(id)!;
      const published = this.#catalogue.isPublished(number);
      const withdrawn = this.#catalogue.isWithdrawn(number);
      if (!published && !withdrawn && !used.has(number)) return [];
      const known = this.#catalogue.item(number);
      return [{ id, number, published, withdrawn, listed: known?.listed ?? 0, fields: known?.fields }];
    });
    const itemPlaces = new Int32Array(ids.end).fill(-1);
    for (const [place, { number }] of items.entries()) itemPlaces[number] = place;
    const userIds = this.#users.sorted();
    const userPlaces = new Map(userIds.map((id, place) => [this.#users.find(id)!, place]));
    const users = userIds.map((id): StateUser => {
      const number = this.#users.find(id)!;
      const from = number === 0 ? 0 : ends[number - 1]!;
      return { id, traits: this.#traits.get(number), from, end: ends[number]! };
    });
    const { items: taken, weights, negatives, times, seqs } = histories;
    const events = { order, items: taken, itemPlaces, weights, negatives, times, seqs };
    const links = this.#links.claims.map(({ session, user, seq }) => ({
      session: userPlaces.get(session)!,
      user: userPlaces.get(user)!,
      seq,
    }));
    const itemPlace = (item: number): number => itemPlaces[item]!;
    const userPlace = (user: number): number => userPlaces.get(user)!;
    const sections = [{ name: DISMISSALS, bytes: this.#dismissals.encode(itemPlace, userPlace) }];
    if (learned) {
      const ranker = new Writer();
      ranker.count((this.#stale ? STALE : 0) | (this.#pinned ? PINNED : 0));
      ranker.f64s(this.#budget.state());
      if (this.#ranker !== undefined) ranker.bytes(this.#ranker.encode());
      sections.push(
        { name: IMPRESSIONS, bytes: this.#impressions.encode(itemPlace, userPlace) },
        { name: PREQUENTIAL, bytes: this.#prequential.export() },
        { name: RANKER, bytes: ranker.done() },
      );
    }
    const adopted = this.#mapped.export();
    if (adopted.length > 0) sections.push({ name: INPUTS, bytes: encodeAdopted(adopted) });
    return encodeState({ clock: this.#clock, items, users, events, links, sections });
  }

  importState(bytes: Uint8Array): void {
    if (this.#users.count > 0 || this.#catalogue.ids.count > 0) {
      throw new ModelStateUnreadableError('a state is read into an empty model only');
    }
    const state = decodeState(bytes);
    const items = state.items.map((known) => {
      const item = this.#item(known.id);
      if (known.published && known.fields !== undefined) this.#catalogue.publish(item, known.fields, known.listed);
      if (known.withdrawn) this.#catalogue.withdraw(item, true);
      return item;
    });
    const numbers = state.users.map(({ id, traits }) => {
      const number = this.#users.of(id);
      if (traits !== undefined) this.#traits.set(number, traits);
      return number;
    });
    for (const { session, user, seq } of state.links) {
      const claim: Claim = { session: numbers[session]!, user: numbers[user]!, seq };
      this.#links.add(claim);
    }
    const { users, items: taken, weights, negatives, times, seqs } = state.events;
    const roots = Int32Array.from(numbers, (number) => this.#links.root(number));
    for (const event of logOrder(seqs)) {
      const origin = users[event]!;
      const user = roots[origin]!;
      const item = items[taken[event]!]!;
      const place = this.#histories.length(user);
      const seq = seqs[event]!;
      this.#histories.append(user, item, weights[event]!, negatives[event]!, times[event]!, seq, numbers[origin]!);
      this.#postings.append(item, seq, user, place);
    }
    this.#findPosition();
    this.#statistics.countAll(this.#histories, this.#catalogue.ids.end, this.#users.end);
    const adopted = state.sections.find(({ name }) => name === INPUTS);
    if (adopted !== undefined) this.#mapped.import(decodeAdopted(adopted.bytes));
    const item = (place: number): number => items[place]!;
    const user = (place: number): number => numbers[place]!;
    for (const { name, bytes: own } of state.sections) {
      if (name === DISMISSALS) this.#dismissals.decode(own, item, user, (origin) => this.#links.root(origin));
      else if (name === IMPRESSIONS) this.#impressions.decode(own, item, user);
      else if (name === RANKER) this.#readRanker(own);
    }
    const quality = state.sections.find(({ name }) => name === PREQUENTIAL);
    if (quality && !this.#prequential.import(quality.bytes)) {
      throw new ModelStateUnreadableError('the state has prequential windows of other sizes than the configured ones');
    }
    this.clock = state.clock;
  }

  #readRanker(bytes: Buffer): void {
    const input = new Reader(bytes);
    const flags = input.count();
    this.#stale = (flags & STALE) !== 0;
    this.#pinned = (flags & PINNED) !== 0;
    try {
      this.#budget.restore(input.f64s());
      this.#ranker?.decode(input.rest());
    } catch (err) {
      throw new ModelStateUnreadableError('the state is of a model with another ranker', { cause: err });
    }
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

function isSixteenths(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_WEIGHT;
}

function mergeInOrder(a: readonly HistoryEvent[], b: readonly HistoryEvent[]): HistoryEvent[] {
  return [...a, ...b].sort((x, y) => x.seq - y.seq);
}
