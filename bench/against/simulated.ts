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

/** Events for one simulated user, as in the benchmark of rebuilds, and for one item. */
const EVENTS_OF_USER = 25;
const EVENTS_OF_ITEM = 50;

/** Sizes of a log with so many interactions. */
export const logOf = (events: number): SimulatedSizes => ({
  events,
  users: Math.max(100, Math.round(events / EVENTS_OF_USER)),
  items: Math.max(100, Math.min(20_000, Math.round(events / EVENTS_OF_ITEM))),
});
