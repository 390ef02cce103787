/** What the engine answers. */
import type { Endpoint, Json } from '../bus/micro.ts';
import { idList, optionalFlag, optionalText, requiredId, wholeNumber } from '../bus/request.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError } from '../errors.ts';
import { MAIN } from '../experiment/arms.ts';
import type { Experiments } from './experiments.ts';
import type { ListShape, Lists } from './lists.ts';
import type { Filter } from './rules/filter.ts';
import { parseRules, RULE_MEMBERS } from './rules/request.ts';
import type { Rules } from './rules/rules.ts';

/** Items in a list unless asked otherwise. */
const LIST_DEFAULT = 10;

/** Seconds that a seen item may be kept out at most: a hundred years. */
export const SEEN_FOR_MOST_S = 3_155_760_000;

/** Rows of shelves unless asked otherwise, and at most. */
const SHELVES_DEFAULT = 5;
const SHELVES_MOST = 20;

/** What a request may hold; anything else is a mistake that would go unnoticed. */
const RECOMMEND_MEMBERS = new Set([
  ...RULE_MEMBERS,
  'user',
  'history',
  'like',
  'unlike',
  'candidates',
  'seen_for_s',
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
  experiments: Pick<Experiments, 'arm'> = { arm: () => undefined },
  now: () => number = Date.now,
): Record<string, Endpoint> {
  // Whoever names the candidates wants them all, unless they say how many.
  const n = (request: Json, candidates?: readonly string[]): number =>
    wholeNumber(request, 'n', {
      default: candidates === undefined ? LIST_DEFAULT : Math.max(1, candidates.length),
      min: 1,
      max: http.list_max,
    });
  const rulesOf = (request: Json): Rules | undefined => parseRules(request, { n: n(request), at: now() });
  const filtersOf = (request: Json): readonly Filter[] => rulesOf(request)?.filters ?? [];
  const given = (request: Json, name: string): string[] | undefined =>
    request[name] === undefined || request[name] === null ? undefined : idList(request, name, http.list_max);

  /** What a request says beside user and length; undefined where it says nothing of it. */
  function shapeOf(request: Json): ListShape | undefined {
    const rules = rulesOf(request);
    const candidates = given(request, 'candidates');
    const like = given(request, 'like');
    const unlike = given(request, 'unlike');
    const history = given(request, 'history');
    if (like && history)
      throw new BadRequestError('like and history both say what the list is to go with; it takes one of them.', {
        details: { member: 'like' },
      });
    const seenFor =
      request.seen_for_s === undefined || request.seen_for_s === null
        ? undefined
        : wholeNumber(request, 'seen_for_s', { default: 0, min: 0, max: SEEN_FOR_MOST_S });
    if (!rules && !candidates && !like && !unlike && !history && seenFor === undefined) return undefined;
    return {
      rules,
      candidates,
      history: history ?? like,
      ...(unlike ? { unlike } : {}),
      seenForMs: seenFor === undefined ? undefined : seenFor * 1_000,
    };
  }

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
      handle: (said) => {
        onlyKnown(said, RECOMMEND_MEMBERS);
        const asker = typeof said.user === 'string' ? resolve(said.user) : undefined;
        const arm = asker === undefined ? undefined : experiments.arm(asker);
        // What the request says itself counts.
        const request = arm ? { ...arm.settings, ...said } : said;
        const shape = shapeOf(request);
        const user = shape?.history && request.user === undefined ? undefined : requiredId(request, 'user');
        const answer = lists.recommend({
          user: user === undefined ? undefined : resolve(user),
          shape,
          n: n(request, shape?.candidates),
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
        const told = { ...answer, arm: arm?.label ?? MAIN };
        return user === undefined ? told : { ...told, user };
      },
    },
    similar: {
      description: 'Items that go with an item',
      example: { item: 'i7', n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set(['item', 'n', 'explain', 'filter', 'min_seq', 'timeout_ms']));
        return lists.similar(
          requiredId(request, 'item'),
          n(request),
          optionalFlag(request, 'explain', false),
          filtersOf(request),
        );
      },
    },
    trending: {
      description: 'Items that are taken most lately',
      example: { n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set(['n', 'filter', 'min_seq', 'timeout_ms']));
        return lists.trending(n(request), filtersOf(request));
      },
    },
    ping: {
      description: 'Nothing: how long the way to the engine and back takes',
      example: {},
      handle: () => ({}),
    },
    shelves: {
      description: 'Several titled rows for a user, with no item twice',
      example: { user: 'u42', rows: 5, n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set([...RULE_MEMBERS, 'user', 'n', 'rows', 'exclude', 'min_seq', 'timeout_ms']));
        const user = requiredId(request, 'user');
        const answer = lists.shelves({
          user: resolve(user),
          rows: wholeNumber(request, 'rows', { default: SHELVES_DEFAULT, min: 1, max: SHELVES_MOST }),
          n: n(request),
          exclude: idList(request, 'exclude', http.list_max),
          rules: rulesOf(request),
        });
        return { ...answer, user };
      },
    },
  };
}
