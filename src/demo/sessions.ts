/** Sessions of readers: what a reader does from the first item to the last. */
import type { CloudEvent } from '../bus/event/types.ts';
import type { Choices } from './choices.ts';
import { MINUTE, SECOND } from './clock.ts';
import type { DemoEvents, InteractionOfDemo } from './demo-events.ts';
import { mix32, type Random } from './random.ts';
import { affinity, drift, type Readers } from './readers.ts';
import type { Stock } from './stock.ts';

export interface Session {
  reader: number;
  /** Time of the next event. */
  time: number;
  ends: number;
  /** How many items the reader will still view. */
  left: number;
  /** The current item, and whether the reader will add and buy it. */
  item: number;
  adds: boolean;
  buys: boolean;
  /** An item of an earlier purchase that the reader rates first; -1 for none. */
  rates: number;
  /** Planned and actual number of events. The simulator corrects its pace by the difference. */
  planned: number;
  had: number;
}

/** Interactions per viewed item, measured over the default settings. It serves only to plan the pace. */
const PER_ITEM = 1.5;
/** Chance per session that a reader returns with another taste. */
const DRIFT = 0.06;

export interface SessionsOptions {
  seed: number;
  stock: Stock;
  readers: Readers;
  random: Random;
  choices: Choices;
  events: DemoEvents;
}

export interface Sessions {
  open(reader: number, time: number): Session;
  /** The next event of a session. It must be {@link isOpen}. */
  advance(session: Session, time: number): CloudEvent;
  /** Whether the session has a next event. */
  isOpen(session: Session): boolean;
}

export function createSessions({ seed, stock, readers, random, choices, events }: SessionsOptions): Sessions {
  const price = (item: number): number => (299 + 100 * (mix32(seed, item) % 9)) / 100;

  function rating(reader: number, item: number): number {
    const stars = 1.7 + 3 * affinity(readers, stock, reader, item) + 0.7 * random.normal();
    return Math.max(1, Math.min(5, Math.round(stars)));
  }

  const interaction = (type: InteractionOfDemo, reader: number, item: number, time: number, value?: number) =>
    events.interaction(type, reader, stock.books[item]!, time, value);

  return {
    open(reader, time) {
      let left = 1;
      while (left < 12 && random.next() < 0.72) left++;
      let rates = readers.unrated[reader]!;
      if (rates >= 0 && random.next() < 0.7) readers.unrated[reader] = -1;
      else rates = -1;
      if (random.next() < DRIFT) drift(readers, stock, reader, random.next());
      const planned = left * PER_ITEM + (rates >= 0 ? 1 : 0);
      const ends = time + 40 * MINUTE;
      return { reader, time, ends, left, item: -1, adds: false, buys: false, rates, planned, had: 0 };
    },
    advance(session, time) {
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
      const item = choices.next(reader);
      const liked = affinity(readers, stock, reader, item);
      session.item = item;
      session.left--;
      session.adds = random.next() < 0.04 + 0.4 * liked;
      session.buys = random.next() < 0.02 + 0.22 * liked;
      // A reader goes on from an item that they liked, not from one that they only viewed.
      if (readers.last[reader]! < 0 || random.next() < 0.25 + liked) readers.last[reader] = item;
      session.time = time + SECOND + random.exponential((session.adds || session.buys ? 25 : 50) * SECOND);
      return interaction('user.viewed.v1', reader, item, time);
    },
    isOpen: (session) =>
      session.rates >= 0 || session.adds || session.buys || (session.left > 0 && session.time < session.ends),
  };
}
