/** The traits of a user, as a fold of the events that carry them. */
import type { AttributeValue } from './types.ts';

export type Traits = Record<string, AttributeValue>;

export interface TraitsEvent {
  type: string;
  traits: Traits;
}

/** Folds events in log order: a registration sets all traits, an update changes those that it names. */
export function foldTraits(events: readonly TraitsEvent[]): Traits {
  let traits: Traits = {};
  for (const event of events)
    traits = event.type === 'user.registered.v1' ? event.traits : { ...traits, ...event.traits };
  return traits;
}
