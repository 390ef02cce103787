/** Schemas of requests to the content service, for its endpoints and for the gateway's routes. */
import { Type } from 'typebox';
import { byCommas, count, cursor, fieldNames, freshness, id, ids, request } from '../bus/nats/request-members.ts';
import type { Config } from '../config/schema.ts';
import { CATALOGUE_FIELDS } from '../items/document.ts';
import { filterSchema } from '../items/filter-schema.ts';

/** Most items in one page of the catalogue. */
const ITEMS_MOST = 1_000;

export function contentRequests({ http, content }: Pick<Config, 'http' | 'content'>) {
  const fresh = freshness(http);
  const tag = Type.Optional(
    Type.String({
      maxLength: 1_000,
      description: 'the answer holds only items with this tag',
      examples: ['adventure'],
    }),
  );
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
      tag,
      n: Type.Optional(count(ITEMS_MOST, content.list_default, 'items')),
      cursor: Type.Optional(cursor('next of the previous page')),
      ...fresh,
    }),
    versions: request({
      n: Type.Optional(count(ITEMS_MOST, content.list_default, 'items')),
      cursor: Type.Optional(cursor('next of the previous page')),
      ...fresh,
    }),
    facets: request({
      n: Type.Optional(count(content.facets_max, content.facets_default, 'tags, attributes and items')),
    }),
    search: request({
      q: Type.String({
        minLength: 1,
        maxLength: content.search_length,
        description:
          'words, in plain text: items match that have all of them in title, tags or attributes, the last one also as the beginning of a word',
        examples: ['sea adv'],
      }),
      user: Type.Optional(id('the engine ranks the best matches for this user', 'u42')),
      tag,
      filter: Type.Optional(filterSchema(CATALOGUE_FIELDS)),
      withdrawn: Type.Optional(
        Type.Boolean({ default: false, description: 'whether the answer may hold withdrawn items' }),
      ),
      fields: Type.Optional(
        fieldNames('title, tags, attributes, attributes.NAME, published; all of them if it is left out'),
      ),
      n: Type.Optional(count(content.search_max, content.search_default, 'items')),
      ...fresh,
    }),
  };
}
