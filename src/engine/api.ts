/** What the engine answers. */
import type { Endpoint, Json } from '../bus/micro.ts';
import { idList, optionalFlag, optionalText, requiredId, wholeNumber } from '../bus/request.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError } from '../errors.ts';
import type { Lists } from './lists.ts';

/** Items in a list unless asked otherwise. */
const LIST_DEFAULT = 10;

/** What a request may hold; anything else is a mistake that would go unnoticed. */
const RECOMMEND_MEMBERS = new Set([
  'user',
  'n',
  'exclude',
  'explain',
  'include_seen',
  'max_age_ms',
  'min_seq',
  'timeout_ms',
  'cursor',
]);

export function engineEndpoints(
  lists: Lists,
  resolve: (user: string) => string,
  { http, engine }: Config,
): Record<string, Endpoint> {
  const n = (request: Json): number => wholeNumber(request, 'n', { default: LIST_DEFAULT, min: 1, max: http.list_max });

  function onlyKnown(request: Json, members: ReadonlySet<string>): void {
    const stranger = Object.keys(request).find((name) => !members.has(name));
    if (stranger !== undefined)
      throw new BadRequestError(
        `${stranger.slice(0, 100)} is not understood here; it takes ${[...members].join(', ')}.`,
        { details: { member: stranger } },
      );
  }

  return {
    recommend: {
      description: 'A ranking for a user, at the head of the log; never an error for an unknown user',
      example: { user: 'u42', n: 10 },
      handle: (request) => {
        onlyKnown(request, RECOMMEND_MEMBERS);
        const user = requiredId(request, 'user');
        const answer = lists.recommend({
          user: resolve(user),
          n: n(request),
          exclude: idList(request, 'exclude', http.list_max),
          explain: optionalFlag(request, 'explain', false),
          includeSeen: optionalFlag(request, 'include_seen', engine.include_seen),
          maxAgeMs: wholeNumber(request, 'max_age_ms', {
            default: engine.stale_ms,
            min: 0,
            max: Number.MAX_SAFE_INTEGER,
          }),
          minSeq: wholeNumber(request, 'min_seq', { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER }),
          cursor: optionalText(request, 'cursor'),
        });
        return { ...answer, user };
      },
    },
    similar: {
      description: 'Items that go with an item',
      example: { item: 'i7', n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set(['item', 'n', 'explain', 'min_seq', 'timeout_ms']));
        return lists.similar(requiredId(request, 'item'), n(request), optionalFlag(request, 'explain', false));
      },
    },
    trending: {
      description: 'Items that are taken most lately',
      example: { n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set(['n', 'min_seq', 'timeout_ms']));
        return lists.trending(n(request));
      },
    },
  };
}
