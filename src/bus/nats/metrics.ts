/** Metrics of publishing and of answering requests. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { SECONDS } from '../../observability/metrics.ts';

/** Metrics of publishing. */
export function observePublisher(registry: Registry): { onAck: (seconds: number) => void; onRetry: () => void } {
  const latency = new Histogram({
    name: 'freshet_publish_ack_seconds',
    help: 'Time from sending a message to its acknowledgement by JetStream',
    buckets: SECONDS,
    registers: [registry],
  });
  const retries = new Counter({
    name: 'freshet_publish_retries_total',
    help: 'Messages that the process sent again because no acknowledgement came',
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

/** Requests that a service dropped because of their reply subject. */
export const observeRefusals = (registry: Registry): Counter<'endpoint'> =>
  new Counter({
    name: 'freshet_refused_replies_total',
    help: 'Requests over NATS that the service dropped because their reply subject is no inbox, by endpoint',
    labelNames: ['endpoint'],
    registers: [registry],
  });
