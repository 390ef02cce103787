/** Lists as the engine publishes them in KV, and the view of one that a reader of the stream gets. */
import type { Config } from '../config/schema.ts';
import { cursorText, newListId } from '../engine/serve/list-id.ts';
import { LIST_DEFAULT } from '../engine/serve/requests.ts';

/** A list in KV. */
export interface PublishedList {
  /** Left out of lists of similar and of trending items. */
  user?: string;
  items: readonly { item: string }[];
  /** Log position of the state that it was computed from. */
  seq: number;
  source: string;
  snapshot: string;
  config: string;
  /** Left out if the arm of the user changes lists: the user's answers differ from what is published. */
  arm?: string;
}

/** An answer to a request for a list. */
export interface RankingView {
  user: string;
  list: string;
  items: readonly { item: string }[];
  snapshot: string;
  seq: number;
  /** Left out if the list comes from KV. */
  behind?: number;
  config: string;
  source: string;
  next: string | null;
  arm: string;
}

/** An answer from what is stored, while no engine answers. */
export interface StoredList extends Omit<RankingView, 'user' | 'arm'> {
  user?: string;
  item?: string;
  arm?: string;
  stored: true;
}

/** A value of the bucket; undefined for a deletion, and for what is not a list. */
export function readPublishedList(data: Uint8Array): PublishedList | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString('utf8')) as Partial<PublishedList> | null;
    const whole = Number.isSafeInteger(value?.seq) && Array.isArray(value?.items);
    return whole ? (value as PublishedList) : undefined;
  } catch {
    return undefined;
  }
}

/** A request for a list, as far as it decides whether the published list is the answer. */
export interface PlainRequest {
  n?: number;
  exclude?: readonly string[];
  explain?: boolean | 'full';
  include_seen?: boolean;
  filter?: unknown;
  fields?: readonly string[];
}

/**
 * The answer that the engine would give from the list it published; undefined if the engine has to compute it: the request
 * has options, the list is shorter than the request, or an experiment changes it. Each view has a list id of its own,
 * since its reader reports it as shown.
 */
export function viewOfPublished(
  published: PublishedList,
  { n = LIST_DEFAULT, exclude = [], explain = false, include_seen, filter, fields }: PlainRequest,
  { http, engine }: Pick<Config, 'http' | 'engine'>,
): RankingView | undefined {
  const { user, items, snapshot, seq, config, source, arm } = published;
  const plain =
    exclude.length === 0 &&
    explain === false &&
    include_seen === undefined &&
    filter === undefined &&
    fields === undefined;
  // A list that is shorter than the limit holds every item that the engine can list.
  // An empty one says that the engine had nothing yet.
  const enough = items.length > n || (items.length > 0 && items.length < engine.list_length);
  if (!plain || !enough || user === undefined || arm === undefined) return undefined;
  const list = newListId();
  const next = items.length > n && n < http.list_max ? cursorText({ offset: n, list }) : null;
  return { user, list, items: items.slice(0, n), snapshot, seq, config, source, next, arm };
}
