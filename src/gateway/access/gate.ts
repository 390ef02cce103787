/** Looks at the key or token of each request: who asks, and whether they may. */
import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  ForbiddenUserError,
  KeyInvalidError,
  KeyMissingError,
  ScopeMissingError,
  TokenInvalidError,
} from '../../errors.ts';
import type { Caller, RouteAccess } from './caller.ts';
import { mayActFor, mayUse } from './caller.ts';
import { endOf, isKeyOf, type KeyRecord, keyId, keyTrouble, verifyingKey } from './key.ts';
import type { Scope } from './scopes.ts';
import type { KeyTable } from './table.ts';
import { readToken, type TokenClaims, tokenKeyId } from './token.ts';

/** When keys are asked for: as soon as one has been made, always, or never. */
export type AccessMode = 'auto' | 'required' | 'off';

export interface GateOptions {
  mode: AccessMode;
  table: KeyTable;
  /** Resolves once the keys are known. Throws where they can't be. */
  known: () => Promise<void>;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface Gate {
  /** Throws `KeyMissingError`, `KeyInvalidError`, `TokenInvalidError`, `ServiceUnavailableError`. */
  identify(secret: string | undefined): Promise<Caller>;
  /** Throws `ScopeMissingError`, `ForbiddenUserError`. */
  admit(caller: Caller, access: RouteAccess, user: string | undefined): void;
  /** Whether what let a caller in still does; a token ends with its time and with its key. */
  stands(caller: Caller): boolean;
}

/** Tokens whose signature was checked and need not be checked again. */
const REMEMBERED = 10_000;

export function createGate({ mode, table, known, now = Date.now }: GateOptions): Gate {
  /** By token: what it says, and by which record that was found. */
  const checked = new LRUCache<string, { claims: TokenClaims; record: KeyRecord }>({ max: REMEMBERED });
  const verifiers = new WeakMap<KeyRecord, KeyObject>();

  function verifierOf(record: KeyRecord): KeyObject {
    const verifier = verifiers.get(record) ?? verifyingKey(record);
    verifiers.set(record, verifier);
    return verifier;
  }

  async function identify(secret: string | undefined): Promise<Caller> {
    if (mode === 'off') return { kind: 'anybody' };
    if (!table.isKnown()) await known();
    if (mode === 'auto' && !table.any()) return { kind: 'anybody' };
    if (secret === undefined || secret === '')
      throw new KeyMissingError('This gateway asks for a key.', {
        next: "add the header 'authorization: Bearer KEY'; freshet keys create makes one",
      });
    return secret.startsWith('fk_') ? callerOfKey(secret) : callerOfToken(secret);
  }

  function callerOfKey(key: string): Caller {
    const id = keyId(key);
    const record = id === undefined ? undefined : table.find(id);
    if (!record || !isKeyOf(key, record))
      throw new KeyInvalidError('This key is none of this system.', { next: 'freshet keys list' });
    const trouble = keyTrouble(record, now());
    if (trouble !== undefined)
      throw new KeyInvalidError(`This key has ${trouble === 'revoked' ? 'been revoked' : 'expired'}.`, {
        next: 'freshet keys create NAME --scope SCOPE',
      });
    return {
      kind: 'key',
      id: record.id,
      scopes: new Set(record.scopes),
      ratePerS: record.rate_per_s,
      expires: endOf(record),
    };
  }

  async function callerOfToken(token: string): Promise<Caller> {
    const id = tokenKeyId(token);
    const record = id === undefined ? undefined : table.find(id);
    if (!record || keyTrouble(record, now()) !== undefined)
      throw new TokenInvalidError('This token counts for nothing here.', { next: 'ask for another: POST /v1/tokens' });
    const claims = await claimsOf(token, record);
    if (claims === 'invalid' || claims === 'expired')
      throw new TokenInvalidError(
        claims === 'expired' ? 'This token has expired.' : 'This token counts for nothing here.',
        { next: 'ask for another: POST /v1/tokens', details: { expired: claims === 'expired' } },
      );
    return {
      kind: 'token',
      id: record.id,
      scopes: new Set<Scope>(claims.scopes),
      user: claims.user,
      session: claims.session,
      expires: Math.min(claims.expires * 1_000, endOf(record)),
    };
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

  function admit(caller: Caller, { scope, token }: RouteAccess, user: string | undefined): void {
    if (scope === null || caller.kind === 'anybody') return;
    if (!mayUse(caller, scope))
      throw new ScopeMissingError(`This takes a key with the scope ${scope.join(' or ')}.`, {
        next: `freshet keys create NAME --scope ${scope[0]}`,
        details: { scope },
      });
    if (caller.kind !== 'token') return;
    if (token === 'none')
      throw new ForbiddenUserError('This is not for the token of a user; it takes a key.', {
        next: `ask from your server, with a key: freshet keys create NAME --scope ${scope[0]}`,
      });
    if (token === 'user' && (user === undefined || !mayActFor(caller, user))) throw otherUser();
  }

  return {
    identify,
    admit,
    stands: (caller) => {
      if (caller.kind === 'anybody') return mode === 'off' || !table.any();
      const record = table.find(caller.id);
      if (!record || keyTrouble(record, now()) !== undefined) return false;
      return caller.expires > now();
    },
  };
}

export const otherUser = (): ForbiddenUserError =>
  new ForbiddenUserError('This token is for one user, and the request is about another.', {
    next: 'ask for a token of that user: POST /v1/tokens',
  });
