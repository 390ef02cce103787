/** Addresses that are known, asked with another method: 405 with what they take, and an answer to OPTIONS. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MethodNotAllowedError } from '../errors.ts';
import { OPEN } from './access/hook.ts';

/** Collects the methods of each route; to be called before they are made. What it returns is called after. */
export function trackMethods(app: FastifyInstance): () => void {
  const methods = new Map<string, Set<string>>();
  let done = false;
  app.addHook('onRoute', ({ url, method }) => {
    if (done || url.startsWith('/docs')) return;
    const known = methods.get(url) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    methods.set(url, known);
  });
  return () => {
    done = true;
    for (const [url, known] of methods) {
      const allow = [...known, 'OPTIONS'].sort().join(', ');
      app.route({
        method: app.supportedMethods.filter((method) => !known.has(method)),
        url,
        config: OPEN,
        schema: { hide: true },
        // Before a body is read: what it holds doesn't matter.
        onRequest: async ({ method }: FastifyRequest, reply: FastifyReply) => {
          reply.header('allow', allow);
          if (method === 'OPTIONS') return reply.code(204).send();
          throw new MethodNotAllowedError(`${method} is not for this address; it takes ${allow}.`, {
            details: { method, allow },
          });
        },
        handler: async () => undefined,
      });
    }
  };
}
