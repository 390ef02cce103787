/** `GET /v1/caller`: who the gateway takes the caller for, and what the caller may do. */
import type { FastifyInstance } from 'fastify';
import { SCOPES } from '../access/scopes.ts';
import { answers } from '../schemas/answers.ts';

export function callerRoute(app: FastifyInstance): void {
  app.get(
    '/v1/caller',
    {
      config: { access: { scope: SCOPES, token: 'any' } },
      schema: {
        tags: ['access'],
        operationId: 'getCaller',
        summary: 'What the key or token of the request allows',
        response: answers('Caller', 'The caller', [401, 403, 429, 503]),
      },
    },
    ({ caller }) => {
      if (caller.kind === 'anybody') return { kind: caller.kind, scopes: SCOPES, expires: null };
      const { kind, scopes, expires } = caller;
      return {
        kind,
        scopes: [...scopes],
        expires: Number.isFinite(expires) ? new Date(expires).toISOString() : null,
        ...(caller.kind === 'key' ? { name: caller.name } : { user: caller.user }),
        ...(caller.kind === 'token' && caller.source !== undefined ? { source: caller.source } : {}),
      };
    },
  );
}
