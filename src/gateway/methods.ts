/** Answers a known path with another method: 405 with the methods of the path, and OPTIONS with the same methods. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MethodNotAllowedError } from '../errors.ts';
import { OPEN } from './access/require-access.ts';

/** Collects the methods of each route. Call it before the routes are made, and the function that it returns after. */
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
        // Before Fastify reads the body, which does not matter here.
        onRequest: async ({ method }: FastifyRequest, reply: FastifyReply) => {
          reply.header('allow', allow);
          if (method === 'OPTIONS') return reply.code(204).send();
          throw new MethodNotAllowedError(`This path does not take ${method}. It takes ${allow}.`, {
            details: { method, allow },
          });
        },
        handler: async () => undefined,
      });
    }
  };
}
