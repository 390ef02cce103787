/** What is known of a user beside what they do, as a fold of the events that say it. */
import type { AttributeValue } from './types.ts';

export type Traits = Record<string, AttributeValue>;

export interface TraitsEvent {
  type: string;
  traits: Traits;
}

/** Registering says all there is, an update says what is new; in log order. */
export function foldTraits(events: readonly TraitsEvent[]): Traits {
  let traits: Traits = {};
  for (const event of events)
    traits = event.type === 'user.registered.v1' ? event.traits : { ...traits, ...event.traits };
  return traits;
}
