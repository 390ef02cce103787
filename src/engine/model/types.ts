/** The model's interface. */
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../bus/event/types.ts';
import type { PersonalData } from './answer/lookup.ts';
import type { Examined, ItemTest, RecommendedList, RecommendRequest, SimilarOptions } from './answer/types.ts';
import type { Interaction, Reaction, ServedList } from './apply/events.ts';
import type { InputKind } from './inputs/kinds.ts';
import type { InputInForce, InputsInForce } from './inputs/recorded-inputs.ts';
import type { ExampleMaker, ExampleSource, LearningPace } from './learn/examples.ts';
import type { PrequentialReport } from './learn/prequential.ts';
import type { Observer } from './learn/scored-event.ts';
import type { TrainingData } from './learn/training-data.ts';
import type { Steps } from './primitives/steps.ts';
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
  /** Stored pairs; each pair of items is in two rows. */
  pairs: number;
  /** Pairs that outgrew the narrow form. */
  widePairs: number;
  /** Bytes of the typed arrays: pair rows, buckets, postings, histories, features and vectors. */
  bytes: { pairs: number; buckets: number; postings: number; histories: number; inputs: number };
  /** Dismissals, and impressions whose outcome is not known yet. */
  dismissals: number;
  impressions: number;
  /** Examples that the ranker learned from, and whether a forgotten user's are among them. */
  ranker: { steps: number; stale: boolean };
  /** How often the model met each kind of fault. */
  warnings: Readonly<Record<WarningName, number>>;
}

/** The model as a fold: what events do to it, and what callers can ask of it. Both are deterministic. */
export interface Model {
  /**
   * The fold's clock, milliseconds since 1970: the time at which lists are computed. The caller that folds sets it; it
   * never goes back.
   */
  clock: number;
  /**
   * Puts an item into the catalogue, or replaces its fields. `listedMs`: time of the event, milliseconds since 1970;
   * left out: 0.
   */
  publishItem(id: ItemId, fields: ItemData, listedMs?: number): void;
  /** Applies a JSON Merge Patch (RFC 7396). For an item that was never published the model counts a warning. */
  updateItem(id: ItemId, patch: ItemPatch): void;
  withdrawItem(id: ItemId): void;
  restoreItem(id: ItemId): void;
  /**
   * Sets the observer of events that are scored before they are counted; undefined: none. `every`: the model also
   * scores one in this many other events for the observer, which changes nothing in the state.
   */
  observe(observer: Observer | undefined, every?: number): void;
  /**
   * Puts the ranker back to earlier weights ({@link Model.rankerBytes}), from which it learns no more. Undefined: it
   * learns on from what it is. Throws an InputUnreadableError for a ranker of another form.
   */
  pinRanker(bytes: Uint8Array | undefined): void;
  /** What the ranker has learned; empty without a ranker. */
  rankerBytes(): Buffer;
  /** Whether the ranker learns no more because an operator pinned it. */
  readonly pinned: boolean;
  /** Folds an interaction. False: it counts nothing (weight 0, a repeated sequence, a value out of range). */
  interact(interaction: Interaction): boolean;
  /**
   * Keeps a list that a user saw as an impression until its outcome is known. The model keeps a share of them, as of
   * interactions, and none of users without a history.
   */
  serve(served: ServedList): void;
  /**
   * Learns that the user clicked an item of a list. The click enters no history. False: the model does not know the
   * list, or no longer.
   */
  click(reaction: Reaction): boolean;
  /**
   * Keeps an item off a user's lists from here on, counts the dismissal, and learns from the impression if the model
   * knows it.
   */
  dismiss(reaction: Reaction): boolean;
  /**
   * Takes out the event of this user (or session) at this sequence: an interaction or a link. False: the model does not
   * know it.
   */
  retract(user: UserId, seq: number): boolean;
  /** Counts all events of the session, earlier and later ones, for the user. False: an earlier claim is in force. */
  link(user: UserId, session: UserId, seq: number): boolean;
  /** Replaces a user's traits. An empty record is the same as none. */
  setTraits(user: UserId, traits: Traits): void;
  /**
   * Takes out everything that this id published: interactions, links, dismissals, and its traits. Sessions that were
   * linked to it get back what they did under their own ids. Afterwards the model is as if none of it had ever come,
   * except for the ranker. Its weights keep what it learned: {@link ModelSizes.ranker} says that it is stale, and a
   * rebuild from the rest of the log gives a ranker that never knew.
   */
  forget(user: UserId): void;
  /**
   * The first step of {@link forget}: the model no longer knows the id, and a later event starts another user. What the
   * model counts of the old events remains until {@link erase} has taken it out.
   */
  cutOff(user: UserId): void;
  /** Takes out at most so many events of users who are cut off. */
  erase(limit: number): void;
  /**
   * Whether events of users who are cut off remain. Until {@link erase} has taken them out the model is the fold of no
   * log: it gives no state, hash or data for training.
   */
  readonly erasing: boolean;
  /** All ids of users and sessions that the model knows, in order. */
  users(): string[];
  /** The same in no order, without a copy. */
  ids(): Iterable<string>;
  /** Data for training outside the fold, of this position; undefined if there is too little to learn from. */
  trainingData(kind: InputKind): TrainingData | undefined;
  /**
   * Adopts what a training gave, from this position on. The first of its kind is in force if it is better than chance;
   * a later one is compared with it on the events that follow. Throws an InputUnreadableError.
   */
  adopt(input: { kind: InputKind; bytes: Uint8Array; seq: number }): void;
  /** Recorded inputs in force. */
  inputs(): InputInForce[];
  /** Sets where training examples come from that the model need not make; nowhere by default. */
  learnFrom(source: ExampleSource | undefined): void;
  /**
   * Learns from the examples that the source still makes, and waits for them. Between {@link Model.interact} and this,
   * nobody may ask for anything that the ranker has a part in.
   */
  settle(): void;
  /** What a model that makes examples for this one must know, beside the same events. */
  pace(): LearningPace;
  /** The same of recorded inputs. */
  inputsInForce(): InputsInForce;
  /** From here on this model makes examples for another one from the same events, and learns nothing itself. */
  makeFor(maker: ExampleMaker): void;
  /** Takes over what {@link Model.pace} and {@link Model.inputsInForce} of the other model gave. */
  follow(other: { budget: Float64Array; inputs: InputsInForce | undefined }): void;
  /** Most numbers in the values of an example. */
  readonly exampleSize: number;
  /** Bytes of the statistics, histories and vectors. */
  readonly memoryBytes: number;
  recommend(request: RecommendRequest): RecommendedList;
  /** How an item fares in a list, and why. The list is the one that {@link Model.recommend} gives. */
  examine(request: RecommendRequest, item: ItemId): Examined;
  /** Items that are similar to an item: by what users did, or by content alone if no user did anything with it. */
  similar(item: ItemId, n: number, options?: SimilarOptions): RecommendedList;
  /** Items that users take most at present. Score: decayed number of full interactions; 0 for items of long ago. */
  trending(n: number, at?: number, allowed?: ItemTest): RecommendedList;
  /** An item's fields, and when it was listed; undefined for an item that was never published. */
  item(item: ItemId): { fields: ItemData; listed: number } | undefined;
  /** Traits of a user, or of the user that claimed a session. */
  traitsOf(user: UserId): Traits | undefined;
  /** Full interactions of all users with an item; 0 for an unknown item. */
  taken(item: ItemId): number;
  /** A user's events, newest first, with those of sessions that the user claimed. */
  history(user: UserId, n?: number): { item: ItemId; weight: number; time: number; seq: number }[];
  /** What the model holds under an id itself, whichever user claimed it; each list in log order. */
  personalData(user: UserId): PersonalData;
  /**
   * Adds the users, links and events of another model of the same configuration; no user may be in both. Statistics add
   * up. Rankers do not, so the model keeps the ranker of the one with more events. It keeps its own impressions.
   */
  merge(other: Model): void;
  stats(): ModelSizes;
  /** The sizes that the model keeps count of, for frequent questions. */
  counts(): Pick<ModelSizes, 'users' | 'items' | 'events'>;
  /** How often the model met each kind of fault; unlike {@link Model.stats} this walks no rows. */
  warnings(): Readonly<Record<WarningName, number>>;
  /** Quality on the newest events, each ranked before it was counted. */
  prequential(): PrequentialReport;
  /** SHA-256, hex, of the statistics in canonical form, by item ids. */
  statisticsHash(): string;
  /** What the model counts, row by row in canonical order: the key as in {@link CountedPart}, then the numbers. */
  counted(part: CountedPart): Iterable<readonly (string | number)[]>;
  /** Whether the ranker learned from a user who was forgotten since. */
  readonly stale: boolean;
  /** SHA-256, hex, of what the ranker has learned; of no bytes without a ranker. */
  rankerHash(): string;
  /**
   * Histories, links, traits, dismissals, catalogue and clock in canonical form, and what was learned in the order of
   * the log (ranker, impressions, prequential windows). Equal states give equal bytes. `learned: false` leaves the
   * latter out. The rest is a function of the events alone, whatever the order of users, and forgetting takes out
   * exactly a user's part of it.
   */
  exportState(options?: { learned?: boolean }): Buffer;
  /** The same in steps. Nothing may change the model between two of them; requests may be answered from it. */
  exportingState(options?: { learned?: boolean }): Steps<Buffer>;
  /**
   * Folds what {@link Model.exportState} wrote into this model, which must be empty. Throws a
   * ModelStateUnreadableError.
   */
  importState(state: Uint8Array): void;
  /** The same in steps. Nobody may use the model before the last one. */
  importingState(state: Uint8Array): Steps<void>;
}
