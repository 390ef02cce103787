/** Finds the caller of a request by its API key or token. Whether the caller may make it, `authorizer.ts` decides. */
import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { KeyInvalidError, KeyMissingError, KeyUnreadableError, TokenInvalidError } from '../../errors.ts';
import type { Caller } from './caller.ts';
import { endOf, isKeyOf, type KeyRecord, keyId, keyTrouble, verifyingKey } from './key.ts';
import { allows, type Scope } from './scopes.ts';
import type { KeyTable } from './table.ts';
import { readToken, type TokenClaims, tokenKeyId } from './token.ts';

/** `auto`: the gateway requires keys as soon as the operator has made one; `required`: always; `off`: never. */
export type AccessMode = 'auto' | 'required' | 'off';

export interface AuthenticatorOptions {
  mode: AccessMode;
  table: KeyTable;
  /** Resolves once the table has read the keys. Throws if it cannot read them. */
  known: () => Promise<void>;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface Authenticator {
  /**
   * Finds the caller without work that a stranger could ask for: the holder of a valid key, or of a token that the gateway
   * has verified before. Undefined: `authenticate` decides.
   */
  recognize(secret: string | undefined): Caller | undefined;
  /**
   * Throws `KeyMissingError`, `KeyInvalidError`, `KeyUnreadableError`, `TokenInvalidError`, `ServiceUnavailableError`.
   *
   * @param proxied whether the request says that a proxy has forwarded it
   */
  authenticate(secret: string | undefined, proxied: boolean): Promise<Caller>;
  /** Whether the key or token of a caller is still valid. A token also ends with its key. */
  isValid(caller: Caller): boolean;
}

/** Tokens that the gateway remembers, so that it verifies each signature once. */
const MAX_TOKENS = 10_000;

const NEXT_TOKEN = 'request a new token: POST /v1/tokens';

export function createAuthenticator({ mode, table, known, now = Date.now }: AuthenticatorOptions): Authenticator {
  /** By token: its claims, and the record of the key that verified it. */
  const checked = new LRUCache<string, { claims: TokenClaims; record: KeyRecord }>({ max: MAX_TOKENS });
  const verifiers = new WeakMap<KeyRecord, KeyObject>();

  function verifierOf(record: KeyRecord): KeyObject {
    const verifier = verifiers.get(record) ?? verifyingKey(record);
    verifiers.set(record, verifier);
    return verifier;
  }

  function recognize(secret: string | undefined): Caller | undefined {
    if (mode === 'off' || secret === undefined || !table.isKnown()) return undefined;
    const id = keyId(secret);
    const record = id === undefined ? undefined : table.find(id);
    if (record && isKeyOf(secret, record) && keyTrouble(record, now()) === undefined) return callerOf(record);
    const seen = checked.get(secret);
    if (!seen || table.find(seen.record.id) !== seen.record || keyTrouble(seen.record, now()) !== undefined)
      return undefined;
    return seen.claims.expires * 1_000 > now() ? holderOf(seen.claims, seen.record) : undefined;
  }

  async function authenticate(secret: string | undefined, proxied: boolean): Promise<Caller> {
    if (mode === 'off') return { kind: 'anybody' };
    if (!table.isKnown()) await known();
    if (mode === 'auto' && !table.made()) {
      if (!proxied) return { kind: 'anybody' };
      throw new KeyMissingError(
        'A proxy has forwarded the request, so anybody may have sent it, and the gateway has no API keys yet.',
        {
          next: 'freshet keys create NAME --scope SCOPE; or set http.keys to off if the proxy authenticates its callers',
        },
      );
    }
    if (secret === undefined || secret === '')
      throw new KeyMissingError('The gateway requires an API key, and the request has none.', {
        next: "add the header 'authorization: Bearer KEY'; make a key with freshet keys create",
      });
    return secret.startsWith('fk_') ? callerOfKey(secret) : callerOfToken(secret);
  }

  function callerOfKey(key: string): Caller {
    const id = keyId(key);
    const record = id === undefined ? undefined : table.find(id);
    if (id !== undefined && table.isUnreadable(id))
      throw new KeyUnreadableError(`The gateway cannot read the record of the API key ${id}.`, {
        next: 'freshet keys list; a newer release may have written the record',
      });
    if (!record || !isKeyOf(key, record))
      throw new KeyInvalidError('The gateway does not know this API key.', { next: 'freshet keys list' });
    const trouble = keyTrouble(record, now());
    if (trouble !== undefined)
      throw new KeyInvalidError(`The API key ${record.id} ${trouble === 'revoked' ? 'is revoked' : 'has expired'}.`, {
        next: 'freshet keys create NAME --scope SCOPE',
      });
    return callerOf(record);
  }

  async function callerOfToken(token: string): Promise<Caller> {
    const id = tokenKeyId(token);
    const record = id === undefined ? undefined : table.find(id);
    if (!record || keyTrouble(record, now()) !== undefined)
      throw new TokenInvalidError('The API key of this token is unknown, revoked or expired.', { next: NEXT_TOKEN });
    const claims = await claimsOf(token, record);
    if (claims === 'invalid' || claims === 'expired')
      throw new TokenInvalidError(
        claims === 'expired' ? 'The token has expired.' : 'The signature of the token does not match its API key.',
        { next: NEXT_TOKEN, details: { expired: claims === 'expired' } },
      );
    return holderOf(claims, record);
  }

  async function claimsOf(token: string, record: KeyRecord): Promise<TokenClaims | 'expired' | 'invalid'> {
    const before = checked.get(token);
    if (before?.record === record) {
      if (before.claims.expires * 1_000 > now()) return before.claims;
      checked.delete(token);
      return 'expired';
    }
    const claims = await readToken(token, verifierOf(record), now());
    if (typeof claims === 'string') return claims;
    checked.set(token, { claims, record });
    return claims;
  }

  return {
    recognize,
    authenticate,
    isValid: (caller) => {
      if (caller.kind === 'anybody') return mode === 'off' || !table.made();
      const record = table.find(caller.id);
      if (!record || keyTrouble(record, now()) !== undefined) return false;
      return caller.expires > now();
    },
  };
}

const callerOf = (record: KeyRecord): Caller => ({
  kind: 'key',
  id: record.id,
  name: record.name,
  scopes: new Set(record.scopes),
  ratePerS: record.rate_per_s,
  expires: endOf(record),
});

const holderOf = (claims: TokenClaims, record: KeyRecord): Caller => ({
  kind: 'token',
  id: record.id,
  // The holder of a key can sign a token without the gateway, with any scope.
  scopes: new Set<Scope>(claims.scopes.filter((scope) => allows(new Set(record.scopes), [scope]))),
  user: claims.user,
  session: claims.session,
  source: claims.source,
  sessionSource: claims.sessionSource,
  expires: Math.min(claims.expires * 1_000, endOf(record)),
});
