/** What the engine counts about itself. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { CONTENDERS, type PrequentialReport } from './model/mod.ts';

const SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const TRAINING_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function engineMetrics(registry: Registry) {
  const registers = [registry];
  return {
    answers: new Counter({
      name: 'freshet_recommendations_total',
      help: 'Lists answered: standing ones and computed ones',
      labelNames: ['kind'],
      registers,
    }),
    compute: new Histogram({
      name: 'freshet_recommendation_compute_seconds',
      help: 'Time to compute a list',
      buckets: SECONDS,
      registers,
    }),
    staleness: new Histogram({
      name: 'freshet_recommendation_age_seconds',
      help: 'Age of the list that was answered',
      buckets: SECONDS,
      registers,
    }),
    published: new Counter({
      name: 'freshet_rankings_published_total',
      help: 'Rankings written to KV',
      labelNames: ['kind'],
      registers,
    }),
    delay: new Histogram({
      name: 'freshet_ranking_delay_seconds',
      help: 'From an event being committed to its user’s ranking being in KV',
      buckets: SECONDS,
      registers,
    }),
    backlog: new Gauge({
      name: 'freshet_rankings_backlog_users',
      help: 'Users whose ranking is to be published again',
      registers,
    }),
    backlogAge: new Gauge({
      name: 'freshet_rankings_backlog_age_seconds',
      help: 'How long the oldest of them has waited',
      registers,
    }),
    snapshots: new Counter({ name: 'freshet_snapshots_total', help: 'Snapshots written', registers }),
    snapshotSeconds: new Histogram({
      name: 'freshet_snapshot_seconds',
      help: 'Time to write a snapshot',
      buckets: SECONDS,
      registers,
    }),
    snapshotBytes: new Gauge({ name: 'freshet_snapshot_bytes', help: 'Size of the newest snapshot', registers }),
    snapshotsBad: new Counter({
      name: 'freshet_snapshots_unusable_total',
      help: 'Snapshots that were passed over at a start because they were damaged or of another log',
      registers,
    }),
    recalled: new Counter({
      name: 'freshet_model_recalled_events_total',
      help: 'Events that were read from the log again after a start, behind the snapshot and up to the rows’ end',
      registers,
    }),
    quality: new Gauge({
      name: 'freshet_prequential_quality_ratio',
      help: 'Quality at 10 on the newest events, each asked for before it was learned: hr, ndcg and mrr of the model, of decayed popularity and of item kNN, in the quick and the slow window',
      labelNames: ['measure', 'by', 'window'],
      registers,
    }),
    scored: new Gauge({
      name: 'freshet_prequential_events',
      help: 'Scored events that the windows of prequential quality hold',
      labelNames: ['window'],
      registers,
    }),
    trained: new Counter({
      name: 'freshet_trainings_total',
      help: 'Trainings whose result was recorded as an input of the model',
      labelNames: ['kind'],
      registers,
    }),
    trainingsFailed: new Counter({
      name: 'freshet_trainings_failed_total',
      help: 'Trainings that came to nothing; what was in force stayed',
      labelNames: ['kind'],
      registers,
    }),
    trainingSeconds: new Histogram({
      name: 'freshet_training_seconds',
      help: 'Time that a training took in its worker',
      buckets: TRAINING_SECONDS,
      registers,
    }),
    inputs: new Gauge({
      name: 'freshet_inputs_in_force',
      help: 'Recorded inputs that lists are computed with: 1 where one of this kind is in force',
      labelNames: ['kind'],
      registers,
    }),
    warnings: new Gauge({
      name: 'freshet_model_warnings',
      help: 'Odd things in the log that the model met since the process started, by kind; none of them stops it',
      labelNames: ['kind'],
      registers,
    }),
    users: new Gauge({ name: 'freshet_model_users', help: 'Users in the model', registers }),
    items: new Gauge({ name: 'freshet_model_items', help: 'Items in the model', registers }),
    pairs: new Gauge({ name: 'freshet_model_pairs', help: 'Pairs of items that the statistics hold', registers }),
    bytes: new Gauge({ name: 'freshet_model_bytes', help: 'Bytes of the statistics and histories', registers }),
  };
}

/** Names of the windows, in the order of the report. */
export const WINDOWS = ['quick', 'slow'] as const;

export function showQuality(metrics: EngineMetrics, { windows }: PrequentialReport): void {
  for (const [i, window] of windows.entries()) {
    const name = WINDOWS[i] as string;
    metrics.scored.set({ window: name }, window.events);
    for (const by of CONTENDERS)
      for (const [measure, value] of Object.entries(window[by]))
        metrics.quality.set({ measure, by, window: name }, value as number);
  }
}

export type EngineMetrics = ReturnType<typeof engineMetrics>;
