/**
 * Lists that are answered. One that stands is answered as it is: its user hasn't acted since, it is no older than the
 * question allows, and what was withdrawn meanwhile is left out; any other is computed.
 */
import { randomBytes } from 'node:crypto';
import { itemId, type StreamSeq, userId } from '../bus/event/ids.ts';
import { BadRequestError } from '../errors.ts';
import type { ListSource, Model, Reason } from './model/mod.ts';

export interface RankedItem {
  item: string;
  score: number;
  reasons?: Reason[];
}

export interface RankingAnswer {
  user?: string;
  item?: string;
  /** Id of this answer, to be named in feedback. */
  list: string;
  items: RankedItem[];
  /** Snapshot in force when it was answered. */
  snapshot: string;
  /** Log position that it was computed at. */
  seq: number;
  /** Hash of the engine's configuration. */
  config: string;
  source: ListSource;
  /** Cursor of the page after this one; null after the last. */
  next: string | null;
}

export interface ListRequest {
  user: string;
  n: number;
  exclude: readonly string[];
  explain: boolean;
  includeSeen: boolean;
  /** Milliseconds that a standing list may be old; 0 computes it afresh. */
  maxAgeMs: number;
  /** The list must have been computed at or behind this position. */
  minSeq: number;
  cursor: string | undefined;
}

export interface Standing {
  items: RankedItem[];
  seq: number;
  /** Milliseconds, monotonic. */
  at: number;
  source: ListSource;
  /** Whether the user acted since. */
  moved: boolean;
}

export interface Lists {
  recommend(request: ListRequest): RankingAnswer;
  similar(item: string, n: number, explain: boolean): RankingAnswer;
  trending(n: number): RankingAnswer;
  /** Computes a user's list anew and lets it stand. */
  refresh(user: string): Standing;
  /** The user acted: their list no longer stands. */
  moved(user: string): void;
  /** The catalogue changed: withdrawn items are looked for in standing lists. */
  withdrawn(item: string, is: boolean): void;
}

export interface ListsOptions {
  model: Model;
  /** Position of the model. */
  seq: () => StreamSeq;
  snapshot: () => string;
  config: string;
  /** Items that are kept of a standing list. */
  length: number;
  /** Standing lists that are kept. */
  capacity: number;
  /** Most items that paging reaches. */
  depth: number;
  /** Milliseconds, monotonic. */
  now?: () => number;
  onAnswer?: (what: 'standing' | 'computed', ageSeconds: number) => void;
  onCompute?: (seconds: number) => void;
}

/** Where a page starts; `seq` tells whether the list moved since the page before. */
interface Cursor {
  offset: number;
  seq: number;
}

export function createLists(options: ListsOptions): Lists {
  const {
    model,
    seq,
    snapshot,
    config,
    length,
    capacity,
    depth,
    now = () => performance.now(),
    onAnswer,
    onCompute,
  } = options;
  // Insertion order is order of use: the first key is the one that was used longest ago.
  const standing = new Map<string, Standing>();
  const withdrawnItems = new Set<string>();

  function compute(
    user: string,
    count: number,
    request: { exclude?: readonly string[]; explain?: boolean; includeSeen?: boolean },
  ): Standing {
    const started = performance.now();
    const { items, source } = model.recommend({
      user: userId(user),
      n: count,
      ...(request.exclude ? { exclude: request.exclude.map(itemId) } : {}),
      explain: request.explain === true,
      includeSeen: request.includeSeen === true,
    });
    onCompute?.((performance.now() - started) / 1000);
    return { items, seq: seq(), at: now(), source, moved: false };
  }

  function keep(user: string, list: Standing): void {
    standing.delete(user);
    standing.set(user, list);
    if (standing.size <= capacity) return;
    const [oldest] = standing.keys();
    if (oldest !== undefined) standing.delete(oldest);
  }

  function usable(
    list: Standing | undefined,
    { maxAgeMs, minSeq, explain, includeSeen }: ListRequest,
    needed: number,
  ): list is Standing {
    if (!list || list.moved || explain || includeSeen || maxAgeMs <= 0) return false;
    if (list.seq < minSeq || now() - list.at > maxAgeMs) return false;
    // A list shorter than it might be says all there is.
    return list.items.length >= needed || list.items.length < length;
  }

  function recommend(request: ListRequest): RankingAnswer {
    const { user, n, exclude, explain, includeSeen } = request;
    const offset = request.cursor === undefined ? 0 : parseCursor(request.cursor).offset;
    // One more than the page, to know whether there is another.
    const end = Math.min(offset + n, depth);
    const excluded = new Set(exclude);
    let list = standing.get(user);
    if (usable(list, request, end + 1 + excluded.size)) onAnswer?.('standing', (now() - list.at) / 1000);
    else {
      const plain = excluded.size === 0 && !explain && !includeSeen;
      list = compute(user, Math.max(plain ? length : 0, end + 1), { exclude, explain, includeSeen });
      if (plain) keep(user, { ...list, items: list.items.slice(0, Math.max(length, end + 1)) });
      onAnswer?.('computed', 0);
    }
    const allowed = list.items.filter(({ item }) => !excluded.has(item) && !withdrawnItems.has(item));
    const items = allowed.slice(offset, end);
    const more = allowed.length > end && end < depth;
    return answer({ user }, items, list.source, list.seq, more ? encodeCursor({ offset: end, seq: list.seq }) : null);
  }

  function answer(
    of: { user: string } | { item: string } | object,
    items: RankedItem[],
    source: ListSource,
    at: number,
    next: string | null,
  ): RankingAnswer {
    return { ...of, list: newListId(), items, snapshot: snapshot(), seq: at, config, source, next };
  }

  return {
    recommend,
    similar: (item, n, explain) => {
      const { items, source } = model.similar(itemId(item), n, { explain });
      return answer({ item }, items, source, seq(), null);
    },
    trending: (n) => {
      const { items, source } = model.trending(n);
      return answer({}, items, source, seq(), null);
    },
    refresh: (user) => {
      const list = compute(user, length, {});
      keep(user, list);
      return list;
    },
    moved: (user) => {
      const list = standing.get(user);
      if (list) list.moved = true;
    },
    withdrawn: (item, is) => {
      if (is) withdrawnItems.add(item);
      else withdrawnItems.delete(item);
    },
  };
}

/** Twelve random bytes: lists are named by answers, never by the fold. */
const newListId = (): string => `l_${randomBytes(12).toString('base64url')}`;

const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

function parseCursor(text: string): Cursor {
  try {
    const { offset, seq } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Cursor;
    if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(seq)) return { offset, seq };
  } catch {
    // falls through to the error below
  }
  throw new BadRequestError('cursor is none that an answer gave; leave it out to start from the top.', {
    details: { member: 'cursor' },
  });
}
