/** Types of requests and answers, from the schemas of the events. The module has no code, so the bundle stays small. */

import type { Static } from 'typebox';
import type { EVENT_DATA, InteractionData } from '../bus/event/types.ts';

/** Types of events that an app may publish. Only Freshet writes `control.*`. */
type Published = Exclude<keyof typeof EVENT_DATA, `control.${string}`>;
export type ClientEventType = Published | `user.x_${string}.v1`;
export type ClientEventData<T extends ClientEventType> = T extends Published
  ? Static<(typeof EVENT_DATA)[T]>
  : InteractionData;

/** A CloudEvent, as the client sends it. */
export interface ClientEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  data: unknown;
}

export interface RankedItem {
  item: string;
  score: number;
  /** With exploration: the probability of the item at its place. The client reports it with the list. */
  propensity?: number;
  /** Exploration chose the item. */
  explored?: boolean;
  reasons?: { signal: string; contribution: number; says?: string; [more: string]: unknown }[];
  /** The fields that the request names, those that the item has. */
  fields?: Partial<Pick<ItemFields, 'title' | 'tags' | 'attributes' | 'published'>> & { listed?: string };
}

/** A part of a request that probably does not mean what its caller thinks. */
export interface Warning {
  code: string;
  member: string;
  message: string;
}

export interface Ranking {
  user?: string;
  item?: string;
  /** Id of the list. Feedback and interactions name it. */
  list: string;
  items: RankedItem[];
  snapshot: string;
  seq: number;
  /** Events of the log that the engine had not folded when it answered. A stream may leave it out. */
  behind?: number;
  config: string;
  source: string;
  /** Arm of the running experiment, or main. The client reports it with the list. */
  arm?: string;
  next: string | null;
  /** The gateway leaves it out if it has no warnings. */
  warnings?: Warning[];
  /** True if no engine answered, and the list is the newest one in KV. */
  stored?: boolean;
}

/** Fields of an item, as its event gave them. */
type ItemFields = Static<(typeof EVENT_DATA)['content.published.v1']>;

/** An item of the catalogue. */
export interface CatalogueItem extends ItemFields {
  item: string;
  /** False while the item is withdrawn. */
  available: boolean;
}

/** Items of the catalogue by their ids. */
export interface CatalogueItems {
  /** In the order of the request. */
  items: CatalogueItem[];
  /** Ids that no item of the catalogue has. */
  unknown: string[];
}

/** Members of a search. */
export interface SearchOptions extends ListOptions {
  /** The engine ranks the best of the items for this user. */
  user?: string;
  tag?: string;
  filter?: Record<string, unknown>;
  /** Whether to find withdrawn items too. */
  withdrawn?: boolean;
}

/** What a search found. */
export interface FoundItems {
  /** Best first. */
  items: {
    item: string;
    /** How well the texts of the item fit. */
    score: number;
    available: boolean;
    fields: Partial<Pick<ItemFields, 'title' | 'tags' | 'attributes' | 'published'>>;
  }[];
  /** `user` if the engine ranked the items for the user of the request. */
  order: 'text' | 'user';
  /** Whether more items match. */
  more: boolean;
  /** False if so many items match that only the newest were ranked. */
  complete: boolean;
  seq: number;
  warnings?: Warning[];
}

/** Members of a request for any list. */
export interface ListOptions {
  n?: number;
  /** Fields that each item comes with: title, tags, attributes, attributes.NAME, published, listed. */
  fields?: string[];
  min_seq?: number;
  timeout_ms?: number;
}

/** Members of a request for a list of a user; see docs/how-to/shape-lists.md. */
export interface RecommendOptions extends ListOptions {
  exclude?: string[];
  /** true: the largest terms in words, and the sum of the rest; full: all of them. */
  explain?: boolean | 'full';
  include_seen?: boolean;
  max_age_ms?: number;
  cursor?: string;
  history?: string[];
  like?: string[];
  unlike?: string[];
  unlike_weight?: number;
  candidates?: string[];
  filter?: Record<string, unknown>;
  filters?: Record<string, unknown>[];
  boosts?: { filter: Record<string, unknown>; by: number }[];
  diversity?: { lambda: number };
  quotas?: ({ per: string; max: number } | { filter: Record<string, unknown>; min?: number; max?: number })[];
  new?: { share: number; days?: number };
  seen_for_s?: number | Record<string, number>;
  /** Context of the request: device, place, hour (0 to 23). Freshet ignores other members. */
  context?: { device?: string; place?: string; hour?: number; [name: string]: unknown };
  /** Share of places for exploration; 0: none. */
  exploration?: number;
}

/** The list of one of several users, or the problem document (RFC 9457) in place of it. */
export type UserRanking = { user: string } & (
  | { ranking: Ranking; problem?: never }
  | { ranking?: never; problem: { status: number; code: string; detail: string; [more: string]: unknown } }
);

/** An event that the gateway rejected. It would reject it again. */
export interface RejectedEvent {
  event: ClientEvent;
  code: string;
  message: string;
}
