/** Which item a reader meets next: by the last item, the tastes, the author, popularity and novelty. */
import type { Random } from './random.ts';
import { affinity, FIRST_TASTE, type Readers } from './readers.ts';
import type { Seen } from './seen.ts';
import { NEAR, type Stock } from './stock.ts';

/** Shares of the ways to an item. The tastes have the rest. */
const FROM_LAST = 0.42;
const FROM_POPULAR = 0.07;
const FROM_AUTHOR = 0.07;
const FROM_NEW = 0.03;
/** How many of the newest items the shop displays. */
const RECENT = 12;

/** The chance of a neighbour falls by 0.8 per rank: a reader takes the first about one time in five. */
const FALL = 0.8;
const FALLEN = 1 - FALL ** NEAR;
const nearShare = (rank: number): number => (FALL ** rank * (1 - FALL)) / FALLEN;
const NEAR_RANK = Uint8Array.from({ length: 1_024 }, (_, i) =>
  Math.min(NEAR - 1, Math.floor(Math.log(1 - ((i + 0.5) / 1_024) * FALLEN) / Math.log(FALL))),
);
const nearRank = (chance: number): number => NEAR_RANK[Math.floor(chance * 1_024)]!;

export interface ChoicesOptions {
  stock: Stock;
  readers: Readers;
  random: Random;
  seen: Seen;
}

export interface Choices {
  /** Puts an item on sale. `nth` counts the items on sale, from 0. */
  publish(item: number, nth: number): void;
  isPublished(item: number): boolean;
  /** Draws the next item of a reader, and remembers that the reader has seen it. */
  next(reader: number): number;
  /** The probability of each item to be the next one, without regard to what the reader has seen. */
  distribution(reader: number): Float64Array;
}

export function createChoices({ stock, readers, random, seen }: ChoicesOptions): Choices {
  const n = stock.books.length;
  const available = new Uint8Array(n);
  const recent = new Int32Array(RECENT).fill(-1);

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
      // A reader takes up a new item if it may please them.
      if (fresh >= 0 && random.next() < 0.05 + affinity(readers, stock, reader, fresh)) return fresh;
    }
    const taste = random.next() < FIRST_TASTE ? readers.primary[reader]! : readers.secondary[reader]!;
    return stock.byTaste[taste]!(random);
  }

  return {
    publish(item, nth) {
      available[item] = 1;
      recent[nth % RECENT] = item;
    },
    isPublished: (item) => available[item] === 1,
    next(reader) {
      let item = 0;
      // After twelve tries a reader returns to an item that they know.
      for (let tries = 0; tries < 12; tries++) {
        item = draw(reader);
        if (available[item] === 1 && !seen.has(reader, item)) break;
      }
      while (available[item] === 0) item = stock.byPopularity(random);
      seen.add(reader, item);
      return item;
    },
    distribution(reader) {
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
    },
  };
}
