/** Events as the fold takes them. */
import type { ItemId, UserId } from '../../../bus/event/ids.ts';

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
