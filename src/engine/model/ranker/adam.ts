/**
 * Adam (Kingma and Ba 2015, algorithm 1) on one flat column of parameters (kernel/assembly/ranker.ts); powers of the
 * decays are running products.
 */
import type { Column, Kernel } from '../kernel/kernel.ts';

const FIRST = 0.9;
const SECOND = 0.999;

export class Adam {
  readonly #kernel: Kernel;
  readonly #first: Column<Float64Array>;
  readonly #second: Column<Float64Array>;
  /** Products of the decays so far, which correct the moments' start at 0. */
  firstPower = 1;
  secondPower = 1;

  constructor(size: number, kernel: Kernel) {
    this.#kernel = kernel;
    this.#first = kernel.f64(size);
    this.#second = kernel.f64(size);
  }

  get first(): Float64Array {
    return this.#first.view;
  }

  get second(): Float64Array {
    return this.#second.view;
  }

  /** Moves the parameters against their gradient, which must be finite. */
  step(parameters: Column<Float64Array>, gradient: Column<Float64Array>, rate: number): void {
    this.firstPower *= FIRST;
    this.secondPower *= SECOND;
    const step = rate * (1 / (1 - this.firstPower));
    const secondScale = 1 / (1 - this.secondPower);
    this.#kernel.calls.stepAdam(
      parameters.address,
      gradient.address,
      this.#first.address,
      this.#second.address,
      parameters.length,
      step,
      secondScale,
    );
  }
}
