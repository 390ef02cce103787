/** Prometheus metrics: one registry per process, names with unit suffixes, few and bounded labels. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface Metrics {
  registry: Registry;
}

/** Gauges of prom-client whose names say that they are counters. Each is the sum of one that has the label `type`. */
const SUMS = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  for (const name of SUMS) registry.removeSingleMetric(name);
  return registry;
}

/** Histogram buckets from half a millisecond to ten seconds. */
export const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
