/**
 * A bookshop's readers, simulated: the same seed and options give the same events to the byte, in the order of their
 * time. Readers come in sessions, follow two tastes and an author, go on from what they read last, and move to a
 * neighbouring taste now and then. Neither the wall clock nor Math.random is ever read.
 */
import type { CloudEvent } from '../bus/event/types.ts';
import { type Book, catalogue } from './catalogue.ts';
import { createRhythm, createTimestamps, DAY, HOUR, MINUTE, SECOND } from './clock.ts';
import { createRandom, mix32 } from './random.ts';
import { affinity, createReaders, drift, FIRST_TASTE, introduce, traitsOf } from './readers.ts';
import { createSeen } from './seen.ts';
import { createStock, NEAR, type Stock } from './stock.ts';

export interface SimulationOptions {
  /** 32-bit integer. */
  seed: number;
  /** End of the simulated time, milliseconds since 1970; no event is later. */
  end: number;
  /** Length of the simulated time in days; 120 unless told. */
  days?: number;
  /** Readers who register; 4,000 unless told. */
  readers?: number;
  /** Interactions (viewed, added, purchased, rated); 100,000 unless told. Registrations and items come on top. */
  events?: number;
  /**
   * Items published within the simulated time; the catalogue but for the reserve of the live trickle unless told. More
   * than there are books are invented, and say so.
   */
  items?: number;
  /**
   * Interactions a day; `events / days` unless told. With the same pace and days, fewer events give the beginning of the
   * same stream.
   */
  perDay?: number;
}

export interface Simulation {
  /**
   * The events up to `end`, in the order of their time. There is one run: a second call goes on where the first was
   * left, with the same events as if it had not been.
   */
  events(): Generator<CloudEvent, void, undefined>;
  /** Endless: what the same readers do afterwards, see {@link LiveOptions}. */
  live(options: LiveOptions): Generator<CloudEvent, never, undefined>;
  /** Published within the simulated time, then (the last {@link reserve}) later. */
  books: readonly Book[];
  /** How many books wait for the live trickle. */
  reserve: number;
  /** The place of an item in `books`. */
  indexOf(item: string): number;
  /** How much a reader (by id) likes an item (by id) as things stand now, 0..1. Throws RangeError for unknown ones. */
  trueAffinity(reader: string, item: string): number;
  /** The `n` published items which a reader likes best now, best first; `exclude` leaves some out (the ones already read). */
  trueRanking(reader: string, n: number, exclude?: ReadonlySet<string>): { item: string; affinity: number }[];
  /**
   * The probability of each item (in the order of `books`) to be the one that a reader meets next within a session: the
   * list by it is the best that any recommender could show. What a reader has already met is not taken out.
   */
  trueNext(reader: string): Float64Array;
  /** What a reader follows now (numbers in `TASTES`), and how often that has changed. */
  tasteOf(reader: string): { primary: number; secondary: number; drifts: number };
}

export interface LiveOptions {
  /** Milliseconds since 1970; each event is stamped with it (never earlier than the one before). */
  now: () => number;
  /** Readers who are active at the same time; 4 unless told. */
  active?: number;
  /** Events from one new book to the next, while the reserve lasts; 150 unless told. */
  bookEvery?: number;
  /** Of 1,000 sessions, how many are a new reader's; 60 unless told. */
  newcomers?: number;
}

/** Source of all events of the demo. */
export const DEMO_SOURCE = 'freshet-demo';

export const DEMO_DEFAULTS = { seed: 7, readers: 4_000, events: 100_000, days: 120 } as const;

/** Books that come out only after the simulated time. */
const RESERVE = 40;
/** Items that come out during the simulated time rather than at its start. */
const LATE = 0.08;

export const readerId = (reader: number): string => `reader-${reader + 1}`;

interface Session {
  reader: number;
  /** When the next event of it happens. */
  time: number;
  ends: number;
  /** Items still to be looked at. */
  left: number;
  /** Item in hand, and what else happens to it. */
  item: number;
  adds: boolean;
  buys: boolean;
  /** Item bought an earlier time, which is rated first; -1 when there is none. */
  rates: number;
  /** Events planned and so far had; the pace is corrected by the difference. */
  planned: number;
  had: number;
}

/** Interactions per item looked at, for the pace only: measured over the defaults. */
const PER_ITEM = 1.5;

export function createSimulation(options: SimulationOptions): Simulation {
  const { seed, end } = options;
  const days = options.days ?? DEMO_DEFAULTS.days;
  const readerCount = options.readers ?? DEMO_DEFAULTS.readers;
  const eventCount = options.events ?? DEMO_DEFAULTS.events;
  const perDay = options.perDay ?? eventCount / days;
  const published = options.items ?? catalogue().length - RESERVE;
  const horizon = perDay * days;
  for (const [name, value] of Object.entries({ days, readers: readerCount, items: published, perDay })) {
    if (!(value > 0)) throw new RangeError(`${name} has to be above 0, not ${value}`);
  }
  if (eventCount > horizon * 1.000_001) {
    throw new RangeError(`${eventCount} events do not fit into ${days} days at ${perDay} a day`);
  }

  const stock = createStock(seed, published + RESERVE, RESERVE);
  const n = stock.books.length;
  // Room for readers who come while live.
  const room = readerCount + Math.max(1_000, Math.ceil(readerCount / 10));
  const readers = createReaders(room);
  const random = createRandom(seed);
  const seen = createSeen(Math.max(10_000, horizon));
  const timestamp = createTimestamps();

  const begin = end - days * DAY;
  // A session goes on for a while after the last one has begun.
  const rhythm = createRhythm(begin + Math.min(published, 0.1 * days * DAY), end - Math.min(HOUR, 0.05 * days * DAY));
  const releases = releasesOf(stock, seed, published, begin, end);
  const available = new Uint8Array(n);
  const recent = new Int32Array(RECENT).fill(-1);

  // The run's tag keeps the ids of runs with other settings apart in one log.
  const tag = [readerCount, published, days, perDay, begin / SECOND].reduce(
    (hash, value) => mix32(hash, Math.round(value * 1_000) % 0x7fff_ffff),
    seed >>> 0,
  );
  const prefix = `${tag.toString(16).padStart(8, '0')}-`;
  let counter = 0;

  let arrived = 0;
  let released = 0;
  let emitted = 0;
  let scheduled = 0;
  let clock = begin;
  let nextStart = rhythm(0);
  /** Reader who has just registered and whose session comes next, or -1; kept here so that a caller may stop between. */
  let newcomer = -1;
  const sessions = createHeap();

  // --- events -----------------------------------------------------------------------------------------------------

  function publication(item: number, time: number): CloudEvent {
    available[item] = 1;
    recent[released % RECENT] = item;
    const book = stock.books[item]!;
    const at = timestamp(time);
    return {
      specversion: '1.0',
      id: `${prefix}${counter++}`,
      source: DEMO_SOURCE,
      type: 'content.published.v1',
      subject: book.id,
      time: at,
      datacontenttype: 'application/json',
      data: {
        title: book.title,
        description: book.description,
        tags: [...book.subjects],
        attributes: {
          author: book.author,
          year: book.year,
          language: book.language,
          ...(stock.synthetic[item] === 1 ? { synthetic: true } : {}),
        },
        published: at,
      },
    };
  }

  function registration(reader: number, time: number): CloudEvent {
    return {
      specversion: '1.0',
      id: `${prefix}${counter++}`,
      source: DEMO_SOURCE,
      type: 'user.registered.v1',
      subject: readerId(reader),
      time: timestamp(time),
      datacontenttype: 'application/json',
      data: { traits: traitsOf(readers, seed, reader) },
    };
  }

  function interaction(
    type: 'user.viewed.v1' | 'user.added.v1' | 'user.purchased.v1' | 'user.rated.v1',
    reader: number,
    item: number,
    time: number,
    value?: number,
  ): CloudEvent {
    return {
      specversion: '1.0',
      id: `${prefix}${counter++}`,
      source: DEMO_SOURCE,
      type,
      subject: readerId(reader),
      time: timestamp(time),
      datacontenttype: 'application/json',
      data: value === undefined ? { item: stock.books[item]!.id } : { item: stock.books[item]!.id, value },
    };
  }

  // --- choices ----------------------------------------------------------------------------------------------------

  function draw(reader: number): number {
    const last = readers.last[reader]!;
    const u = random.next();
    if (u < FROM_LAST && last >= 0) {
      const near = stock.near[last * NEAR + nearRank(random.next())]!;
      if (near >= 0) return near;
    }
    if (u >= 1 - FROM_POPULAR) return stock.byPopularity(random);
    if (u >= 1 - FROM_POPULAR - FROM_AUTHOR) {
      const works = stock.byAuthor[readers.author[reader]!]!;
      return works[random.below(works.length)]!;
    }
    if (u >= 1 - FROM_POPULAR - FROM_AUTHOR - FROM_NEW) {
      const fresh = recent[random.below(RECENT)]!;
      // What is new is looked at by those whom it may please.
      if (fresh >= 0 && random.next() < 0.05 + affinity(readers, stock, reader, fresh)) return fresh;
    }
    const taste = random.next() < FIRST_TASTE ? readers.primary[reader]! : readers.secondary[reader]!;
    return stock.byTaste[taste]!(random);
  }

  function choose(reader: number): number {
    let item = 0;
    // After some tries a reader takes up again what they know already.
    for (let tries = 0; tries < 12; tries++) {
      item = draw(reader);
      if (available[item] === 1 && !seen.has(reader, item)) break;
    }
    while (available[item] === 0) item = stock.byPopularity(random);
    seen.add(reader, item);
    return item;
  }

  function rating(reader: number, item: number): number {
    const stars = 1.7 + 3 * affinity(readers, stock, reader, item) + 0.7 * random.normal();
    return Math.max(1, Math.min(5, Math.round(stars)));
  }

  // --- sessions ---------------------------------------------------------------------------------------------------

  function open(reader: number, time: number): Session {
    let left = 1;
    while (left < 12 && random.next() < 0.72) left++;
    let rates = readers.unrated[reader]!;
    if (rates >= 0 && random.next() < 0.7) readers.unrated[reader] = -1;
    else rates = -1;
    if (random.next() < DRIFT) drift(readers, stock, reader, random.next());
    const planned = left * PER_ITEM + (rates >= 0 ? 1 : 0);
    return { reader, time, ends: time + 40 * MINUTE, left, item: -1, adds: false, buys: false, rates, planned, had: 0 };
  }

  /** The session's next event; `left` is 0 and nothing is due when it was the last. */
  function act(session: Session, time: number): CloudEvent {
    const { reader } = session;
    session.had++;
    if (session.rates >= 0) {
      const item = session.rates;
      session.rates = -1;
      session.time = time + SECOND + random.exponential(20 * SECOND);
      return interaction('user.rated.v1', reader, item, time, rating(reader, item));
    }
    if (session.adds) {
      session.adds = false;
      session.time = time + SECOND + random.exponential((session.buys ? 15 : 45) * SECOND);
      return interaction('user.added.v1', reader, session.item, time);
    }
    if (session.buys) {
      session.buys = false;
      readers.unrated[reader] = session.item;
      session.time = time + SECOND + random.exponential(60 * SECOND);
      return interaction('user.purchased.v1', reader, session.item, time, price(session.item));
    }
    const item = choose(reader);
    const liked = affinity(readers, stock, reader, item);
    session.item = item;
    session.left--;
    session.adds = random.next() < 0.04 + 0.4 * liked;
    session.buys = random.next() < 0.02 + 0.22 * liked;
    // A reader goes on from what they liked, not from what they only glanced at.
    if (readers.last[reader]! < 0 || random.next() < 0.25 + liked) readers.last[reader] = item;
    session.time = time + SECOND + random.exponential((session.adds || session.buys ? 25 : 50) * SECOND);
    return interaction('user.viewed.v1', reader, item, time);
  }

  const price = (item: number): number => (299 + 100 * (mix32(seed, item) % 9)) / 100;

  const due = (session: Session): boolean =>
    session.rates >= 0 || session.adds || session.buys || (session.left > 0 && session.time < session.ends);

  /**
   * A reader who has been here before. Those who came early come more often, which makes activity skewed; the shift
   * keeps the keenest at some seven times the mean, as nobody reads the whole catalogue.
   */
  const returning = (): number => {
    const u = SHIFT + (1 - SHIFT) * random.next();
    return Math.min(arrived - 1, Math.floor((arrived * (u ** SKEW - SHIFT ** SKEW)) / (1 - SHIFT ** SKEW)));
  };

  /** Readers who should have arrived when this share of all interactions is planned; all of them at 90 percent. */
  const arrivals = (share: number): number => Math.ceil(readerCount * Math.min(1, share / 0.9) ** 0.6);

  function welcome(time: number): CloudEvent {
    introduce(readers, stock, seed, arrived);
    return registration(arrived++, time);
  }

  function* events(): Generator<CloudEvent, void, undefined> {
    while (emitted < eventCount) {
      const release = released < published ? releases.time[released]! : Number.POSITIVE_INFINITY;
      const first = sessions.first();
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
        const session = open(newcomer >= 0 ? newcomer : returning(), clock + 2 * SECOND);
        newcomer = -1;
        scheduled += session.planned;
        sessions.push(session);
        nextStart = Math.max(nextStart, rhythm(scheduled / horizon));
        continue;
      }
      const session = sessions.pop();
      clock = Math.max(clock, Math.min(session.time, end));
      emitted++;
      // The state is put right before the event is given away: the caller may stop here.
      const event = act(session, clock);
      if (due(session)) sessions.push(session);
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
    // Whatever the simulated time had no room for (a run with few events) is published first.
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
        present.push(open(fresh ? reader : returning(), time));
      }
      const session = present[random.below(present.length)]!;
      // The caller's clock sets the pace; a session ends after its items, not after its minutes.
      session.ends = Number.POSITIVE_INFINITY;
      const event = act(session, tick());
      if (!due(session)) present = present.filter((other) => other !== session);
      yield event;
    }
  }

  // --- what only the simulator knows --------------------------------------------------------------------------------

  let places: Map<string, number> | undefined;
  const indexOf = (item: string): number => {
    places ??= new Map(stock.books.map((book, i) => [book.id, i]));
    const place = places.get(item);
    if (place === undefined) throw new RangeError(`no item ${item} in this simulation`);
    return place;
  };
  const numberOf = (reader: string): number => {
    const number = Number(/^reader-(\d+)$/.exec(reader)?.[1] ?? 0) - 1;
    if (number < 0 || number >= arrived) throw new RangeError(`no reader ${reader} in this simulation so far`);
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
        .filter(({ item, i }) => available[i] === 1 && !exclude?.has(item))
        .sort((a, b) => b.affinity - a.affinity || stock.popularity[b.i]! - stock.popularity[a.i]!)
        .slice(0, count)
        .map(({ item, affinity }) => ({ item, affinity }));
    },
    trueNext: (reader) => nextOf(numberOf(reader)),
    tasteOf(reader) {
      const number = numberOf(reader);
      return {
        primary: readers.primary[number]!,
        secondary: readers.secondary[number]!,
        drifts: readers.drifts[number]!,
      };
    },
  };

  function nextOf(reader: number): Float64Array {
    const chance = new Float64Array(n);
    const spread = (share: number, weight: (item: number) => number): void => {
      let total = 0;
      for (let i = 0; i < n; i++) total += weight(i);
      if (total > 0) for (let i = 0; i < n; i++) chance[i]! += (share * weight(i)) / total;
    };
    const open = (weight: (item: number) => number) => (item: number) => (available[item] === 1 ? weight(item) : 0);
    const last = readers.last[reader]!;
    let byTaste = 1 - FROM_POPULAR - FROM_AUTHOR - FROM_NEW;
    if (last >= 0) {
      const ranks = new Float64Array(n);
      for (let rank = 0; rank < NEAR; rank++) {
        const item = stock.near[last * NEAR + rank]!;
        if (item >= 0) ranks[item] = nearShare(rank);
      }
      spread(
        FROM_LAST,
        open((item) => ranks[item]!),
      );
      byTaste -= FROM_LAST;
    }
    spread(
      FROM_POPULAR,
      open((item) => stock.popularity[item]!),
    );
    spread(
      FROM_AUTHOR,
      open((item) => (stock.author[item] === readers.author[reader] ? 1 : 0)),
    );
    const fresh = new Set(recent);
    spread(
      FROM_NEW,
      open((item) => (fresh.has(item) ? 0.05 + affinity(readers, stock, reader, item) : 0)),
    );
    spread(
      byTaste * FIRST_TASTE,
      open((item) => stock.weight(readers.primary[reader]!, item)),
    );
    spread(
      byTaste * (1 - FIRST_TASTE),
      open((item) => stock.weight(readers.secondary[reader]!, item)),
    );
    return chance;
  }
}

/** The events of {@link createSimulation} for those who need no more than them. */
export function simulate(options: SimulationOptions): Generator<CloudEvent, void, undefined> {
  return createSimulation(options).events();
}

/** Where the next item comes from; the rest follows the tastes. */
const FROM_LAST = 0.42;
const FROM_POPULAR = 0.07;
const FROM_AUTHOR = 0.07;
const FROM_NEW = 0.03;
/** Chance that a reader comes back with another taste, per session. */
const DRIFT = 0.06;
/** Skew of activity among readers, and what it is cut off by. */
const SKEW = 2.2;
const SHIFT = 0.12;
/** New items that are on show. */
const RECENT = 12;

/** Ranks of neighbours fall off by 0.8 each: the first is taken about one time in five. */
const FALL = 0.8;
const FALLEN = 1 - FALL ** NEAR;
const nearShare = (rank: number): number => (FALL ** rank * (1 - FALL)) / FALLEN;
const NEAR_RANK = Uint8Array.from({ length: 1_024 }, (_, i) =>
  Math.min(NEAR - 1, Math.floor(Math.log(1 - ((i + 0.5) / 1_024) * FALLEN) / Math.log(FALL))),
);
const nearRank = (chance: number): number => NEAR_RANK[Math.floor(chance * 1_024)]!;

interface Releases {
  item: Int32Array;
  /** Milliseconds, ascending. */
  time: Float64Array;
}

/** Most items are there from the start, a millisecond apart; a few come out over the time that follows. */
function releasesOf(stock: Stock, seed: number, published: number, begin: number, end: number): Releases {
  // A handful of items is all there from the start, for somebody has to have something to read.
  const isLate = (item: number): boolean =>
    published >= 50 && stock.popularity[item]! < 3 && mix32(seed ^ 0x1a7e, item) < LATE * 2 ** 32;
  const numbers = Array.from({ length: published }, (_, i) => i);
  const early = numbers.filter((item) => !isLate(item));
  const late = numbers.filter(isLate);
  const spacing = Math.min(1, ((end - begin) * 0.1) / Math.max(1, published));
  return {
    item: Int32Array.from([...early, ...late]),
    time: Float64Array.from([
      ...early.map((_, i) => begin + i * spacing),
      ...late.map((_, i) => begin + (end - begin) * (0.05 + (0.93 * (i + 0.5)) / late.length)),
    ]),
  };
}

/** Sessions by time: a binary heap, as there are few sessions at a time and many events. Ties go to the older session. */
function createHeap() {
  const heap: { session: Session; time: number; order: number }[] = [];
  let order = 0;
  const before = (a: number, b: number): boolean => {
    const x = heap[a]!;
    const y = heap[b]!;
    return x.time < y.time || (x.time === y.time && x.order < y.order);
  };
  const swap = (a: number, b: number): void => {
    const x = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = x;
  };
  return {
    first: (): number => heap[0]?.time ?? Number.POSITIVE_INFINITY,
    push(session: Session): void {
      let i = heap.push({ session, time: session.time, order: order++ }) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(i, parent)) break;
        swap(i, parent);
        i = parent;
      }
    },
    pop(): Session {
      const top = heap[0]!;
      const bottom = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = bottom;
        for (let i = 0; ; ) {
          const left = 2 * i + 1;
          const right = left + 1;
          let least = i;
          if (left < heap.length && before(left, least)) least = left;
          if (right < heap.length && before(right, least)) least = right;
          if (least === i) break;
          swap(i, least);
          i = least;
        }
      }
      return top.session;
    },
  };
}
