/**
 * Lists while no engine answers: the newest ones that an engine has put into KV. They are what it would have answered to a
 * plain request, so a request with other options gets its error instead.
 */
import { RANKINGS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';
import { readKey } from '../bus/nats/follow-key.ts';
import { call, type Json } from '../bus/nats/micro.ts';
import { createTimeLimit, LATE } from '../bus/nats/time-limit.ts';
import type { Config } from '../config/schema.ts';
import type { ItemAnswer, ItemListAnswer } from '../content/api.ts';
import { cursorText, newListId } from '../engine/serve/list-id.ts';
import { parseCursor } from '../engine/serve/pages.ts';
import { LIST_DEFAULT } from '../engine/serve/requests.ts';
import { BucketUnreadableError, FreshetError, ServiceUnavailableError } from '../errors.ts';
import { fieldsOf, type ItemFields, parseFields } from '../items/fields.ts';
import type { Link } from './link.ts';
import { type PublishedList, readPublishedList, type StoredList } from './published-list.ts';
import type { Silence } from './silence.ts';

/** What a request asks for: the list of a user, or one that is nobody's own. */
export type StoredKey = { user: string } | { item: string } | 'trending';

/** Members of a request that a stored list can honour. */
interface StoredRequest {
  n?: number;
  exclude?: readonly string[];
  cursor?: string;
  fields?: readonly string[];
  min_seq?: number;
  max_age_ms?: number;
}
const HONOURED = new Set(['user', 'item', 'n', 'exclude', 'cursor', 'fields', 'min_seq', 'max_age_ms', 'timeout_ms']);

/** The arm of a list that is not what the arm of its user gives, so that it does not count for an experiment. */
const STORED_ARM = 'stored';

export interface StoredLists {
  /** Throws `ServiceUnavailableError` if there is no stored list, or if it cannot honour the request. */
  answer(key: StoredKey, request: Json): Promise<StoredList>;
}

export function createStoredLists({
  link,
  config: { http, engine, lists },
  now = Date.now,
}: {
  link: Pick<Link, 'bus' | 'whileConnected'>;
  config: Pick<Config, 'http' | 'engine' | 'lists'>;
  now?: () => number;
}): StoredLists {
  /** The first member that a stored list cannot honour. */
  const beyond = (request: Json): string | undefined =>
    Object.entries(request).find(([name, value]) => {
      if (value === undefined || value === null || HONOURED.has(name)) return false;
      if (name === 'explain') return value !== false;
      if (name === 'include_seen') return value !== engine.include_seen;
      return !(name === 'exploration' && value === lists.exploration_share);
    })?.[0];

  async function answer(key: StoredKey, request: Json): Promise<StoredList> {
    const member = beyond(request);
    if (member !== undefined) throw cannot(`honour ${member}`, member);
    const { n = LIST_DEFAULT, exclude = [], cursor, fields, min_seq = 0, max_age_ms } = request as StoredRequest;
    const named = fields === undefined ? undefined : parseFields(fields);
    if (named?.fields.includes('listed')) throw cannot('show the field listed', 'fields');
    const offset = cursor === undefined ? 0 : parseCursor(cursor).offset;
    const deadline = performance.now() + http.stored_timeout_ms;
    const left = (): number => Math.max(1, deadline - performance.now());
    const { nc } = link.bus();

    async function read(name: string): Promise<{ list: PublishedList; own: boolean; at: Date } | undefined> {
      const { value, at } = await readKey(nc, RANKINGS.name, name, left()).catch((err: unknown) => {
        if (err instanceof BucketUnreadableError) return { value: undefined, at: new Date() };
        throw err;
      });
      const list = value && readPublishedList(value);
      // An empty list says that the engine had nothing yet.
      return list && list.items.length > 0 ? { list, own: name !== 'trending', at } : undefined;
    }
    const own =
      typeof key === 'string'
        ? undefined
        : await read('user' in key ? `user.${encodeToken(key.user)}` : `similar.${encodeToken(key.item)}`);
    // A user without a stored list gets the trending one, if the request does not wait for an event of theirs.
    const unknown = typeof key === 'object' && 'user' in key && min_seq === 0;
    const found = own ?? (key === 'trending' || unknown ? await read('trending') : undefined);
    if (min_seq > (found?.list.seq ?? 0)) throw cannot('honour min_seq', 'min_seq');
    if (found === undefined)
      throw new ServiceUnavailableError('No engine answers, and no list is stored for this request.', {
        next: 'freshet status',
      });
    if (max_age_ms !== undefined && now() - found.at.getTime() > max_age_ms)
      throw cannot('honour max_age_ms', 'max_age_ms');

    const { list, snapshot, config, seq, source, arm } = { ...found.list, list: newListId() };
    const out = new Set(exclude);
    const items = found.list.items.filter(({ item }) => !out.has(item));
    const page = items.slice(offset, offset + n);
    const catalogue = await itemsOf(page.map(({ item }) => item));
    if (named && !catalogue) throw cannot('show fields, because the content service does not answer either', 'fields');
    const shown = page
      // The catalogue may have withdrawn an item since.
      .filter(({ item }) => catalogue?.get(item)?.available !== false)
      .map((one) => (named ? { ...one, fields: shownOf(catalogue?.get(one.item)) } : one));
    const end = offset + n;
    return {
      ...(typeof key === 'string' ? {} : key),
      list,
      items: shown,
      snapshot,
      seq,
      config,
      source,
      next: items.length > end && end < http.list_max ? cursorText({ offset: end, list }) : null,
      ...(typeof key === 'object' && 'user' in key ? { arm: (found.own ? arm : undefined) ?? STORED_ARM } : {}),
      stored: true,
    };

    function shownOf(item: ItemAnswer | undefined): ItemFields {
      return item && named ? fieldsOf({ fields: item, listed: 0 }, named) : {};
    }

    /** Items by id; undefined if the content service does not answer in time. */
    async function itemsOf(ids: readonly string[]): Promise<Map<string, ItemAnswer> | undefined> {
      const known = new Map<string, ItemAnswer>();
      if (ids.length === 0) return known;
      try {
        for (let after: string | null | undefined; after !== null; ) {
          const request = { items: ids, ...(after === undefined ? {} : { cursor: after }) };
          const part: ItemListAnswer = await call(nc, 'freshet.content.get', request, { timeoutMs: left() });
          for (const item of part.items) known.set(item.item, item);
          after = part.next;
        }
        return known;
      } catch (err) {
        // A service that does not answer, or answers with a problem. A defect is not hidden.
        if (err instanceof FreshetError) return undefined;
        throw err;
      }
    }
  }

  return { answer: (key, request) => link.whileConnected(answer(key, request)) };
}

/**
 * The answer of the engine; the stored list if no engine listens, or if none has answered in time and a stored list fits
 * the request. Rejects as the engine's answer does, if an engine has answered with an error.
 *
 * @param stored reads the stored list; undefined: there is none for such a request
 * @param waits the request waits for a position of the log, so an engine that answers late may be well
 */
export async function orStored<T>(
  answer: Promise<T>,
  stored: (() => Promise<StoredList>) | undefined,
  silence: Silence,
  waits: boolean,
): Promise<T | StoredList> {
  const sent = silence.sent();
  // This also handles an answer that fails while the gateway reads the stored list.
  answer.then(sent.answered, (err: unknown) => {
    if (!(err instanceof ServiceUnavailableError)) sent.answered();
  });
  if (stored === undefined) return answer;
  const afterMs = silence.waitMs();
  const limit = createTimeLimit(afterMs);
  try {
    const first = afterMs > 0 ? await limit.race(answer) : await answer;
    if (first !== LATE) return first;
    if (!waits) sent.late();
    // The engine may be busy rather than away, so a request that no stored list fits waits on.
    const list = await stored().catch((err: unknown) => {
      if (err instanceof FreshetError) return undefined;
      throw err;
    });
    return list ?? (await answer);
  } catch (err) {
    // An engine that answers with a problem has a reason, such as a log that is not its own.
    if (!(err instanceof ServiceUnavailableError)) throw err;
    return await stored();
  } finally {
    limit.end();
  }
}

const cannot = (what: string, member: string): ServiceUnavailableError =>
  new ServiceUnavailableError(`No engine answers, and a stored list cannot ${what}.`, {
    next: `freshet status; or send the request without ${member}`,
    details: { member },
  });
