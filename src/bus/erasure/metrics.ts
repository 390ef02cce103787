/** Metrics of erasures. */
import { Gauge, Histogram, type Registry } from 'prom-client';

export interface ErasureMetrics {
  /** Gets the seconds from the request until all state equals a fold of the log without the user. */
  done(seconds: number): void;
  show(now: { open: number; overdue: number }): void;
}

/** Registers the metrics of erasures. */
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
    help: 'Time from the request for an erasure until all state equals a fold of the log without the user',
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
