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

  /** Throws `RateLimitedError`. */
  function limit(bucket: string, perS: number | null, reply: FastifyReply): void {
    const wait = rate.take(bucket, perS);
    if (wait <= 0) return;
    reply.header('retry-after', String(Math.ceil(wait)));
    throw new RateLimitedError(
      'The caller sends more requests per second than its limit (http.rate_per_s, or the limit of the key).',
      { next: 'wait for the seconds in the header Retry-After' },
    );
  }

  app.addHook('onRequest', async (request, reply) => {
    request.caller = { kind: 'anybody' };
    const { url, config } = request.routeOptions;
    if (url === undefined || !url.startsWith('/v1/')) return;
    const access = config.access ?? CLOSED;
    if (access.scope === null) return;
    const secret = secretOf(request);
    const recognized = authenticator.recognize(secret);
    // A stranger may not ask for more work than its address may, before the gateway verifies anything.
    if (!recognized) limit(`address ${request.ip}`, null, reply);
    try {
      request.caller = recognized ?? (await authenticator.authenticate(secret, isForwarded(request)));
    } catch (err) {
      reply.header('www-authenticate', 'Bearer realm="freshet"');
      throw err;
    }
    const { caller } = request;
    if (caller.kind === 'key') limit(`key ${caller.id}`, caller.ratePerS, reply);
    if (caller.kind === 'token') limit(`user ${caller.user}`, null, reply);
    authorize(caller, access, (request.params as { id?: string } | undefined)?.id);
  });
}

/** Whether a proxy has forwarded the request: X-Forwarded-For, or Forwarded (RFC 7239). */
const isForwarded = ({ headers }: FastifyRequest): boolean =>
  headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
