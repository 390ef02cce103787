/** Schemas of requests to the user service, for its endpoints and for the gateway's routes. */
import { Type } from 'typebox';
import { count, cursor, freshness, id, request, seq } from '../bus/nats/request-members.ts';
import type { Config } from '../config/schema.ts';

const user = id('the user', 'u42');

export function userRequests({ http, user: limits }: Pick<Config, 'http' | 'user'>) {
  const fresh = freshness(http);
  return {
    get: request({ user, ...fresh }),
    history: request({
      user,
      n: Type.Optional(count(limits.history_max, limits.history_default, 'events')),
      before: Type.Optional(
        seq('the answer holds only events before this sequence: next of the previous page', { minimum: 1 }),
      ),
      ...fresh,
    }),
    export: request({
      user,
      cursor: Type.Optional(cursor('next of the previous chunk')),
      ...fresh,
    }),
    search: request({
      q: id('the beginning of the ids', 'u4'),
      n: Type.Optional(count(limits.search_max, limits.search_default, 'users')),
      ...fresh,
    }),
    forget: request({ user, ...fresh }),
    erasure: request({
      erasure: Type.Optional(id('the erasure; left out: all', '5f1c0a9be4d2738806aa41c7')),
      n: Type.Optional(
        count(
          limits.erasures_max,
          limits.erasures_max,
          'erasures of a list: those that are open, then the newest; left out, the list has all in the order of the requests',
        ),
      ),
      ...fresh,
    }),
  };
}
