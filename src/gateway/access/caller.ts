/** Who asks: anybody (while no keys are asked for), the holder of a key, or a browser with a user's token. */
import { allows, type Scope } from './scopes.ts';

export type Caller =
  | { kind: 'anybody' }
  | {
      kind: 'key';
      id: string;
      scopes: ReadonlySet<Scope>;
      ratePerS: number | null;
      /** Milliseconds since 1970; Infinity for a key that has no end. */
      expires: number;
    }
  | {
      kind: 'token';
      /** The key that made it. */
      id: string;
      scopes: ReadonlySet<Scope>;
      user: string;
      session: string | undefined;
      /** Its own end or that of its key, whichever is first; milliseconds since 1970. */
      expires: number;
    };

/** What a route asks of its callers. */
export interface RouteAccess {
  /** Any of these; `null` for a route that asks for nothing. */
  scope: readonly Scope[] | null;
  /**
   * What a user's token may do there: `any` where the answer is about nobody, `user` where the user in the path has to
   * be theirs, `handler` where the route looks itself, `none` where tokens are refused.
   */
  token: 'any' | 'user' | 'handler' | 'none';
}

/** Routes that say nothing are the operator's. */
export const CLOSED: RouteAccess = { scope: ['admin'], token: 'none' };

export const mayUse = (caller: Caller, scope: readonly Scope[]): boolean =>
  caller.kind === 'anybody' || allows(caller.scopes, scope);

/** Whether a caller may act for a user, or ask about one. */
export const mayActFor = (caller: Caller, user: string): boolean => caller.kind !== 'token' || caller.user === user;
