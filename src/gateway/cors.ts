/** Cross-origin requests (Fetch standard, section 3.3): pages of the origins that are named may call the gateway. */
import type { FastifyInstance } from 'fastify';

/** What a page may read of an answer beside the body. */
const EXPOSED = 'x-request-id, retry-after';
/** What a page may send. */
const HEADERS = 'authorization, content-type, last-event-id, traceparent, tracestate, x-api-key, x-request-id';
const METHODS = 'GET, HEAD, POST, DELETE';
/** Seconds that a browser remembers it. */
const MAX_AGE_S = '600';

/** Nothing is said where no origin is named; to be called before whatever may refuse a request. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const any = origins.includes('*');
  const named = new Set(origins);
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!any) reply.header('vary', 'origin');
    if (origin === undefined || !(any || named.has(origin))) return undefined;
    // Keys and tokens come in a header, never as cookies, so credentials need not be allowed.
    reply.header('access-control-allow-origin', any ? '*' : origin);
    reply.header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
      return undefined;
    reply.header('access-control-allow-methods', METHODS);
    reply.header('access-control-allow-headers', HEADERS);
    reply.header('access-control-max-age', MAX_AGE_S);
    return reply.code(204).send();
  });
}
