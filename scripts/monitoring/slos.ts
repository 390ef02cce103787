/** The objectives of the service, and the alerts that their error budgets give: a fast burn wakes somebody, a slow one does not. */
import { type Alert, JOB, type Runbook, type Series, type Span } from './alert.ts';

export interface Objective {
  name: string;
  /** What callers get, in words, for docs and panels. */
  promise: string;
  /** Share of good ones, between 0 and 1. */
  objective: number;
  /** Days over which the objective holds. */
  days: number;
  /** Share of bad ones within a span. */
  badShare: (within: string) => string;
  /** Series with which the share of bad ones is 1 and 0. */
  series: { bad: Series; good: Series };
  runbook: Runbook;
}

/** The share of a histogram's observations that are above a bucket's bound. */
const above = (histogram: string, seconds: number, within: string, labels = ''): string =>
  `1 - sum(rate(${histogram}_bucket{${JOB},le="${seconds}"${labels}}[${within}])) / sum(rate(${histogram}_count{${JOB}${labels}}[${within}]))`;

const growing = '0+60x400';
const still = '0x400';

export const OBJECTIVES: readonly Objective[] = [
  {
    name: 'Freshness',
    promise: 'of the rankings that an event changes are in KV within a second of the commit of the event',
    objective: 0.99,
    days: 30,
    badShare: (within) => above('freshet_ranking_delay_seconds', 1, within),
    series: {
      bad: {
        'freshet_ranking_delay_seconds_bucket{job="freshet",service="engine",le="1"}': still,
        'freshet_ranking_delay_seconds_count{job="freshet",service="engine"}': growing,
      },
      good: {
        'freshet_ranking_delay_seconds_bucket{job="freshet",service="engine",le="1"}': growing,
        'freshet_ranking_delay_seconds_count{job="freshet",service="engine"}': growing,
      },
    },
    runbook: {
      meaning:
        'Rankings in KV follow events later than promised, so callers that watch them see old lists. Requests for lists are not concerned: the engine computes what has moved.',
      commands: [
        ['how far the services are behind', 'npx freshet status', 'engine'],
        ['what is not ready, and why', 'curl -s http://127.0.0.1:8080/readyz', 'ready'],
        ['whether a user’s list moves', 'npx freshet recommend reader-1', 'seq'],
      ],
      mend: 'If events arrive faster than the engine computes rankings for a long time, give the engine a core of its own, lower `engine.list_length`, or turn rankings in KV off (`engine.publish_rankings`) if nobody watches them.',
      ignore:
        'During an import, a rebuild or a start: the engine then publishes the rankings of many users. It ends with the catch-up.',
    },
  },
  {
    name: 'Availability',
    promise: 'of the requests over HTTP are answered with a status below 500',
    objective: 0.999,
    days: 30,
    badShare: (within) =>
      `(sum(rate(freshet_http_request_seconds_count{${JOB},status="5xx"}[${within}])) or vector(0)) / sum(rate(freshet_http_request_seconds_count{${JOB}}[${within}]))`,
    series: {
      bad: {
        'freshet_http_request_seconds_count{job="freshet",service="gateway",method="GET",route="/v1/users/:id",status="5xx"}':
          growing,
      },
      good: {
        'freshet_http_request_seconds_count{job="freshet",service="gateway",method="GET",route="/v1/users/:id",status="2xx"}':
          growing,
      },
    },
    runbook: {
      meaning: 'The gateway answers requests with 5xx: a service is away, or does not answer in time.',
      commands: [
        ['which part is not ready, and why', 'curl -s http://127.0.0.1:8080/readyz', 'ready'],
        ['which services answer', 'npx freshet status', 'gateway'],
        [
          'which routes fail',
          "curl -s http://127.0.0.1:8080/metrics | grep 'freshet_http_request_seconds_count'",
          'freshet_http_request_seconds_count',
        ],
      ],
      mend: 'Start the service that is away. If all run, a request takes longer than `http.request_timeout_ms`: look at `freshet_request_seconds` of the service and at the machine.',
      ignore: 'While you restart services and a few requests fail; the alert for a fast burn needs more than that.',
    },
  },
];

/** Windows of a burn: the long one shows that it matters, the short one that it goes on. */
const BURNS = [
  { how: 'Fast', severity: 'page', times: 14.4, long: 3_600, short: 300, holds: 120 },
  { how: 'Slow', severity: 'ticket', times: 6, long: 21_600, short: 1_800, holds: 900 },
] as const;

/** Seconds after which the examples of a burn are judged. */
const JUDGED_AT = 21_600;

export const budgetAlerts: readonly Alert[] = OBJECTIVES.flatMap(
  ({ name, promise, objective, badShare, series, runbook, days }) =>
    BURNS.map(({ how, severity, times, long, short, holds }): Alert => {
      const limit = Number((times * (1 - objective)).toFixed(6));
      const over = (span: Span, seconds: number): string => `(${badShare(span(seconds))}) > ${limit}`;
      return {
        name: `Freshet${name}${how}Burn`,
        severity,
        summary: `${how === 'Fast' ? 'Within hours' : 'Within days'} the error budget of ${name.toLowerCase()} is used up: ${Number((objective * 100).toFixed(3))} % ${promise}, over ${days} days.`,
        expr: (span) => `${over(span, long)} and ${over(span, short)}`,
        holds,
        example: { fires: series.bad, at: JUDGED_AT, quiet: series.good },
        runbook,
      };
    }),
);
