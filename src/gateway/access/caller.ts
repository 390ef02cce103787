/** The caller of a request: anybody (while the gateway requires no keys), the holder of a key, or a browser with a user's token. */
import { allows, type Scope } from './scopes.ts';

export type Caller =
  | { kind: 'anybody' }
  | {
      kind: 'key';
      id: string;
      /** Name that the operator gave the key. */
      name: string;
      scopes: ReadonlySet<Scope>;
      ratePerS: number | null;
      /** Milliseconds since 1970; Infinity for a key that does not expire. */
      expires: number;
    }
  | {
      kind: 'token';
      /** The key that made it. */
      id: string;
      scopes: ReadonlySet<Scope>;
      user: string;
      session: string | undefined;
      /** Source of its events about the user, and about the session; undefined in a token of an earlier release. */
      source: string | undefined;
      sessionSource: string | undefined;
      /** When the token or its key expires, whichever is first; milliseconds since 1970. */
      expires: number;
    };

/** What a route requires of its callers. */
export interface RouteAccess {
  /** The caller needs one of these scopes; `null` for a route that is open to everybody. */
  scope: readonly Scope[] | null;
  /**
   * Whether the route takes the token of a user. `any`: yes, the answer is about no user; `user`: if the path names the
   * user of the token; `handler`: the handler of the route decides; `none`: no.
   */
  token: 'any' | 'user' | 'handler' | 'none';
}

/** The access of routes that declare none: the operator's alone. */
export const CLOSED: RouteAccess = { scope: ['admin'], token: 'none' };

export const mayUse = (caller: Caller, scope: readonly Scope[]): boolean =>
  caller.kind === 'anybody' || allows(caller.scopes, scope);

/** Whether a caller may act for a user, or read the user's data. */
export const mayActFor = (caller: Caller, user: string): boolean => caller.kind !== 'token' || caller.user === user;
