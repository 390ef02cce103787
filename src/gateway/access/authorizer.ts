/** Decides whether a caller may make a request: by the scopes that the route requires, and by the user of a token. */
import { ForbiddenUserError, ScopeMissingError } from '../../errors.ts';
import { type Caller, mayActFor, mayUse, type RouteAccess } from './caller.ts';

/**
 * Returns if the caller may use the route. `user` is the parameter `id` of the path. Throws `ScopeMissingError`,
 * `ForbiddenUserError`.
 */
export function authorize(caller: Caller, { scope, token }: RouteAccess, user: string | undefined): void {
  if (scope === null || caller.kind === 'anybody') return;
  if (!mayUse(caller, scope))
    throw new ScopeMissingError(
      `This request requires the scope ${scope.join(' or ')}, and the ${caller.kind} does not have it.`,
      {
        next: `freshet keys create NAME --scope ${scope[0]}`,
        details: { scope },
      },
    );
  if (caller.kind !== 'token') return;
  if (token === 'none')
    throw new ForbiddenUserError('This request requires an API key, and the caller sent a token of a user.', {
      next: `send the request from your server, with a key: freshet keys create NAME --scope ${scope[0]}`,
    });
  if (token === 'user' && (user === undefined || !mayActFor(caller, user))) throw otherUser();
}

export const otherUser = (): ForbiddenUserError =>
  new ForbiddenUserError('The token is for one user, and the request is about another user.', {
    next: 'request a token for that user: POST /v1/tokens',
  });
