/** The endpoint that explains the place of an item in a user's list. */
import type { Endpoint } from '../../bus/nats/micro.ts';
import { onlyKnown, optionalFlag, requiredId, wholeNumber } from '../../bus/nats/request.ts';
import type { Config } from '../../config/schema.ts';
import { circumstancesOf, contextOf } from '../fold/context.ts';
import { parseRules, RULE_MEMBERS } from '../rerank/request.ts';
import type { Experiments } from './experiments.ts';
import type { WhyAnswer, WhyRequest } from './why.ts';

/** Places of a list that count as listed where a request does not set n. */
const LISTED_DEFAULT = 10;

/** Description and example of the endpoint. */
export const EXPLAIN = {
  description:
    'Explains the place of an item in a user’s list, or its absence: events, statistics, weights, and the terms that add up to the score',
  example: { user: 'u42', item: 'i7', n: 10 },
} as const;

/** What a request may hold; rules and context as those of a list. */
const EXPLAIN_MEMBERS = new Set<string>([
  ...RULE_MEMBERS,
  'user',
  'item',
  'n',
  'include_seen',
  'context',
  'min_seq',
  'timeout_ms',
]);

export const explainEndpoint = (
  why: (request: WhyRequest) => WhyAnswer,
  resolve: (user: string) => string,
  { http, engine }: Config,
  {
    experiments = { arm: () => undefined },
    now = Date.now,
  }: { experiments?: Pick<Experiments, 'arm'>; now?: () => number } = {},
): Endpoint => ({
  ...EXPLAIN,
  handle: (given) => {
    onlyKnown(given, EXPLAIN_MEMBERS);
    const user = requiredId(given, 'user');
    const root = resolve(user);
    // A user in an experiment gets the list of their arm.
    const request = { ...experiments.arm(root)?.settings, ...given };
    const n = wholeNumber(request, 'n', { default: LISTED_DEFAULT, min: 1, max: http.list_max });
    return why({
      user,
      root,
      item: requiredId(request, 'item'),
      n,
      includeSeen: optionalFlag(request, 'include_seen', engine.include_seen),
      rules: parseRules(request, { n, at: now() }),
      circumstances: circumstancesOf(contextOf(request)),
    });
  },
});
