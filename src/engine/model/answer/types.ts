/** What a caller asks of the model, and what it answers. */
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import type { ItemData } from '../../../bus/event/types.ts';
import type { SignalName } from '../signals/names.ts';
import type { Traits } from '../state/traits.ts';

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

/** Whether an item is among the candidates of a list, or why it isn't. */
export type ItemStatus =
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
  standing: ItemStatus;
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
