/** The model's interface. */
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../bus/event/types.ts';
import type { PersonalData } from './answer/lookup.ts';
import type { Examined, ItemTest, RecommendedList, RecommendRequest, SimilarOptions } from './answer/types.ts';
import type { Interaction, Reaction, ServedList } from './fold/events.ts';
import type { InputKind } from './inputs/kinds.ts';
import type { InputInForce } from './inputs/recorded-inputs.ts';
import type { PrequentialReport } from './learn/prequential.ts';
import type { Observer } from './learn/scored-event.ts';
import type { TrainingData } from './learn/training-data.ts';
import type { CountedPart } from './serialization/counted-rows.ts';
import type { Traits } from './state/traits.ts';
import type { WarningName } from './state/warnings.ts';

export interface ModelSizes {
  users: number;
  items: number;
  publishedItems: number;
  events: number;
  links: number;
  terms: number;
  /** Pairs stored, each pair of items in two rows. */
  pairs: number;
  /** Pairs that outgrew the narrow form. */
  widePairs: number;
  /** Bytes of the typed arrays: pair rows, buckets, postings, histories, features and vectors. */
  bytes: { pairs: number; buckets: number; postings: number; histories: number; inputs: number };
  /** Dismissals in force, and lists that wait for what becomes of them. */
  dismissals: number;
  impressions: number;
  /** Examples that the ranker learned from, and whether a forgotten user's are among them. */
  ranker: { steps: number; stale: boolean };
  /** How often each kind of trouble was met. */
  warnings: Readonly<Record<WarningName, number>>;
}

/** The model as a fold: what events do to it, and what can be asked of it. Deterministic in both. */
export interface Model {
  /** The fold's clock, milliseconds: the time at which lists are computed. Set by whoever folds; it never goes back. */
  clock: number;
  /** Puts an item in the catalogue (again: other fields). `listedMs`: time of the event, left out: 0. */
  publishItem(id: ItemId, fields: ItemData, listedMs?: number): void;
  /** JSON Merge Patch (RFC 7396); of an item that was never published it is a counted warning. */
  updateItem(id: ItemId, patch: ItemPatch): void;
  withdrawItem(id: ItemId): void;
  restoreItem(id: ItemId): void;
  /**
   * Tells of every event that is scored before it is counted, from here on; undefined: nobody. `every`: one in so many
   * is scored for whoever looks, and told of, instead; that changes nothing in the state.
   */
  observe(observer: Observer | undefined, every?: number): void;
  /**
   * Puts the ranker back to what it was ({@link Model.rankerBytes}); from here on it learns no more. Undefined: it
   * learns on from what it is. Throws an InputUnreadableError for a ranker of another form.
   */
  pinRanker(bytes: Uint8Array | undefined): void;
  /** What the ranker has learned; empty where there is none. */
  rankerBytes(): Buffer;
  /** Whether the ranker learns no more because it was put back. */
  readonly pinned: boolean;
  /** Learns an event. False: it counts nothing (weight 0, a repeated sequence, a value out of range). */
  interact(interaction: Interaction): boolean;
  /**
   * Remembers a list that was shown until it is known what became of it. Of a share of them, as of interactions; of
   * users without a history there is nothing to learn.
   */
  serve(served: ServedList): void;
  /** Learns that this of a list was clicked. It enters no history. False: the list isn't known (any more). */
  click(reaction: Reaction): boolean;
  /** Keeps an item off a user's lists from here on, counts against it, and learns from the list if it is known. */
  dismiss(reaction: Reaction): boolean;
  /** Takes back the event of this user (or session) at this sequence: an interaction or a link. False: unknown. */
  retract(user: UserId, seq: number): boolean;
  /** From here on and from the start, the session's events count as the user's. False: another claim stands. */
  link(user: UserId, session: UserId, seq: number): boolean;
  /** Replaces what is known of a user; without any trait it is as if nothing had ever been said. */
  setTraits(user: UserId, traits: Traits): void;
  /**
   * Takes out everything published under this id: interactions, links it made, traits. What sessions linked to it did
   * under their own ids goes back to them. Afterwards the model is as if none of it had ever come, but for the ranker:
   * what it learned can't be taken out of its weights, {@link ModelSizes.ranker} says that it is stale, and a rebuild
   * from the log that is left gives one that never knew.
   */
  forget(user: UserId): void;
  /** Every id that the model knows as a user or session, in order. */
  users(): string[];
  /** What a training outside the fold reads, of this position; undefined: there is too little to learn from. */
  trainingData(kind: InputKind): TrainingData | undefined;
  /**
   * Takes what a training gave, from this position on: in force if it is the first of its kind and better than chance,
   * else compared with the one in force on the events that follow. Throws an InputUnreadableError.
   */
  adopt(input: { kind: InputKind; bytes: Uint8Array; seq: number }): void;
  /** Recorded inputs in force. */
  inputs(): InputInForce[];
  recommend(request: RecommendRequest): RecommendedList;
  /** Where an item stands for a list, and why; the list is the one that {@link Model.recommend} gives. */
  examine(request: RecommendRequest, item: ItemId): Examined;
  /** Items that go with an item: by what people did, by content alone where nobody has done anything. */
  similar(item: ItemId, n: number, options?: SimilarOptions): RecommendedList;
  /** What is taken most lately. Score: decayed number of full interactions; 0 for what only was taken long ago. */
  trending(n: number, at?: number, allowed?: ItemTest): RecommendedList;
  /** What is known of an item; undefined for one that was never published. */
  item(item: ItemId): { fields: ItemData; listed: number } | undefined;
  /** What is known of a user, or of the user that a session has become. */
  traitsOf(user: UserId): Traits | undefined;
  /** Full interactions with an item, over all people; 0 for an unknown one. */
  taken(item: ItemId): number;
  /** A user's events, newest first, sessions' included. */
  history(user: UserId, n?: number): { item: ItemId; weight: number; time: number; seq: number }[];
  /** What is known under an id itself, whoever's it has become; each list in log order. */
  personalData(user: UserId): PersonalData;
  /**
   * Adds the users, links and events of another model of the same configuration; their users must be different.
   * Statistics add up; rankers don't: the one of the model that holds more events is kept. Lists that wait for what
   * becomes of them are this model's own.
   */
  merge(other: Model): void;
  stats(): ModelSizes;
  /** How often each kind of trouble was met; unlike {@link Model.stats} it walks no rows. */
  warnings(): Readonly<Record<WarningName, number>>;
  /** Quality on the newest events, each asked for before it was counted. */
  prequential(): PrequentialReport;
  /** SHA-256, hex, of the statistics in canonical form, by item ids. */
  statisticsHash(): string;
  /** What is counted, row by row in canonical order: the key as {@link CountedPart} has it, then the numbers. */
  counted(part: CountedPart): Iterable<readonly (string | number)[]>;
  /** Whether the ranker has learned from somebody who was forgotten since. */
  readonly stale: boolean;
  /** SHA-256, hex, of what the ranker has learned; of one that isn't there, of nothing. */
  rankerHash(): string;
  /**
   * Histories, links, traits, dismissals, catalogue and clock in canonical form, and what was learned in the order of the log
   * (ranker, shown lists that wait, prequential windows); equal states give equal bytes. `learned: false` leaves the latter out: what remains is a
   * function of the events alone, whatever the order of users, and exactly what forgetting takes back.
   */
  exportState(options?: { learned?: boolean }): Buffer;
  /** Folds what {@link Model.exportState} wrote into this model, which must be empty. Throws a StateError. */
  importState(state: Uint8Array): void;
}
