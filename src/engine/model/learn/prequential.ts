/**
 * Quality while it runs: each scored event is asked for before it is counted (Dawid 1984; Gama et al. 2013,
 * "On evaluating stream learning algorithms"), by the model, by decayed popularity and by item kNN on the same events.
 * Kept is nothing but the place of the item in each of the three lists, for the newest events; hit rate, NDCG and MRR
 * at 10 are reckoned from how often each place occurs. Part of the model's state, so that it goes on after a start.
 *
 * All three rank what the user could be served: no seen items (unless these may come back), none that can't be served;
 * ties have the mean of their places; what isn't among the ten best counts 0. Item kNN is that of item-knn.ts. Decayed
 * popularity is the order in which the engine knows what is popular (`Popularity.sum`).
 */

import { ln } from '../primitives/math.ts';
import { ItemKnn } from './item-knn.ts';
import type { ScoredEvent } from './scored-event.ts';

export interface PrequentialConfig {
  /** Scored events in the quick window. */
  window: number;
  /** Scored events in the slow window, at least as many. */
  windowLong: number;
  /** One in so many events is scored at least; those that the ranker learns from are scored beside. */
  every: number;
}

export const PREQUENTIAL_DEFAULTS: PrequentialConfig = { window: 1_000, windowLong: 10_000, every: 200 };

export const CONTENDERS = ['model', 'popular', 'item_knn'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** At 10. */
export interface Quality {
  hr: number;
  ndcg: number;
  mrr: number;
}

export interface PrequentialWindow {
  /** Most events that it may hold. */
  size: number;
  /** Events that it holds. */
  events: number;
  model: Quality;
  /** Decayed popularity. */
  popular: Quality;
  item_knn: Quality;
}

export interface PrequentialReport {
  /** Events scored since the log's beginning. */
  scored: number;
  /** The quick window, then the slow one. */
  windows: PrequentialWindow[];
}

/** What is looked at of a scored event. */
export type PrequentialEvent = Pick<
  ScoredEvent,
  'item' | 'rank' | 'seen' | 'profile' | 'popularity' | 'statistics' | 'catalogue'
>;

/** What may be ranked. */
export interface Servable {
  serveUnpublished: boolean;
  includeSeen: boolean;
}

const CUT = 10;
/** Places are kept doubled, as a tie's may be a half; 0: not among the best. */
const PLACES = 2 * CUT + 1;
const HEADER_BYTES = 24;

export class Prequential {
  readonly #sizes: readonly [number, number];
  readonly #servable: Servable;
  /** Places by event and contender, in a ring as long as the slow window. */
  #ring: Uint8Array;
  /** Events ever scored; the newest stands at `(scored - 1) % windowLong`. */
  #scored = 0;
  /** How often each place occurs, by window, contender and place. */
  #counts = new Float64Array(2 * CONTENDERS.length * PLACES);
  readonly #itemKnn = new ItemKnn();
  #seen = new Int32Array(64);
  #stamp = 0;

  constructor({ window, windowLong }: Omit<PrequentialConfig, 'every'>, servable: Servable) {
    this.#sizes = [window, Math.max(window, windowLong)];
    this.#servable = servable;
    this.#ring = new Uint8Array(this.#sizes[1] * CONTENDERS.length);
  }

  /** Takes in one scored event. */
  observe(event: PrequentialEvent): void {
    this.#mark(event);
    this.#push([doubled(event.rank), this.#popularPlace(event), this.#cosinePlace(event)]);
  }

  #mark({ seen, catalogue }: PrequentialEvent): void {
    const { end } = catalogue.ids;
    if (end > this.#seen.length) {
      this.#seen = new Int32Array(Math.max(end, this.#seen.length * 2));
      this.#stamp = 0;
    }
    this.#stamp++;
    if (this.#servable.includeSeen) return;
    for (let i = 0; i < seen.length; i++) this.#seen[seen[i]!] = this.#stamp;
  }

  #free(item: number, { catalogue }: PrequentialEvent): boolean {
    return this.#seen[item] !== this.#stamp && catalogue.isServable(item, this.#servable.serveUnpublished);
  }

  #popularPlace(event: PrequentialEvent): number {
    const { item, popularity, statistics, catalogue } = event;
    const own = popularity.sum(item, statistics);
    if (!(own > 0) || !this.#free(item, event)) return 0;
    let above = 0;
    let same = 0;
    // Most items are not among the best, which shows after a few others.
    for (let other = 0; other < catalogue.ids.end && above < CUT; other++) {
      const sum = popularity.sum(other, statistics);
      if (sum < own || !this.#free(other, event)) continue;
      if (sum > own) above++;
      else same++;
    }
    return doubled(above + (same + 1) / 2);
  }

  #cosinePlace(event: PrequentialEvent): number {
    const { item, profile, statistics, catalogue } = event;
    if (!this.#free(item, event)) return 0;
    const knn = this.#itemKnn;
    knn.gather(profile, statistics, catalogue.ids.end);
    const own = knn.score(item, statistics);
    if (!(own > 0)) return 0;
    let above = 0;
    let same = 0;
    for (let i = 0; i < knn.count && above < CUT; i++) {
      const other = knn.touched[i]!;
      const score = knn.score(other, statistics);
      if (score < own || !this.#free(other, event)) continue;
      if (score > own) above++;
      else same++;
    }
    return doubled(above + (same + 1) / 2);
  }

  #push(places: readonly number[]): void {
    const long = this.#sizes[1];
    for (const [window, size] of this.#sizes.entries()) {
      if (this.#scored >= size) this.#count(window, (this.#scored - size) % long, -1);
    }
    const at = this.#scored % long;
    for (let k = 0; k < CONTENDERS.length; k++) this.#ring[at * CONTENDERS.length + k] = places[k]!;
    this.#scored++;
    for (let window = 0; window < this.#sizes.length; window++) this.#count(window, at, 1);
  }

  #count(window: number, at: number, sign: 1 | -1): void {
    for (let k = 0; k < CONTENDERS.length; k++) {
      const bin = (window * CONTENDERS.length + k) * PLACES + this.#ring[at * CONTENDERS.length + k]!;
      this.#counts[bin] = this.#counts[bin]! + sign;
    }
  }

  report(): PrequentialReport {
    return {
      scored: this.#scored,
      windows: this.#sizes.map((size, window) => {
        const events = Math.min(size, this.#scored);
        const of = (contender: Contender): Quality =>
          this.#quality((window * CONTENDERS.length + CONTENDERS.indexOf(contender)) * PLACES, events);
        return { size, events, model: of('model'), popular: of('popular'), item_knn: of('item_knn') };
      }),
    };
  }

  #quality(from: number, events: number): Quality {
    let hits = 0;
    let ndcg = 0;
    let mrr = 0;
    for (let place = 1; place < PLACES; place++) {
      const count = this.#counts[from + place]!;
      if (count === 0) continue;
      hits += count;
      ndcg += (count * Math.LN2) / ln(1 + place / 2);
      mrr += count / (place / 2);
    }
    const n = Math.max(events, 1);
    return { hr: hits / n, ndcg: ndcg / n, mrr: mrr / n };
  }

  /** What goes into the model's state: the places in force, oldest first. */
  export(): Buffer {
    const long = this.#sizes[1];
    const held = Math.min(this.#scored, long);
    const bytes = Buffer.alloc(HEADER_BYTES + held * CONTENDERS.length);
    bytes.writeDoubleLE(this.#scored, 0);
    bytes.writeDoubleLE(this.#sizes[0], 8);
    bytes.writeDoubleLE(long, 16);
    for (let i = 0; i < held; i++) {
      const at = (this.#scored - held + i) % long;
      for (let k = 0; k < CONTENDERS.length; k++) {
        bytes[HEADER_BYTES + i * CONTENDERS.length + k] = this.#ring[at * CONTENDERS.length + k]!;
      }
    }
    return bytes;
  }

  /** Reads what {@link export} wrote; false where that is of windows of another size, and nothing is read. */
  import(bytes: Buffer): boolean {
    if (bytes.length < HEADER_BYTES) return false;
    const scored = bytes.readDoubleLE(0);
    const held = Math.min(scored, this.#sizes[1]);
    if (bytes.readDoubleLE(8) !== this.#sizes[0] || bytes.readDoubleLE(16) !== this.#sizes[1]) return false;
    if (bytes.length !== HEADER_BYTES + held * CONTENDERS.length) return false;
    this.#counts.fill(0);
    for (let i = 0; i < held; i++) {
      const at = (scored - held + i) % this.#sizes[1];
      for (let k = 0; k < CONTENDERS.length; k++) {
        this.#ring[at * CONTENDERS.length + k] = bytes[HEADER_BYTES + i * CONTENDERS.length + k]!;
      }
      for (const [window, size] of this.#sizes.entries()) if (held - i <= size) this.#count(window, at, 1);
    }
    this.#scored = scored;
    return true;
  }
}

/** A place as it is kept: 0 where it isn't among the ten best. */
const doubled = (place: number): number => (place >= 1 && place <= CUT ? Math.round(2 * place) : 0);
