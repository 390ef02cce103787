/** The engine's metrics. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { CONTENDERS, type PrequentialReport } from './model/mod.ts';

const SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const TRAINING_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function engineMetrics(registry: Registry) {
  const registers = [registry];
  return {
    answers: new Counter({
      name: 'freshet_recommendations_total',
      help: 'Lists that the engine answered with; kind is standing (a cached list) or computed',
      labelNames: ['kind'],
      registers,
    }),
    compute: new Histogram({
      name: 'freshet_recommendation_compute_seconds',
      help: 'Time that the engine took to compute a list',
      buckets: SECONDS,
      registers,
    }),
    staleness: new Histogram({
      name: 'freshet_recommendation_age_seconds',
      help: 'Age of the lists that the engine answered with; 0 for computed ones',
      buckets: SECONDS,
      registers,
    }),
    published: new Counter({
      name: 'freshet_rankings_published_total',
      help: 'Rankings that the engine wrote to KV',
      labelNames: ['kind'],
      registers,
    }),
    delay: new Histogram({
      name: 'freshet_ranking_delay_seconds',
      help: 'Time from the commit of an event until its user’s ranking is in KV',
      buckets: SECONDS,
      registers,
    }),
    backlog: new Gauge({
      name: 'freshet_rankings_backlog_users',
      help: 'Users with a pending ranking',
      registers,
    }),
    backlogAge: new Gauge({
      name: 'freshet_rankings_backlog_age_seconds',
      help: 'Time that the oldest pending ranking has waited',
      registers,
    }),
    snapshots: new Counter({ name: 'freshet_snapshots_total', help: 'Snapshots that the engine wrote', registers }),
    snapshotSeconds: new Histogram({
      name: 'freshet_snapshot_seconds',
      help: 'Time that the engine took to write a snapshot',
      buckets: SECONDS,
      registers,
    }),
    snapshotBytes: new Gauge({ name: 'freshet_snapshot_bytes', help: 'Size of the newest snapshot', registers }),
    snapshotsBad: new Counter({
      name: 'freshet_snapshots_unusable_total',
      help: 'Snapshots that the engine skipped at a start because they were damaged or of another log',
      registers,
    }),
    recalled: new Counter({
      name: 'freshet_model_recalled_events_total',
      help: 'Events that the engine read from the log again in a catch-up: from the snapshot up to the position of its rows',
      registers,
    }),
    quality: new Gauge({
      name: 'freshet_prequential_quality_ratio',
      help: 'Quality at 10 on the newest events, each predicted before the model learns it: hr, ndcg and mrr of the model, of decayed popularity and of item kNN, in the quick and the slow window',
      labelNames: ['measure', 'by', 'window'],
      registers,
    }),
    scored: new Gauge({
      name: 'freshet_prequential_events',
      help: 'Scored events in each window of prequential quality',
      labelNames: ['window'],
      registers,
    }),
    trained: new Counter({
      name: 'freshet_trainings_total',
      help: 'Trainings whose result the engine recorded as an input of the model',
      labelNames: ['kind'],
      registers,
    }),
    trainingsFailed: new Counter({
      name: 'freshet_trainings_failed_total',
      help: 'Trainings that failed; the input in force stays',
      labelNames: ['kind'],
      registers,
    }),
    trainingSeconds: new Histogram({
      name: 'freshet_training_seconds',
      help: 'Time that the worker took for a training',
      buckets: TRAINING_SECONDS,
      registers,
    }),
    inputs: new Gauge({
      name: 'freshet_inputs_in_force',
      help: 'Recorded inputs in force: 1 where the engine computes lists with one of this kind',
      labelNames: ['kind'],
      registers,
    }),
    warnings: new Gauge({
      name: 'freshet_model_warnings',
      help: 'Irregularities that the model met in the log since the process started, by kind; the fold goes on',
      labelNames: ['kind'],
      registers,
    }),
    users: new Gauge({ name: 'freshet_model_users', help: 'Users in the model', registers }),
    items: new Gauge({ name: 'freshet_model_items', help: 'Items in the model', registers }),
    pairs: new Gauge({ name: 'freshet_model_pairs', help: 'Pairs of items in the statistics', registers }),
    bytes: new Gauge({
      name: 'freshet_model_bytes',
      help: 'Bytes of the statistics and histories of the model',
      registers,
    }),
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
