/** `POST /v1/tokens`: a short-lived token for one user's browser. */
import type { FastifyInstance } from 'fastify';
import { BadRequestError, KeysUnusedError, ScopeMissingError } from '../../errors.ts';
import { mayUse } from '../access/caller.ts';
import { secretOf } from '../access/hook.ts';
import { TOKEN_SCOPES } from '../access/scopes.ts';
import { signToken } from '../access/token.ts';
import type { GatewayContext } from '../context.ts';
import { answers } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';

export function tokenRoutes(app: FastifyInstance, { schemas, config }: GatewayContext): void {
  app.post<{ Body: RequestOf<'token'> }>(
    '/v1/tokens',
    {
      config: { access: { scope: ['recommend', 'events:user'], token: 'none' } },
      schema: {
        tags: ['access'],
        operationId: 'makeToken',
        summary: 'A short-lived token for one user’s browser',
        description:
          'Asked for by your server with its key. The token opens that user’s lists and profile and publishes that user’s events, as far as the key ' +
          'may; it ends with its time, or with the key.',
        body: schemas.token,
        response: answers('Token', 'The token', [400, 401, 403, 409, 413, 415, 429, 503]),
      },
    },
    async (request) => {
      const { body, caller } = request;
      const key = secretOf(request);
      if (caller.kind !== 'key' || key === undefined)
        throw new KeysUnusedError('No keys are asked for here, so there is nothing that a token would open.', {
          next: 'freshet keys create NAME --scope recommend --scope events:user',
        });
      const { user, session } = body;
      if (session === user)
        throw new BadRequestError('session is the user itself.', { details: { member: 'session' } });
      const scopes = (body.scopes ?? TOKEN_SCOPES.filter((scope) => mayUse(caller, [scope]))).filter(
        (scope, i, all) => all.indexOf(scope) === i,
      );
      const missing = scopes.find((scope) => !mayUse(caller, [scope]));
      if (missing !== undefined)
        throw new ScopeMissingError(`The key does not have the scope ${missing} itself.`, {
          next: `freshet keys create NAME --scope ${missing}`,
          details: { scope: [missing] },
        });
      const now = Date.now();
      const expires = Math.floor(now / 1_000) + (body.ttl_s ?? config.http.token_ttl_s);
      const token = await signToken(
        key,
        caller.id,
        { user, scopes, expires, ...(session === undefined ? {} : { session }) },
        now,
      );
      return {
        token,
        user,
        ...(session === undefined ? {} : { session }),
        scopes,
        expires: new Date(expires * 1_000).toISOString(),
      };
    },
  );
}
