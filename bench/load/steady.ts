/**
 * Requests at a steady pace, independent of earlier answers: the load of other callers during a measurement. autocannon
 * would send all requests of a second at once.
 */
import { Agent, request } from 'node:http';
import type { HttpRequest } from './drive.ts';
import { type Latency, latencyOf } from './latency.ts';

export interface Steady {
  /** Stops sending, and resolves with the figures. */
  stop(): Promise<SteadyFigures>;
}

export interface SteadyFigures {
  /** Successful answers per second. */
  perSecond: number;
  latency: Latency;
  /** Requests that failed, or that were not sent because too many waited. */
  failed: number;
  /** The failed requests that got an answer, by its status. */
  statuses: Record<string, number>;
}

export interface SteadyOptions {
  url: string;
  perSecond: number;
  next: () => HttpRequest;
  headers?: Record<string, string>;
}

/** Most requests that may wait for an answer. Above it, a request counts as failed, so that a pace that is too high shows. */
const WAITING = 256;
/** Milliseconds between two checks for due requests. */
const LOOK_MS = 5;

export function keepSending({ url, perSecond, next, headers = {} }: SteadyOptions): Steady {
  const agent = new Agent({ keepAlive: true, maxSockets: WAITING });
  const { hostname, port } = new URL(url);
  const started = performance.now();
  const latencies: number[] = [];
  let sent = 0;
  let failed = 0;
  const statuses: Record<string, number> = {};
  let waiting = 0;
  let drained: () => void = () => undefined;

  function send(): void {
    if (waiting >= WAITING) {
      failed++;
      return;
    }
    waiting++;
    const { method, path, headers: own, body } = next();
    const at = performance.now();
    const done = (well: boolean): void => {
      if (well) latencies.push(performance.now() - at);
      else failed++;
      if (--waiting === 0) drained();
    };
    const asked = request({ hostname, port, method, path, agent, headers: { ...headers, ...own } }, (answer) => {
      answer.resume();
      const { statusCode = 0 } = answer;
      if (statusCode >= 300) statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
      answer.once('end', () => done(statusCode > 0 && statusCode < 300));
      answer.once('error', () => done(false));
    });
    asked.once('error', () => done(false));
    asked.end(body);
  }

  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * perSecond;
    for (; sent < due; sent++) send();
  }, LOOK_MS);

  return {
    stop: async () => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (waiting > 0)
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
      agent.destroy();
      return { perSecond: latencies.length / seconds, latency: latencyOf(latencies), failed, statuses };
    },
  };
}
