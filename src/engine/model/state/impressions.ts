/**
 * Lists that were shown and wait for what becomes of them: a candidate set with an outcome, as the ranker's other
 * examples are. What the features were is kept from when the list was shown, as what comes of it may be counted before
 * the click is told. Bounded, oldest out first, in log order; so what is kept is a function of the log.
 */
import { Reader, Writer } from '../primitives/bytes.ts';

export interface Impression {
  list: string;
  /** Number of the id under which it was published. */
  origin: number;
  seq: number;
  /** Events in the history when it was shown. */
  events: number;
  /** Of its evidence (ranker/gates.ts). */
  strength: number;
  /** In the order in which they were shown. */
  items: Int32Array;
  /** Features by place in the list, `place * columns + column`; single precision halves what waits in memory. */
  features: Float32Array;
}

export interface ImpressionsConfig {
  /** Lists that wait, of one user. */
  listsOfUser: number;
  /** Lists that wait in all. */
  listsKept: number;
  /** Places of a list that are kept. */
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

  /** Drops what was shown to this id. */
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

  /** Bytes with the places of items and origins in the state that they are a part of. */
  encode(itemPlace: (item: number) => number, originPlace: (origin: number) => number): Buffer {
    const out = new Writer();
    out.count(this.#lists.size);
    for (const { list, origin, seq, events, strength, items, features } of this.#lists.values()) {
      out.text(list);
      out.count(originPlace(origin));
      out.count(seq);
      out.count(events);
      out.f64s([strength]);
      out.count(items.length);
      for (const item of items) out.count(itemPlace(item));
      out.f32s(features);
    }
    return out.done();
  }

  decode(bytes: Uint8Array, item: (place: number) => number, origin: (place: number) => number): void {
    const input = new Reader(Buffer.from(bytes));
    for (let left = input.count(); left > 0; left--) {
      const list = input.text();
      const by = origin(input.count());
      const seq = input.count();
      const events = input.count();
      const strength = input.f64s()[0]!;
      const items = new Int32Array(input.count());
      for (let place = 0; place < items.length; place++) items[place] = item(input.count());
      this.add({ list, origin: by, seq, events, strength, items, features: input.f32s() });
    }
  }
}

// A NUL can't stand in an id.
const keyOf = (origin: number, list: string): string => `${origin}\0${list}`;
