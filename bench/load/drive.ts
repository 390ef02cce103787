/** Requests over many connections with autocannon: each connection sends its next request after the answer to the last. */
import { type Latency, latencyOf } from './latency.ts';

/** One request. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface DriveOptions {
  /** `http://127.0.0.1:8080` */
  url: string;
  connections: number;
  seconds: number;
  /** The next request, of any connection. */
  next: () => HttpRequest;
  /** Headers of every request. */
  headers?: Record<string, string>;
}

/** The results of the requests of one run. */
export interface Driven {
  /** Number of successful answers. */
  answered: number;
  /** Successful answers per second. */
  perSecond: number;
  latency: Latency;
  errors: {
    /** Connections that the server refused or that broke. */
    connection: number;
    /** Requests without an answer within {@link DRIVE_LIMITS}. */
    timeouts: number;
    /** Unsuccessful answers, by status. */
    status: Record<string, number>;
  };
}

export const DRIVE_LIMITS = {
  /** Seconds until a request counts as unanswered. */
  timeout: 10,
  connections: 1_000,
  /** Most seconds of one run: it keeps every latency until its end. */
  seconds: 600,
} as const;

export async function drive({ url, connections, seconds, next, headers = {} }: DriveOptions): Promise<Driven> {
  // A development dependency, so only a load imports it.
  const { default: autocannon } = await import('autocannon');
  const latencies: number[] = [];
  const run = autocannon({
    url,
    connections,
    duration: seconds,
    timeout: DRIVE_LIMITS.timeout,
    headers,
    requests: [
      {
        setupRequest: (request) => {
          const { method, path, headers: own, body } = next();
          return { ...request, method, path, headers: { ...headers, ...own }, ...(body === undefined ? {} : { body }) };
        },
      },
    ],
  });
  const status: Record<string, number> = {};
  // autocannon's own quantiles are in whole milliseconds.
  run.on('response', (_client: unknown, code: number, _bytes: number, milliseconds: number) => {
    if (code >= 200 && code < 300) latencies.push(milliseconds);
    else status[code] = (status[code] ?? 0) + 1;
  });
  const { duration, errors, timeouts } = await run;
  return {
    answered: latencies.length,
    perSecond: latencies.length / duration,
    latency: latencyOf(latencies),
    errors: { connection: Math.max(0, errors - timeouts), timeouts, status },
  };
}

/** Number of failed requests. */
export const failures = ({ errors: { connection, timeouts, status } }: Pick<Driven, 'errors'>): number =>
  connection + timeouts + Object.values(status).reduce((sum, count) => sum + count, 0);
