/** Rows and panels of the dashboards. Queries select the job that the dashboard's variable names. */
import { spanOf } from './alert.ts';
import { OBJECTIVES } from './slos.ts';

export interface Panel {
  title: string;
  /** What its figures are, in a few words. */
  about: string;
  /** Left out: a chart over time. */
  kind?: 'stat';
  /** Grafana's name of the unit: `s`, `ops` (per second), `bytes`, `percentunit` (share of 1), `short` (a number). */
  unit: 's' | 'ops' | 'bytes' | 'percentunit' | 'short';
  /** Columns of 24; left out: 8. */
  width?: 6 | 12;
  /** Legend and query. */
  queries: readonly (readonly [legend: string, expr: string])[];
}

export interface PanelRow {
  title: string;
  panels: readonly Panel[];
}

/** The job that the dashboard's user has chosen. */
const JOB = 'job="$job"';
const RATE = '$__rate_interval';
const JOB_OF_RULES = 'job="freshet"';
/** Seconds over which the panels of objectives look back. */
const BUDGET_S = 3_600;

const objectives: PanelRow = {
  title: 'Objectives',
  panels: OBJECTIVES.map(({ name, promise, objective, badShare }) => ({
    title: name,
    about: `Share of bad ones in the last hour, beside what the objective allows: ${Number((objective * 100).toFixed(3))} % ${promise}`,
    unit: 'percentunit',
    width: 12,
    queries: [
      ['bad', badShare(spanOf(BUDGET_S)).replaceAll(JOB_OF_RULES, JOB)],
      ['allowed', `vector(${Number((1 - objective).toFixed(6))})`],
    ],
  })),
};

export const SERVICES: readonly PanelRow[] = [
  {
    title: 'At a glance',
    panels: [
      {
        title: 'Processes up',
        about: 'Targets that Prometheus reaches, of five',
        kind: 'stat',
        unit: 'short',
        width: 6,
        queries: [['up', `sum(up{${JOB}})`]],
      },
      {
        title: 'Events folded',
        about: 'Events per second, all services',
        kind: 'stat',
        unit: 'ops',
        width: 6,
        queries: [['events', `sum(rate(freshet_projection_events_total{${JOB},outcome="applied"}[${RATE}]))`]],
      },
      {
        title: 'Largest lag',
        about: 'Messages that the slowest service has not folded yet',
        kind: 'stat',
        unit: 'short',
        width: 6,
        queries: [['messages', `max(freshet_projection_lag_messages{${JOB}})`]],
      },
      {
        title: 'Log refused, streams gone',
        about:
          'Services whose log is not the one that their projection was made from; streams, buckets and stores that somebody has deleted',
        kind: 'stat',
        unit: 'short',
        width: 6,
        queries: [
          ['services that refuse the log', `sum(freshet_log_refused{${JOB}})`],
          ['streams, buckets and stores that are gone', `max(freshet_streams_missing{${JOB}})`],
        ],
      },
    ],
  },
  {
    title: 'From the log to the projections',
    panels: [
      {
        title: 'Events per second',
        about: 'Folded, by service',
        unit: 'ops',
        queries: [
          [
            '{{service}}',
            `sum by (service) (rate(freshet_projection_events_total{${JOB},outcome="applied"}[${RATE}]))`,
          ],
        ],
      },
      {
        title: 'Lag',
        about: 'Messages of the log that a service has not folded yet',
        unit: 'short',
        queries: [['{{service}}', `freshet_projection_lag_messages{${JOB}}`]],
      },
      {
        title: 'Dead letters',
        about: 'Events set aside per second, by service and reason',
        unit: 'ops',
        queries: [
          ['{{service}} {{code}}', `sum by (service, code) (rate(freshet_dead_letters_total{${JOB}}[${RATE}]))`],
          [
            '{{service}} unknown type',
            `sum by (service) (rate(freshet_projection_events_total{${JOB},outcome="unknown_type"}[${RATE}]))`,
          ],
        ],
      },
      {
        title: 'Commit latency, p99',
        about: 'Time to fold and commit a batch',
        unit: 's',
        queries: [
          [
            '{{service}}',
            `histogram_quantile(0.99, sum by (le, service) (rate(freshet_projection_commit_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Age at commit, p99',
        about: 'From the log taking a message to its commit',
        unit: 's',
        queries: [
          [
            '{{service}}',
            `histogram_quantile(0.99, sum by (le, service) (rate(freshet_projection_age_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Batch size and reopened readers',
        about: 'Messages in one transaction (median), and readers opened again behind the checkpoint per second',
        unit: 'short',
        queries: [
          [
            '{{service}}',
            `histogram_quantile(0.5, sum by (le, service) (rate(freshet_projection_batch_size_bucket{${JOB}}[${RATE}])))`,
          ],
          ['{{service}} reopened', `sum by (service) (rate(freshet_projection_reopened_total{${JOB}}[${RATE}]))`],
        ],
      },
    ],
  },
  {
    title: 'Publishing',
    panels: [
      {
        title: 'Publish latency',
        about: 'From sending a message to its acknowledgement by JetStream',
        unit: 's',
        queries: [
          [
            '{{service}} p50',
            `histogram_quantile(0.5, sum by (le, service) (rate(freshet_publish_ack_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
          [
            '{{service}} p99',
            `histogram_quantile(0.99, sum by (le, service) (rate(freshet_publish_ack_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Posted events',
        about: 'Over HTTP, by what became of them',
        unit: 'ops',
        queries: [
          ['{{outcome}} {{code}}', `sum by (outcome, code) (rate(freshet_http_events_total{${JOB}}[${RATE}]))`],
        ],
      },
      {
        title: 'Sent again',
        about: 'Messages sent again for want of an acknowledgement',
        unit: 'ops',
        queries: [['{{service}}', `sum by (service) (rate(freshet_publish_retries_total{${JOB}}[${RATE}]))`]],
      },
    ],
  },
  {
    title: 'Recommendations',
    panels: [
      {
        title: 'Recommendation latency',
        about: 'Time to answer over NATS, and to compute a list',
        unit: 's',
        queries: [
          [
            'answer p50',
            `histogram_quantile(0.5, sum by (le) (rate(freshet_request_seconds_bucket{${JOB},endpoint="recommend"}[${RATE}])))`,
          ],
          [
            'answer p99',
            `histogram_quantile(0.99, sum by (le) (rate(freshet_request_seconds_bucket{${JOB},endpoint="recommend"}[${RATE}])))`,
          ],
          [
            'compute p99',
            `histogram_quantile(0.99, sum by (le) (rate(freshet_recommendation_compute_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Age of answered lists',
        about: 'How old the list was that was answered',
        unit: 's',
        queries: [
          [
            'p50',
            `histogram_quantile(0.5, sum by (le) (rate(freshet_recommendation_age_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
          [
            'p99',
            `histogram_quantile(0.99, sum by (le) (rate(freshet_recommendation_age_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Lists',
        about: 'Answered and published per second',
        unit: 'ops',
        queries: [
          ['answered, {{kind}}', `sum by (kind) (rate(freshet_recommendations_total{${JOB}}[${RATE}]))`],
          ['published, {{kind}}', `sum by (kind) (rate(freshet_rankings_published_total{${JOB}}[${RATE}]))`],
        ],
      },
      {
        title: 'Ranking delay',
        about: "From an event being committed to its user's ranking being in KV",
        unit: 's',
        queries: [
          ['p50', `histogram_quantile(0.5, sum by (le) (rate(freshet_ranking_delay_seconds_bucket{${JOB}}[${RATE}])))`],
          [
            'p99',
            `histogram_quantile(0.99, sum by (le) (rate(freshet_ranking_delay_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Ranking backlog',
        about: 'Users whose ranking is to be published again',
        unit: 'short',
        queries: [['users', `freshet_rankings_backlog_users{${JOB}}`]],
      },
      {
        title: 'Oldest in the backlog',
        about: 'How long the oldest of them has waited',
        unit: 's',
        queries: [['age', `freshet_rankings_backlog_age_seconds{${JOB}}`]],
      },
    ],
  },
  {
    title: 'HTTP',
    panels: [
      {
        title: 'Requests per second',
        about: 'By route and class of status',
        unit: 'ops',
        queries: [
          [
            '{{route}} {{status}}',
            `sum by (route, status) (rate(freshet_http_request_seconds_count{${JOB}}[${RATE}]))`,
          ],
          ['refused {{code}}', `sum by (code) (rate(freshet_http_refused_total{${JOB}}[${RATE}]))`],
        ],
      },
      {
        title: 'Request latency, p99',
        about: 'By route',
        unit: 's',
        queries: [
          [
            '{{route}}',
            `histogram_quantile(0.99, sum by (le, route) (rate(freshet_http_request_seconds_bucket{${JOB}}[${RATE}])))`,
          ],
        ],
      },
      {
        title: 'Requests being answered',
        about: 'And whether the gateway has a connection to NATS',
        unit: 'short',
        queries: [
          ['in flight', `freshet_http_requests_in_flight{${JOB}}`],
          ['connected', `freshet_nats_connected{${JOB}}`],
          ['lists watched', `freshet_http_streams{${JOB}}`],
        ],
      },
    ],
  },
  {
    title: 'The model',
    panels: [
      {
        title: 'Size of the model',
        about: 'Users, items and pairs of items',
        unit: 'short',
        queries: [
          ['users', `freshet_model_users{${JOB}}`],
          ['items', `freshet_model_items{${JOB}}`],
          ['pairs', `freshet_model_pairs{${JOB}}`],
        ],
      },
      {
        title: 'Bytes of the model',
        about: 'Statistics and histories, and the newest snapshot',
        unit: 'bytes',
        queries: [
          ['model', `freshet_model_bytes{${JOB}}`],
          ['snapshot', `freshet_snapshot_bytes{${JOB}}`],
        ],
      },
      {
        title: 'Writing snapshots, p99',
        about: 'Time to write one',
        unit: 's',
        queries: [
          ['p99', `histogram_quantile(0.99, sum by (le) (rate(freshet_snapshot_seconds_bucket{${JOB}}[${RATE}])))`],
        ],
      },
    ],
  },
  {
    title: 'Forgetting',
    panels: [
      {
        title: 'Erasures',
        about: 'Erasures that are not complete, and those whose deadline has passed',
        unit: 'short',
        width: 12,
        queries: [
          ['open', `freshet_erasures_open{${JOB}}`],
          ['overdue', `freshet_erasures_overdue{${JOB}}`],
        ],
      },
      {
        title: 'Until all is forgotten, p99',
        about: 'From the request to be forgotten until everything is what the log gives without the user',
        unit: 's',
        width: 12,
        queries: [
          ['p99', `histogram_quantile(0.99, sum by (le) (rate(freshet_erasure_seconds_bucket{${JOB}}[${RATE}])))`],
        ],
      },
    ],
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'CPU',
        about: 'Cores in use',
        unit: 'short',
        queries: [['{{service}}', `rate(process_cpu_seconds_total{${JOB}}[${RATE}])`]],
      },
      {
        title: 'Memory',
        about: 'Resident',
        unit: 'bytes',
        queries: [['{{service}}', `process_resident_memory_bytes{${JOB}}`]],
      },
      {
        title: 'Event loop lag, p99',
        about: "How long a turn of Node's loop is held up",
        unit: 's',
        queries: [['{{service}}', `nodejs_eventloop_lag_p99_seconds{${JOB}}`]],
      },
    ],
  },
  objectives,
];

export const QUALITY: readonly PanelRow[] = [
  {
    title: 'Before learning',
    panels: [
      {
        title: 'Hit rate at 10, before learning',
        about:
          'Share of events whose item was among the ten best of the user’s list just before it: the model, and what it is compared with on the same events',
        unit: 'percentunit',
        queries: [['{{by}}, {{window}} window', `freshet_prequential_quality_ratio{${JOB},measure="hr"}`]],
      },
      {
        title: 'NDCG and MRR at 10, before learning',
        about: 'The same events; the higher in the list, the more it counts',
        unit: 'percentunit',
        queries: [
          ['NDCG {{by}}, {{window}} window', `freshet_prequential_quality_ratio{${JOB},measure="ndcg"}`],
          ['MRR {{by}}, {{window}} window', `freshet_prequential_quality_ratio{${JOB},measure="mrr"}`],
        ],
      },
      {
        title: 'Odd things and unusable snapshots',
        about:
          'What the model met in the log that should not be there, snapshots that were passed over at a start, and events that were read again',
        unit: 'short',
        queries: [
          ['{{kind}}', `freshet_model_warnings{${JOB}} > 0`],
          ['unusable snapshots', `freshet_snapshots_unusable_total{${JOB}}`],
          ['events read again per second', `rate(freshet_model_recalled_events_total{${JOB}}[1m])`],
          ['scored events, {{window}} window', `freshet_prequential_events{${JOB}}`],
        ],
      },
    ],
  },
  {
    title: 'What quality depends on',
    panels: [
      {
        title: 'Model beside popularity',
        about:
          'Hit rate of the model divided by that of decayed popularity, on the same events; at 1 the model adds nothing',
        unit: 'short',
        queries: [
          [
            '{{window}} window',
            `max by (window) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="model"}) / max by (window) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="popular"})`,
          ],
        ],
      },
      {
        title: 'Trainings',
        about: 'Trainings recorded and failed per hour, by kind',
        unit: 'short',
        queries: [
          ['{{kind}}', `sum by (kind) (increase(freshet_trainings_total{${JOB}}[1h]))`],
          ['failed {{kind}}', `sum by (kind) (increase(freshet_trainings_failed_total{${JOB}}[1h])) or vector(0)`],
        ],
      },
      {
        title: 'Inputs in force',
        about: 'Recorded inputs that the engine computes lists with, by kind',
        unit: 'short',
        queries: [['{{kind}}', `max by (kind) (freshet_inputs_in_force{${JOB}}) or vector(0)`]],
      },
    ],
  },
];
