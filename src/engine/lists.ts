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
  /** Standing lists that are kept, and pages that can be gone on from. */
  capacity: number;
  /** Most items that paging reaches. */
  depth: number;
  /** Milliseconds, monotonic. */
  now?: () => number;
  onAnswer?: (what: 'standing' | 'computed', ageSeconds: number) => void;
  onCompute?: (seconds: number) => void;
}

/** Where a page starts, and the answer before it, by which is known what was shown already. */
interface Cursor {
  offset: number;
  list: string;
}

/** Milliseconds within which a list that was computed after its user's last event need not be computed again. */
const JUST_NOW_MS = 100;

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
  /** By answer that has a page after it: what it and the pages before it showed. */
  const pages = new Map<string, { user: string; shown: ReadonlySet<string> }>();

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

  const keep = (user: string, list: Standing): void => remember(standing, user, list);

  function usable(
    list: Standing | undefined,
    { maxAgeMs, minSeq, explain, includeSeen }: ListRequest,
  ): list is Standing {
    if (!list || list.moved || explain || includeSeen || maxAgeMs <= 0) return false;
    return list.seq >= minSeq && now() - list.at <= maxAgeMs;
  }

  function recommend(request: ListRequest): RankingAnswer {
    const { user, n, exclude, explain, includeSeen } = request;
    const cursor = request.cursor === undefined ? undefined : parseCursor(request.cursor);
    const offset = cursor?.offset ?? 0;
    const end = Math.min(offset + n, depth);
    const excluded = new Set(exclude);
    const allowedOf = ({ items }: Standing): RankedItem[] =>
      items.filter(({ item }) => !excluded.has(item) && !withdrawnItems.has(item));

    let list = standing.get(user);
    let allowed = usable(list, request) ? allowedOf(list) : undefined;
    // One more than the page, to know whether there is another. A list shorter than it might be says all there is.
    if (list && allowed && (allowed.length > end || list.items.length < length)) {
      onAnswer?.('standing', (now() - list.at) / 1000);
    } else {
      const plain = excluded.size === 0 && !explain && !includeSeen;
      list = compute(user, Math.max(plain ? length : 0, end + 1), { exclude, explain, includeSeen });
      if (plain) keep(user, list);
      allowed = allowedOf(list);
      onAnswer?.('computed', 0);
    }
    // The list may have moved since the page before, so a page goes on with the best that was not shown yet.
    const before = cursor && pages.get(cursor.list);
    const shown = before?.user === user ? before.shown : undefined;
    const rest = shown ? allowed.filter(({ item }) => !shown.has(item)) : allowed.slice(offset);
    const items = rest.slice(0, Math.max(0, end - offset));
    const answered = answer({ user }, items, list.source, list.seq, null);
    if (rest.length <= items.length || end >= depth) return answered;
    const all = new Set(shown ?? allowed.slice(0, offset).map(({ item }) => item));
    for (const { item } of items) all.add(item);
    remember(pages, answered.list, { user, shown: all });
    return { ...answered, next: encodeCursor({ offset: end, list: answered.list }) };
  }

  /** Keeps so many that were used last. */
  function remember<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key);
    map.set(key, value);
    if (map.size <= capacity) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
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
      // Whoever acted and asked at once has had it computed already.
      const known = standing.get(user);
      if (known && !known.moved && known.items.length >= length && now() - known.at < JUST_NOW_MS) return known;
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
    const { offset, list } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Cursor;
    if (Number.isSafeInteger(offset) && offset >= 0 && typeof list === 'string') return { offset, list };
  } catch {
    // falls through to the error below
  }
  throw new BadRequestError('cursor is none that an answer gave; leave it out to start from the top.', {
    details: { member: 'cursor' },
  });
}
