/**
 * Lists that are answered. One that stands is answered as it is: its user hasn't acted since, it is no older than the
 * question allows, and what was withdrawn meanwhile is left out; any other is computed.
 */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { itemId, type StreamSeq, userId } from '../../bus/event/ids.ts';
import { BadRequestError } from '../../errors.ts';
import { NO_ROWS, type RowsBeside } from '../fold/rows-beside.ts';
import type { ItemTest, ListSource, Model } from '../model/mod.ts';
import type { Filter } from '../rerank/filter.ts';
import { joinRules, parseRules } from '../rerank/request.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
import { SEEN_FOR_GOOD, type SeenRule } from '../rerank/seen.ts';
import { type Segment, takenIn } from '../rerank/segment.ts';
import { createShaping, type ListReason, type Shape } from '../rerank/shaping.ts';
import { arrange, inOrder, type Shelf } from '../rerank/shelves.ts';

export interface RankedItem {
  item: string;
  score: number;
  reasons?: ListReason[];
  /** Where places may explore: the probability of this item at its place, given those before it. */
  propensity?: number;
  /** It is there because its place explored. */
  explored?: true;
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

/** What a list is made of beside a user's own history, and by which rules; a request without is answered as it stands. */
export interface ListShape extends Pick<Shape, 'history' | 'unlike' | 'candidates' | 'circumstances'> {
  /** Which items that were seen are out; undefined: as configured. */
  seen?: SeenRule | undefined;
  rules?: Rules | undefined;
}

export interface ListRequest {
  /** Undefined for somebody of whom nothing but a history is known. */
  user: string | undefined;
  shape?: ListShape | undefined;
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

export interface ShelvesRequest {
  user: string;
  /** Rows at most. */
  rows: number;
  /** Items in a row at most. */
  n: number;
  exclude: readonly string[];
  rules: Rules | undefined;
}

export interface ShelfAnswer extends Shelf<RankedItem> {
  /** Id of this row, to be named in feedback. */
  list: string;
  title: string;
  source: ListSource;
}

export interface ShelvesAnswer extends Pick<RankingAnswer, 'snapshot' | 'seq' | 'config'> {
  user: string;
  shelves: ShelfAnswer[];
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
  similar(item: string, n: number, explain: boolean, filters?: readonly Filter[]): RankingAnswer;
  trending(n: number, filters?: readonly Filter[], segment?: Segment): RankingAnswer;
  /** Several titled rows with no item twice. */
  shelves(request: ShelvesRequest): ShelvesAnswer;
  /** Computes a user's list anew and lets it stand. */
  refresh(user: string): Standing;
  /** The user acted: their list no longer stands. */
  moved(user: string): void;
  /** This user is known no more: their list goes. */
  forget(user: string): void;
  /** The catalogue changed: cached lists leave out what was withdrawn. */
  withdrawn(item: string, is: boolean): void;
  /** Drops all cached lists; `withdrawn` is all that is withdrawn now. */
  reset(withdrawn: Iterable<string>): void;
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
  /** Rules of the configuration, which every list is under; none unless given. */
  rules?: () => Rules;
  /** Which items that were seen are out; left out: all, for good. */
  seen?: SeenRule;
  /** What the engine's rows know beside the model. */
  rows?: RowsBeside;
  /** Newest interactions that are looked through for what is taken in a segment, and milliseconds that it counts. */
  segmentEvents?: number;
  segmentMs?: number;
  /** Standard deviations that an item moves that is taken twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  explorationSeed?: number;
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

/** Newest events that shelves are made for, and whose items are on none. */
const RECENT_EVENTS = 200;
/** Segments of which is remembered what was taken in them. */
const SEGMENTS = 100;
/** Days that an item is new. */
const NEW_DAYS = 30;
/** Items that a row has to have. */
const LEAST_ON_SHELF = 3;
const SHELF_TITLES: Readonly<Record<string, string>> = { 'for-you': 'For you', new: 'New', trending: 'Popular now' };

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
    rules = () => NO_RULES,
    seen = SEEN_FOR_GOOD,
    rows = NO_ROWS,
    segmentEvents = 0,
    segmentMs = 0,
    contextWeight = 0,
    explorationSeed = 0,
    now = () => performance.now(),
    onAnswer,
    onCompute,
  } = options;
  // LRUCache takes no maximum of 0: with a capacity of 0 nothing is put into them.
  const max = Math.max(1, capacity);
  const standing = new LRUCache<string, Standing>({ max });
  const withdrawnItems = new Set<string>();
  /** By answer that has a page after it: what it and the pages before it showed. */
  const pages = new LRUCache<string, { user: string | undefined; shown: ReadonlySet<string> }>({ max });

  const shaping = createShaping(model, { seed: explorationSeed, seq, contextWeight, rows });

  function compute(
    user: string | undefined,
    count: number,
    request: { exclude?: readonly string[]; explain?: boolean; includeSeen?: boolean; shape?: ListShape | undefined },
  ): Standing {
    const started = performance.now();
    const { shape } = request;
    const configured = rules();
    const { items, source } = shaping.list(
      {
        ...shape,
        user,
        exclude: request.exclude ?? [],
        explain: request.explain === true,
        includeSeen: request.includeSeen === true,
        seen: shape?.seen ?? seen,
        rules: shape?.rules ? joinRules(configured, shape.rules) : configured,
      },
      count,
    );
    onCompute?.((performance.now() - started) / 1000);
    return { items, seq: seq(), at: now(), source, moved: false };
  }

  const keep = (user: string, list: Standing): void => {
    if (capacity > 0) standing.set(user, list);
  };

  function usable(
    list: Standing | undefined,
    { maxAgeMs, minSeq, explain, includeSeen, shape }: ListRequest,
  ): list is Standing {
    if (!list || list.moved || explain || includeSeen || shape || maxAgeMs <= 0) return false;
    return list.seq >= minSeq && now() - list.at <= maxAgeMs;
  }

  function recommend(request: ListRequest): RankingAnswer {
    const { user, n, exclude, explain, includeSeen, shape } = request;
    const cursor = request.cursor === undefined ? undefined : parseCursor(request.cursor);
    const offset = cursor?.offset ?? 0;
    const end = Math.min(offset + n, depth);
    const excluded = new Set(exclude);
    const allowedOf = ({ items }: Standing): RankedItem[] =>
      items.filter(({ item }) => !excluded.has(item) && !withdrawnItems.has(item));

    let list = user === undefined ? undefined : standing.get(user);
    let allowed = usable(list, request) ? allowedOf(list) : undefined;
    // One more than the page, to know whether there is another. A list shorter than it might be says all there is.
    if (list && allowed && (allowed.length > end || list.items.length < length)) {
      onAnswer?.('standing', (now() - list.at) / 1000);
    } else {
      const plain = excluded.size === 0 && !explain && !includeSeen && !shape;
      list = compute(user, Math.max(plain ? length : 0, end + 1), { exclude, explain, includeSeen, shape });
      if (plain && user !== undefined) keep(user, list);
      allowed = allowedOf(list);
      onAnswer?.('computed', 0);
    }
    // The list may have moved since the page before, so a page goes on with the best that was not shown yet.
    const before = cursor && pages.get(cursor.list);
    const shown = before && before.user === user ? before.shown : undefined;
    const rest = shown ? allowed.filter(({ item }) => !shown.has(item)) : allowed.slice(offset);
    const items = rest.slice(0, Math.max(0, end - offset));
    const answered = answer(user === undefined ? {} : { user }, items, list.source, list.seq, null);
    if (rest.length <= items.length || end >= depth) return answered;
    const all = new Set(shown ?? allowed.slice(0, offset).map(({ item }) => item));
    for (const { item } of items) all.add(item);
    if (capacity > 0) pages.set(answered.list, { user, shown: all });
    return { ...answered, next: encodeCursor({ offset: end, list: answered.list }) };
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

  const testOf = (filters: readonly Filter[] = []) => shaping.testOf([...rules().filters, ...filters]);

  function similar(item: string, n: number, explain: boolean, filters?: readonly Filter[]): RankingAnswer {
    const { items, source } = model.similar(itemId(item), n, { explain, allowed: testOf(filters) });
    return answer({ item }, items, source, seq(), null);
  }

  /** What was taken in segments, as long as it counts. */
  const segments = new LRUCache<string, { at: number; taken: ReadonlyMap<string, number> }>({ max: SEGMENTS });

  function takenLately(segment: Segment): ReadonlyMap<string, number> {
    const known = segments.get(segment.key);
    if (known && now() - known.at <= segmentMs) return known.taken;
    const taken = takenIn(segment, rows.newest(segmentEvents), {
      now: model.clock,
      traits: (user) => model.traitsOf(userId(user)),
    });
    segments.set(segment.key, { at: now(), taken });
    return taken;
  }

  function trending(n: number, filters?: readonly Filter[], segment?: Segment): RankingAnswer {
    if (segment) {
      const taken = takenLately(segment);
      const passes = testOf(filters);
      const allowed: ItemTest = {
        test: (item, fields, listed) => taken.has(item) && (passes?.test(item, fields, listed) ?? true),
      };
      const items = model
        .trending(taken.size, undefined, allowed)
        .items.map(({ item }) => ({ item: item as string, score: taken.get(item) as number }))
        .sort((a, b) => b.score - a.score || (a.item < b.item ? -1 : 1));
      return answer({}, items.slice(0, n), 'popular', seq(), null);
    }
    const { items, source } = model.trending(n, undefined, testOf(filters));
    return answer({}, items, source, seq(), null);
  }

  function titleOf({ kind, of }: Shelf<RankedItem>): string {
    if (of === undefined) return SHELF_TITLES[kind] ?? kind;
    return `Because of ${model.item(itemId(of))?.fields.title ?? of}`;
  }

  return {
    recommend,
    similar,
    trending,
    shelves: ({ user, rows, n, exclude, rules: asked }) => {
      const shape = asked ? { rules: asked } : undefined;
      const filters = asked?.filters ?? [];
      // What stands in a row above is missing below, so each row has some to spare.
      const reach = n * rows + exclude.length;
      const made: (Shelf<RankedItem> & { source: ListSource })[] = [];
      const row = (kind: string, { items, source }: { items: RankedItem[]; source: ListSource }, of?: string): void =>
        void made.push({ kind, items, source, ...(of === undefined ? {} : { of }) });
      const recent = new Set(model.history(userId(user), RECENT_EVENTS).map(({ item }) => item));
      const because = [...recent].slice(0, rows);
      const goesWith = (item: string): void => row('because', similar(item, reach, false, filters), item);
      const fresh = parseRules({ filter: { listed: { $gte: `now-${NEW_DAYS}d` } } }, { n, at: model.clock });
      const joined = asked && fresh ? joinRules(asked, fresh) : fresh;
      // The first rows are the ones that stay where there is room for few: one of each kind before more of one.
      row('for-you', compute(user, n + exclude.length, { exclude, shape }));
      for (const item of because.slice(0, 1)) goesWith(item);
      row('new', compute(user, reach, { exclude, shape: { rules: joined } }));
      row('trending', trending(reach, filters));
      for (const item of because.slice(1)) goesWith(item);
      const out = new Set([...exclude, ...recent]);
      const shown = made.map((one) => ({
        ...one,
        items: one.items.filter(({ item }) => !out.has(item) && !withdrawnItems.has(item)),
      }));
      const shelves = inOrder(arrange(shown, n, Math.min(n, LEAST_ON_SHELF)).slice(0, rows));
      return {
        user,
        shelves: shelves.map((shelf) => ({
          ...(shelf as (typeof made)[number]),
          title: titleOf(shelf),
          list: newListId(),
        })),
        snapshot: snapshot(),
        seq: seq(),
        config,
      };
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
      const list = standing.peek(user);
      if (list) list.moved = true;
    },
    forget: (user) => void standing.delete(user),
    withdrawn: (item, is) => {
      if (is) withdrawnItems.add(item);
      else withdrawnItems.delete(item);
    },
    reset: (withdrawn) => {
      standing.clear();
      withdrawnItems.clear();
      for (const item of withdrawn) withdrawnItems.add(item);
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
