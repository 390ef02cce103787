/** Metrics of a projection's loop. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { SECONDS } from '../../observability/metrics.ts';
import type { LoopObserver } from './loop.ts';

/** Metrics of a projection, moved by the loop. */
export function observeLoop(registry: Registry): LoopObserver & { seq: Gauge; stateFailed(): void } {
  const registers = [registry];
  const events = new Counter({
    name: 'freshet_projection_events_total',
    help: 'Messages of the log that the service handled, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'freshet_dead_letters_total',
    help: 'Events that the service moved to the dead letters, by code',
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
  const slices = new Histogram({
    name: 'freshet_erasure_slice_seconds',
    help: 'Time of a step that removes events of a forgotten user',
    buckets: SECONDS,
    registers,
  });
  const age = new Histogram({
    name: 'freshet_projection_age_seconds',
    help: 'Time from the moment at which the log stored a message to its commit in the projection',
    buckets: [...SECONDS, 60, 600],
    registers,
  });
  const lag = new Gauge({
    name: 'freshet_projection_lag_messages',
    help: 'Messages of the log that the service has not folded yet',
    registers,
  });
  const seq = new Gauge({
    name: 'freshet_projection_seq',
    help: 'Last sequence that the service has folded',
    registers,
  });
  const reopened = new Counter({
    name: 'freshet_projection_reopened_total',
    help: 'Times that the service stopped reading the log; it then creates its consumer again at the sequence after its checkpoint',
    registers,
  });
  const refused = new Gauge({
    name: 'freshet_log_refused',
    help: '1 while the log is not the one that the projection comes from, otherwise 0',
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
    help: 'Times that the state in memory could not follow the log; the service builds it again from a snapshot and the log',
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
    erasureSlice: (seconds) => slices.observe(seconds),
    age: (milliseconds) => age.observe(milliseconds / 1000),
    lag: (messages) => lag.set(messages),
    interrupted: () => reopened.inc(),
    refused: (is) => refused.set(is ? 1 : 0),
  };
}
