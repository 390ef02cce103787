/** Requests from many connections, each sending its next one when the one before is answered: autocannon. */
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
  /** The next request, whichever connection sends it. */
  next: () => HttpRequest;
  /** Sent with every request. */
  headers?: Record<string, string>;
}

/** What came of the requests of one run. */
export interface Driven {
  /** Answers with a status of success. */
  answered: number;
  /** Of them, per second. */
  perSecond: number;
  latency: Latency;
  errors: {
    /** Connections that were refused or broke. */
    connection: number;
    /** Requests that were not answered within {@link DRIVE_LIMITS}. */
    timeouts: number;
    /** Answers that say no, by status. */
    status: Record<string, number>;
  };
}

export const DRIVE_LIMITS = {
  /** Seconds until a request counts as unanswered. */
  timeout: 10,
  connections: 1_000,
  /** Seconds of one run: every latency is kept until its end. */
  seconds: 600,
} as const;

export async function drive({ url, connections, seconds, next, headers = {} }: DriveOptions): Promise<Driven> {
  // A tool of development: whatever needs no load goes without it.
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
  // Its own quantiles are in whole milliseconds.
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

/** Requests that came to nothing. */
export const failures = ({ errors: { connection, timeouts, status } }: Pick<Driven, 'errors'>): number =>
  connection + timeouts + Object.values(status).reduce((sum, count) => sum + count, 0);
