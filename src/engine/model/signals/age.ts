/**
 * How new an item is in the catalogue: `2^(-age / half-life)` of the time of the event that published it.
 *
 * A catalogue event sets the time; interactions add nothing. Explained as itself. The newest items are candidates of
 * their own, so that one which shares no terms with anybody is seen at all.
 */
import type { Catalogue } from '../catalogue.ts';
import { exp } from '../math.ts';

export interface AgeConfig {
  /** Milliseconds in which newness halves. */
  newHalfLifeMs: number;
}

export const AGE_DEFAULTS: AgeConfig = { newHalfLifeMs: 7 * 86_400_000 };

const LN2 = Math.LN2;

/** Newness of an item at a time, 0 to 1; 0 for one that was never published. */
export function newness(item: number, timeMs: number, catalogue: Catalogue, config: AgeConfig): number {
  const known = catalogue.item(item);
  if (known === undefined) return 0;
  const age = Math.max(0, timeMs - known.listed) / config.newHalfLifeMs;
  return age > 40 ? 0 : exp(-LN2 * age);
}

/** The items listed last, kept until the catalogue changes. */
export class Newest {
  items: number[] = [];
  #version = -1;
  #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  refresh(catalogue: Catalogue): void {
    if (this.#version === catalogue.version) return;
    this.#version = catalogue.version;
    const listed: number[] = [];
    for (let item = 0; item < catalogue.ids.end; item++)
      if (catalogue.isPublished(item) && !catalogue.isWithdrawn(item)) listed.push(item);
    const at = (item: number) => catalogue.item(item)!.listed;
    const id = (item: number) => catalogue.ids.id(item);
    listed.sort((a, b) => at(b) - at(a) || (id(a) < id(b) ? -1 : 1));
    this.items = listed.slice(0, this.#keep);
  }
}
