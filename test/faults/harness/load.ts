/**
 * The events of a fault run, with their acknowledgements. They go through the real publisher. Afterwards every state must
 * hold exactly the events that it acknowledged.
 */
import { createRandom, type Random } from '../../../src/bus/log/random.ts';
import type { Publisher } from '../../../src/bus/nats/publisher.ts';
import {
  clicked,
  dismissed,
  outgoing,
  patched,
  played,
  published,
  purchased,
  rated,
  registered,
  restored,
  retracted,
  served,
  type TestEvent,
  updated,
  viewed,
  withdrawn,
} from '../../support/events.ts';
import { until } from '../../support/wait.ts';

/** Source of all events here. */
export const SOURCE = 'faults';
const ITEMS = 80;
const USERS = 60;
/** Time of the first event: 2026-01-01; the others follow in seconds. */
const BEGIN = Date.UTC(2026, 0, 1);
/** Milliseconds between two steps of a steady load. */
const STEP_MS = 20;
/** Milliseconds that the last acknowledgements may take. */
const PAUSE_MS = 60_000;

export interface Acknowledged {
  event: TestEvent;
  /** The sequence under which the log stored it first. */
  seq: number;
}

export interface Load {
  /** By identity. */
  readonly acknowledged: ReadonlyMap<string, Acknowledged>;
  /** Messages in the log that add no event: raw ones, and repetitions outside of the server's window. */
  readonly others: number;
  /** The newest acknowledged sequence. */
  readonly lastSeq: number;
  /** Milliseconds since the last acknowledgement. */
  stalledMs(): number;
  /** Publishes this many events; resolves when the server has acknowledged all of them. */
  burst(count: number): Promise<void>;
  /** Publishes events that the fault itself creates. */
  publish(...events: TestEvent[]): Promise<void>;
  /** Counts a message that the fault published without this load. */
  other(seq: number): void;
  /** Publishes at this rate until `pause`. */
  begin(perSecond: number): void;
  /** Resolves when the server has acknowledged every sent event; throws if it did not acknowledge one. */
  pause(): Promise<void>;
  /** Publishes through this publisher from now on. */
  through(publisher: Publisher): void;
}

export function createLoad(first: Publisher, seed: number): Load {
  const acknowledged = new Map<string, Acknowledged>();
  const source = eventsOf(createRandom(seed));
  const waiting = new Set<Promise<void>>();
  const failed: unknown[] = [];
  let publisher = first;
  let others = 0;
  let lastSeq = 0;
  let answeredAt = performance.now();
  let timer: NodeJS.Timeout | undefined;

  function send(event: TestEvent): Promise<void> {
    const message = outgoing(event);
    const sent = publisher
      .publish(message)
      .then(({ seq, duplicate }) => {
        lastSeq = Math.max(lastSeq, seq);
        answeredAt = performance.now();
        const before = acknowledged.get(message.identity);
        if (before && before.seq !== seq && !duplicate) others++;
        acknowledged.set(message.identity, { event, seq: Math.min(seq, before?.seq ?? seq) });
      })
      .catch((err: unknown) => void failed.push(err))
      .finally(() => waiting.delete(sent));
    waiting.add(sent);
    return sent;
  }

  const publish = async (events: readonly TestEvent[]): Promise<void> => {
    await Promise.all(events.map(send));
    if (failed.length > 0) throw new Error(`${failed.length} events were not acknowledged`, { cause: failed[0] });
  };
  const next = (count: number): TestEvent[] => Array.from({ length: count }, () => source.next().value as TestEvent);

  return {
    acknowledged,
    get others() {
      return others;
    },
    get lastSeq() {
      return lastSeq;
    },
    stalledMs: () => performance.now() - answeredAt,
    burst: (count) => publish(next(count)),
    publish: (...events) => publish(events),
    other: (seq) => {
      others++;
      lastSeq = Math.max(lastSeq, seq);
    },
    begin: (perSecond) => {
      const started = performance.now();
      let sent = 0;
      clearInterval(timer);
      timer = setInterval(() => {
        const due = Math.min(Math.floor(((performance.now() - started) / 1_000) * perSecond) - sent, perSecond);
        // The source waits for free places, like every publisher of many events.
        if (due <= 0 || publisher.pending > 2_000) return;
        sent += due;
        for (const event of next(due)) void send(event);
      }, STEP_MS);
    },
    pause: async () => {
      clearInterval(timer);
      await until(() => waiting.size === 0, { within: PAUSE_MS, what: 'everything published is acknowledged' });
      if (failed.length > 0) throw new Error(`${failed.length} events were not acknowledged`, { cause: failed[0] });
    },
    through: (other) => {
      publisher = other;
    },
  };
}

/** Endless; every kind of event that services fold, except links, because the oracle does not resolve them. */
function* eventsOf(random: Random): Generator<TestEvent, never> {
  let n = 0;
  const extras = () => ({ id: `e${n}`, source: SOURCE, time: new Date(BEGIN + n * 1_000).toISOString() });
  const item = (): string => `item-${random.below(ITEMS)}`;
  const user = (): string => `user-${random.below(USERS)}`;
  const views: { user: string; id: string }[] = [];
  const lists: { user: string; list: string; items: string[] }[] = [];
  for (let i = 0; i < ITEMS; i++, n++)
    yield published(`item-${i}`, { tags: [`tag-${i % 7}`], attributes: { year: 1900 + i } }, extras());
  for (; ; n++) {
    const draw = random.next();
    const list = lists[random.below(Math.max(1, lists.length))];
    if (draw < 0.5) {
      const who = user();
      views.push({ user: who, id: `e${n}` });
      if (views.length > 200) views.shift();
      yield viewed(who, item(), extras());
    } else if (draw < 0.58) yield played(user(), item(), extras());
    else if (draw < 0.64) yield purchased(user(), item(), extras());
    else if (draw < 0.72) yield rated(user(), item(), 1 + random.below(5), extras());
    else if (draw < 0.75) yield registered(user(), { age: random.below(90) }, extras());
    else if (draw < 0.78) yield updated(user(), { country: random.chance(0.5) ? 'NL' : 'FR' }, extras());
    else if (draw < 0.84) {
      const items = Array.from({ length: 5 }, item);
      lists.push({ user: user(), list: `list-${n}`, items });
      if (lists.length > 100) lists.shift();
      const { user: who } = lists.at(-1) as { user: string };
      yield served(who, `list-${n}`, items, extras());
    } else if (draw < 0.9 && list)
      yield clicked(list.user, list.items[random.below(5)] as string, { list: list.list, ...extras() });
    else if (draw < 0.92) yield dismissed(user(), item(), extras());
    else if (draw < 0.95 && views.length > 0) {
      const view = views[random.below(views.length)] as { user: string; id: string };
      yield retracted(view.user, { id: view.id, source: SOURCE }, extras());
    } else if (draw < 0.97) yield patched(item(), { title: `Title ${n}` }, extras());
    else if (draw < 0.985) yield withdrawn(item(), extras());
    else yield restored(item(), extras());
  }
}
