/** Prometheus metrics: a registry a process, names with unit suffixes, few labels, none unbounded. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LoopObserver } from '../bus/projection/loop.ts';

export interface Metrics {
  registry: Registry;
}

export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of a projection, moved by the loop. */
export function observeLoop(registry: Registry): LoopObserver & { seq: Gauge; stateFailed(): void } {
  const registers = [registry];
  const events = new Counter({
    name: 'freshet_projection_events_total',
    help: 'Messages of the log by what became of them',
    labelNames: ['outcome'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'freshet_dead_letters_total',
    help: 'Events set aside, by reason',
    labelNames: ['code'],
    registers,
  });
  const batches = new Histogram({
    name: 'freshet_projection_batch_size',
    help: 'Messages in one transaction',
    buckets: [1, 2, 5, 10, 50, 100, 250, 500, 1000],
    registers,
  });
  const commit = new Histogram({
    name: 'freshet_projection_commit_seconds',
    help: 'Time to fold and commit a batch',
    buckets: SECONDS,
    registers,
  });
  const age = new Histogram({
    name: 'freshet_projection_age_seconds',
    help: 'From the log taking a message to its commit in the projection',
    buckets: [...SECONDS, 60, 600],
    registers,
  });
  const lag = new Gauge({
    name: 'freshet_projection_lag_messages',
    help: 'Messages of the log that are not folded yet',
    registers,
  });
  const seq = new Gauge({ name: 'freshet_projection_seq', help: 'Sequence that the projection has folded', registers });
  const reopened = new Counter({
    name: 'freshet_projection_reopened_total',
    help: 'Times the reader was opened again behind the checkpoint',
    registers,
  });
  const refused = new Gauge({
    name: 'freshet_log_refused',
    help: '1 while the log is not the one the projection was made from',
    registers,
  });
  const effects = new Counter({
    name: 'freshet_effect_failures_total',
    help: 'Effects of commits that failed, by effect; the service derives them again from the rows',
    labelNames: ['effect'],
    registers,
  });
  const states = new Counter({
    name: 'freshet_state_failures_total',
    help: 'Times the state in memory could not follow the log and was made anew from a snapshot and the log',
    registers,
  });
  return {
    seq,
    effectFailed: (effect) => effects.inc({ effect }),
    stateFailed: () => states.inc(),
    batch: (result, messages, seconds) => {
      events.inc({ outcome: 'applied' }, result.applied.length);
      if (result.duplicates > 0) events.inc({ outcome: 'duplicate' }, result.duplicates);
      if (result.unknownTypes.length > 0) events.inc({ outcome: 'unknown_type' }, result.unknownTypes.length);
      if (result.deadLetters.length > 0) events.inc({ outcome: 'dead_letter' }, result.deadLetters.length);
      for (const dead of result.deadLetters) deadLetters.inc({ code: dead.code });
      batches.observe(messages);
      commit.observe(seconds);
    },
    age: (milliseconds) => age.observe(milliseconds / 1000),
    lag: (messages) => lag.set(messages),
    interrupted: () => reopened.inc(),
    refused: (is) => refused.set(is ? 1 : 0),
  };
}

/** Metrics of publishing. */
export function observePublisher(registry: Registry): { onAck: (seconds: number) => void; onRetry: () => void } {
  const latency = new Histogram({
    name: 'freshet_publish_ack_seconds',
    help: 'From sending a message to its acknowledgement by JetStream',
    buckets: SECONDS,
    registers: [registry],
  });
  const retries = new Counter({
    name: 'freshet_publish_retries_total',
    help: 'Messages sent again for want of an acknowledgement',
    registers: [registry],
  });
  return { onAck: (seconds) => latency.observe(seconds), onRetry: () => retries.inc() };
}

/** Metrics of answering requests, by endpoint. */
export function observeRequests(
  registry: Registry,
): (endpoint: string, outcome: 'ok' | 'error', seconds: number) => void {
  const latency = new Histogram({
    name: 'freshet_request_seconds',
    help: 'Time to answer a request over NATS, by endpoint',
    labelNames: ['endpoint', 'outcome'],
    buckets: SECONDS,
    registers: [registry],
  });
  return (endpoint, outcome, seconds) => latency.observe({ endpoint, outcome }, seconds);
}

export interface ErasureMetrics {
  /** Seconds from the request until everything was what the log gives without the user. */
  done(seconds: number): void;
  show(now: { open: number; overdue: number }): void;
}

/** Metrics of forgetting. */
export function observeErasures(registry: Registry): ErasureMetrics {
  const registers = [registry];
  const open = new Gauge({ name: 'freshet_erasures_open', help: 'Erasures that are not complete', registers });
  const overdue = new Gauge({
    name: 'freshet_erasures_overdue',
    help: 'Erasures that are not complete although their deadline has passed',
    registers,
  });
  const seconds = new Histogram({
    name: 'freshet_erasure_seconds',
    help: 'From the request to be forgotten until everything is what the log gives without the user',
    buckets: [1, 5, 10, 30, 60, 300, 900, 3_600, 14_400],
    registers,
  });
  return {
    done: (took) => seconds.observe(took),
    show: (now) => {
      open.set(now.open);
      overdue.set(now.overdue);
    },
  };
}
