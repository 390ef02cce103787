/** Events that the fold reads. */
import type { ItemId, UserId } from '../../../bus/event/ids.ts';

/** A user took an item. */
export interface Interaction {
  /** The id that published the event: a user, or an anonymous session. */
  user: UserId;
  item: ItemId;
  /** Whole sixteenths, 1 to 4095; the fold does not keep an event of weight 0. */
  weight: number;
  /** Whole sixteenths of negative feedback in the same event (a low rating); 0 or left out: none. */
  negative?: number;
  /** Event time, milliseconds since 1970. The caller should limit it by the log's own timestamp. */
  time: number;
  /** Position in the log. */
  seq: number;
}

/** A user saw a list. */
export interface ServedList {
  user: UserId;
  /** The list's id, which clicks and dismissals name. */
  list: string;
  /** In the order in which the user saw them. */
  items: readonly ItemId[];
  /** Event time, milliseconds since 1970. */
  time: number;
  seq: number;
}

/** A click on an item, or a dismissal of it. */
export interface Reaction {
  user: UserId;
  item: ItemId;
  /** The list that held the item. Without it the ranker learns nothing about the other items of the list. */
  list?: string | undefined;
  seq: number;
}
