/** The hook before each request that authenticates the caller, limits the caller's rate, and authorizes the request. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RateLimitedError } from '../../errors.ts';
import type { Authenticator } from './authenticator.ts';
import { authorize } from './authorizer.ts';
import { type Caller, CLOSED, type RouteAccess } from './caller.ts';
import type { Rate } from './rate.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route requires of its callers. A route without it is the operator's alone. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    caller: Caller;
    /**
     * Counts one more request of this caller, for a request that stands for several. Returns the error if the caller is
     * over its limit.
     */
    countAgain(): RateLimitedError | undefined;
  }
}

/** For routes that everybody may call. */
export const OPEN: { access: RouteAccess } = { access: { scope: null, token: 'any' } };

const BEARER = /^bearer +(\S+) *$/i;

/** The key or token of a request: `Authorization: Bearer`, `X-API-Key`, or `access_token` for streams, where a page cannot set headers. */
export function secretOf(request: FastifyRequest): string | undefined {
  const { authorization, 'x-api-key': header } = request.headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1] ?? '';
  if (typeof header === 'string') return header;
  if (!request.routeOptions.url?.endsWith('/stream')) return undefined;
  const { access_token: token } = request.query as { access_token?: unknown };
  return typeof token === 'string' ? token : undefined;
}

export function requireAccess(app: FastifyInstance, authenticator: Authenticator, rate: Rate): void {
  app.decorateRequest('caller');

  app.decorateRequest('countAgain');

  const over = (wait: number): RateLimitedError | undefined =>
    wait <= 0
      ? undefined
      : new RateLimitedError(
          'The caller sends more requests per second than its limit (http.rate_per_s, or the limit of the key).',
          { next: 'wait for the seconds in the header Retry-After', details: { retry_after: Math.ceil(wait) } },
        );

  /** Throws `RateLimitedError`. */
  function limit(bucket: string, perS: number | null, reply: FastifyReply): void {
    const wait = rate.take(bucket, perS);
    const error = over(wait);
    if (error === undefined) return;
    reply.header('retry-after', String(Math.ceil(wait)));
    throw error;
  }

  app.addHook('onRequest', async (request, reply) => {
    request.caller = { kind: 'anybody' };
    request.countAgain = () => undefined;
    const { url, config } = request.routeOptions;
    if (url === undefined || !url.startsWith('/v1/')) return;
    const access = config.access ?? CLOSED;
    if (access.scope === null) return;
    const secret = secretOf(request);
    const recognized = authenticator.recognize(secret);
    // A stranger may not ask for more work than its address may, before the gateway verifies anything.
    let bucket = `address ${request.ip}`;
    let perS: number | null = null;
    if (!recognized) limit(bucket, perS, reply);
    try {
      request.caller = recognized ?? (await authenticator.authenticate(secret, isForwarded(request)));
    } catch (err) {
      reply.header('www-authenticate', 'Bearer realm="freshet"');
      throw err;
    }
    const { caller } = request;
    if (caller.kind !== 'anybody') {
      bucket = caller.kind === 'key' ? `key ${caller.id}` : `user ${caller.user}`;
      perS = caller.kind === 'key' ? caller.ratePerS : null;
      limit(bucket, perS, reply);
    }
    request.countAgain = () => over(rate.take(bucket, perS));
    authorize(caller, access, (request.params as { id?: string } | undefined)?.id);
  });
}

/** Whether a proxy has forwarded the request: X-Forwarded-For, or Forwarded (RFC 7239). */
const isForwarded = ({ headers }: FastifyRequest): boolean =>
  headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
