/** The engine's endpoints for lists. */
import { EVENT_DATA } from '../../bus/event/types.ts';
import type { Endpoint, Json } from '../../bus/nats/micro.ts';
import { idList, onlyKnown, optionalFlag, optionalText, requiredId, wholeNumber } from '../../bus/nats/request.ts';
import type { Config } from '../../config/schema.ts';
import { BadRequestError } from '../../errors.ts';
import { MAIN } from '../../experiment/arms.ts';
import { circumstancesOf, contextOf } from '../fold/context.ts';
import type { Filter } from '../rerank/filter.ts';
import { parseRules, RULE_MEMBERS } from '../rerank/request.ts';
import type { Rules } from '../rerank/rules.ts';
import { type SeenRule, seenRule } from '../rerank/seen.ts';
import { parseSegment } from '../rerank/segment.ts';
import type { Experiments } from './experiments.ts';
import type { Lists, RequestCriteria } from './lists.ts';

/** Items in a list unless asked otherwise. */
const LIST_DEFAULT = 10;

/** Seconds that a seen item may be kept out at most: a hundred years. */
export const SEEN_FOR_MOST_S = 3_155_760_000;

/** Rows of shelves unless asked otherwise, and at most. */
const SHELVES_DEFAULT = 5;
const SHELVES_MOST = 20;

/** Members of a request; the engine rejects others, as a misspelt one would have no effect. */
const RECOMMEND_MEMBERS = new Set([
  ...RULE_MEMBERS,
  'user',
  'history',
  'like',
  'unlike',
  'candidates',
  'seen_for_s',
  'context',
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
  { http, engine, events, lists: listed }: Config,
  experiments: Pick<Experiments, 'arm'> = { arm: () => undefined },
  now: () => number = Date.now,
): Record<string, Endpoint> {
  // A caller that names the candidates gets all of them, unless the request sets n.
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

  /** Types of interactions whose items may be kept out. */
  const types = new Set([
    ...Object.keys(EVENT_DATA).filter((type) => type.startsWith('user.')),
    ...events.declared.map((verb) => `user.${verb}.v1`),
  ]);

  /** Undefined: as configured. */
  function seenOf(request: Json): SeenRule | undefined {
    const { seen_for_s: value } = request;
    if (value === undefined || value === null) return undefined;
    const configured = seenRule(listed.seen_for_s, listed.seen_by_type_s);
    if (typeof value !== 'object')
      return seenRule(wholeNumber(request, 'seen_for_s', { default: 0, min: 0, max: SEEN_FOR_MOST_S }), {});
    const byType = value as Record<string, unknown>;
    for (const [type, seconds] of Object.entries(byType)) {
      const whole = typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= -1;
      if (!types.has(type) || !whole || seconds > SEEN_FOR_MOST_S)
        throw new BadRequestError(
          `seen_for_s has no valid value for ${type.slice(0, 60)}: ${JSON.stringify(seconds)?.slice(0, 60)}. Pass seconds, or an object of event types with seconds (0: for good, -1: such an event keeps no item out).`,
          { details: { member: 'seen_for_s' } },
        );
    }
    return seenRule(listed.seen_for_s, byType as Record<string, number>, configured);
  }

  /** The criteria of a request beside user and length; undefined where it has none. */
  function criteriaOf(request: Json): RequestCriteria | undefined {
    const rules = rulesOf(request);
    const candidates = given(request, 'candidates');
    const like = given(request, 'like');
    const unlike = given(request, 'unlike');
    const history = given(request, 'history');
    if (like && history)
      throw new BadRequestError('The request has both like and history. Pass one of them.', {
        details: { member: 'like' },
      });
    const seen = seenOf(request);
    const circumstances = circumstancesOf(contextOf(request));
    const plain = !rules && !candidates && !like && !unlike && !history && !seen && circumstances.length === 0;
    if (plain) return undefined;
    return {
      rules,
      candidates,
      history: history ?? like,
      ...(unlike ? { unlike } : {}),
      seen,
      ...(circumstances.length > 0 ? { circumstances } : {}),
    };
  }

  return {
    recommend: {
      description: 'A ranking for a user at the head of the log; an unknown user gets popular items',
      example: { user: 'u42', n: 10 },
      handle: (own) => {
        onlyKnown(own, RECOMMEND_MEMBERS);
        const root = typeof own.user === 'string' ? resolve(own.user) : undefined;
        const arm = root === undefined ? undefined : experiments.arm(root);
        // A member of the request takes precedence over the arm's.
        const request = arm ? { ...arm.settings, ...own } : own;
        const criteria = criteriaOf(request);
        const user = criteria?.history && request.user === undefined ? undefined : requiredId(request, 'user');
        const answer = lists.recommend({
          user: user === undefined ? undefined : resolve(user),
          criteria,
          n: n(request, criteria?.candidates),
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
        const view = { ...answer, arm: arm?.label ?? MAIN };
        return user === undefined ? view : { ...view, user };
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
      description: 'Items that users take most lately: all users, or those of a segment',
      example: { n: 10 },
      handle: (request) => {
        onlyKnown(request, new Set(['n', 'filter', 'segment', 'min_seq', 'timeout_ms']));
        return lists.trending(n(request), filtersOf(request), parseSegment(request.segment));
      },
    },
    ping: {
      description: 'Answers with an empty object: measures the way to the engine and back',
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
