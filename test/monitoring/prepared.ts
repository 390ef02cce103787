/** A process of the job whose figures a test sets: what a real system shows only after days. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';

export interface PreparedTarget {
  /** `host:port` */
  target: string;
  /** Sets hit rates of the model in both windows, and of popularity in the slow one. */
  quality(rates: { quick: number; slow: number; popular: number }): void;
  stop(): Promise<void>;
}

/** Scored events in each window: enough that the figures are not chance. */
const SCORED = 1_000;

export async function startPrepared(): Promise<PreparedTarget> {
  const registry = new Registry();
  registry.setDefaultLabels({ service: 'prepared' });
  const ratio = new Gauge({
    name: 'freshet_prequential_quality_ratio',
    help: 'Prepared',
    labelNames: ['measure', 'by', 'window'],
    registers: [registry],
  });
  const events = new Gauge({
    name: 'freshet_prequential_events',
    help: 'Prepared',
    labelNames: ['window'],
    registers: [registry],
  });
  for (const window of ['quick', 'slow']) events.set({ window }, SCORED);
  const server = createServer((_request, response) => {
    void registry.metrics().then((text) => response.setHeader('content-type', registry.contentType).end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const quality: PreparedTarget['quality'] = ({ quick, slow, popular }) => {
    ratio.set({ measure: 'hr', by: 'model', window: 'quick' }, quick);
    ratio.set({ measure: 'hr', by: 'model', window: 'slow' }, slow);
    ratio.set({ measure: 'hr', by: 'popular', window: 'slow' }, popular);
  };
  quality({ quick: 0.2, slow: 0.2, popular: 0.1 });
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    quality,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
