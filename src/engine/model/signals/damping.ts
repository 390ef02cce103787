/**
 * n^-exponent of items. The values are cached while an item's total stays the same, as the power costs more than all
 * else.
 */
import { pow } from '../primitives/math.ts';
import type { Statistics } from '../state/statistics.ts';

export class Damping {
  #exponent: number;
  #totals = new Float64Array(0);
  #values = new Float64Array(0);

  constructor(exponent: number) {
    this.#exponent = exponent;
  }

  of(item: number, statistics: Statistics): number {
    if (item >= this.#totals.length) this.#reserve(statistics.total.length);
    const total = statistics.total[item]!;
    if (this.#totals[item] === total) return this.#values[item]!;
    const value = pow(Math.max(total / 16, 1), -this.#exponent);
    this.#totals[item] = total;
    this.#values[item] = value;
    return value;
  }

  #reserve(count: number): void {
    const totals = new Float64Array(count).fill(-1);
    totals.set(this.#totals);
    const values = new Float64Array(count);
    values.set(this.#values);
    this.#totals = totals;
    this.#values = values;
  }
}
