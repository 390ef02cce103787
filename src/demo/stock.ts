/**
 * The items of the simulated bookshop: the catalogue, and synthetic items if the caller wants more. Includes the tables
 * that make choices cheap: the match of items with tastes, their popularity and their neighbours.
 */

import { FAMOUS } from './catalogue/famous.ts';
import { SUBJECTS, type Subject, TOPICS, TRADITIONS } from './catalogue/subjects.ts';
import { type Book, catalogue } from './catalogue.ts';
import { type Alias, createAlias, createRandom, mix32, type Random } from './random.ts';
import { TASTES } from './tastes.ts';

/** Number of neighbours per item. */
export const NEAR = 16;

export interface Stock {
  /** The items. The live events publish those from `books.length - reserve` on. */
  books: readonly Book[];
  /** 1 for a synthetic item, per item. */
  synthetic: Uint8Array;
  /** Number of the author, per item. */
  author: Int32Array;
  /** Items by author. */
  byAuthor: readonly Int32Array[];
  /** Popularity of an item apart from taste; mean about 1. */
  popularity: Float64Array;
  /** Match of an item with a taste, 0 to 1: `taste * books.length + item`. */
  match: Float32Array;
  /** Weight of an item for a reader who follows a taste, not normalised. */
  weight(taste: number, item: number): number;
  /** Draws an item by taste. */
  byTaste: readonly Alias[];
  /** Draws an item by popularity alone. */
  byPopularity: Alias;
  /** Neighbours of an item, nearest first: `item * NEAR + rank`; -1 for a missing one. */
  near: Int32Array;
  /** Neighbours of a taste, nearest first. */
  tasteNear: readonly (readonly number[])[];
  /** Draws a taste by its share of readers. */
  tasteShare: Alias;
}

/**
 * @param items number of items, including the reserve
 * @param reserve number of items that come out after the simulated time; they are never famous ones
 */
export function createStock(seed: number, items: number, reserve: number): Stock {
  const random = createRandom(mix32(seed, 0x57_0c_4b));
  const real = catalogue();
  const famous = new Set(FAMOUS);
  // Famous books come first, the others in random order: a small stock holds well-known books, the reserve others.
  const order = real
    .map((book, i) => ({ book, key: famous.has(book.id) ? -1 : mix32(seed, i) }))
    .sort((a, b) => a.key - b.key)
    .map(({ book }) => book);
  const later = order.slice(Math.max(0, order.length - reserve));
  const shown = order.slice(0, Math.max(0, Math.min(items - later.length, order.length - later.length)));
  const books: Book[] = [...shown];
  const authors = inventAuthors(random, items - later.length - shown.length);
  while (books.length < items - later.length) books.push(invent(random, authors, books.length));
  books.push(...later);

  const n = books.length;
  const synthetic = Uint8Array.from(books, (book) => (book.language === SYNTHETIC_LANGUAGE ? 1 : 0));
  const { author, byAuthor } = authorsOf(books);
  const match = matches(books);
  const popularity = Float64Array.from(
    books,
    (book) => (famous.has(book.id) ? 3.5 : 1) * Math.exp(0.8 * random.normal()),
  );
  const weight = (taste: number, item: number): number =>
    popularity[item]! * Math.exp(APPETITE * match[taste * n + item]!);
  const byTaste = TASTES.map((_, taste) =>
    createAlias(Float64Array.from({ length: n }, (_, item) => weight(taste, item))),
  );
  return {
    books,
    synthetic,
    author,
    byAuthor,
    popularity,
    match,
    weight,
    byTaste,
    byPopularity: createAlias(popularity),
    near: nearest(books, author, byAuthor, popularity),
    tasteNear: tasteNeighbours(match, n),
    tasteShare: createAlias(Float64Array.from(TASTES, (taste) => taste.share)),
  };
}

/** A reader chooses a full match of a taste exp(7), about 1,100, times as often as an item without any match. */
const APPETITE = 7;

const SUBJECT_NUMBER = new Map<Subject, number>(SUBJECTS.map((subject, i) => [subject, i]));
export const subjectNumber = (subject: Subject): number => SUBJECT_NUMBER.get(subject)!;

/** Match of each book with each taste, 0 to 1. */
function matches(books: readonly Book[]): Float32Array {
  const match = new Float32Array(TASTES.length * books.length);
  const subjects = books.map((book) => Int32Array.from(book.subjects, subjectNumber));
  TASTES.forEach((taste, t) => {
    const weights = new Float64Array(SUBJECTS.length);
    for (const [subject, weight] of Object.entries(taste.subjects)) weights[subjectNumber(subject as Subject)] = weight;
    const best = weights
      .toSorted()
      .slice(-4)
      .reduce((sum, weight) => sum + weight, 0);
    const [from, to] = taste.years ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    books.forEach(({ year }, i) => {
      let sum = 0;
      for (const s of subjects[i]!) sum += weights[s]!;
      const away = Math.max(0, from - year, year - to);
      match[t * books.length + i] = Math.min(1, sum / best) * (away === 0 ? 1 : 0.5 + 0.5 * Math.exp(-away / 40));
    });
  });
  return match;
}

function authorsOf(books: readonly Book[]): { author: Int32Array; byAuthor: Int32Array[] } {
  const numbers = new Map<string, number>();
  const lists: number[][] = [];
  const author = Int32Array.from(books, (book, i) => {
    let number = numbers.get(book.author);
    if (number === undefined) {
      number = lists.length;
      numbers.set(book.author, number);
      lists.push([]);
    }
    lists[number]!.push(i);
    return number;
  });
  return { author, byAuthor: lists.map((list) => Int32Array.from(list)) };
}

/** Up to this many items it compares every pair; above, items that share an author or their two rarest subjects. */
const COMPARE_ALL = 2_500;
const CANDIDATES = 60;

/** Neighbours by the cosine over subjects, weighted by rarity, with a bonus for the same author and for close years. */
function nearest(
  books: readonly Book[],
  author: Int32Array,
  byAuthor: readonly Int32Array[],
  popularity: Float64Array,
): Int32Array {
  const n = books.length;
  const S = SUBJECTS.length;
  const frequency = new Float64Array(S);
  const subjects = books.map((book) => Int32Array.from(book.subjects, subjectNumber));
  for (const list of subjects) for (const s of list) frequency[s]!++;
  const rarity = Float64Array.from(frequency, (f) => (f === 0 ? 0 : Math.log(1 + n / f) ** 2));
  const norm = Float64Array.from(subjects, (list) => Math.sqrt(list.reduce((sum, s) => sum + rarity[s]!, 0)));

  // Buckets by the two rarest subjects of an item.
  const buckets = new Map<number, number[]>();
  const keys = subjects.map((list, i) => {
    const [first = 0, second = 0] = [...list].sort((a, b) => rarity[b]! - rarity[a]!);
    const key = Math.min(first, second) * S + Math.max(first, second);
    const bucket = buckets.get(key);
    if (bucket) bucket.push(i);
    else buckets.set(key, [i]);
    return key;
  });
  const all = n <= COMPARE_ALL ? Int32Array.from({ length: n }, (_, i) => i) : undefined;

  // Flat arrays with precomputed logarithms and powers, because 100,000 items need 60 comparisons each.
  const from = new Int32Array(n + 1);
  for (let i = 0; i < n; i++) from[i + 1] = from[i]! + subjects[i]!.length;
  const flat = new Uint8Array(from[n]!);
  subjects.forEach((list, i) => {
    flat.set(list, from[i]!);
  });
  const year = Int32Array.from(books, (book) => book.year);
  const closeness = Float64Array.from({ length: 400 }, (_, years) => 0.1 * Math.exp(-years / 40));
  const liking = Float64Array.from(popularity, (p) => 0.04 * Math.log(p));

  const near = new Int32Array(n * NEAR).fill(-1);
  const has = new Uint8Array(S);
  const score = new Float64Array(NEAR);
  for (let i = 0; i < n; i++) {
    for (const s of subjects[i]!) has[s] = 1;
    let found = 0;
    const consider = (j: number): void => {
      if (j === i) return;
      let dot = 0;
      for (let k = from[j]!; k < from[j + 1]!; k++) if (has[flat[k]!] === 1) dot += rarity[flat[k]!]!;
      const years = Math.abs(year[i]! - year[j]!);
      const close =
        dot / (norm[i]! * norm[j]!) +
        (author[i] === author[j] ? 0.35 : 0) +
        (years < 400 ? closeness[years]! : 0) +
        liking[j]!;
      if (found === NEAR && close <= score[NEAR - 1]!) return;
      const base = i * NEAR;
      let at = found < NEAR ? found++ : NEAR - 1;
      for (; at > 0 && score[at - 1]! < close; at--) {
        score[at] = score[at - 1]!;
        near[base + at] = near[base + at - 1]!;
      }
      score[at] = close;
      near[base + at] = j;
    };
    if (all) for (const j of all) consider(j);
    else {
      const mates = byAuthor[author[i]!]!;
      for (const j of mates) consider(j);
      const bucket = buckets.get(keys[i]!)!;
      const step = Math.max(1, Math.ceil(bucket.length / CANDIDATES));
      for (let k = i % step; k < bucket.length; k += step) {
        const j = bucket[k]!;
        if (author[j] !== author[i]) consider(j);
      }
    }
    for (const s of subjects[i]!) has[s] = 0;
  }
  return near;
}

/** Neighbours of tastes: two tastes are near if the same items match both (cosine over the match). */
function tasteNeighbours(match: Float32Array, n: number): number[][] {
  const cosine = (a: number, b: number): number => {
    let ab = 0;
    let aa = 0;
    let bb = 0;
    for (let i = 0; i < n; i++) {
      const x = match[a * n + i]!;
      const y = match[b * n + i]!;
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return ab / Math.sqrt(aa * bb);
  };
  return TASTES.map((_, a) =>
    TASTES.map((_, b) => ({ b, near: a === b ? -1 : cosine(a, b) }))
      .sort((x, y) => y.near - x.near)
      .slice(0, 4)
      .map(({ b }) => b),
  );
}

// --- invented items -----------------------------------------------------------------------------------------------

/** BCP 47 for "no linguistic content": a synthetic item has no text in any language. */
const SYNTHETIC_LANGUAGE = 'zxx';

const ADJECTIVES =
  'Silver Hidden Last Quiet Crimson Northern Broken Golden Winter Distant Iron Second Painted Hollow Bright Lost'.split(
    ' ',
  );
const NOUNS =
  'Harbour Garden River Mirror Letter Orchard Tower Window Island Season Shadow Bridge Voyage Lantern Field House'.split(
    ' ',
  );

interface InventedAuthor {
  name: string;
  taste: number;
  tradition: number;
  year: number;
}

function inventAuthors(random: Random, items: number): InventedAuthor[] {
  return Array.from({ length: Math.ceil(Math.max(0, items) / 6) }, (_, i) => ({
    name: `Synthetic Author ${i + 1}`,
    taste: random.below(TASTES.length),
    tradition: random.below(TRADITIONS.length),
    year: 1800 + random.below(120),
  }));
}

function invent(random: Random, authors: readonly InventedAuthor[], number: number): Book {
  const author = authors[random.below(authors.length)]!;
  // An author mostly writes for one taste, and adds one or two subjects from others.
  const wanted = Object.keys(TASTES[author.taste]!.subjects) as Subject[];
  const subjects = new Set<Subject>();
  const tradition = wanted.find((subject) => (TRADITIONS as readonly string[]).includes(subject));
  subjects.add(tradition ?? TRADITIONS[author.tradition]!);
  for (const subject of wanted) {
    if (subjects.size < 5 && !(TRADITIONS as readonly string[]).includes(subject) && random.next() < 0.75)
      subjects.add(subject);
  }
  while (subjects.size < 4) subjects.add(TOPICS[random.below(TOPICS.length)]!);
  const adjective = ADJECTIVES[random.below(ADJECTIVES.length)]!;
  const noun = NOUNS[random.below(NOUNS.length)]!;
  return {
    id: `synthetic-${number}-${adjective}-${noun}`.toLowerCase(),
    title: `The ${adjective} ${noun} (synthetic ${number})`,
    author: author.name,
    year: author.year + random.below(10),
    language: SYNTHETIC_LANGUAGE,
    subjects: [...subjects],
    description: 'Not a real book: invented by the simulator for tests of size.',
  };
}
