/** What the client sends and gets, by the schemas of the events themselves. Nothing but types: it depends on nothing. */

import type { Static } from 'typebox';
import type { EVENT_DATA, InteractionData } from '../bus/event/types.ts';

/** Types of events that an app publishes; `control.*` is written by Freshet alone. */
type Published = Exclude<keyof typeof EVENT_DATA, `control.${string}`>;
export type ClientEventType = Published | `user.x_${string}.v1`;
export type ClientEventData<T extends ClientEventType> = T extends Published
  ? Static<(typeof EVENT_DATA)[T]>
  : InteractionData;

/** A CloudEvent as it is sent. */
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
  /** Probability of the item at its place, where places may explore; reported with the list. */
  propensity?: number;
  /** It is there because its place explored. */
  explored?: boolean;
  reasons?: { signal: string; contribution: number; [more: string]: unknown }[];
}

export interface Ranking {
  user?: string;
  item?: string;
  /** To be named in feedback and interactions. */
  list: string;
  items: RankedItem[];
  snapshot: string;
  seq: number;
  config: string;
  source: string;
  /** Arm of the experiment that runs, or main; reported with the list. */
  arm?: string;
  next: string | null;
}

/** What a list may be asked with; see docs/how-to/shape-lists.md. */
export interface RecommendOptions {
  n?: number;
  exclude?: string[];
  explain?: boolean;
  include_seen?: boolean;
  max_age_ms?: number;
  min_seq?: number;
  timeout_ms?: number;
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
  /** Circumstances: device, place, hour (0 to 23); others change nothing. */
  context?: { device?: string; place?: string; hour?: number; [name: string]: unknown };
  /** Share of places that explore; 0: none. */
  exploration?: number;
}

/** An event that was refused for good; sending it again would change nothing. */
export interface RejectedEvent {
  event: ClientEvent;
  code: string;
  message: string;
}
