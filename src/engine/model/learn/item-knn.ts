/**
 * Item kNN, a baseline that the model is measured against: the sum of the cosines `co[h][j] / sqrt(n_h n_j)` over the
 * newest items of a history. Weights are whole multiples of 2^-20, so the order of rows does not matter.
 */
import { pow } from '../primitives/math.ts';
import type { Profile } from '../state/profile.ts';
import { CO_BITS, CO_MASK, WIDE } from '../state/row-slots.ts';
import type { Statistics } from '../state/statistics.ts';

const UNIT = 2 ** 20;

export class ItemKnn {
  /** Items with a score, in no particular order, `count` of them. */
  touched = new Int32Array(64);
  count = 0;
  #sums = new Float64Array(64);

  /** Sums up the rows of a profile's items, for items numbered below `items`. */
  gather({ items: own, lags }: Profile, { pairs, total }: Statistics, items: number): void {
    for (let i = 0; i < this.count; i++) this.#sums[this.touched[i]!] = 0;
    this.count = 0;
    if (items > this.touched.length) {
      const size = Math.max(items, this.touched.length * 2);
      this.touched = new Int32Array(size);
      this.#sums = new Float64Array(size);
    }
    for (let place = 0; place < own.length; place++) {
      const item = own[place]!;
      const { wide } = pairs;
      const table = pairs.table(item);
      if (table === undefined) continue;
      const weight = Math.round(UNIT * lags[place]!.length * pow(Math.max(total[item]! / 16, 1), -0.5));
      for (let at = 0; at < table.length; at += 2) {
        const head: number = table[at]!;
        const co = (head & CO_MASK) === WIDE ? wide[table[at + 1]! * 3 + 2]! : head & CO_MASK;
        if (co === 0) continue;
        const j = (head >>> CO_BITS) - 1;
        if (this.#sums[j] === 0) this.touched[this.count++] = j;
        this.#sums[j] = this.#sums[j]! + weight * co;
      }
    }
  }

  /** Score of an item; 0 if no user took both it and an item of the history. */
  score(item: number, { total }: Statistics): number {
    const sum = this.#sums[item] ?? 0;
    return sum === 0 ? 0 : sum / Math.sqrt(Math.max(total[item]! / 16, 1));
  }
}
