/** The path under which a proxy serves the gateway, as the proxy names it in X-Forwarded-Prefix. */
import type { FastifyRequest } from 'fastify';

/** Segments of unreserved characters (RFC 3986), so that the text can stand in a page as it is. */
const PREFIX = /^(\/[A-Za-z0-9._~-]+){1,20}\/?$/;

/** Without a slash at its end; empty without a proxy, and for a text that is not a path. It only changes addresses in pages. */
export function prefixOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const given = headers['x-forwarded-prefix'];
  return typeof given === 'string' && given.length <= 200 && PREFIX.test(given) ? given.replace(/\/$/, '') : '';
}
