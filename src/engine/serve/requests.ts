/** Schemas of requests to the engine, for its endpoints and for the gateway's routes. */
import { Type } from 'typebox';
import { count, cursor, fieldNames, freshness, id, ids, request } from '../../bus/nats/request-members.ts';
import type { Config } from '../../config/schema.ts';
import { CONTEXT } from '../fold/context.ts';
import { FILTER, RULES } from '../rerank/request.ts';

/** Items in a list unless the request says otherwise. */
export const LIST_DEFAULT = 10;
/** Rows of shelves unless the request says otherwise. */
export const SHELVES_DEFAULT = 5;
const SHELVES_MOST = 20;
/** Most seconds for which a list may leave out a seen item: a hundred years. */
const SEEN_FOR_MOST_S = 3_155_760_000;

/** Seconds, for every type of event alike. */
export const SEEN_FOR_S = Type.Integer({
  minimum: 0,
  maximum: SEEN_FOR_MOST_S,
  description: 'seconds after which an item that the user has seen may come back; 0: never',
  examples: [2_592_000],
});

const seenFor = Type.Union(
  [
    Type.Integer({ minimum: 0, maximum: SEEN_FOR_MOST_S }),
    Type.Record(Type.String({ maxLength: 80 }), Type.Integer({ minimum: -1, maximum: SEEN_FOR_MOST_S })),
  ],
  {
    description:
      'seconds after which an item that the user has seen may come back, 0: never; or the same by type of event, -1: events of this type leave no item out',
    examples: [{ 'user.viewed.v1': 86_400, 'user.purchased.v1': 0 }],
  },
);

const fields = Type.Optional(fieldNames('title, tags, attributes, attributes.NAME, published, listed'));

export function engineRequests({ http, engine }: Pick<Config, 'http' | 'engine'>) {
  const fresh = freshness(http);
  const user = id('the user', 'u42');
  const item = id('the item', 'i7');
  const items = (description: string, example: string[]) => Type.Optional(ids(http.list_max, description, example));
  const n = Type.Optional(count(http.list_max, LIST_DEFAULT, 'items'));
  const exclude = items('items that the list leaves out', ['i1', 'i2']);
  const explain = Type.Optional(
    Type.Union([Type.Boolean(), Type.Literal('full')], {
      default: false,
      description:
        'whether each item comes with the terms of its score: true for the largest in words and the sum of the rest, full for all of them',
    }),
  );
  const includeSeen = Type.Optional(
    Type.Boolean({
      default: engine.include_seen,
      description: 'whether the list may hold items that the user has interacted with',
    }),
  );
  return {
    recommend: request({
      user: Type.Optional(id('the user; left out if the request has a history', 'u42')),
      history: items('items that a user took, oldest first, in place of the history of a known user', ['i7', 'i8']),
      like: items('items that the list goes with, in place of the history of the user', ['i7']),
      unlike: items('items that the list keeps away from', ['i9']),
      candidates: items('the list ranks these items and no others', ['i1', 'i2']),
      ...RULES,
      n,
      exclude,
      explain,
      include_seen: includeSeen,
      max_age_ms: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          default: engine.stale_ms,
          description: 'greatest age of a cached list, milliseconds; 0: the engine computes the list',
          examples: [0],
        }),
      ),
      cursor: Type.Optional(cursor('next of the previous page')),
      seen_for_s: Type.Optional(seenFor),
      context: Type.Optional(CONTEXT),
      fields,
      ...fresh,
    }),
    similar: request({ item, n, explain, filter: Type.Optional(FILTER), fields, ...fresh }),
    trending: request({
      n,
      fields,
      filter: Type.Optional(FILTER),
      segment: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          description: 'the list counts only what users with these traits take',
          examples: [{ country: 'de' }],
        }),
      ),
      ...fresh,
    }),
    shelves: request({
      user,
      n: Type.Optional(count(http.list_max, LIST_DEFAULT, 'items in a row')),
      rows: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: SHELVES_MOST,
          default: SHELVES_DEFAULT,
          description: 'most rows in the answer',
          examples: [SHELVES_DEFAULT],
        }),
      ),
      exclude,
      fields,
      ...RULES,
      ...fresh,
    }),
    explain: request({ user, item, ...RULES, n, include_seen: includeSeen, context: Type.Optional(CONTEXT), ...fresh }),
  };
}
