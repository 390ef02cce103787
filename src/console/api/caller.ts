/** What the key of the session allows. The gateway decides; the console only offers nothing that it would refuse. */
import { computed, signal } from '@preact/signals';
import { call, holdKey, secret } from './call.ts';
import { type Problem, problemOf } from './problem.ts';

export type Scope = 'events:user' | 'events:content' | 'recommend' | 'erase' | 'admin';

export interface Caller {
  kind: 'anybody' | 'key' | 'token';
  scopes: Scope[];
  name?: string;
  /** Of a token: the only user that it is for. */
  user?: string;
  /** Of a token: the source of its events. */
  source?: string;
  expires: string | null;
}

/** Undefined until the gateway has said it, and while it refuses the key. */
export const caller = signal<Caller | undefined>(undefined);
export const callerProblem = signal<Problem | undefined>(undefined);

/** Asks the gateway what the key of the session allows. */
export async function askCaller(): Promise<void> {
  const asked = secret.value;
  try {
    const answer = await call<Caller>('v1/caller');
    if (secret.value !== asked) return;
    caller.value = answer;
    callerProblem.value = undefined;
  } catch (err) {
    if (secret.value !== asked) return;
    caller.value = undefined;
    callerProblem.value = problemOf(err);
  }
}

/** Uses another key, or none. Resolves when the gateway has said what it allows. */
export async function changeKey(key: string | undefined): Promise<void> {
  holdKey(key);
  caller.value = undefined;
  await askCaller();
}

const scopes = computed(() => new Set<Scope>(caller.value?.scopes ?? []));

/** Whether the caller has all of these scopes. */
export const may = (...needed: readonly Scope[]): boolean =>
  scopes.value.has('admin') || needed.every((scope) => scopes.value.has(scope));

/** The source of the events that the console publishes. A token prescribes it. */
export const sourceOfEvents = (): string => caller.value?.source ?? 'freshet-console';
