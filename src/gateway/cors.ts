/** Cross-origin requests (Fetch standard, section 3.3): pages of the configured origins may call the gateway. */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Headers of an answer that a page may read. */
const EXPOSED = ['x-request-id', 'retry-after'];
/** Headers that a page may send. */
const HEADERS = [
  'authorization',
  'content-type',
  'last-event-id',
  'traceparent',
  'tracestate',
  'x-api-key',
  'x-request-id',
];
const METHODS = ['GET', 'HEAD', 'POST', 'DELETE'];
/** Seconds that a browser caches the answer to a preflight. */
const MAX_AGE_S = 600;

/** Call it before the hooks that may refuse a request. It sets no header if no origin is configured. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const any = origins.includes('*');
  const named = new Set(origins);
  await app.register(cors, {
    // No credentials: keys and tokens come in a header, never as cookies.
    origin: (origin, answer) => answer(null, origin !== undefined && (any ? '*' : named.has(origin))),
    methods: METHODS,
    allowedHeaders: HEADERS,
    exposedHeaders: EXPOSED,
    maxAge: MAX_AGE_S,
    // The routes themselves answer other uses of OPTIONS with their methods.
    strictPreflight: false,
  });
}
