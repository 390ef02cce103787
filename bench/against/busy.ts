/** A system with simulated users who all have a cached list: the state before the load of a row. */
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { call } from '../../src/bus/nats/micro.ts';
import type { HttpRequest } from '../load/drive.ts';
import { listRequests, type UserPattern } from '../load/requests.ts';
import { type BenchSystem, load } from '../serving/system.ts';
import type { Measurement } from './row.ts';
import { READERS, simulatedEvents } from './simulated.ts';

export interface Busy {
  /** The next request for a list, of any user. */
  next: () => HttpRequest;
  /** The users with the lowest numbers: a share of all, between 0 and 1. */
  some(share: number): UserPattern;
  /** The item of each simulated interaction: a draw from them follows popularity. */
  items: string[];
}

const SEED = 11;
/** Items of a list. */
const N = 10;
/** Greatest age of a list, milliseconds: only events of its user make the engine compute it again. */
const STANDS_MS = 86_400_000;

export async function prepareBusy({ options, say }: Measurement, system: BenchSystem): Promise<Busy> {
  const { busyItems, busyUsers, busyEvents } = options;
  const readers = new Set<string>();
  const items: string[] = [];
  say(`loading ${busyEvents.toLocaleString('en')} events`);
  function* noting(): Generator<CloudEvent> {
    for (const event of simulatedEvents({ items: busyItems, users: busyUsers, events: busyEvents })) {
      if (event.type === 'user.registered.v1') readers.add(event.subject);
      else if ('item' in event.data) items.push(event.data.item as string);
      yield event;
    }
  }
  await load(system, noting());
  say('asking for the list of each user once');
  for (const user of readers) await call(system.nc, 'freshet.engine.recommend', { user, n: N });
  const some = (share: number): UserPattern => ({ pattern: READERS, count: Math.ceil(readers.size * share) });
  return { next: listRequests({ users: some(1), n: N, maxAgeMs: STANDS_MS, seed: SEED }), some, items };
}
