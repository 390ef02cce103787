/** Metrics of what a service needs in JetStream. */
import { Gauge, type Registry } from 'prom-client';

export const observeStreams = (registry: Registry): Gauge =>
  new Gauge({
    name: 'freshet_streams_missing',
    help: 'Streams, KV buckets and object stores that the service needs, and that somebody has deleted on the server',
    registers: [registry],
  });
