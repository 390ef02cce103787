/** Readers as columns of numbers. A million readers take about 20 MB. */
import { createRandom, mix32, unit } from './random.ts';
import type { Stock } from './stock.ts';
import { TASTES } from './tastes.ts';

export interface Readers {
  /** The main taste of a reader now. */
  primary: Uint8Array;
  /** The second taste: the former main taste, or a neighbouring one. */
  secondary: Uint8Array;
  /** The author to whom a reader returns. */
  author: Int32Array;
  /** The last item; -1 before the first. */
  last: Int32Array;
  /** A purchase that the reader has not rated, or -1. */
  unrated: Int32Array;
  /** How often the tastes have changed. */
  drifts: Uint8Array;
}

export function createReaders(count: number): Readers {
  return {
    primary: new Uint8Array(count),
    secondary: new Uint8Array(count),
    author: new Int32Array(count).fill(-1),
    last: new Int32Array(count).fill(-1),
    unrated: new Int32Array(count).fill(-1),
    drifts: new Uint8Array(count),
  };
}

/** Share of the choices by taste that follow the main taste. */
export const FIRST_TASTE = 0.7;

/** Sets the initial tastes of a reader. They depend only on the seed and the reader. */
export function introduce(readers: Readers, stock: Stock, seed: number, reader: number): void {
  const random = createRandom(mix32(seed ^ 0x7e_ad_e7, reader));
  const primary = stock.tasteShare(random);
  readers.primary[reader] = primary;
  // Two in three readers have a second taste near the first. The others have two unrelated tastes.
  readers.secondary[reader] =
    random.next() < 0.67 ? stock.tasteNear[primary]![random.below(3)]! : stock.tasteShare(random);
  readers.author[reader] = stock.author[stock.byTaste[primary]!(random)]!;
}

/** Moves a reader to a neighbouring taste. The former main taste becomes the second. `chance` is in [0, 1). */
export function drift(readers: Readers, stock: Stock, reader: number, chance: number): void {
  const before = readers.primary[reader]!;
  const near = stock.tasteNear[before]!;
  readers.primary[reader] = near[Math.floor(chance * near.length)]!;
  readers.secondary[reader] = before;
  readers.drifts[reader] = Math.min(255, readers.drifts[reader]! + 1);
}

/** How much a reader likes an item now, 0 to 1: the match with both tastes, and a bonus for the author. */
export function affinity(readers: Readers, stock: Stock, reader: number, item: number): number {
  const n = stock.books.length;
  const first = stock.match[readers.primary[reader]! * n + item]!;
  const second = stock.match[readers.secondary[reader]! * n + item]!;
  // The better match counts most: a reader of mysteries and poems does not look for mysteries in verse.
  const mixed = Math.max(first, 0.85 * second) + 0.15 * Math.min(first, second);
  return Math.min(1, mixed * 0.87 + (readers.author[reader] === stock.author[item] ? 0.2 : 0));
}

const COUNTRIES = [
  'GB',
  'US',
  'DE',
  'FR',
  'IN',
  'CA',
  'ES',
  'IT',
  'SE',
  'NL',
  'BR',
  'JP',
  'AU',
  'IE',
  'NO',
  'PL',
] as const;
const AGES = ['under-18', '18-24', '25-34', '35-44', '45-54', '55-64', '65-plus'] as const;

/** The traits in the registration of a reader: a country, mostly an age band, and for some favourite subjects. */
export function traitsOf(readers: Readers, seed: number, reader: number): Record<string, string | string[]> {
  const at = reader * 4;
  const mine = seed ^ 0x7a_17_50;
  // The square makes the first countries the most frequent ones.
  const traits: Record<string, string | string[]> = {
    country: COUNTRIES[Math.floor(unit(mine, at) ** 2 * COUNTRIES.length)]!,
  };
  const age = unit(mine, at + 1);
  if (age < 0.85) traits.ageBand = AGES[Math.floor((age / 0.85) * AGES.length)]!;
  if (unit(mine, at + 2) < 0.4) {
    const subjects = [readers.primary[reader]!, readers.secondary[reader]!].flatMap((taste) =>
      Object.entries(TASTES[taste]!.subjects)
        .sort(([, a], [, b]) => b - a)
        .slice(0, 2)
        .map(([subject]) => subject),
    );
    traits.favouriteSubjects = [...new Set(subjects)];
  }
  return traits;
}
