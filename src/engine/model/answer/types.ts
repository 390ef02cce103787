/** Requests of callers, and the model's answers. */
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import type { ItemData } from '../../../bus/event/types.ts';
import type { SignalName } from '../signals/names.ts';
import type { Traits } from '../state/traits.ts';

/**
 * Decides which items may be in a list. The model caches the results while the catalogue stays the same, so a test may
 * depend on its arguments alone.
 */
export interface ItemTest {
  /** @param listed when the item entered the catalogue, milliseconds since 1970 */
  test(item: ItemId, fields: ItemData | undefined, listed: number): boolean;
}

export interface RecommendRequest {
  /** The user that the list is for; an unknown user gets popular items. */
  user?: UserId;
  /** Instead of a user: the items of a history, oldest first. */
  history?: readonly ItemId[];
  /** Traits for a `history`, or instead of the user's own. */
  traits?: Traits;
  /** Length of the list, 1 to 10,000. */
  n: number;
  /** Items that may not be in the list. */
  exclude?: Iterable<ItemId>;
  /** The search looks only for items that pass, so the list is as long as there are such items even if few pass. */
  allowed?: ItemTest | undefined;
  /** Time at which popularity and newness are read, milliseconds since 1970; left out: the fold's clock. */
  at?: number;
  /** Whether items of the user's own history may come back, as in a shop; left out: no. */
  includeSeen?: boolean;
  /** Whether to give reasons. */
  explain?: boolean;
}

/** One term of a score. */
export interface Reason {
  signal: SignalName;
  /** What the term adds to the score. The terms of an item add up to its score. */
  contribution: number;
  /** The item of the user's own history that the term comes from (of `similar`: the item in the request). */
  item?: ItemId;
  /** Sequence of the event that put the item into the history; left out if the caller gave the history. */
  seq?: number;
  /** For similarity of content: the terms that the two items share. */
  terms?: string[];
}

export interface Recommended {
  item: ItemId;
  score: number;
  /** With `explain`: the terms of the score, the largest contribution first. */
  reasons?: Reason[];
}

/**
 * Where a list comes from. `model`: from what users did with the items of the history; `content`: only from similarity
 * of content (or of traits), as no user did anything with those items; `popular`: the model knows nothing of the user.
 */
export type ListSource = 'model' | 'content' | 'popular';

export interface RecommendedList {
  source: ListSource;
  items: Recommended[];
}

/** Whether an item is a candidate of a list, or why it is not. */
export type ItemStatus =
  | 'candidate'
  /** The item may be in the list, but no signal found it. */
  | 'not-found'
  | 'seen'
  | 'dismissed'
  | 'excluded'
  | 'withdrawn'
  | 'unpublished'
  /** The item does not pass the test of the request. */
  | 'filtered'
  /** No event that the model holds names the item. */
  | 'unknown';

export interface SimilarOptions {
  explain?: boolean;
  exclude?: Iterable<ItemId>;
  allowed?: ItemTest | undefined;
}

/** How one item fares in a list, whether the list holds it or not. */
export interface Examined {
  /** Whether the model knows anything of the user; true if the caller gave a history. */
  known: boolean;
  source: ListSource;
  standing: ItemStatus;
  /** For `seen` and `dismissed`: sequence of the user's newest event that makes it so. */
  seq?: number;
  /** Candidates of the list. */
  candidates: number;
  /** Rank of a candidate, from 1, by score, ties by id. */
  place?: number;
  score?: number;
  /** The parts of the score: each is a feature's value times its weight. Parts of 0 are left out. */
  features: { name: string; signal: SignalName; value: number; weight: number; contribution: number }[];
  /** The same by signal and by the user's own items, the largest first. They add up to the score. */
  reasons: Reason[];
  /** Counts of the item over all users: interactions and negative feedback (both in full interactions), dismissals. */
  counts: { taken: number; negative: number; dismissed: number };
  /**
   * Pair counts of the item and the user's newest items, in full interactions: within 30 events of each other, within
   * 20 events after, and within 20 before. The last two fade with the distance.
   */
  pairs: { item: ItemId; seq?: number; together: number; after: number; before: number }[];
}
