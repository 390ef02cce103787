/** Simulated events of all rows, by the simulator of this tree, so that both trees get the same. */
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { simulate } from '../../src/demo/simulator.ts';

const SEED = 7;
/** End of the simulated time; any value will do, because the events are those of a past. */
const END = Date.UTC(2026, 0, 1);

export interface SimulatedSizes {
  items: number;
  users: number;
  /** Interactions; registrations and items come on top. */
  events: number;
}

export const simulatedEvents = ({ items, users, events }: SimulatedSizes): Generator<CloudEvent> =>
  simulate({ seed: SEED, end: END, readers: users, events, items });

/** Id of a simulated user, from 1: the pattern of a load. */
export const READERS = 'reader-{n}';
