/** Schemas of requests to the feedback service, for its endpoints and for the gateway's routes. */
import { Type } from 'typebox';
import { count, cursor, freshness, id, request } from '../bus/nats/request-members.ts';
import type { Config } from '../config/schema.ts';

/** Orders of items: the most shown ones first, or only those that no list has shown, by id. */
export const ITEM_ORDERS = ['impressions', 'never'] as const;

export const feedbackRequests = ({ http, feedback }: Pick<Config, 'http' | 'feedback'>) => ({
  summary: request(freshness(http)),
  items: request({
    order: Type.Optional(
      Type.Enum([...ITEM_ORDERS], {
        default: 'impressions',
        description:
          'impressions: the items shown most first; never: items that are published and not withdrawn, and that no list has shown',
        examples: ['impressions'],
      }),
    ),
    n: Type.Optional(count(feedback.items_max, feedback.items_default, 'items')),
    cursor: Type.Optional(cursor('next of the previous page of the same order')),
    ...freshness(http),
  }),
  item: request({ item: id('the item', 'i7'), ...freshness(http) }),
});
