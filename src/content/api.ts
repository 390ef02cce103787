/** The endpoints of the content service. */
import type { Database } from 'better-sqlite3';
import type { ItemData } from '../bus/event/types.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError, NotFoundError } from '../errors.ts';
import { contentRequests } from './requests.ts';

export interface ItemAnswer extends ItemData {
  item: string;
  available: boolean;
}

export interface ItemListAnswer {
  /** In order of id. */
  items: ItemAnswer[];
  /** `cursor` of the next page; null for the last page. */
  next: string | null;
}

interface ItemRow {
  item: string;
  fields: string;
  withdrawn: number;
}

/** Most bytes of fields in one page. A NATS message holds 1 MiB, and fifty long descriptions are more. */
const PAGE_BYTES = 524_288;

/** The first rows that fit into one page, and at least one. */
function withinBytes(rows: readonly ItemRow[]): readonly ItemRow[] {
  let bytes = 0;
  const end = rows.findIndex(({ fields }, i) => {
    bytes += Buffer.byteLength(fields);
    return i > 0 && bytes > PAGE_BYTES;
  });
  return end === -1 ? rows : rows.slice(0, end);
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

  const requests = contentRequests(config);
  return {
    get: defineEndpoint({
      description: 'One item (item) or several (items), with fields and availability',
      example: { item: 'i7' },
      request: requests.get,
      handle: ({ item, items }) => {
        if (items !== undefined)
          return {
            items: items
              .map((id) => get.get(id))
              .filter((row) => row !== undefined)
              .map(answerOf),
          };
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
      description: 'Items in order of id, all or those with a tag, page by page',
      example: { tag: 'adventure', n: 20 },
      request: requests.list,
      handle: ({ n = config.content.list_default, tag, cursor: after = '' }): ItemListAnswer => {
        const rows = tag === undefined ? all.all(after, n + 1) : tagged.all(tag, after, n + 1);
        const page = withinBytes(rows.slice(0, n));
        return { items: page.map(answerOf), next: rows.length > page.length ? (page.at(-1) as ItemRow).item : null };
      },
    }),
  };
}
