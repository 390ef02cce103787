/**
 * Lists as answers. The engine answers with a cached list, without items that were withdrawn since, if the user has not acted
 * since and the list is no older than the request allows. Otherwise it computes the list.
 */
import { LRUCache } from 'lru-cache';
import { itemId, type StreamSeq, userId } from '../../bus/event/ids.ts';
import type { Warning } from '../../bus/nats/warning.ts';
import { AnswerTooLargeError } from '../../errors.ts';
import type { ItemFields, NamedFields } from '../../items/fields.ts';
import type { Filter } from '../../items/filter.ts';
import { NO_ROWS, type RowsBeside } from '../fold/rows-beside.ts';
import type { ItemTest, ListSource, Model } from '../model/mod.ts';
import { joinRules } from '../rerank/request.ts';
import { createReranking, type ListCriteria, type ListReason } from '../rerank/rerank.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
import { SEEN_FOR_GOOD, type SeenRule } from '../rerank/seen.ts';
import { type Segment, takenIn } from '../rerank/segment.ts';
import { entriesBytes } from './bytes.ts';
import { type CachedList, createCachedLists } from './cached-lists.ts';
import { createItemFields } from './item-fields.ts';
import { newListId } from './list-id.ts';
import { createPages, parseCursor } from './pages.ts';
import { type ShelvesRequest, type TitledRow, titledRows } from './shelf-rows.ts';

export interface ListItem {
  item: string;
  score: number;
  reasons?: ListReason[];
  /** Under exploration: the probability of this item at its place, given those before it. */
  propensity?: number;
  /** Exploration chose the item for its place. */
  explored?: true;
  /** The fields that the request names. */
  fields?: ItemFields;
}

export interface RankingAnswer {
  user?: string;
  item?: string;
  /** Id of this answer, which feedback names. */
  list: string;
  items: ListItem[];
  /** Snapshot in force when the engine answered. */
  snapshot: string;
  /** Log position that the engine computed the list at. */
  seq: number;
  /**
   * Events of the log, of any user, that the engine had not folded when it answered, by the newest head that it knew. It
   * says how far the engine is, not how old the list is: a cached list keeps the `seq` at which the engine computed it.
   * Left out until the engine has compared its state with the log.
   */
  behind?: number;
  /** Hash of the engine's configuration. */
  config: string;
  source: ListSource;
  /** Cursor of the next page; null after the last. */
  next: string | null;
  /** EXPERIMENT/ARM of the user, or main; left out of lists that are nobody's own. */
  arm?: string;
  /** Parts of the request that probably do not mean what the caller thinks; left out if there are none. */
  warnings?: readonly Warning[];
}

/** Inputs of a list beside the user's history, and its re-ranking rules. A request without them uses the cache. */
export interface RequestCriteria extends Pick<ListCriteria, 'history' | 'unlike' | 'candidates' | 'circumstances'> {
  /** Which seen items the list leaves out; undefined: as configured. */
  seen?: SeenRule | undefined;
  rules?: Rules | undefined;
}

export interface ListRequest {
  /** Undefined if the request has a history instead of a user. */
  user: string | undefined;
  criteria?: RequestCriteria | undefined;
  n: number;
  exclude: readonly string[];
  explain: boolean;
  includeSeen: boolean;
  /** Milliseconds that a cached list may be old; 0 computes it. */
  maxAgeMs: number;
  /** The list must have been computed at or after this position. */
  minSeq: number;
  cursor: string | undefined;
  /** The items come with these fields. A cached list whose items have changed since is computed again. */
  fields?: NamedFields | undefined;
}

export interface ShelfAnswer extends TitledRow {
  /** Id of this row, which feedback names. */
  list: string;
}

export interface ShelvesAnswer extends Pick<RankingAnswer, 'snapshot' | 'seq' | 'behind' | 'config' | 'warnings'> {
  user: string;
  shelves: ShelfAnswer[];
}

/** Options of a list that is nobody's own. */
export interface ItemListOptions {
  explain?: boolean;
  filters?: readonly Filter[];
  fields?: NamedFields | undefined;
}

export interface Lists {
  recommend(request: ListRequest): RankingAnswer;
  similar(item: string, n: number, options?: ItemListOptions): RankingAnswer;
  trending(n: number, options?: ItemListOptions & { segment?: Segment | undefined }): RankingAnswer;
  /** Several titled rows with no item twice. */
  shelves(request: ShelvesRequest & { fields?: NamedFields | undefined }): ShelvesAnswer;
  /** Whether an item is published, or any event that the engine counts has named it. */
  knows(item: string): boolean;
  /** Computes a user's list and caches it. */
  refresh(user: string): CachedList;
  /** The user acted: the next request computes their list. */
  moved(user: string): void;
  /** An erasure forgot the user: the engine drops their list. */
  forget(user: string): void;
  /** The catalogue withdrew an item, or restored it: cached lists leave it out, or show it again. */
  withdrawn(item: string, is: boolean): void;
  /** Drops all cached lists; `withdrawn` names every item that is withdrawn now. */
  reset(withdrawn: Iterable<string>): void;
}

export interface ListsOptions {
  model: Model;
  /** Position of the model. */
  seq: () => StreamSeq;
  /** See {@link RankingAnswer.behind}; left out: the lists are those of a past, and say nothing of the log's head. */
  behind?: () => number | undefined;
  snapshot: () => string;
  config: string;
  /** Items of a cached list. */
  length: number;
  /** Most cached lists, and most answers whose next page the engine can make. */
  capacity: number;
  /** Most bytes of cached lists, of answers whose next page the engine can make, and of counts of segments; left out: no limit. */
  bytes?: { lists: number; pages: number; segments: number };
  /** Most bytes of fields in one answer; left out: no limit. */
  fieldsBytes?: number;
  /** Most items that paging reaches. */
  depth: number;
  /** Re-ranking rules of the configuration, which apply to every list; left out: none. */
  rules?: () => Rules;
  /** Which seen items a list leaves out; left out: all, for good. */
  seen?: SeenRule;
  /** Facts in the engine's rows that the model does not hold. */
  rows?: RowsBeside;
  /** Newest interactions that the engine counts in a segment, and milliseconds for which a count is used again. */
  segmentEvents?: number;
  segmentMs?: number;
  /** Standard deviations by which an item moves that users take twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  explorationSeed?: number;
  /** Milliseconds, monotonic. */
  now?: () => number;
  onAnswer?: (what: 'standing' | 'computed', ageSeconds: number) => void;
  onCompute?: (seconds: number) => void;
}

/** A copy of the item with these fields; a spread would take ten times as long. */
function withOwnFields({ item, score, reasons, propensity, explored }: ListItem, fields: ItemFields): ListItem {
  const shown: ListItem = { item, score, fields };
  if (reasons !== undefined) shown.reasons = reasons;
  if (propensity !== undefined) shown.propensity = propensity;
  if (explored !== undefined) shown.explored = explored;
  return shown;
}

type ComputedList = Omit<CachedList, 'marks'>;

/** A part of a list. */
interface Page {
  list: ComputedList;
  /** Items of the list that may be shown. */
  allowed: ListItem[];
  /** Those of this page and of later ones. */
  rest: ListItem[];
  items: ListItem[];
}

/** Segments whose counts the engine caches. */
const SEGMENTS = 100;

/** Milliseconds for which the engine does not compute a list again that is newer than the user's last event. */
const JUST_NOW_MS = 100;

export function createLists(options: ListsOptions): Lists {
  const {
    model,
    seq,
    behind,
    snapshot,
    config,
    length,
    capacity,
    bytes,
    fieldsBytes = Number.POSITIVE_INFINITY,
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
  const cached = createCachedLists(capacity, bytes?.lists);
  const pages = createPages(capacity, bytes?.pages);
  const itemFields = createItemFields(model);
  const reranking = createReranking(model, { seed: explorationSeed, seq, contextWeight, rows });

  function compute(
    user: string | undefined,
    count: number,
    request: {
      exclude?: readonly string[];
      explain?: boolean;
      includeSeen?: boolean;
      criteria?: RequestCriteria | undefined;
    },
  ): ComputedList {
    const started = performance.now();
    const { criteria } = request;
    const configured = rules();
    const { items, source } = reranking.list(
      {
        ...criteria,
        user,
        exclude: request.exclude ?? [],
        explain: request.explain === true,
        includeSeen: request.includeSeen === true,
        seen: criteria?.seen ?? seen,
        rules: criteria?.rules ? joinRules(configured, criteria.rules) : configured,
      },
      count,
    );
    onCompute?.((performance.now() - started) / 1000);
    return { items, seq: seq(), at: now(), source, moved: false };
  }

  function keep(user: string, list: ComputedList): CachedList {
    const kept = { ...list, marks: list.items.map(({ item }) => itemFields.markOf(item)) };
    cached.keep(user, kept);
    return kept;
  }

  /**
   * The items with the fields that a request names. Undefined if they are those of a cached list, and one of them has
   * changed since the engine computed it. Throws `AnswerTooLargeError`.
   */
  function withFields(items: readonly ListItem[], named: NamedFields | undefined): ListItem[];
  function withFields(
    items: readonly ListItem[],
    named: NamedFields | undefined,
    from: CachedList | undefined,
  ): ListItem[] | undefined;
  function withFields(
    items: readonly ListItem[],
    named: NamedFields | undefined,
    from?: CachedList | undefined,
  ): ListItem[] | undefined {
    if (named === undefined) return items as ListItem[];
    const shown: ListItem[] = [];
    let bytes = 0;
    let place = 0;
    for (let i = 0; i < items.length; i++) {
      const one = items[i] as ListItem;
      const known = itemFields.of(one.item, named);
      // Those shown are in the order of the list.
      while (from && from.items[place] !== one) place++;
      if (from && from.marks[place] !== known.mark) return undefined;
      bytes += known.bytes;
      shown.push(withOwnFields(one, known.fields));
    }
    if (bytes <= fieldsBytes) return shown;
    throw new AnswerTooLargeError(`The fields of the list have more than ${fieldsBytes} bytes (lists.fields_bytes).`, {
      next: 'request fewer items with n, or fewer fields',
      details: { limit: fieldsBytes },
    });
  }

  function usable(
    list: CachedList | undefined,
    { maxAgeMs, minSeq, explain, includeSeen, criteria }: ListRequest,
  ): list is CachedList {
    // An empty list says that the engine had nothing yet: the next item ends that.
    if (!list || list.items.length === 0) return false;
    if (list.moved || explain || includeSeen || criteria || maxAgeMs <= 0) return false;
    return list.seq >= minSeq && now() - list.at <= maxAgeMs;
  }

  function recommend(request: ListRequest): RankingAnswer {
    const { user, n, exclude, explain, includeSeen, criteria, fields } = request;
    const cursor = request.cursor === undefined ? undefined : parseCursor(request.cursor);
    const offset = cursor?.offset ?? 0;
    const end = Math.min(offset + n, depth);
    const excluded = new Set(exclude);
    // The list may have changed since the page before, so a page goes on with the best items that were not shown yet.
    const shown = pages.shownBefore(cursor, user);
    const pageOf = (list: ComputedList): Page => {
      const allowed = list.items.filter(({ item }) => !excluded.has(item) && !cached.isWithdrawn(item));
      const rest = shown ? allowed.filter(({ item }) => !shown.has(item)) : allowed.slice(offset);
      return { list, allowed, rest, items: rest.slice(0, Math.max(0, end - offset)) };
    };

    const standing = user === undefined ? undefined : cached.get(user);
    let page = usable(standing, request) ? pageOf(standing) : undefined;
    // One more than the page shows whether there is another. A list shorter than its full length holds all items.
    const enough = page && (page.allowed.length > end || page.list.items.length < length);
    let items = page && enough ? withFields(page.items, fields, standing) : undefined;
    if (standing && page && items) {
      onAnswer?.('standing', (now() - standing.at) / 1000);
    } else {
      const plain = excluded.size === 0 && !explain && !includeSeen && !criteria;
      const list = compute(user, Math.max(plain ? length : 0, end + 1), { exclude, explain, includeSeen, criteria });
      if (plain && user !== undefined) keep(user, list);
      page = pageOf(list);
      items = withFields(page.items, fields);
      onAnswer?.('computed', 0);
    }
    const { list, allowed, rest } = page;
    const answered = answer(user === undefined ? {} : { user }, items, list.source, list.seq, null);
    if (rest.length <= items.length || end >= depth) return answered;
    const all = new Set(shown ?? allowed.slice(0, offset).map(({ item }) => item));
    for (const { item } of items) all.add(item);
    answered.next = pages.next({ offset: end, list: answered.list }, user, all);
    return answered;
  }

  function answer(
    of: { user: string } | { item: string } | object,
    items: ListItem[],
    source: ListSource,
    at: number,
    next: string | null,
  ): RankingAnswer {
    return { ...of, list: newListId(), items, snapshot: snapshot(), seq: at, ...lacking(), config, source, next };
  }

  function lacking(): { behind?: number } {
    const events = behind?.();
    return events === undefined ? {} : { behind: events };
  }

  const testOf = (filters: readonly Filter[] = []) => reranking.testOf([...rules().filters, ...filters]);

  function similar(item: string, n: number, { explain = false, filters, fields }: ItemListOptions = {}): RankingAnswer {
    const { items, source } = model.similar(itemId(item), n, { explain, allowed: testOf(filters) });
    return answer({ item }, withFields(items, fields), source, seq(), null);
  }

  /** Recent counts of segments. */
  const segments = new LRUCache<string, { at: number; taken: ReadonlyMap<string, number> }>({
    max: SEGMENTS,
    maxSize: Math.max(1, bytes?.segments ?? Number.MAX_SAFE_INTEGER),
    sizeCalculation: ({ taken }, key) => entriesBytes(key, taken.keys()),
  });

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

  function trending(
    n: number,
    { filters, fields, segment }: ItemListOptions & { segment?: Segment | undefined } = {},
  ): RankingAnswer {
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
      return answer({}, withFields(items.slice(0, n), fields), 'popular', seq(), null);
    }
    const { items, source } = model.trending(n, undefined, testOf(filters));
    return answer({}, withFields(items, fields), source, seq(), null);
  }

  return {
    recommend,
    similar,
    trending,
    shelves: (request) => ({
      user: request.user,
      shelves: titledRows(model, request, {
        forUser: (user, count, { exclude, rules: own }) =>
          compute(user, count, { exclude, criteria: own ? { rules: own } : undefined }),
        similar: (item, count, own) => similar(item, count, { filters: own?.filters ?? [] }),
        trending: (count, own) => trending(count, { filters: own?.filters ?? [] }),
        isWithdrawn: cached.isWithdrawn,
      }).map((row) => ({ ...row, items: withFields(row.items, request.fields) as ListItem[], list: newListId() })),
      snapshot: snapshot(),
      seq: seq(),
      ...lacking(),
      config,
    }),
    knows: (item) =>
      model.item(itemId(item)) !== undefined ||
      model.examine({ history: [], n: 1 }, itemId(item)).standing !== 'unknown',
    refresh: (user) => {
      // A request right after the user acted has computed the list already.
      const known = cached.get(user);
      if (known && !known.moved && known.items.length >= length && now() - known.at < JUST_NOW_MS) return known;
      return keep(user, compute(user, length, {}));
    },
    moved: cached.moved,
    forget: cached.forget,
    withdrawn: cached.withdrawn,
    reset: cached.reset,
  };
}
