/** The endpoints of the content service. */
import type { Database } from 'better-sqlite3';
import type { ItemData } from '../bus/event/types.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError, NotFoundError } from '../errors.ts';
import { facetsEndpoint } from './facets.ts';
import { withinBytes } from './page.ts';
import { contentRequests } from './requests.ts';
import { versionsEndpoint } from './versions.ts';

export interface ItemAnswer extends ItemData {
  item: string;
  available: boolean;
}

export interface ItemListAnswer {
  /** In order of id; those of a request with ids in the order of the request. */
  items: ItemAnswer[];
  /** With ids: those of this page that no item of the catalogue has. */
  unknown?: string[];
  /** `cursor` of the next page; null for the last page. */
  next: string | null;
}

interface ItemRow {
  item: string;
  fields: string;
  withdrawn: number;
}

const answerOf = ({ item, fields, withdrawn }: ItemRow): ItemAnswer => ({
  item,
  available: withdrawn === 0,
  ...(JSON.parse(fields) as ItemData),
});

export function contentEndpoints(db: Database, config: Config): Record<string, Endpoint> {
  const fields = 'item, fields, EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.item = item.item) AS withdrawn';
  const get = db.prepare<[string], ItemRow>(`SELECT ${fields} FROM item WHERE item = ?`);
  const all = db.prepare<[string, number], ItemRow>(`SELECT ${fields} FROM item WHERE item > ? ORDER BY item LIMIT ?`);
  const tagged = db.prepare<[string, string, number], ItemRow>(
    `SELECT item.${fields} FROM tag JOIN item ON item.item = tag.item WHERE tag = ? AND tag.item > ? ORDER BY tag.item LIMIT ?`,
  );

  /** The items with these ids in their order, from the one after `after` on, until the page is full. */
  function page(ids: readonly string[], after: string | undefined): ItemListAnswer {
    const asked = [...new Set(ids)];
    const start = after === undefined ? 0 : asked.indexOf(after) + 1;
    if (after !== undefined && start === 0)
      throw new BadRequestError(
        'The cursor is not from an answer to these ids. Send the same ids with it, or leave it out.',
        {
          details: { member: 'cursor' },
        },
      );
    const items: ItemAnswer[] = [];
    const unknown: string[] = [];
    let bytes = 0;
    let at = start;
    for (; at < asked.length; at++) {
      const id = asked[at] as string;
      const row = get.get(id);
      bytes += Buffer.byteLength(row?.fields ?? id);
      if (at > start && bytes > config.content.page_bytes) break;
      if (row) items.push(answerOf(row));
      else unknown.push(id);
    }
    return { items, unknown, next: at < asked.length ? (asked[at - 1] as string) : null };
  }

  const requests = contentRequests(config);
  return {
    versions: versionsEndpoint(db, config),
    facets: facetsEndpoint(db, config),
    get: defineEndpoint({
      description: 'One item (item), or several (items) as list with ids answers them, with fields and availability',
      example: { item: 'i7' },
      request: requests.get,
      handle: ({ item, items, cursor }) => {
        if (items !== undefined) return page(items, cursor);
        if (item === undefined)
          throw new BadRequestError('item is missing. Name an item, or several with items.', {
            details: { member: 'item' },
          });
        const row = get.get(item);
        if (!row)
          throw new NotFoundError(`The catalogue has no item ${JSON.stringify(item)}.`, {
            next: 'check the id, or publish a content.published.v1 for the item',
            details: { item },
          });
        return answerOf(row);
      },
    }),
    list: defineEndpoint({
      description: 'Items in order of id, all or those with a tag, page by page; or those with certain ids',
      example: { tag: 'adventure', n: 20 },
      request: requests.list,
      handle: ({ ids, n, tag, cursor }): ItemListAnswer => {
        if (ids !== undefined) {
          for (const [member, value] of Object.entries({ tag, n }))
            if (value !== undefined)
              throw new BadRequestError(`The request has both ids and ${member}. Leave one of them out.`, {
                details: { member },
              });
          return page(ids, cursor);
        }
        const count = n ?? config.content.list_default;
        const after = cursor ?? '';
        const rows = tag === undefined ? all.all(after, count + 1) : tagged.all(tag, after, count + 1);
        const fitting = withinBytes(rows.slice(0, count), config.content.page_bytes, ({ fields }) =>
          Buffer.byteLength(fields),
        );
        return {
          items: fitting.map(answerOf),
          next: rows.length > fitting.length ? (fitting.at(-1) as ItemRow).item : null,
        };
      },
    }),
  };
}
