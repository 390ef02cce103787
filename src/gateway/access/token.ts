/**
 * Short-lived tokens for browsers, each bound to one user: JWTs (RFC 7519) signed with Ed25519 by the key they were made
 * with (`kid`). With the key they end.
 */
import type { KeyObject } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import { signingKey } from './key.ts';
import { TOKEN_SCOPES, type TokenScope } from './scopes.ts';

const ISSUER = 'freshet';
const ALGORITHM = 'EdDSA';
/** Characters of a token that is looked at. */
const MAX_LENGTH = 2_048;

export interface TokenClaims {
  user: string;
  /** Anonymous id that the browser acted under, which the token may join to the user. */
  session?: string;
  scopes: readonly TokenScope[];
  /** End, seconds since 1970. */
  expires: number;
}

/** A token in the name of a key. */
export async function signToken(key: string, id: string, claims: TokenClaims, now: number): Promise<string> {
  const { user, session, scopes, expires } = claims;
  return new SignJWT({ scope: scopes.join(' '), ...(session === undefined ? {} : { sid: session }) })
    .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setSubject(user)
    .setIssuedAt(Math.floor(now / 1_000))
    .setExpirationTime(expires)
    .sign(signingKey(key));
}

/** Id of the key that a token says it was made with; undefined for what is no token. */
export function tokenKeyId(token: string): string | undefined {
  if (token.length > MAX_LENGTH || token.split('.').length !== 3) return undefined;
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    return alg === ALGORITHM && typeof kid === 'string' ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** What a token says, where its key has signed it; else why it counts for nothing. */
export async function readToken(
  token: string,
  verifier: KeyObject,
  now: number,
): Promise<TokenClaims | 'expired' | 'invalid'> {
  try {
    const { payload } = await jwtVerify(token, verifier, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      requiredClaims: ['sub', 'exp', 'scope'],
      currentDate: new Date(now),
    });
    const { sub, exp, scope, sid } = payload as { sub: string; exp: number; scope: unknown; sid?: unknown };
    const scopes = TOKEN_SCOPES.filter((one) => String(scope).split(' ').includes(one));
    return { user: sub, scopes, expires: exp, ...(typeof sid === 'string' ? { session: sid } : {}) };
  } catch (err) {
    return err instanceof errors.JWTExpired ? 'expired' : 'invalid';
  }
}
