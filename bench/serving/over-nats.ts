/** Requests over NATS of several callers at once. Each sends its next request after the answer to the last. */
import type { NatsConnection } from 'nats';
import { type Latency, latencyOf } from '../load/latency.ts';

export interface Asked {
  perSecond: number;
  latency: Latency;
  failed: number;
}

export async function askOverNats(
  nc: NatsConnection,
  options: { subject: string; next: () => object; concurrency: number; seconds: number },
): Promise<Asked> {
  const { subject, next, concurrency, seconds } = options;
  const latencies: number[] = [];
  let failed = 0;
  const started = performance.now();
  const end = started + seconds * 1000;
  async function asker(): Promise<void> {
    for (let at = performance.now(); at < end; at = performance.now()) {
      const answer = await nc.request(subject, JSON.stringify(next()), { timeout: 10_000 }).catch(() => undefined);
      if (answer === undefined || answer.headers?.get('Nats-Service-Error-Code')) failed++;
      else latencies.push(performance.now() - at);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, asker));
  return {
    perSecond: (latencies.length * 1000) / (performance.now() - started),
    latency: latencyOf(latencies),
    failed,
  };
}
