/**
 * Impressions: lists that a user saw and whose outcome is not known yet. Each is a candidate set that becomes a
 * training example of the ranker with its outcome. Its features are those of the moment when the user saw the list, as
 * the fold may count the item before it reads the click. The number of impressions is bounded, and the oldest leave
 * first, in log order; so what the model keeps is a function of the log.
 */
import { ByteReader } from '../primitives/bytes.ts';

export interface Impression {
  list: string;
  /** Number of the id that published the event. */
  origin: number;
  seq: number;
  /** Events in the history at that time. */
  historyLength: number;
  /** Strength of the list's evidence (ranker/gates.ts). */
  strength: number;
  /** In the order in which the user saw them. */
  items: Int32Array;
  /** Features by place in the list, `place * columns + column`; single precision halves the memory. */
  features: Float32Array;
}

export interface ImpressionsConfig {
  /** Impressions that the model keeps of one user. */
  listsOfUser: number;
  /** Impressions that the model keeps in all. */
  listsKept: number;
  /** Places of a list that the model keeps. */
  places: number;
}

export const IMPRESSIONS_DEFAULTS: ImpressionsConfig = { listsOfUser: 5, listsKept: 2_000, places: 50 };

export class Impressions {
  #config: ImpressionsConfig;
  /** By origin and list, in log order. */
  #lists = new Map<string, Impression>();
  #counts = new Map<number, number>();

  constructor(config: ImpressionsConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#lists.size;
  }

  add(impression: Impression): void {
    const { listsOfUser, listsKept } = this.#config;
    this.#remove(keyOf(impression.origin, impression.list));
    if ((this.#counts.get(impression.origin) ?? 0) >= listsOfUser) {
      for (const [key, { origin }] of this.#lists) {
        if (origin !== impression.origin) continue;
        this.#remove(key);
        break;
      }
    }
    while (this.#lists.size >= Math.max(listsKept, 1)) this.#remove(this.#lists.keys().next().value as string);
    this.#lists.set(keyOf(impression.origin, impression.list), impression);
    this.#counts.set(impression.origin, (this.#counts.get(impression.origin) ?? 0) + 1);
  }

  find(origin: number, list: string): Impression | undefined {
    return this.#lists.get(keyOf(origin, list));
  }

  /** In log order. */
  all(): Iterable<Impression> {
    return this.#lists.values();
  }

  /** Whether there is an impression of this id. */
  has(origin: number): boolean {
    return this.#counts.has(origin);
  }

  /** Drops all impressions of this id. */
  forget(origin: number): void {
    for (const [key, impression] of this.#lists) if (impression.origin === origin) this.#remove(key);
  }

  #remove(key: string): void {
    const known = this.#lists.get(key);
    if (known === undefined) return;
    this.#lists.delete(key);
    const left = this.#counts.get(known.origin)! - 1;
    if (left === 0) this.#counts.delete(known.origin);
    else this.#counts.set(known.origin, left);
  }

  /** Reads what serialization/impressions-section.ts wrote, in which items and origins are places in the state. */
  decode(bytes: Uint8Array, item: (place: number) => number, origin: (place: number) => number): void {
    const input = new ByteReader(Buffer.from(bytes));
    for (let left = input.count(); left > 0; left--) {
      const list = input.text();
      const by = origin(input.count());
      const seq = input.count();
      const historyLength = input.count();
      const strength = input.f64s()[0]!;
      const items = new Int32Array(input.count());
      for (let place = 0; place < items.length; place++) items[place] = item(input.count());
      this.add({ list, origin: by, seq, historyLength, strength, items, features: input.f32s() });
    }
  }
}

// No id holds a NUL.
const keyOf = (origin: number, list: string): string => `${origin}\0${list}`;
