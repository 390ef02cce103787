/**
 * Short-lived tokens for browsers, each for one user: JWTs (RFC 7519). The API key that makes a token (`kid`) signs it
 * with Ed25519. A token ends with its key.
 */
import type { KeyObject } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import { signingKey } from './key.ts';
import { TOKEN_SCOPES, type TokenScope } from './scopes.ts';

const ISSUER = 'freshet';
const ALGORITHM = 'EdDSA';
/** Characters of the longest token that the gateway reads. */
const MAX_LENGTH = 2_048;

export interface TokenClaims {
  user: string;
  /** Anonymous id of the browser, which the token may link to the user. */
  session?: string;
  /** Source of events about the user, and about the session. A token of an earlier release names none. */
  source?: string;
  sessionSource?: string;
  scopes: readonly TokenScope[];
  /** End, seconds since 1970. */
  expires: number;
}

/** A token that a key signs. */
export async function signToken(key: string, id: string, claims: TokenClaims, now: number): Promise<string> {
  const { user, session, source, sessionSource, scopes, expires } = claims;
  return new SignJWT({
    scope: scopes.join(' '),
    ...(session === undefined ? {} : { sid: session }),
    ...(source === undefined ? {} : { source }),
    ...(sessionSource === undefined ? {} : { session_source: sessionSource }),
  })
    .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setSubject(user)
    .setIssuedAt(Math.floor(now / 1_000))
    .setExpirationTime(expires)
    .sign(signingKey(key));
}

/** Id of the key that a token names; undefined if the text does not have the form of a token. */
export function tokenKeyId(token: string): string | undefined {
  if (token.length > MAX_LENGTH || token.split('.').length !== 3) return undefined;
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    return alg === ALGORITHM && typeof kid === 'string' ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** The claims of a token that its key has signed and that has not expired; else why it is not valid. */
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
    const { sub, exp, scope, sid, source, session_source } = payload as {
      sub: string;
      exp: number;
    } & Record<'scope' | 'sid' | 'source' | 'session_source', unknown>;
    const scopes = TOKEN_SCOPES.filter((one) => String(scope).split(' ').includes(one));
    return {
      user: sub,
      scopes,
      expires: exp,
      ...(typeof sid === 'string' ? { session: sid } : {}),
      ...(typeof source === 'string' ? { source } : {}),
      ...(typeof session_source === 'string' ? { sessionSource: session_source } : {}),
    };
  } catch (err) {
    return err instanceof errors.JWTExpired ? 'expired' : 'invalid';
  }
}
