/** What the content service answers. */
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
  /** `cursor` of the next page; null after the last one. */
  next: string | null;
}

interface ItemRow {
  item: string;
  fields: string;
  withdrawn: number;
}

/** Bytes of fields in one page: a message of NATS has 1 MiB, and fifty long descriptions are more. */
const PAGE_BYTES = 524_288;

/** The rows that fit into one page, at least one. */
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
      description: 'One item with its fields and whether it is available; or several, with items',
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
          throw new NotFoundError('No such item has been published.', {
            next: 'publish a content.published.v1',
            details: { item },
          });
        return answerOf(row);
      },
    }),
    list: defineEndpoint({
      description: 'Items in order of id, all or those with a tag, in pages',
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
