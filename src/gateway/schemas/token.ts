/** Tokens for browsers. */
import { Type } from 'typebox';
import { id, request } from '../../bus/nats/request-members.ts';
import type { Config } from '../../config/schema.ts';
import { TOKEN_SCOPES } from '../access/scopes.ts';
import { APPLICATION_BYTES, applicationProblem } from '../access/source.ts';
import { open, Time } from './members.ts';

export const Token = Type.Object(
  {
    token: Type.String({ description: 'the browser sends it as `Authorization: Bearer TOKEN`' }),
    user: Type.String({ examples: ['u42'] }),
    source: Type.String({
      description: 'source of all events about the user that the browser publishes with this token',
      examples: ['shop-web/u42'],
    }),
    session: Type.Optional(Type.String({ description: 'anonymous id that the token may link to the user' })),
    session_source: Type.Optional(
      Type.String({
        description: 'source of all events about the session that the browser publishes with this token',
        examples: ['shop-web/anonymous-7'],
      }),
    ),
    scopes: Type.Array(Type.String({ examples: ['recommend'] })),
    expires: Time('when the token expires'),
  },
  { $id: 'Token', ...open, description: 'A token for the browser of one user' },
);

export const tokenRequest = ({ http }: Config) =>
  request({
    user: id('the user of the browser', 'u42'),
    session: Type.Optional(id('anonymous id that the token may link to the user', 'anonymous-7')),
    source: Type.Optional(
      Type.Refine(
        Type.String({
          minLength: 1,
          maxLength: APPLICATION_BYTES,
          description: `first part of the source of the browser's events, 1 to ${APPLICATION_BYTES} bytes; the user's id follows; if left out, the name of the key`,
          examples: ['shop-web'],
        }),
        (value) => applicationProblem(value) === undefined,
        (value) => applicationProblem(value) ?? '',
      ),
    ),
    scopes: Type.Optional(
      Type.Array(Type.Enum([...TOKEN_SCOPES]), {
        minItems: 1,
        maxItems: TOKEN_SCOPES.length,
        description: `scopes of the token: ${TOKEN_SCOPES.join(', ')}; if left out, those of them that the key has`,
        examples: [['recommend']],
      }),
    ),
    ttl_s: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: http.token_ttl_max_s,
        default: http.token_ttl_s,
        description: 'seconds until the token expires',
        examples: [http.token_ttl_s],
      }),
    ),
  });
