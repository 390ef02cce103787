/** The endpoint `freshet.content.search`. */
import type { Database } from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { defineEndpoint } from '../../bus/nats/micro.ts';
import { type Warning, withWarnings } from '../../bus/nats/warning.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import type { Config } from '../../config/schema.ts';
import { ServiceUnavailableError } from '../../errors.ts';
import { createAttributeNames } from '../../items/attribute-names.ts';
import { CATALOGUE_FIELDS } from '../../items/document.ts';
import { FIELD_NAMES, parseFields } from '../../items/fields.ts';
import { parseFilter } from '../../items/filter.ts';
import { namedAttributes } from '../../items/named-attributes.ts';
import { withinBytes } from '../page.ts';
import { contentRequests } from '../requests.ts';
import type { FoundItem } from './find.ts';
import { orderForUser } from './for-user.ts';
import type { SearchReader } from './reader.ts';
import { matchOf } from './words.ts';

export interface SearchAnswer {
  /** Best first. */
  items: Omit<FoundItem, 'bytes'>[];
  /** `user` if the engine ranked the items for the user, `text` if they are in the order of their texts. */
  order: 'text' | 'user';
  /** Whether more items match than the answer holds. */
  more: boolean;
  /** False if so many items match that the texts of only some were ranked: see `content.search_ranked`. */
  complete: boolean;
  /** Position of the log that the answer comes from. */
  seq: number;
  warnings?: readonly Warning[];
}

export interface SearchPartOptions {
  db: Database;
  /** Whether the rows are those of another release, which have no index of texts. */
  stale: boolean;
  config: Config;
  nc: NatsConnection;
  reader: SearchReader;
}

/** The catalogue does not hold when an item was listed. */
const SEARCH_FIELDS = FIELD_NAMES.filter((name) => name !== 'listed');
const MINUTE_MS = 60_000;

export function createSearchPart({ db, stale, config, nc, reader }: SearchPartOptions): ServicePart {
  const { content, http } = config;
  const page = db.prepare<[string, number], { item: string; fields: string }>(
    'SELECT item, fields FROM item WHERE item > ? ORDER BY item LIMIT ?',
  );
  const attributes = createAttributeNames({ itemsAfter: (after, count) => page.all(after, count) });
  const reranked = Math.min(content.search_reranked, http.list_max);

  const search = defineEndpoint({
    description:
      'Items whose titles, tags and attributes have all words of q, the last one also as the beginning of a word; the best first, or those that fit the user',
    example: { q: 'sea adv', n: 5, fields: ['title'] },
    request: contentRequests(config).search,
    handle: async ({ q, n = content.search_default, user, tag, filter, fields, withdrawn = false }) => {
      const match = matchOf(q);
      const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
      const named = parseFields(fields ?? SEARCH_FIELDS, SEARCH_FIELDS);
      if (filter !== undefined) parseFilter(filter, { now, fields: CATALOGUE_FIELDS });
      if (stale)
        throw new ServiceUnavailableError(
          'The content service has no index of texts yet: it answers from the rows of another release while it rebuilds its projection.',
          {
            next: 'search again later: the log of the service says when it has cut over; freshet status shows the service',
          },
        );
      const filters = [...(filter === undefined ? [] : [filter]), ...(tag === undefined ? [] : [{ tags: tag }])];
      const found = await reader.find({
        match,
        filters,
        now,
        withdrawn,
        fields: named,
        n: user === undefined ? n : Math.max(n, reranked),
        ranked: content.search_ranked,
      });
      const warnings = await warningsFor(filter, named.attributes);
      const ordered = user === undefined ? { items: found.items } : await ranked(user, found.items);
      if (ordered.warning) warnings.push(ordered.warning);
      const shown = withinBytes(ordered.items.slice(0, n), content.page_bytes, ({ bytes }) => bytes);
      const answer: SearchAnswer = {
        items: shown.map(({ bytes: _, ...item }) => item),
        order: user === undefined || ordered.warning ? 'text' : 'user',
        more: found.more || shown.length < found.items.length,
        complete: found.complete,
        seq: found.seq,
        ...withWarnings(warnings),
      };
      return answer;
    },
  });

  /** The best items in the order for the user, then the others. */
  async function ranked(user: string, items: FoundItem[]): Promise<{ items: FoundItem[]; warning?: Warning }> {
    const best = await orderForUser(user, items.slice(0, reranked), { nc, timeoutMs: content.search_rerank_ms });
    return { ...best, items: [...best.items, ...items.slice(reranked)] };
  }

  async function warningsFor(filter: unknown, inFields: readonly string[]): Promise<Warning[]> {
    const warnings: Warning[] = [];
    for (const { member, names } of [...namedAttributes({ filter }), { member: 'fields', names: [...inFields] }])
      if (names.length > 0) warnings.push(...(await attributes.warningsFor(names, member)));
    return warnings;
  }

  let timer: NodeJS.Timeout | undefined;
  return {
    name: 'search',
    endpoints: { search },
    effects: [attributes.effect],
    start: () => {
      if (!stale) timer = setTimeout(reader.start, content.search_start_ms).unref();
    },
    stop: async () => {
      clearTimeout(timer);
      await reader.close();
    },
  };
}
