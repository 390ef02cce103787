/**
 * Forgets one user with many events on a running system, while callers ask for lists of other users and events of other
 * users arrive. It measures the lists during the erasure beside lists of the same run under the same load without one.
 */
import type { Erasure } from '../../src/bus/erasure/ledger.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { call } from '../../src/bus/nats/micro.ts';
import { createRandom } from '../../src/demo/random.ts';
import { eventRequests, listRequests } from '../load/requests.ts';
import { keepSending, type SteadyFigures } from '../load/steady.ts';
import { load, startBenchSystem } from '../serving/system.ts';

export interface ForgetLargeOptions {
  /** Events of the user to forget. */
  events: number;
  /** Events of all others, and how many there are. */
  otherEvents: number;
  others: number;
  items: number;
  /** Lists and events of others per second. */
  lists: number;
  rate: number;
  /** Seconds of the measurement without an erasure. */
  seconds: number;
  /** Milliseconds after which a rebuild and a copy follow the erasure. */
  rebuildAfterMs: number;
  seed: number;
  say: (line: string) => void;
}

/** Lists of other users in one part of the run. */
export interface ListsDuring {
  seconds: number;
  lists: SteadyFigures;
  events: SteadyFigures;
}

export interface ForgetLargeFigures {
  events: number;
  otherEvents: number;
  /** The same load without an erasure. */
  before: ListsDuring;
  /** From the request until no service has a row or a statistic of the user. */
  rows: ListsDuring;
  /** From then until all state is exact: the rebuild of the engine, the copies of the files, and the cut-overs. */
  exact: ListsDuring;
  /** Seconds from the request until each service had no row of the user. */
  services: Record<string, number>;
}

const LARGE = 'large-user';
const READER = 'reader-';
const LOOK_MS = 50;
const DAY_MS = 86_400_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Events of everybody in the order of their times. The large user's are spread over the others'. */
function* history({ events, otherEvents, others, items, seed }: ForgetLargeOptions): Generator<CloudEvent> {
  const random = createRandom(seed);
  const all = events + otherEvents;
  const begin = Date.now() - 30 * DAY_MS;
  for (let item = 0; item < items; item++)
    yield eventOf(`c${item}`, 'content.published.v1', `i${item}`, begin, { title: `Item ${item}` });
  for (let n = 0, left = events; n < all; n++) {
    const theirs = random.below(all - n) < left;
    if (theirs) left--;
    const user = theirs ? LARGE : `${READER}${1 + random.below(others)}`;
    // Some items are taken far more often than others.
    const item = Math.floor(items * random.next() ** 2);
    yield eventOf(`e${n}`, 'user.viewed.v1', user, begin + n, { item: `i${item}` });
  }
}

const eventOf = (id: string, type: string, subject: string, time: number, data: object): CloudEvent =>
  ({ specversion: '1.0', id, source: 'bench', type, subject, time: new Date(time).toISOString(), data }) as CloudEvent;

export async function runForgetLarge(options: ForgetLargeOptions): Promise<ForgetLargeFigures> {
  const { say, items, others, lists, rate, seconds, seed } = options;
  const system = await startBenchSystem({
    settings: {
      FRESHET_ERASURE_REBUILD_AFTER_MS: String(options.rebuildAfterMs),
      FRESHET_ERASURE_LOOK_MS: String(LOOK_MS),
    },
  });
  const users = { pattern: `${READER}{n}`, count: others };
  try {
    say(`loading ${options.events + options.otherEvents} events`);
    await load(system, history(options));
    const named = Array.from({ length: items }, (_, n) => `i${n}`);
    /** Lists and events at a steady pace, while a part of the run lasts. */
    async function during(part: () => Promise<unknown>, what?: string): Promise<ListsDuring> {
      const started = performance.now();
      const asking = keepSending({
        url: system.http,
        perSecond: lists,
        next: listRequests({ users, n: 10, maxAgeMs: undefined, seed }),
      });
      const publishing = keepSending({
        url: system.http,
        perSecond: rate,
        next: eventRequests({ users, items: named, batch: 1, seed }),
      });
      await part();
      const took = (performance.now() - started) / 1000;
      const found = { seconds: took, lists: await asking.stop(), events: await publishing.stop() };
      const { latency, failed } = found.lists;
      if (what !== undefined)
        say(
          `${what}: ${took.toFixed(1)} s, lists p50 ${latency.p50.toFixed(0)} ms, p99 ${latency.p99.toFixed(0)} ms, longest ${latency.max.toFixed(0)} ms, ${failed} failed`,
        );
      return found;
    }
    await during(() => sleep(2_000));
    say('measuring without an erasure');
    const before = await during(() => sleep(seconds * 1_000), 'no erasure');
    say('forgetting');
    const started = performance.now();
    const services: Record<string, number> = {};
    let erasure = await call<Erasure>(system.nc, 'freshet.user.forget', { user: LARGE });
    const until = (there: () => boolean) => async (): Promise<void> => {
      for (;;) {
        for (const { service, state } of erasure.services)
          if (state !== 'waiting') services[service] ??= (performance.now() - started) / 1000;
        if (there()) return;
        await sleep(LOOK_MS);
        // A service that does not answer in time answers later.
        erasure = await call<Erasure>(system.nc, 'freshet.user.erasure', { erasure: erasure.erasure }).catch(
          () => erasure,
        );
      }
    };
    const rows = await during(
      until(() => erasure.services.every(({ state }) => state !== 'waiting')),
      'until no row is left',
    );
    const exact = await during(
      until(() => erasure.state === 'done'),
      'until all is exact',
    );
    return { events: options.events, otherEvents: options.otherEvents, before, rows, exact, services };
  } finally {
    await system.stop();
  }
}
