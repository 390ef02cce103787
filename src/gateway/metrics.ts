/** Metrics of the gateway. Labels are bounded: route patterns, methods and codes, never a text of a caller. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { observePublisher } from '../bus/nats/metrics.ts';
import { createRegistry } from '../observability/metrics.ts';

export interface GatewayMetrics {
  registry: Registry;
  publisher: ReturnType<typeof observePublisher>;
  /** Requests that the gateway has not answered yet. */
  inFlight: { inc(): void; dec(): void };
  request(method: string, route: string, status: number, seconds: number): void;
  accepted(count: number): void;
  duplicates(count: number): void;
  rejected(code: string): void;
  unacknowledged(count: number): void;
  connected(is: boolean): void;
  /** Lists that callers watch. */
  streams(count: number): void;
  /** The gateway sent a list to a caller that watches it. */
  pushed(): void;
  /** The engine made a list for a caller of the gateway. */
  list(): void;
  /** The lists so far. */
  lists(): number;
  /** The gateway answered with a stored list, because no engine answered. */
  storedList(): void;
  /** The gateway refused a request with 401, 403 or 429. */
  refused(code: string): void;
  uptime(seconds: number): void;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createGatewayMetrics(): GatewayMetrics {
  const registry = createRegistry('gateway');
  const registers = [registry];
  const requests = new Histogram({
    name: 'freshet_http_request_seconds',
    help: 'Time to answer an HTTP request, by route pattern and class of status',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const events = new Counter({
    name: 'freshet_http_events_total',
    help: 'Events that callers posted, by outcome; the code says why the gateway rejected one',
    labelNames: ['outcome', 'code'],
    registers,
  });
  const inFlight = new Gauge({
    name: 'freshet_http_requests_in_flight',
    help: 'Requests that the gateway is answering',
    registers,
  });
  const connected = new Gauge({
    name: 'freshet_nats_connected',
    help: '1 while the gateway has a connection to NATS, otherwise 0',
    registers,
  });
  const streams = new Gauge({ name: 'freshet_http_streams', help: 'Lists that callers watch', registers });
  const pushed = new Counter({
    name: 'freshet_http_stream_lists_total',
    help: 'Lists that the gateway sent to callers that watch them',
    registers,
  });
  let lists = 0;
  const listed = new Counter({
    name: 'freshet_http_lists_total',
    help: 'Lists that the engine made for callers over HTTP, also those of streams and batches; shelves count once',
    registers,
  });
  const storedLists = new Counter({
    name: 'freshet_http_stored_lists_total',
    help: 'Lists from KV that the gateway sent because no engine answered',
    registers,
  });
  const refused = new Counter({
    name: 'freshet_http_refused_total',
    help: 'Requests that the gateway refused because of key, token, scope, user or rate, by code',
    labelNames: ['code'],
    registers,
  });
  const uptime = new Gauge({ name: 'freshet_uptime_seconds', help: 'Seconds since the service started', registers });
  const count = (outcome: string, by: number, code = ''): void => {
    if (by > 0) events.inc({ outcome, code }, by);
  };
  return {
    registry,
    publisher: observePublisher(registry),
    inFlight,
    request: (method, route, status, seconds) =>
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, seconds),
    accepted: (by) => count('accepted', by),
    duplicates: (by) => count('duplicate', by),
    rejected: (code) => count('rejected', 1, code),
    unacknowledged: (by) => count('unacknowledged', by),
    connected: (is) => connected.set(is ? 1 : 0),
    streams: (by) => streams.set(by),
    pushed: () => pushed.inc(),
    list: () => {
      lists++;
      listed.inc();
    },
    lists: () => lists,
    storedList: () => storedLists.inc(),
    refused: (code) => refused.inc({ code }),
    uptime: (seconds) => uptime.set(seconds),
  };
}
