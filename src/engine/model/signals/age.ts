/**
 * How new an item is in the catalogue: `2^(-age / half-life)` since the event that published it.
 *
 * A catalogue event sets the time; interactions add nothing. The newest items are candidates by themselves, so that
 * users see an item that shares no terms with any history.
 */

import { type Column, Kernel } from '../kernel/kernel.ts';
import { exp } from '../primitives/math.ts';
import type { Catalogue } from '../state/catalogue.ts';

export interface AgeConfig {
  /** Milliseconds in which newness halves. */
  newHalfLifeMs: number;
}

export const AGE_DEFAULTS: AgeConfig = { newHalfLifeMs: 7 * 86_400_000 };

const LN2 = Math.LN2;

/** Newness of an item at a time, 0 to 1; 0 for an item that was never published. */
export function newness(item: number, timeMs: number, catalogue: Catalogue, config: AgeConfig): number {
  const listed = catalogue.listed(item);
  if (Number.isNaN(listed)) return 0;
  const age = Math.max(0, timeMs - listed) / config.newHalfLifeMs;
  return age > 40 ? 0 : exp(-LN2 * age);
}

/** Up to this many changes happen one by one; more of them rebuild the list. */
const FEW = 64;

/** The items listed last, newest first, ties by their ids. It follows the catalogue without a pass over all of it. */
export class Newest {
  items: number[] = [];
  /** Items that entered or left the catalogue since the last refresh. */
  readonly #changed = new Set<number>();
  /** Whether the catalogue may hold listed items beyond those kept. */
  #more = true;
  /** The same in the kernel. */
  readonly column: Column<Int32Array>;
  #keep: number;
  #catalogue: Catalogue;

  constructor(keep: number, catalogue: Catalogue, kernel = new Kernel()) {
    this.column = kernel.i32(64);
    this.#keep = keep;
    this.#catalogue = catalogue;
    catalogue.onListing((item) => this.#changed.add(item));
  }

  refresh(): void {
    if (this.#changed.size === 0) return;
    if (this.#changed.size > FEW) this.#collect();
    else for (const item of this.#changed) this.#move(item);
    if (this.items.length < this.#keep && this.#more) this.#collect();
    this.#changed.clear();
    this.column.reserveTwice(this.items.length);
    this.column.view.set(this.items);
  }

  #isListed(item: number): boolean {
    return this.#catalogue.isPublished(item) && !this.#catalogue.isWithdrawn(item);
  }

  /** Takes an item out, and puts it back in its place if it is listed. */
  #move(item: number): void {
    const { items } = this;
    const before = items.indexOf(item);
    if (before >= 0) items.splice(before, 1);
    if (!this.#isListed(item)) return;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(items[middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    // Items that are not kept may come before this one.
    if (low === items.length && this.#more) return;
    items.splice(low, 0, item);
    if (items.length > this.#keep) {
      items.length = this.#keep;
      this.#more = true;
    }
  }

  #compare(a: number, b: number): number {
    const { ids } = this.#catalogue;
    const [listedA, listedB] = [this.#catalogue.item(a)!.listed, this.#catalogue.item(b)!.listed];
    return listedB - listedA || (ids.id(a) < ids.id(b) ? -1 : 1);
  }

  #collect(): void {
    const listed: number[] = [];
    for (let item = 0; item < this.#catalogue.ids.end; item++) if (this.#isListed(item)) listed.push(item);
    listed.sort((a, b) => this.#compare(a, b));
    this.#more = listed.length > this.#keep;
    this.items = listed.slice(0, this.#keep);
  }
}
