/**
 * The model: a fold of events into histories, statistics and catalogue, what was learned on the way (learner.ts), and
 * the questions it answers (answers.ts).
 */
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../bus/event/types.ts';
import { Answers } from './answer/answers.ts';
import { FEATURE_SCALES, FEATURES } from './candidates/blend.ts';
import { Ranking } from './candidates/candidate-ranker.ts';
import { completeConfig, type ModelConfig, type PartialModelConfig } from './config.ts';
import {
  decodeAdopted,
  encodeAdopted,
  type InputKind,
  InputUnreadableError,
  isMapKind,
  type TrainingData,
} from './inputs/inputs.ts';
import { Learner } from './learn/learner.ts';
import type { PrequentialReport } from './learn/prequential.ts';
import type { Observer } from './learn/scored-event.ts';
import { trainingDataOf } from './learn/training-data.ts';
import { logOrder } from './primitives/log-order.ts';
import { Ranker } from './ranker/ranker.ts';
import { LEARNED } from './serialization/ranker-section.ts';
import { decodeState, encodeState, ModelStateUnreadableError, type StateUser } from './serialization/state-bytes.ts';
import { MappedSignals } from './signals/mapped.ts';
import { Catalogue } from './state/catalogue.ts';
import { Dismissals } from './state/dismissals.ts';
import { Histories, type HistoryEvent } from './state/histories.ts';
import { CountedHistories } from './state/history-writer.ts';
import { Numbering } from './state/id-table.ts';
import { type Claim, Links, rootBy } from './state/links.ts';
import { Popularity } from './state/popularity.ts';
import { Postings, placeOf, userOf } from './state/postings.ts';
import { MAX_ROW_ID } from './state/sparse-rows.ts';
import { FULL, MAX_WEIGHT, Statistics } from './state/statistics.ts';
import type {
  CountedPart,
  Examined,
  HeldOfUser,
  InputInForce,
  Interaction,
  ItemTest,
  Model,
  ModelSizes,
  Reaction,
  RecommendedList,
  RecommendRequest,
  ServedList,
  SimilarOptions,
  Traits,
  WarningName,
} from './types.ts';

/** Sections of the state. */
const INPUTS = 'inputs';
const PREQUENTIAL = 'prequential';
const DISMISSALS = 'dismissals';
const IMPRESSIONS = 'impressions';

/** An empty model; values left out of the configuration are the defaults. */
export function createModel(config: PartialModelConfig = {}): Model {
  return new FoldedModel(completeConfig(config));
}

class FoldedModel implements Model {
  readonly #config: ModelConfig;
  readonly #statistics: Statistics;
  readonly #catalogue: Catalogue;
  readonly #popularity: Popularity;
  readonly #answers: Answers;
  readonly #mapped: MappedSignals;
  readonly #learner: Learner;
  readonly #histories = new Histories();
  readonly #links = new Links();
  readonly #users = new Numbering();
  readonly #postings = new Postings(this.#users.ids);
  readonly #counted: CountedHistories;
  readonly #traits = new Map<number, Traits>();
  readonly #dismissals = new Dismissals();
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
  #clock = 0;

  constructor(config: ModelConfig) {
    this.#config = config;
    this.#statistics = new Statistics(config.statistics);
    this.#mapped = new MappedSignals(config.mapped, config.content.descriptionCharacters);
    this.#catalogue = new Catalogue(config.content, (item, fields) => {
      if (!this.#mapped.describe(item, fields)) this.#warnings['embedding-length']++;
    });
    this.#popularity = new Popularity(config.popularity, config.statistics.bucketMs);
    const ranker = config.ranker.form === 'none' ? undefined : new Ranker(config.ranker, FEATURE_SCALES);
    const parts = {
      catalogue: this.#catalogue,
      statistics: this.#statistics,
      popularity: this.#popularity,
      histories: this.#histories,
      postings: this.#postings,
      dismissals: this.#dismissals,
      mapped: this.#mapped,
      ranker,
    };
    this.#counted = new CountedHistories({ ...parts, users: this.#users });
    const ranking = new Ranking(config.ranking, { ...parts, users: this.#users.ids });
    const head = () => ({ position: this.#counted.position, clock: this.#clock });
    this.#learner = new Learner(config, { ...parts, ranking, head });
    const [links, users, traits] = [this.#links, this.#users, this.#traits];
    this.#answers = new Answers(config, { ...parts, links, users, traits, ranking, head });
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
      this.#learner.follow({ user, item, time, seq, id, itemId });
      this.#counted.append(user, item, weight, negative, time, seq, origin);
      return true;
    }
    const place = histories.find(user, seq);
    if (histories.seqs[histories.start(user) + place] === seq) return this.#warn('repeated-sequence');
    const events = histories.read(user);
    events.splice(place, 0, { item, weight, negative, time, seq, origin });
    this.#counted.rewrite(user, events);
    return true;
  }

  observe(observer: Observer | undefined, every = 0): void {
    this.#learner.observe(observer, every);
  }

  pinRanker(bytes: Uint8Array | undefined): void {
    try {
      this.#learner.pin(bytes);
    } catch (err) {
      throw new InputUnreadableError('the weights are of another ranker', { cause: err });
    }
  }

  rankerBytes(): Buffer {
    return this.#learner.ranker?.encode() ?? Buffer.alloc(0);
  }

  get pinned(): boolean {
    return this.#learner.pinned;
  }

  // --- feedback ----------------------------------------------------------------------------------------------------

  serve({ user: id, list, items, time, seq }: ServedList): void {
    if (!Number.isFinite(time) || !Number.isSafeInteger(seq) || seq < 0) {
      this.#warn('bad-sequence');
      return;
    }
    const origin = this.#users.find(id);
    if (origin === undefined) return;
    const user = this.#links.root(origin);
    this.clock = time;
    this.#learner.serve({ user, origin, id, list, items, time, seq });
  }

  click({ user: id, item: itemId, list }: Reaction): boolean {
    const origin = this.#users.find(id);
    return origin !== undefined && this.#learner.outcome(origin, itemId, list, 'taken');
  }

  dismiss({ user: id, item: itemId, list, seq }: Reaction): boolean {
    if (!Number.isSafeInteger(seq) || seq < 0) return this.#warn('bad-sequence');
    const origin = this.#users.of(id);
    this.#learner.outcome(origin, itemId, list, 'refused');
    const item = this.#item(itemId);
    if (this.#dismissals.add(this.#links.root(origin), { item, seq, origin })) return true;
    return this.#warn('repeated-sequence');
  }

  #warn(name: WarningName): false {
    this.#warnings[name]++;
    return false;
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
    this.#counted.rewrite(user, events);
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
        this.#counted.rewrite(session, []);
        this.#counted.rewrite(root, mergeInOrder(this.#histories.read(root), events));
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
    this.#learner.forget(user);
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
    this.#learner.impressions.forget(user);
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
      this.#counted.rewrite(root, events);
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
      shown: [...this.#learner.impressions.all()]
        .filter((impression) => impression.origin === origin)
        .map(({ seq, list, items }) => ({ seq, list, items: [...items].map(item), features: FEATURES.length })),
    };
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  recommend(request: RecommendRequest): RecommendedList {
    return this.#answers.recommend(request);
  }

  examine(request: RecommendRequest, id: ItemId): Examined {
    return this.#answers.examine(request, id);
  }

  similar(id: ItemId, n: number, options: SimilarOptions = {}): RecommendedList {
    return this.#answers.similar(id, n, options);
  }

  trending(n: number, at: number = this.#clock, allowed?: ItemTest): RecommendedList {
    return this.#answers.trending(n, at, allowed);
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
    if (other.#histories.events > this.#histories.events) this.#learner.restore(other.#learner);
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
    this.#counted.findPosition();
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
      impressions: this.#learner.impressions.size,
      ranker: { steps: this.#learner.ranker?.steps ?? 0, stale: this.#learner.stale },
      warnings: this.warnings(),
    };
  }

  warnings(): Readonly<Record<WarningName, number>> {
    return { ...this.#warnings };
  }

  prequential(): PrequentialReport {
    return this.#learner.prequential.report();
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
          ['position', this.#counted.position],
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
    return this.#learner.stale;
  }

  rankerHash(): string {
    return this.#learner.rankerHash();
  }

  exportState({ learned = true }: { learned?: boolean } = {}): Buffer {
    const histories = this.#histories;
    const { order, ends } = histories.byOrigin(this.#users.end);
    const used = new Set<number>();
    for (let i = 0; i < order.length; i++) used.add(histories.items[order[i]!]!);
    for (let user = 0; user < this.#users.end; user++) {
      for (const { item } of this.#dismissals.of(user)) used.add(item);
    }
    if (learned) for (const { items } of this.#learner.impressions.all()) for (const item of items) used.add(item);
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
      sections.push(
        { name: IMPRESSIONS, bytes: this.#learner.impressions.encode(itemPlace, userPlace) },
        { name: PREQUENTIAL, bytes: this.#learner.prequential.export() },
        { name: LEARNED, bytes: this.#learner.encode() },
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
    this.#counted.findPosition();
    this.#statistics.countAll(this.#histories, this.#catalogue.ids.end, this.#users.end);
    const adopted = state.sections.find(({ name }) => name === INPUTS);
    if (adopted !== undefined) this.#mapped.import(decodeAdopted(adopted.bytes));
    const item = (place: number): number => items[place]!;
    const user = (place: number): number => numbers[place]!;
    for (const { name, bytes: own } of state.sections) {
      if (name === DISMISSALS) this.#dismissals.decode(own, item, user, (origin) => this.#links.root(origin));
      else if (name === IMPRESSIONS) this.#learner.impressions.decode(own, item, user);
      else if (name === LEARNED) this.#readLearned(own);
    }
    const quality = state.sections.find(({ name }) => name === PREQUENTIAL);
    if (quality && !this.#learner.prequential.import(quality.bytes)) {
      throw new ModelStateUnreadableError('the state has prequential windows of other sizes than the configured ones');
    }
    this.clock = state.clock;
  }

  #readLearned(bytes: Buffer): void {
    try {
      this.#learner.decode(bytes);
    } catch (err) {
      throw new ModelStateUnreadableError('the state is of a model with another ranker', { cause: err });
    }
  }
}

function isSixteenths(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_WEIGHT;
}

function mergeInOrder(a: readonly HistoryEvent[], b: readonly HistoryEvent[]): HistoryEvent[] {
  return [...a, ...b].sort((x, y) => x.seq - y.seq);
}
