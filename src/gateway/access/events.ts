/** Which events a caller may publish. */
import type { EventProblem } from '../../errors.ts';
import { type Caller, mayUse } from './caller.ts';
import type { Scope } from './scopes.ts';

const SCOPE_OF: Readonly<Record<string, Scope>> = {
  user: 'events:user',
  feedback: 'events:user',
  content: 'events:content',
};

/** Why the caller may not publish an event. Undefined if the caller may, and for a value that is not an event: the codec refuses that. */
export function publishProblem(caller: Caller, value: unknown): EventProblem | undefined {
  if (caller.kind === 'anybody' || typeof value !== 'object' || value === null) return undefined;
  const { type, subject, source, data } = value as Partial<Record<'type' | 'subject' | 'source' | 'data', unknown>>;
  const context = typeof type === 'string' ? type.split('.')[0] : undefined;
  const scope = context === undefined ? undefined : SCOPE_OF[context];
  if (scope === undefined) return undefined;
  if (!mayUse(caller, [scope]))
    return {
      code: 'FRESHET_SCOPE_MISSING',
      message: `Publishing ${context}.* events requires the scope ${scope}, and the ${caller.kind} does not have it.`,
    };
  if (caller.kind !== 'token') return undefined;
  const { user, session } = caller;
  if (subject !== user && (session === undefined || subject !== session))
    return {
      code: 'FRESHET_OTHER_USER',
      message: 'The token is for one user, and the subject of the event is another.',
    };
  // A caller who could link any id to the user would take over all data on that id.
  if (type === 'user.linked.v1' && (subject !== user || (data as { session?: unknown } | null)?.session !== session))
    return { code: 'FRESHET_OTHER_USER', message: 'The token is not for the session that the event links.' };
  const own = subject === user ? caller.source : caller.sessionSource;
  if (own !== undefined && typeof source === 'string' && source !== own)
    return {
      code: 'FRESHET_OTHER_SOURCE',
      message: `The token publishes events of this subject with the source ${JSON.stringify(own)}, and the event has another source.`,
    };
  return undefined;
}
