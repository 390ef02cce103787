/**
 * Simulates the readers of a bookshop. The same seed and options give the same events to the byte, in order of time.
 * Readers come in sessions, follow two tastes and an author, go on from the last item, and now and then move to a
 * neighbouring taste. The simulator never reads the wall clock or Math.random.
 */
import type { CloudEvent } from '../bus/event/types.ts';
import { type Book, catalogue } from './catalogue.ts';
import { createChoices } from './choices.ts';
import { createRhythm, DAY, HOUR, SECOND } from './clock.ts';
import { createDemoEvents } from './demo-events.ts';
import { createRandom, mix32 } from './random.ts';
import { affinity, createReaders, introduce, traitsOf } from './readers.ts';
import { releasesOf } from './releases.ts';
import { createSeen } from './seen.ts';
import { createSessionQueue } from './session-queue.ts';
import { createSessions, type Session } from './sessions.ts';
import { createStock } from './stock.ts';

export interface SimulationOptions {
  /** 32-bit integer. */
  seed: number;
  /** End of the simulated time, milliseconds since 1970. No event is later. */
  end: number;
  /** Length of the simulated time in days. Default: 120. */
  days?: number;
  /** Number of readers who register. Default: 1,000. */
  readers?: number;
  /** Number of interactions (viewed, added, purchased, rated). Default: 30,000. Registrations and items come on top. */
  events?: number;
  /**
   * Items published within the simulated time. Default: the catalogue without the reserve for the live events. For more
   * items than the catalogue has books, the simulator invents some and marks them as synthetic.
   */
  items?: number;
  /**
   * Interactions per day. Default: `events / days`. With the same pace and days, fewer events give the beginning of the
   * same stream.
   */
  perDay?: number;
}

export interface Simulation {
  /**
   * The events up to `end`, in order of time. A second call continues where the first one stopped, with the same events
   * as one uninterrupted call.
   */
  events(): Generator<CloudEvent, void, undefined>;
  /** Endless: what the same readers do afterwards, see {@link LiveOptions}. */
  live(options: LiveOptions): Generator<CloudEvent, never, undefined>;
  /** The books of the simulated time, then (the last {@link reserve}) those that come later. */
  books: readonly Book[];
  /** How many books the live events publish. */
  reserve: number;
  /** The index of an item in `books`. Throws RangeError for an unknown item. */
  indexOf(item: string): number;
  /** How much a reader (by id) likes an item (by id) now, 0 to 1. Throws RangeError for unknown ids. */
  trueAffinity(reader: string, item: string): number;
  /** The `n` published items that a reader likes best now, best first, without those in `exclude`. */
  trueRanking(reader: string, n: number, exclude?: ReadonlySet<string>): { item: string; affinity: number }[];
  /**
   * The probability of each item (in the order of `books`) to be the next one of the reader within a session. No
   * recommender can show a better list than the one in this order. It includes items that the reader has seen.
   */
  trueNext(reader: string): Float64Array;
  /** The current tastes of a reader (indexes in `TASTES`), and how often they have changed. */
  tasteOf(reader: string): { primary: number; secondary: number; drifts: number };
}

export interface LiveOptions {
  /** Milliseconds since 1970. Each event has this time, and never an earlier one than the event before. */
  now: () => number;
  /** Number of readers who are active at the same time. Default: 4. */
  active?: number;
  /** Events from one new book to the next, while the reserve lasts. Default: 150. */
  bookEvery?: number;
  /** How many of 1,000 sessions belong to new readers. Default: 60. */
  newcomers?: number;
}

/** As many as the engine needs for lists near its best (docs/how-to/measure-accuracy.md), so that a first start is short. */
export const DEMO_DEFAULTS = { seed: 7, readers: 1_000, events: 30_000, days: 120 } as const;

/** Number of books that come out only after the simulated time. */
const RESERVE = 40;
/** Skew of the activity among readers, and the shift that limits it. */
const SKEW = 2.2;
const SHIFT = 0.12;

export function createSimulation(options: SimulationOptions): Simulation {
  const { seed, end } = options;
  const days = options.days ?? DEMO_DEFAULTS.days;
  const readerCount = options.readers ?? DEMO_DEFAULTS.readers;
  const eventCount = options.events ?? DEMO_DEFAULTS.events;
  const perDay = options.perDay ?? eventCount / days;
  const published = options.items ?? catalogue().length - RESERVE;
  const horizon = perDay * days;
  for (const [name, value] of Object.entries({ days, readers: readerCount, items: published, perDay })) {
    if (!(value > 0)) throw new RangeError(`${name} must be above 0, not ${value}.`);
  }
  if (eventCount > horizon * 1.000_001) {
    throw new RangeError(`${eventCount} events do not fit into ${days} days at ${perDay} a day.`);
  }

  const stock = createStock(seed, published + RESERVE, RESERVE);
  const n = stock.books.length;
  // Includes room for readers who register during the live events.
  const room = readerCount + Math.max(1_000, Math.ceil(readerCount / 10));
  const readers = createReaders(room);
  const random = createRandom(seed);
  const seen = createSeen(Math.max(10_000, horizon));

  const begin = end - days * DAY;
  // A session continues for a while after the last one has begun.
  const rhythm = createRhythm(begin + Math.min(published, 0.1 * days * DAY), end - Math.min(HOUR, 0.05 * days * DAY));
  const releases = releasesOf(stock, seed, published, begin, end);

  // The tag of the run keeps the ids of runs with other settings apart in one log.
  const tag = [readerCount, published, days, perDay, begin / SECOND].reduce(
    (hash, value) => mix32(hash, Math.round(value * 1_000) % 0x7fff_ffff),
    seed >>> 0,
  );
  const demoEvents = createDemoEvents(`${tag.toString(16).padStart(8, '0')}-`);
  const choices = createChoices({ stock, readers, random, seen });
  const sessions = createSessions({ seed, stock, readers, random, choices, events: demoEvents });

  let arrived = 0;
  let released = 0;
  let emitted = 0;
  let scheduled = 0;
  let clock = begin;
  let nextStart = rhythm(0);
  /** The reader who has just registered and whose session comes next, or -1. The caller may stop in between. */
  let newcomer = -1;
  const queue = createSessionQueue();

  function publication(item: number, time: number): CloudEvent {
    choices.publish(item, released);
    return demoEvents.publication(stock.books[item]!, stock.synthetic[item] === 1, time);
  }

  /**
   * Draws a reader who has been here before. Early readers come more often, which makes the activity skewed. The shift
   * limits the most active reader to about seven times the mean, because nobody reads the whole catalogue.
   */
  const returning = (): number => {
    const u = SHIFT + (1 - SHIFT) * random.next();
    return Math.min(arrived - 1, Math.floor((arrived * (u ** SKEW - SHIFT ** SKEW)) / (1 - SHIFT ** SKEW)));
  };

  /** How many readers should have registered once this share of all interactions is planned: all of them at 90 percent. */
  const arrivals = (share: number): number => Math.ceil(readerCount * Math.min(1, share / 0.9) ** 0.6);

  function welcome(time: number): CloudEvent {
    introduce(readers, stock, seed, arrived);
    const event = demoEvents.registration(arrived, traitsOf(readers, seed, arrived), time);
    arrived++;
    return event;
  }

  function* events(): Generator<CloudEvent, void, undefined> {
    while (emitted < eventCount) {
      const release = released < published ? releases.time[released]! : Number.POSITIVE_INFINITY;
      const first = queue.first();
      if (release <= nextStart && release <= first) {
        clock = Math.max(clock, Math.min(release, end));
        const item = releases.item[released]!;
        released++;
        yield publication(item, clock);
        continue;
      }
      if (nextStart <= first) {
        clock = Math.max(clock, Math.min(nextStart, end));
        const expected = Math.min(readerCount, arrivals(scheduled / horizon));
        while (arrived < Math.max(1, expected)) {
          newcomer = arrived;
          yield welcome(clock);
        }
        const session = sessions.open(newcomer >= 0 ? newcomer : returning(), clock + 2 * SECOND);
        newcomer = -1;
        scheduled += session.planned;
        queue.push(session);
        nextStart = Math.max(nextStart, rhythm(scheduled / horizon));
        continue;
      }
      const session = queue.pop();
      clock = Math.max(clock, Math.min(session.time, end));
      emitted++;
      // The state is complete before the event is yielded, because the caller may stop here.
      const event = sessions.advance(session, clock);
      if (sessions.isOpen(session)) queue.push(session);
      else scheduled += session.had - session.planned;
      yield event;
    }
  }

  function* live({
    now,
    active = 4,
    bookEvery = 150,
    newcomers = 60,
  }: LiveOptions): Generator<CloudEvent, never, undefined> {
    let present: Session[] = [];
    let count = 0;
    const tick = (): number => {
      clock = Math.max(clock, now());
      return clock;
    };
    // Publishes first what the simulated time did not reach (in a run with few events).
    while (released < published) {
      const item = releases.item[released]!;
      released++;
      yield publication(item, tick());
    }
    for (;;) {
      if (++count % bookEvery === 0 && released < n) {
        released++;
        yield publication(released - 1, tick());
        continue;
      }
      if (present.length < active) {
        const fresh = arrived === 0 || (arrived < room && random.below(1_000) < newcomers);
        const time = tick();
        const reader = arrived;
        if (fresh) yield welcome(time);
        present.push(sessions.open(fresh ? reader : returning(), time));
      }
      const session = present[random.below(present.length)]!;
      // The caller's clock sets the pace: a session ends after its items, not after some minutes.
      session.ends = Number.POSITIVE_INFINITY;
      const event = sessions.advance(session, tick());
      if (!sessions.isOpen(session)) present = present.filter((other) => other !== session);
      yield event;
    }
  }

  let indexes: Map<string, number> | undefined;
  const indexOf = (item: string): number => {
    indexes ??= new Map(stock.books.map((book, i) => [book.id, i]));
    const index = indexes.get(item);
    if (index === undefined) throw new RangeError(`The simulation has no item ${item}.`);
    return index;
  };
  const numberOf = (reader: string): number => {
    const number = Number(/^reader-(\d+)$/.exec(reader)?.[1] ?? 0) - 1;
    if (number < 0 || number >= arrived) throw new RangeError(`The simulation has no reader ${reader} so far.`);
    return number;
  };

  return {
    events,
    live,
    books: stock.books,
    reserve: n - published,
    indexOf,
    trueAffinity: (reader, item) => affinity(readers, stock, numberOf(reader), indexOf(item)),
    trueRanking(reader, count, exclude) {
      const number = numberOf(reader);
      return stock.books
        .map((book, i) => ({ item: book.id, affinity: affinity(readers, stock, number, i), i }))
        .filter(({ item, i }) => choices.isPublished(i) && !exclude?.has(item))
        .sort((a, b) => b.affinity - a.affinity || stock.popularity[b.i]! - stock.popularity[a.i]!)
        .slice(0, count)
        .map(({ item, affinity }) => ({ item, affinity }));
    },
    trueNext: (reader) => choices.distribution(numberOf(reader)),
    tasteOf(reader) {
      const number = numberOf(reader);
      return {
        primary: readers.primary[number]!,
        secondary: readers.secondary[number]!,
        drifts: readers.drifts[number]!,
      };
    },
  };
}

/** The events of {@link createSimulation}, for callers that need only them. */
export function simulate(options: SimulationOptions): Generator<CloudEvent, void, undefined> {
  return createSimulation(options).events();
}
