/** Sixty books of five tastes, and readers with one taste each: a few hundred events from which a model can learn. */
import { published, type TestEvent, viewed } from './events.ts';

export const TASTES = 5;
export const BOOKS = 60;
export const READERS = 48;

/** The books of a taste are `i` and every fifth book after it. */
export const books = (): TestEvent[] =>
  Array.from({ length: BOOKS }, (_, n) =>
    published(`i${n}`, { title: `Book ${n % 7}`, tags: [`taste ${n % TASTES}`] }, { id: `book${n}` }),
  );

/** Views from `from` on: each reader views a book, then each reader views the next one. */
export const reading = (count: number, from = 0): TestEvent[] =>
  Array.from({ length: count }, (_, k) => {
    const n = from + k;
    const reader = n % READERS;
    const item = (reader % TASTES) + TASTES * ((reader * 5 + Math.floor(n / READERS) * 7) % (BOOKS / TASTES));
    return viewed(`u${reader}`, `i${item}`, { id: `view${n}` });
  });
