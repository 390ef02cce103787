/** Every alert of Freshet. Rules for Prometheus, their tests and the runbooks are generated from this list. */
import { type Alert, grown, JOB } from './alert.ts';
import { budgetAlerts } from './slos.ts';

/** Messages of the log that a service may be behind without an alert. */
const LAG = 1_000;
/** Share of the slow window's hit rate below which the quick window's is a fall. */
const FALL = 0.7;
/** Scored events without which figures of quality are chance. */
const SCORED = 500;

const STATUS = ['which services answer, and how far they are behind', 'npx freshet status', 'engine'] as const;
const READY = ['what is not ready, and why', 'curl -s http://127.0.0.1:8080/readyz', 'ready'] as const;
const DOCTOR = ['what is missing on the machine', 'npx freshet doctor', 'nats-server'] as const;

export const ALERTS: readonly Alert[] = [
  {
    name: 'FreshetProcessDown',
    severity: 'page',
    summary: 'Prometheus does not reach a process of Freshet at {{ $labels.instance }}.',
    expr: () => `up{${JOB}} == 0`,
    holds: 60,
    example: {
      fires: { 'up{job="freshet",instance="127.0.0.1:8084"}': '1 0x10' },
      at: 300,
      labels: { job: 'freshet', instance: '127.0.0.1:8084' },
      quiet: { 'up{job="freshet",instance="127.0.0.1:8084"}': '1x10' },
    },
    runbook: {
      meaning:
        'A process has ended, hangs, or is not reachable from Prometheus. Without the engine the gateway answers with stored lists; without the gateway nobody gets an answer over HTTP.',
      commands: [STATUS, READY, ['what the process wrote last', 'tail -n 3 .freshet/logs/*.log', 'level']],
      mend: '`freshet up` starts a process again that has ended; its log says why it ended. Under another supervisor start `freshet service NAME`. It goes on at its checkpoint: nothing is lost, and nothing counts twice.',
      ignore: 'While you restart or upgrade the process.',
    },
  },
  {
    name: 'FreshetNatsDisconnected',
    severity: 'page',
    summary: 'The gateway has no connection to NATS.',
    expr: () => `freshet_nats_connected{${JOB}} == 0`,
    holds: 60,
    example: {
      fires: { 'freshet_nats_connected{job="freshet",service="gateway"}': '1 0x10' },
      at: 300,
      labels: { job: 'freshet', service: 'gateway' },
      quiet: { 'freshet_nats_connected{job="freshet",service="gateway"}': '1x10' },
    },
    runbook: {
      meaning:
        'The nats-server is away, or refuses the gateway. Until it is back nobody gets a list or stores an event.',
      commands: [READY, DOCTOR, ['what the gateway wrote', 'tail -n 3 .freshet/logs/gateway.log', 'level']],
      mend: 'Start the nats-server with the same store folder. Every process connects again by itself and goes on.',
      ignore: 'While you restart the nats-server.',
    },
  },
  {
    name: 'FreshetLogRefused',
    severity: 'page',
    summary: 'The service {{ $labels.service }} refuses the log: it is not the one that its projection comes from.',
    expr: () => `freshet_log_refused{${JOB}} == 1`,
    holds: 0,
    example: {
      fires: { 'freshet_log_refused{job="freshet",service="user"}': '0 1x10' },
      at: 120,
      labels: { job: 'freshet', service: 'user' },
      quiet: { 'freshet_log_refused{job="freshet",service="user"}': '0x10' },
    },
    runbook: {
      meaning:
        'The log has lost messages that the service has folded, or is another log: acknowledged events may be lost. The service changes nothing until an operator decides. The objective for lost events is 0.',
      commands: [
        ['what the service says of it', 'npx freshet status', 'engine'],
        ['what the log holds', 'npx freshet log check', 'log'],
        READY,
      ],
      mend: 'If the nats-server runs with a wrong or an older store folder, start it with the right one: the services go on. Otherwise [restore a backup](../how-to/back-up-and-restore.md). Accept the loss only if there is no other copy of the log (`freshet log accept-loss`).',
      ignore: 'Never.',
    },
  },
  {
    name: 'FreshetStreamsMissing',
    severity: 'page',
    summary: 'Streams, buckets or object stores that {{ $labels.service }} needs were deleted on the server.',
    expr: () => `freshet_streams_missing{${JOB}} > 0`,
    holds: 60,
    example: {
      fires: { 'freshet_streams_missing{job="freshet",service="engine"}': '0 1x10' },
      at: 300,
      labels: { job: 'freshet', service: 'engine' },
      quiet: { 'freshet_streams_missing{job="freshet",service="engine"}': '0x10' },
    },
    runbook: {
      meaning:
        'Somebody has deleted a stream, a KV bucket or an object store. What that means depends on which one it is: [streams](../reference/streams.md#if-somebody-deletes-one).',
      commands: [
        ['which one is missing, with the next step', 'npx freshet status', 'engine'],
        ['how the server differs from the description', 'npx freshet streams diff', 'EVENTS'],
        READY,
      ],
      mend: '`npx freshet streams apply` creates what is missing. If the log itself is missing, [restore a backup](../how-to/back-up-and-restore.md) instead.',
      ignore: 'Never.',
    },
  },
  {
    name: 'FreshetErasuresOverdue',
    severity: 'page',
    summary: '{{ $value }} users are not forgotten although the deadline has passed.',
    expr: () => `freshet_erasures_overdue{${JOB}} > 0`,
    holds: 0,
    example: {
      fires: { 'freshet_erasures_overdue{job="freshet",service="user"}': '0 2x10' },
      value: '2',
      at: 120,
      labels: { job: 'freshet', service: 'user' },
      quiet: { 'freshet_erasures_overdue{job="freshet",service="user"}': '0x10' },
    },
    runbook: {
      meaning: 'A person asked to be forgotten, and a service or the server has not done its part in time.',
      commands: [['the erasures and what each waits for', 'npx freshet forget --status', 'erasure'], STATUS, READY],
      mend: 'Start the service that has not done its part. `freshet forget --status ID` names it, also if it is a replica that no longer exists (`freshet replica remove`).',
      ignore: 'Never: the deadline is a promise to a person.',
    },
  },
  {
    name: 'FreshetProjectionLags',
    severity: 'page',
    summary: 'The service {{ $labels.service }} is {{ $value }} messages behind the log, and does not catch up.',
    expr: (span) =>
      `freshet_projection_lag_messages{${JOB}} > ${LAG} and delta(freshet_projection_lag_messages{${JOB}}[${span(600)}]) >= 0`,
    holds: 600,
    example: {
      fires: { 'freshet_projection_lag_messages{job="freshet",service="feedback"}': '0+500x60' },
      value: '20000',
      at: 2_400,
      labels: { job: 'freshet', service: 'feedback' },
      quiet: { 'freshet_projection_lag_messages{job="freshet",service="feedback"}': '60000-500x60' },
    },
    runbook: {
      meaning: 'The state of a service is old and grows older. Requests with `min_seq` run into their time limit.',
      commands: [
        STATUS,
        ['whether the disk is full', 'df -h .', 'Use'],
        ['what the service wrote', 'tail -n 3 .freshet/logs/engine.log', 'level'],
      ],
      mend: 'Look for a process that holds the projection’s file open for writing, a slow or full disk, or a machine without free cores. If events simply come faster than one service folds them, slow the publishers down.',
      ignore: 'During an import, if you know when it ends.',
    },
  },
  {
    name: 'FreshetDeadLetters',
    severity: 'ticket',
    summary:
      'The service {{ $labels.service }} has moved {{ $value }} events to the dead letters ({{ $labels.code }}).',
    expr: (span) => `${grown('freshet_dead_letters_total', 'service, code', span(600))} > 0`,
    holds: 0,
    example: {
      fires: { 'freshet_dead_letters_total{job="freshet",service="user",code="FRESHET_EVENT_MALFORMED"}': '_x15 1x10' },
      value: '1',
      at: 1_080,
      labels: { service: 'user', code: 'FRESHET_EVENT_MALFORMED' },
      quiet: { 'freshet_dead_letters_total{job="freshet",service="user",code="FRESHET_EVENT_MALFORMED"}': '1x60' },
    },
    runbook: {
      meaning:
        'A publisher stores events that a service cannot fold. They count for nothing until somebody corrects or discards them.',
      commands: [
        ['the dead letters with their reasons', 'npx freshet dlq list', 'dead letters'],
        STATUS,
        ['which schemas events have', 'npx freshet schema check', 'schema'],
      ],
      mend: 'Mend the publisher, then retry or discard the letters: [deal with dead letters](../how-to/deal-with-dead-letters.md).',
      ignore: 'If the code is one that you know of a test of your own.',
    },
  },
  {
    name: 'FreshetEventsUnacknowledged',
    severity: 'page',
    summary: 'JetStream does not acknowledge events that callers post.',
    expr: (span) =>
      `${grown('freshet_http_events_total', 'outcome', span(300)).replaceAll(JOB, `${JOB},outcome="unacknowledged"`)} > 0`,
    holds: 0,
    example: {
      fires: {
        'freshet_http_events_total{job="freshet",service="gateway",outcome="unacknowledged",code=""}': '_ 3x10',
      },
      at: 120,
      labels: { outcome: 'unacknowledged' },
      quiet: { 'freshet_http_events_total{job="freshet",service="gateway",outcome="accepted",code=""}': '0+10x10' },
    },
    runbook: {
      meaning:
        'Callers get 503 for events that may or may not be stored. They send them again under the same ids, which is safe.',
      commands: [READY, ['what the log holds, and its limits', 'npx freshet log check', 'log'], DOCTOR],
      mend: 'Look at the nats-server: its disk is full or slow, it has reached a limit of the stream, or a cluster has no leader.',
      ignore: 'While you restart the nats-server.',
    },
  },
  {
    name: 'FreshetRankingsDue',
    severity: 'ticket',
    summary: 'A ranking has been pending for {{ $value }} seconds.',
    expr: (span) => `freshet_rankings_backlog_age_seconds{${JOB}} > ${secondsIn(span(60))}`,
    holds: 300,
    example: {
      fires: { 'freshet_rankings_backlog_age_seconds{job="freshet",service="engine"}': '0+30x20' },
      value: '450',
      at: 900,
      labels: { job: 'freshet', service: 'engine' },
      quiet: { 'freshet_rankings_backlog_age_seconds{job="freshet",service="engine"}': '5x20' },
    },
    runbook: {
      meaning:
        'The engine does not publish the ranking of a user whose list has moved, so those who watch it see an old list.',
      commands: [
        STATUS,
        ['whether the list itself is current', 'npx freshet recommend reader-1', 'seq'],
        ['how the server differs from the description', 'npx freshet streams diff', 'rankings'],
      ],
      mend: 'If the bucket `rankings` is full or gone, apply the streams again. Otherwise the engine has no time: see FreshetFreshnessFastBurn.',
      ignore: 'During an import or a rebuild.',
    },
  },
  {
    name: 'FreshetStoredLists',
    severity: 'page',
    summary: 'The gateway answers with stored lists, because no engine answers.',
    expr: (span) => `sum(rate(freshet_http_stored_lists_total{${JOB}}[${span(300)}])) > 0`,
    holds: 60,
    example: {
      fires: { 'freshet_http_stored_lists_total{job="freshet",service="gateway"}': '0+5x20' },
      at: 900,
      quiet: { 'freshet_http_stored_lists_total{job="freshet",service="gateway"}': '7x20' },
    },
    runbook: {
      meaning: 'Callers get lists that no longer follow their events. Requests with filters get 503.',
      commands: [READY, STATUS, ['what the engine wrote', 'tail -n 3 .freshet/logs/engine.log', 'level']],
      mend: 'Start the engine. A second one that stands by would have answered: `freshet service engine --replica 2`.',
      ignore: 'While you restart the only engine.',
    },
  },
  {
    name: 'FreshetQualityFell',
    severity: 'ticket',
    summary: 'The hit rate over the newest events is below seven tenths of what it was over many.',
    expr: () =>
      `min by (service) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="model",window="quick"}) < ${FALL} * min by (service) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="model",window="slow"}) and min by (service) (freshet_prequential_events{${JOB},window="quick"}) >= ${SCORED}`,
    holds: 1_800,
    example: {
      fires: {
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="quick"}':
          '0.1x60',
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="slow"}':
          '0.2x60',
        'freshet_prequential_events{job="freshet",service="engine",window="quick"}': '1000x60',
      },
      at: 2_400,
      labels: { service: 'engine' },
      quiet: {
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="quick"}':
          '0.18x60',
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="slow"}':
          '0.2x60',
        'freshet_prequential_events{job="freshet",service="engine",window="quick"}': '1000x60',
      },
    },
    runbook: {
      meaning:
        'The lists fit what users take next less well than before. Often a publisher or the catalogue has changed rather than the users.',
      commands: [
        ['the figures beside those of popularity and item kNN', 'npx freshet status', 'quality'],
        ['what is odd in the log', 'npx freshet status --json', 'warnings'],
        ['the snapshots to go back to', 'npx freshet snapshots', 'model'],
      ],
      mend: 'If all three methods fell together, the users or the events have changed: look at what publishers send since. If only the model fell, compare settings in a shadow ([try settings](../how-to/try-settings.md)), or go back to a snapshot.',
      ignore: 'After a large import, or if many new users came at once: both change whom the figures are about.',
    },
  },
  {
    name: 'FreshetQualityBelowPopular',
    severity: 'ticket',
    summary: 'The model’s lists are no better than the most popular items.',
    expr: () =>
      `min by (service) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="model",window="slow"}) < min by (service) (freshet_prequential_quality_ratio{${JOB},measure="hr",by="popular",window="slow"}) and min by (service) (freshet_prequential_events{${JOB},window="slow"}) >= ${SCORED}`,
    holds: 3_600,
    example: {
      fires: {
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="slow"}':
          '0.1x90',
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="popular",window="slow"}':
          '0.2x90',
        'freshet_prequential_events{job="freshet",service="engine",window="slow"}': '5000x90',
      },
      at: 4_800,
      labels: { service: 'engine' },
      quiet: {
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="model",window="slow"}':
          '0.3x90',
        'freshet_prequential_quality_ratio{job="freshet",service="engine",measure="hr",by="popular",window="slow"}':
          '0.2x90',
        'freshet_prequential_events{job="freshet",service="engine",window="slow"}': '5000x90',
      },
    },
    runbook: {
      meaning:
        'A list of the most popular items would serve users as well. Either histories say little here, or something is wrong with them.',
      commands: [
        ['the figures', 'npx freshet status', 'quality'],
        ['what is odd in the log', 'npx freshet status --json', 'warnings'],
        ['a history as the engine sees it', 'npx freshet history reader-1 -n 5', 'reader-1'],
      ],
      mend: 'Check that events name the right user and item, and that event times are right. Then [compare settings](../how-to/try-settings.md).',
      ignore: 'In the first days of a new system.',
    },
  },
  {
    name: 'FreshetSnapshotsUnusable',
    severity: 'ticket',
    summary: 'The engine has passed over {{ $value }} damaged snapshots at its start.',
    expr: (span) =>
      `freshet_snapshots_unusable_total{${JOB}} > 0 and freshet_uptime_seconds{${JOB}} < ${secondsIn(span(3_600))}`,
    holds: 0,
    example: {
      fires: {
        'freshet_snapshots_unusable_total{job="freshet",service="engine"}': '1x10',
        'freshet_uptime_seconds{job="freshet",service="engine"}': '1+60x10',
      },
      value: '1',
      at: 120,
      labels: { job: 'freshet', service: 'engine' },
      quiet: {
        'freshet_snapshots_unusable_total{job="freshet",service="engine"}': '1x10',
        'freshet_uptime_seconds{job="freshet",service="engine"}': '4000+60x10',
      },
    },
    runbook: {
      meaning:
        'The engine read an older snapshot, or the log from its first event, so its start took longer. Nothing is lost.',
      commands: [
        ['the snapshots that it has', 'npx freshet snapshots', 'model'],
        ['why it passed over one', 'grep -h snapshot .freshet/logs/engine.log | tail -n 3', 'snapshot'],
        STATUS,
      ],
      mend: 'The engine writes new snapshots by itself. Look at the disk of the nats-server if more than one is damaged.',
      ignore: 'After a crash of the machine, if it is one snapshot.',
    },
  },
  ...budgetAlerts,
];

/** The seconds of a span, for a query that compares them with a gauge of seconds. */
function secondsIn(span: string): number {
  const [, number = '', unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(span) ?? [];
  const size: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 };
  return Number(number) * (size[unit] ?? Number.NaN);
}
