/** Which events a caller may publish. */
import type { EventProblem } from '../../errors.ts';
import { type Caller, mayUse } from './caller.ts';
import type { Scope } from './scopes.ts';

const SCOPE_OF: Readonly<Record<string, Scope>> = {
  user: 'events:user',
  feedback: 'events:user',
  content: 'events:content',
};

/** Why this caller may not publish this; undefined where they may, or where it is no event at all, which is told later. */
export function publishProblem(caller: Caller, value: unknown): EventProblem | undefined {
  if (caller.kind === 'anybody' || typeof value !== 'object' || value === null) return undefined;
  const { type, subject, data } = value as { type?: unknown; subject?: unknown; data?: unknown };
  const context = typeof type === 'string' ? type.split('.')[0] : undefined;
  const scope = context === undefined ? undefined : SCOPE_OF[context];
  if (scope === undefined) return undefined;
  if (!mayUse(caller, [scope]))
    return { code: 'FRESHET_SCOPE_MISSING', message: `Publishing ${context}.* events takes the scope ${scope}.` };
  if (caller.kind !== 'token') return undefined;
  const { user, session } = caller;
  if (subject !== user && (session === undefined || subject !== session))
    return { code: 'FRESHET_OTHER_USER', message: "This token is for one user, and the event's subject is another." };
  // Whoever may link any id to theirs takes over what is known of it.
  if (type === 'user.linked.v1' && (subject !== user || (data as { session?: unknown } | null)?.session !== session))
    return { code: 'FRESHET_OTHER_USER', message: 'This token was not made for that session.' };
  return undefined;
}
