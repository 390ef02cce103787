/**
 * n^-exponent of items. The kernel keeps the values while an item's total stays the same, as the power costs more than
 * all else.
 */
import type { Address, Kernel } from '../kernel/kernel.ts';
import type { Statistics } from '../state/statistics.ts';

export class Damping {
  readonly address: Address;
  readonly #kernel: Kernel;

  constructor(exponent: number, kernel: Kernel) {
    this.#kernel = kernel;
    this.address = kernel.calls.newDamping(exponent) >>> 0;
  }

  of(item: number, statistics: Statistics): number {
    const value = this.#kernel.calls.dampingOf(this.address, item, statistics.total[item]!);
    return value;
  }
}
