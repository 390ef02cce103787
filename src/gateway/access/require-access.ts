/** The hook before each request that authenticates the caller, limits the caller's rate, and authorizes the request. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
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
  app.addHook('onRequest', async (request, reply) => {
    request.caller = { kind: 'anybody' };
    const { url, config } = request.routeOptions;
    if (url === undefined || !url.startsWith('/v1/')) return;
    const access = config.access ?? CLOSED;
    if (access.scope === null) return;
    try {
      request.caller = await authenticator.authenticate(secretOf(request));
    } catch (err) {
      reply.header('www-authenticate', 'Bearer realm="freshet"');
      throw err;
    }
    const { caller } = request;
    const wait = rate.take(bucketOf(caller, request.ip), caller.kind === 'key' ? caller.ratePerS : null);
    if (wait > 0) {
      reply.header('retry-after', String(Math.ceil(wait)));
      throw new RateLimitedError(
        'The caller sends more requests per second than its limit (http.rate_per_s, or the limit of the key).',
        {
          next: 'wait for the seconds in the header Retry-After',
        },
      );
    }
    authorize(caller, access, (request.params as { id?: string } | undefined)?.id);
  });
}

/** The name of the bucket that limits this caller: by key, by user of a token, else by address. */
function bucketOf(caller: Caller, address: string): string {
  switch (caller.kind) {
    case 'anybody':
      return `address ${address}`;
    case 'key':
      return `key ${caller.id}`;
    case 'token':
      return `user ${caller.user}`;
  }
}
