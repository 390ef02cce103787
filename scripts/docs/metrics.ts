import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { observeErasures } from '../../src/bus/erasure/metrics.ts';
import { observePublisher, observeRefusals, observeRequests } from '../../src/bus/nats/metrics.ts';
import { observeLoop } from '../../src/bus/projection/metrics.ts';
import { observeStreams } from '../../src/bus/streams/metrics.ts';
import { engineMetrics } from '../../src/engine/metrics.ts';
import { createGatewayMetrics } from '../../src/gateway/metrics.ts';
import { observeSpans } from '../../src/observability/tracing/metrics.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

export interface MetricDescription {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: string[];
}

/** Freshet's own metrics in a registry, without prom-client's defaults. */
function describe(registry: Registry): MetricDescription[] {
  return registry
    .getMetricsAsArray()
    .filter(({ name }) => name.startsWith('freshet_'))
    .map((metric) => {
      const { name, help, labelNames } = metric as unknown as { name: string; help: string; labelNames?: string[] };
      const type = metric instanceof Counter ? 'counter' : metric instanceof Gauge ? 'gauge' : 'histogram';
      if (type === 'histogram' && !(metric instanceof Histogram))
        throw new Error(`${name} is not a counter, gauge or histogram.`);
      return { name, type, help, labels: [...(labelNames ?? [])].filter((label) => label !== 'le') };
    });
}

/** The metrics of every service, of the user service, of the engine, of the gateway, and of traces. Starts no process. */
export function documentedMetrics(): Record<
  'services' | 'user' | 'engine' | 'gateway' | 'traces',
  MetricDescription[]
> {
  const services = new Registry();
  observeLoop(services);
  observePublisher(services);
  observeRequests(services);
  observeRefusals(services);
  observeStreams(services);
  new Gauge({ name: 'freshet_uptime_seconds', help: 'Seconds since the service started', registers: [services] });
  const user = new Registry();
  observeErasures(user);
  const engine = new Registry();
  engineMetrics(engine);
  const traces = new Registry();
  observeSpans(traces);
  return {
    services: describe(services),
    user: describe(user),
    engine: describe(engine),
    gateway: describe(createGatewayMetrics().registry),
    traces: describe(traces),
  };
}

const tableOf = (metrics: readonly MetricDescription[]): string =>
  table(
    ['metric', 'kind', 'labels', 'meaning'],
    metrics.map(({ name, type, help, labels }) => [code(name), type, labels.map(code).join(', '), help]),
  );

export function metricsPage(): string {
  const { services, user, engine, gateway, traces } = documentedMetrics();
  return page(
    generatedFrom('the metrics that the processes register'),
    '# Metrics',
    'Each process serves `/metrics` in the text format of Prometheus: the gateway on its HTTP port (8080), the services on the next four ports (8081 user, 8082 content, 8083 feedback, 8084 engine). Every metric has the label `service`. A histogram exports three series: `_bucket`, `_sum` and `_count`.',
    'How to collect and show the metrics: [monitor](../how-to/monitor.md).',
    '## Every service',
    tableOf(services),
    '## The user service only',
    tableOf(user),
    '## The engine only',
    tableOf(engine),
    '## The gateway',
    tableOf(gateway),
    '## Services and gateway that send traces',
    tableOf(traces),
    '## The process',
    "Every process also exports prom-client's default metrics, among them `process_cpu_seconds_total`, `process_resident_memory_bytes`, `nodejs_heap_size_used_bytes`, `nodejs_eventloop_lag_p99_seconds` and `nodejs_gc_duration_seconds`.",
  );
}
