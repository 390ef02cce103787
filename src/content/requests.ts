/** Schemas of requests to the content service, for its endpoints and for the gateway's routes. */
import { Type } from 'typebox';
import { byCommas, count, cursor, freshness, id, ids, request } from '../bus/nats/request-members.ts';
import type { Config } from '../config/schema.ts';

/** Most items in one page of the catalogue. */
const ITEMS_MOST = 1_000;

export function contentRequests({ http, content }: Pick<Config, 'http' | 'content'>) {
  const fresh = freshness(http);
  return {
    get: request({
      item: Type.Optional(id('the item', 'i7')),
      items: Type.Optional(ids(content.ids_max, 'several items in place of one', ['i7', 'i8'])),
      cursor: Type.Optional(cursor('next of the previous page of items')),
      ...fresh,
    }),
    list: request({
      ids: Type.Optional(
        byCommas(
          ids(
            content.ids_max,
            'the answer holds these items, in this order, and names the unknown ones; without tag and n',
            ['i7', 'i8'],
          ),
        ),
      ),
      tag: Type.Optional(
        Type.String({
          maxLength: 1_000,
          description: 'the answer holds only items with this tag',
          examples: ['adventure'],
        }),
      ),
      n: Type.Optional(count(ITEMS_MOST, content.list_default, 'items')),
      cursor: Type.Optional(cursor('next of the previous page')),
      ...fresh,
    }),
    versions: request({
      n: Type.Optional(count(ITEMS_MOST, content.list_default, 'items')),
      cursor: Type.Optional(cursor('next of the previous page')),
      ...fresh,
    }),
  };
}
