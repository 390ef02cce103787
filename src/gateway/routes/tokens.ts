/** `POST /v1/tokens`: makes a short-lived token for the browser of one user. */
import type { FastifyInstance } from 'fastify';
import { BadRequestError, KeysUnusedError, ScopeMissingError } from '../../errors.ts';
import { mayUse } from '../access/caller.ts';
import { secretOf } from '../access/require-access.ts';
import { TOKEN_SCOPES } from '../access/scopes.ts';
import { applicationOf, sourceOf } from '../access/source.ts';
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
        summary: 'Make a short-lived token for the browser of one user',
        description:
          'Your server requests it with its key. With the token, the browser reads lists and profile of this user and publishes events of this user, as far as the key ' +
          'may, under the source that the answer names. The token ends when it expires, or with the key.',
        body: schemas.token,
        response: answers('Token', 'The token', [400, 401, 403, 409, 413, 415, 429, 503]),
      },
    },
    async (request) => {
      const { body, caller } = request;
      const key = secretOf(request);
      if (caller.kind !== 'key' || key === undefined)
        throw new KeysUnusedError('The gateway requires no keys, so it makes no tokens.', {
          next: 'freshet keys create NAME --scope recommend --scope events:user',
        });
      const { user, session } = body;
      if (session === user)
        throw new BadRequestError('session equals user. Send the anonymous id of the browser, or leave session out.', {
          details: { member: 'session' },
        });
      const application = body.source ?? applicationOf(caller);
      const source = sourceOf(application, user);
      const sources = session === undefined ? { source } : { source, sessionSource: sourceOf(application, session) };
      const scopes = (body.scopes ?? TOKEN_SCOPES.filter((scope) => mayUse(caller, [scope]))).filter(
        (scope, i, all) => all.indexOf(scope) === i,
      );
      const missing = scopes.find((scope) => !mayUse(caller, [scope]));
      if (missing !== undefined)
        throw new ScopeMissingError(`The key does not have the scope ${missing}, so it cannot give it to a token.`, {
          next: `freshet keys create NAME --scope ${missing}`,
          details: { scope: [missing] },
        });
      const now = Date.now();
      const expires = Math.floor(now / 1_000) + (body.ttl_s ?? config.http.token_ttl_s);
      const token = await signToken(
        key,
        caller.id,
        { user, scopes, expires, ...sources, ...(session === undefined ? {} : { session }) },
        now,
      );
      return {
        token,
        user,
        source,
        ...(session === undefined ? {} : { session, session_source: sources.sessionSource }),
        scopes,
        expires: new Date(expires * 1_000).toISOString(),
      };
    },
  );
}
