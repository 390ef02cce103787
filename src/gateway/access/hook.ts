/** Access as a step before each request: who asks, whether they may, and how often. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RateLimitedError } from '../../errors.ts';
import { type Caller, CLOSED, type RouteAccess } from './caller.ts';
import type { Gate } from './gate.ts';
import type { Rate } from './rate.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route asks of its callers; the operator's alone where nothing is said. */
    access?: RouteAccess;
  }
  interface FastifyRequest {
    caller: Caller;
  }
}

/** Routes that ask for nothing. */
export const OPEN: { access: RouteAccess } = { access: { scope: null, token: 'any' } };

const BEARER = /^bearer +(\S+) *$/i;

/** The key or token of a request: `Authorization: Bearer`, `X-API-Key`, or `access_token` where headers can't be set. */
export function secretOf(request: FastifyRequest): string | undefined {
  const { authorization, 'x-api-key': header } = request.headers;
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1] ?? '';
  if (typeof header === 'string') return header;
  if (!request.routeOptions.url?.endsWith('/stream')) return undefined;
  const { access_token: token } = request.query as { access_token?: unknown };
  return typeof token === 'string' ? token : undefined;
}

export function guard(app: FastifyInstance, gate: Gate, rate: Rate): void {
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request, reply) => {
    request.caller = { kind: 'anybody' };
    const { url, config } = request.routeOptions;
    if (url === undefined || !url.startsWith('/v1/')) return;
    const access = config.access ?? CLOSED;
    if (access.scope === null) return;
    try {
      request.caller = await gate.identify(secretOf(request));
    } catch (err) {
      reply.header('www-authenticate', 'Bearer realm="freshet"');
      throw err;
    }
    const { caller } = request;
    const wait = rate.take(nameOf(caller, request.ip), caller.kind === 'key' ? caller.ratePerS : null);
    if (wait > 0) {
      reply.header('retry-after', String(Math.ceil(wait)));
      throw new RateLimitedError('More requests than the limit (http.rate_per_s, or the key’s own).', {
        next: 'wait as long as Retry-After says',
      });
    }
    gate.admit(caller, access, (request.params as { id?: string } | undefined)?.id);
  });
}

/** Whose requests are counted together. */
function nameOf(caller: Caller, address: string): string {
  switch (caller.kind) {
    case 'anybody':
      return `address ${address}`;
    case 'key':
      return `key ${caller.id}`;
    case 'token':
      return `user ${caller.user}`;
  }
}
