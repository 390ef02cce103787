/** Lists from a whole system: throughput and latency, beside those that its parts allow. */
import { basename } from 'node:path';
import { itemId } from '../../src/bus/event/ids.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { call } from '../../src/bus/nats/micro.ts';
import { completeConfig } from '../../src/config/load.ts';
import { createRandom } from '../../src/demo/random.ts';
import { createSimulation } from '../../src/demo/simulator.ts';
import { openImport } from '../../src/import/mod.ts';
import { drive, failures, type HttpRequest } from '../load/drive.ts';
import type { Latency } from '../load/latency.ts';
import { viewsOf } from '../load/requests.ts';
import { keepSending, type Steady, type SteadyFigures } from '../load/steady.ts';
import { type Freshness, measureFreshness } from './freshness.ts';
import { askOverNats } from './over-nats.ts';
import { scoreAlone } from './scoring.ts';
import { type BenchSystem, load, startBenchSystem } from './system.ts';

export interface ServingOptions {
  /** Files of interactions and items, in a format of the import. */
  inter: string | undefined;
  item: string | undefined;
  /** The simulated stream; 0 items: none. */
  items: number;
  events: number;
  readers: number;
  concurrency: readonly number[];
  seconds: number;
  /** Events a second in the phase with events. */
  rate: number;
  /** Number of users whose lists the benchmark requests. */
  users: number;
  n: number;
  /** Processes of the engine. */
  engines: number;
  say: (line: string) => void;
}

/** `ping`: an empty request; `standing`: a cached list; `fresh`: a list that the engine computes for the request; `-fields`: with fields of its items. */
export const ASKED = ['ping', 'standing', 'standing-fields', 'fresh', 'fresh-fields'] as const;
export type What = (typeof ASKED)[number];

export interface Row {
  over: 'nats' | 'http';
  what: What;
  concurrency: number;
  /** Events a second that the benchmark publishes at the same time. */
  events: number;
  perSecond: number;
  latency: Latency;
  failed: number;
}

export interface ServingFigures {
  stream: string;
  /** Events in the log. */
  events: number;
  users: number;
  items: number;
  /** Processes of the engine. */
  engines: number;
  /** Lists a second that one thread scores in process, for the same number of users. */
  alone: number;
  rows: Row[];
  /** Measured while events arrive. */
  freshness: Freshness;
  published: SteadyFigures;
  /** Acknowledged events a second during the measurement of freshness. */
  publishedPerSecond: number;
}

const SEED = 7;
const END = Date.UTC(2026, 0, 1);
/** Events in one request of the phase with events. */
const BATCH = 20;
/** Requests for each list if several engines may answer, so that most of them cache it. */
const TIMES_EACH = 3;
/** Callers at once while events arrive. */
const WHILE_EVENTS_COME = 16;
/** Fields that a page shows, for the rows with fields. */
const FIELDS = ['title', 'tags'];
/** Greatest age of a list, milliseconds, so that it stays cached for the whole run. */
const STANDS_MS = 86_400_000;

interface Stream {
  name: string;
  events: Iterable<CloudEvent> | AsyncIterable<CloudEvent>;
}

export async function runServingBench(options: ServingOptions): Promise<ServingFigures[]> {
  const figures: ServingFigures[] = [];
  for (const stream of await streamsOf(options)) {
    options.say(`${stream.name}: starting a system`);
    const system = await startBenchSystem({ engines: options.engines });
    try {
      figures.push(await measure(system, stream, options));
    } finally {
      await system.stop();
    }
  }
  return figures;
}

async function streamsOf({ inter, item, items, events, readers }: ServingOptions): Promise<Stream[]> {
  const streams: Stream[] = [];
  if (inter !== undefined) {
    const plan = await openImport(item === undefined ? [inter] : [inter, item]);
    streams.push({
      name: basename(inter),
      events: (async function* () {
        for await (const row of plan.events()) if (row.kind === 'event') yield row.event;
      })(),
    });
  }
  if (items > 0) {
    const simulation = createSimulation({ seed: SEED, end: END, readers, events, items });
    streams.push({ name: `simulated, ${items.toLocaleString('en')} items`, events: simulation.events() });
  }
  return streams;
}

async function measure(system: BenchSystem, stream: Stream, options: ServingOptions): Promise<ServingFigures> {
  const { concurrency, seconds, rate, n, say } = options;
  const { http, nc } = system;
  const seen = { users: new Set<string>(), items: new Set<string>() };
  say(`${stream.name}: loading`);
  const last = await load(system, noting(stream.events, seen));
  const random = createRandom(SEED);
  const all = [...seen.users];
  const users = Array.from(
    { length: Math.min(options.users, all.length) },
    () => all[random.below(all.length)] as string,
  );
  const items = [...seen.items];
  const user = (): string => users[random.below(users.length)] as string;

  say(`${stream.name}: scoring alone`);
  const alone = await scoreAlone(
    { nc, url: system.nats, config: completeConfig({}) },
    { data: system.data, seq: last, user, seconds },
  );

  // Each engine caches a list at the first request for it, and any engine may answer a request.
  const times = options.engines === 1 ? 1 : TIMES_EACH * options.engines;
  for (const one of users)
    for (let i = 0; i < times; i++) await call(nc, 'freshet.engine.recommend', { user: one, n, max_age_ms: STANDS_MS });

  const requests: Record<What, { subject: string; nats: () => object; http: () => HttpRequest }> = {
    ping: { subject: 'freshet.engine.ping', nats: () => ({}), http: () => ({ method: 'GET', path: '/v1/ping' }) },
    standing: listsBy(user, n, STANDS_MS),
    'standing-fields': listsBy(user, n, STANDS_MS, FIELDS),
    fresh: listsBy(user, n, 0),
    'fresh-fields': listsBy(user, n, 0, FIELDS),
  };
  const rows: Row[] = [];
  const run = async (over: Row['over'], what: What, askers: number, events: number): Promise<void> => {
    say(`${stream.name}: ${what} over ${over}, ${askers} at once${events > 0 ? `, ${events} events/s` : ''}`);
    const { subject, nats, http: next } = requests[what];
    if (over === 'nats') {
      const asked = await askOverNats(nc, { subject, next: nats, concurrency: askers, seconds });
      rows.push({ over, what, concurrency: askers, events, ...asked });
    } else {
      const driven = await drive({ url: http, connections: askers, seconds, next });
      const { perSecond, latency } = driven;
      rows.push({ over, what, concurrency: askers, events, perSecond, latency, failed: failures(driven) });
    }
  };
  for (const over of ['nats', 'http'] as const)
    for (const askers of concurrency) for (const what of ASKED) await run(over, what, askers, 0);

  // The events belong to other users than the lists, so that the lists stay cached.
  const view = viewsOf({ users: { pattern: 'actor-{n}', count: 10_000 }, items, seed: SEED });
  const publishing = () =>
    keepSending({
      url: http,
      perSecond: rate / BATCH,
      next: () => ({
        method: 'POST',
        path: '/v1/events',
        headers: { 'content-type': 'application/cloudevents-batch+json' },
        body: JSON.stringify(Array.from({ length: BATCH }, view)),
      }),
    });
  await whileSending(publishing(), async () => {
    for (const over of ['nats', 'http'] as const)
      for (const what of ['standing', 'fresh'] as const) await run(over, what, WHILE_EVENTS_COME, rate);
  });
  say(`${stream.name}: freshness, ${rate} events/s`);
  const [freshness, published] = await whileSending(publishing(), () =>
    measureFreshness(nc, {
      user: () => `fresh-${1 + random.below(1_000)}`,
      item: () => itemId(items[random.below(items.length)] as string),
      seconds,
    }),
  );
  return {
    stream: stream.name,
    events: last,
    users: seen.users.size,
    items: items.length,
    engines: options.engines,
    alone,
    rows,
    freshness,
    published,
    publishedPerSecond: published.perSecond * BATCH,
  };
}

/** The result of the work, and the figures of the requests sent at the same time. Sending ends with the work, even if it fails. */
async function whileSending<T>(steady: Steady, work: () => Promise<T>): Promise<[T, SteadyFigures]> {
  const [done] = await Promise.allSettled([work()]);
  const sent = await steady.stop();
  if (done.status === 'rejected') throw done.reason;
  return [done.value, sent];
}

const listsBy = (user: () => string, n: number, maxAgeMs: number, fields?: readonly string[]) => ({
  subject: 'freshet.engine.recommend',
  nats: () => ({ user: user(), n, max_age_ms: maxAgeMs, ...(fields ? { fields } : {}) }),
  http: (): HttpRequest => ({
    method: 'GET',
    path: `/v1/users/${encodeURIComponent(user())}/recommendations?n=${n}&max_age_ms=${maxAgeMs}${fields ? `&fields=${fields.join(',')}` : ''}`,
  }),
});

async function* noting(
  events: Iterable<CloudEvent> | AsyncIterable<CloudEvent>,
  seen: { users: Set<string>; items: Set<string> },
): AsyncGenerator<CloudEvent> {
  for await (const event of events) {
    if (event.type.startsWith('user.') && 'item' in event.data) {
      seen.users.add(event.subject);
      seen.items.add(event.data.item as string);
    }
    yield event;
  }
}
