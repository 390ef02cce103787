/** What goes into the model and what comes out of it. */
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { AttributeValue, ItemData, ItemPatch } from '../../bus/event/types.ts';
import type { SignalName } from './candidates/blend.ts';
import type { InputKind, InputQuality, TrainingData } from './inputs/inputs.ts';
import type { PrequentialReport } from './learn/prequential.ts';
import type { Observer } from './learn/scored-event.ts';

/** One event that says a user took an item. */
export interface Interaction {
  /** The id under which it was published: a user, or an anonymous session. */
  user: UserId;
  item: ItemId;
  /** Whole sixteenths, 1 to 4095; 0 counts nothing and is not kept. */
  weight: number;
  /** Whole sixteenths of a negative verdict in the same event (a low rating); 0 or left out: none. */
  negative?: number;
  /** Event time, milliseconds since 1970; better already limited by the log's own timestamp. */
  time: number;
  /** Position in the log. */
  seq: number;
}

/** A list that was shown. */
export interface ServedList {
  user: UserId;
  /** Its id, by which clicks and dismissals name it. */
  list: string;
  /** In the order in which they were shown. */
  items: readonly ItemId[];
  /** Event time, milliseconds since 1970. */
  time: number;
  seq: number;
}

/** What became of an item that was shown. */
export interface Reaction {
  user: UserId;
  item: ItemId;
  /** The list that it was in; without it nothing is learned of the others beside it. */
  list?: string | undefined;
  seq: number;
}

/** What is known of a user beside what they do. */
export type Traits = Readonly<Record<string, AttributeValue>>;

/**
 * Decides which items may be in a list. Its answers are remembered for as long as the catalogue stays as it is, so they
 * may depend on nothing but what it is given.
 */
export interface ItemTest {
  /** @param listed when the item came into the catalogue, milliseconds */
  test(item: ItemId, fields: ItemData | undefined, listed: number): boolean;
}

export interface RecommendRequest {
  /** Whose list; an unknown user gets what is popular. */
  user?: UserId;
  /** In place of a user: the items somebody took, oldest first. */
  history?: readonly ItemId[];
  /** With `history`, or for a user whose own are to be left aside. */
  traits?: Traits;
  /** Length of the list, 1 to 10,000. */
  n: number;
  /** Items that may not be in it. */
  exclude?: Iterable<ItemId>;
  /** Only such items are looked for, so that a list under a narrow test is as long as there are items that pass it. */
  allowed?: ItemTest | undefined;
  /** Time at which popularity and newness are read, milliseconds; left out: the fold's clock. */
  at?: number;
  /** Whether items of the user's own history may come back, as in a shop; left out: no. */
  includeSeen?: boolean;
  /** Whether to say why. */
  explain?: boolean;
}

/** One term of a score. */
export interface Reason {
  signal: SignalName;
  /** What it adds to the score; the terms of an item add up to it. */
  contribution: number;
  /** The item of the user's own history that it came from (of `similar`: the item asked about). */
  item?: ItemId;
  /** Sequence of the event by which that item got into the history; not for a history given with the question. */
  seq?: number;
  /** Of likeness of content: what the two have in common. */
  terms?: string[];
}

export interface Recommended {
  item: ItemId;
  score: number;
  /** With `explain`: the terms of the score, the largest contribution first. */
  reasons?: Reason[];
}

/**
 * Where a list comes from. `model`: what people did with the user's items; `content`: only likeness of content (or of
 * traits), as nobody has done anything with them; `popular`: nothing is known of the user.
 */
export type ListSource = 'model' | 'content' | 'popular';

export interface RecommendedList {
  source: ListSource;
  items: Recommended[];
}

/** Counted trouble with what came in; none of it stops the model. */
export type WarningName =
  | 'bad-weight'
  | 'bad-time'
  | 'bad-sequence'
  | 'repeated-sequence'
  | 'bad-number'
  | 'unknown-item'
  /** An interaction with an item that is not in the catalogue, although there is one. */
  | 'unlisted-item'
  /** More items than the statistics have numbers for. */
  | 'too-many-items'
  | 'unknown-event'
  | 'embedding-length'
  | 'idle-link';

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

/** A recorded input, as far as whoever looks needs it. */
export interface InputInForce {
  kind: InputKind;
  /** Bytes of the one in force; 0: none is. */
  bytes: number;
  /** SHA-256 of these, hex; undefined: none is. */
  sha256: string | undefined;
  quality: InputQuality | undefined;
  /** Whether another is being compared with it. */
  challenged: boolean;
}

/** Whether an item is among the candidates of a list, or why it isn't. */
export type Standing =
  | 'candidate'
  /** It may be in the list, but no signal found it. */
  | 'not-found'
  | 'seen'
  | 'dismissed'
  | 'excluded'
  | 'withdrawn'
  | 'unpublished'
  /** The test of the request doesn't let it pass. */
  | 'filtered'
  /** No event that is left speaks of it. */
  | 'unknown';

export interface SimilarOptions {
  explain?: boolean;
  exclude?: Iterable<ItemId>;
  allowed?: ItemTest | undefined;
}

/** One item looked at from close by, for a list that it is in or not. */
export interface Examined {
  /** Whether anything is known of the user; true for a history that was given. */
  known: boolean;
  source: ListSource;
  standing: Standing;
  /** Of `seen` and `dismissed`: the newest event of the user that makes it so. */
  seq?: number;
  /** Items that the list was chosen from. */
  candidates: number;
  /** Of a candidate, from 1, by score, ties by id. */
  place?: number;
  score?: number;
  /** What makes the score: a feature's value times its weight. Those that contribute nothing are left out. */
  features: { name: string; signal: SignalName; value: number; weight: number; contribution: number }[];
  /** The same by signal and by the user's own items; they add up to the score, the largest first. */
  reasons: Reason[];
  /** Of the item, over all people: interactions with it, verdicts against it (both in full ones), dismissals. */
  counts: { taken: number; negative: number; dismissed: number };
  /**
   * What people did with it and the user's newest items: taken within 30 events of each other, within 20 after it
   * and before it (these fade with the distance), in full interactions.
   */
  pairs: { item: ItemId; seq?: number; together: number; after: number; before: number }[];
}

/** What the model holds under one id. */
export interface HeldOfUser {
  history: { seq: number; item: ItemId; weight: number; negative: number; time: number }[];
  dismissed: { seq: number; item: ItemId }[];
  /** Lists that wait for what becomes of them; `features` numbers are kept of each item. */
  shown: { seq: number; list: string; items: ItemId[]; features: number }[];
}

/**
 * Parts of what is counted: `item_count` (item; weight, negative), `item_time` (item, bucket; weight, negative), `pair`
 * (item, other; after, before, together), `dismissed` (item; dismissals), `posting` (item, seq, user; place in the
 * history), `total` (what; value).
 */
export type CountedPart = 'item_count' | 'item_time' | 'pair' | 'dismissed' | 'posting' | 'total';

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
  held(user: UserId): HeldOfUser;
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
