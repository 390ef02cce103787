/** The endpoint that explains the place of an item in a user's list. */
import { defineEndpoint, type Endpoint } from '../../bus/nats/micro.ts';
import type { Config } from '../../config/schema.ts';
import { checkContext, circumstancesOf } from '../fold/context.ts';
import { rulesIn } from '../rerank/request.ts';
import type { Experiments } from './experiments.ts';
import { engineRequests, LIST_DEFAULT } from './requests.ts';
import type { WhyAnswer, WhyRequest } from './why.ts';

/** Description and example of the endpoint. */
export const EXPLAIN = {
  description:
    'Explains the place of an item in a user’s list, or its absence: events, statistics, weights, and the terms that add up to the score',
  example: { user: 'u42', item: 'i7', n: 10 },
} as const;

export const explainEndpoint = (
  why: (request: WhyRequest) => WhyAnswer,
  resolve: (user: string) => string,
  { http, engine }: Config,
  {
    experiments = { arm: () => undefined },
    now = Date.now,
  }: { experiments?: Pick<Experiments, 'arm'>; now?: () => number } = {},
): Endpoint =>
  defineEndpoint({
    ...EXPLAIN,
    request: engineRequests({ http, engine }).explain,
    handle: (asked) => {
      const { user, item, context } = asked;
      const root = resolve(user);
      // A user in an experiment gets the list of their arm.
      const request: typeof asked = { ...(experiments.arm(root)?.settings as typeof asked), ...asked };
      const n = request.n ?? LIST_DEFAULT;
      checkContext(context);
      return why({
        user,
        root,
        item,
        n,
        includeSeen: request.include_seen ?? engine.include_seen,
        rules: rulesIn(request, { n, at: now() }),
        circumstances: circumstancesOf(context),
      });
    },
  });
