/** Load on a running system from outside: lists, events, and lists while events arrive. */
import { messageOf, UsageError } from '../../src/errors.ts';
import { type Driven, drive, type HttpRequest } from './drive.ts';
import { eventRequests, listRequests, type UserPattern } from './requests.ts';
import { keepSending, type SteadyFigures } from './steady.ts';

export const PHASES = ['recommend', 'publish', 'both'] as const;
export type Phase = (typeof PHASES)[number];

export interface LoadOptions {
  url: string;
  phases: readonly Phase[];
  connections: number;
  seconds: number;
  n: number;
  maxAgeMs: number | undefined;
  /** Users whose lists the load requests. */
  users: UserPattern;
  /** Users of the published events. */
  actors: UserPattern;
  /** Events in one request. */
  batch: number;
  /** Events a second in the phase with both. */
  rate: number;
  key: string | undefined;
  seed: number;
  say: (line: string) => void;
}

export interface PhaseFigures {
  phase: Phase;
  lists?: Driven;
  /** Requests with {@link LoadOptions.batch} events each. */
  events?: Driven | SteadyFigures;
  eventsPerSecond?: number;
}

/** Most items in the events. */
const ITEMS = 1_000;

/** Runs the phases one after the other. Throws `UsageError` if the system does not answer or has no items. */
export async function runLoad(options: LoadOptions): Promise<PhaseFigures[]> {
  const { url, phases, connections, seconds, n, maxAgeMs, users, actors, batch, rate, key, seed, say } = options;
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const lists = listRequests({ users, n, maxAgeMs, seed });
  const events = phases.some((phase) => phase !== 'recommend')
    ? eventRequests({ users: actors, items: await itemsOf(url, headers), batch, seed: seed + 1 })
    : undefined;
  const found: PhaseFigures[] = [];
  for (const phase of phases) {
    say(`${phase}: ${seconds} s`);
    const run = (next: () => HttpRequest): Promise<Driven> => drive({ url, connections, seconds, next, headers });
    if (phase === 'recommend' || events === undefined) found.push({ phase, lists: await run(lists) });
    else if (phase === 'publish') {
      const driven = await run(events);
      found.push({ phase, events: driven, eventsPerSecond: driven.perSecond * batch });
    } else {
      const steady = keepSending({ url, perSecond: rate / batch, next: events, headers });
      const driven = await run(lists);
      const published = await steady.stop();
      found.push({ phase, lists: driven, events: published, eventsPerSecond: published.perSecond * batch });
    }
  }
  return found;
}

async function itemsOf(url: string, headers: Record<string, string>): Promise<string[]> {
  const answer = await fetch(`${url}/v1/items?n=${ITEMS}`, { headers }).catch((cause: unknown) => {
    throw new UsageError(`Nobody answers at ${url}: ${messageOf(cause)}.`, { next: 'freshet up', cause });
  });
  const said = (await answer.json()) as { items?: { item: string }[]; detail?: string };
  if (said.items === undefined)
    throw new UsageError(`${url}/v1/items says ${answer.status}: ${said.detail ?? 'nothing that is understood here'}`);
  if (said.items.length === 0)
    throw new UsageError('The catalogue is empty, so there is nothing that events could be about.', {
      next: 'add --what recommend, or publish items',
    });
  return said.items.map(({ item }) => item);
}
