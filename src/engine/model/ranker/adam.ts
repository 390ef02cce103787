/**
 * Adam (Kingma and Ba 2015, algorithm 1) on one flat array of parameters; powers of the decays are running products.
 */
const FIRST = 0.9;
const SECOND = 0.999;
const EPSILON = 1e-8;

export class Adam {
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Products of the decays so far, which correct the moments' start at 0. */
  firstPower = 1;
  secondPower = 1;

  constructor(size: number) {
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
  }

  /** Moves the parameters against their gradient, which must be finite. */
  step(parameters: Float64Array, gradient: Float64Array, rate: number): void {
    const { first, second } = this;
    this.firstPower *= FIRST;
    this.secondPower *= SECOND;
    const step = rate * (1 / (1 - this.firstPower));
    const secondScale = 1 / (1 - this.secondPower);
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i]!;
      const m = FIRST * first[i]! + (1 - FIRST) * g;
      const v = SECOND * second[i]! + (1 - SECOND) * g * g;
      first[i] = m;
      second[i] = v;
      parameters[i] = parameters[i]! - (step * m) / (Math.sqrt(v * secondScale) + EPSILON);
    }
  }
}
