/**
 * The learned ranker: a correction of the hand-set weights, `z = (base + W g) x + v relu((A g) x)`, with x the features
 * of a candidate and g the gates of the list. It starts at 0, so the first list is the hand-set one, and no list jumps
 * once there is enough to learn from.
 *
 * Lists are scored with the running average of the weights (Polyak and Juditsky 1992), not with those of the last step,
 * as each example moves those a lot. Measured on MovieLens 100K, the average gives about a third of what learning gains
 * in hit rate.
 *
 * Gates are the same for all candidates of a list, so the ranker folds them into plain weights once for each list. The
 * layer has no offsets. So a rectified unit that is active is linear in the features, and a score remains a sum of
 * terms with one feature each (offsets made no measured difference).
 */
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter } from '../primitives/bytes.ts';
import { ln } from '../primitives/math.ts';
import { Adam } from './adam.ts';
import type { RankerConfig } from './config.ts';
import { GATES, gatesOf } from './gates.ts';
import { RunningMeans } from './means.ts';
import { negativeGradient, positiveGradient } from './softmax.ts';

/** All that a ranker has learned; equal rankers give equal copies. */
export interface RankerState {
  parameters: Float64Array;
  average: Float64Array;
  first: Float64Array;
  second: Float64Array;
  powers: [number, number];
  means: Float64Array;
  lists: Float64Array;
  steps: number;
  effort: number;
}

/** A list with a known outcome: features of its rows, `row * columns + column`. */
export interface TrainingExample {
  features: Float64Array;
  /** Means of positive values by column, before they became features. */
  means: Float64Array;
  rows: number;
  /** The row of the item that the user took. */
  row: number;
}

/** Rows with a smaller gradient are left out: they are most of a list and move nothing. */
const NEGLIGIBLE = 1e-5;
/** Weight of the newest weights in the average; the first steps all weigh the same. */
const NEWEST_SHARE = 0.001;

export class Ranker {
  readonly #columns: number;
  readonly #units: number;
  readonly #rate: number;
  /** Scale of each column, so that all features are of about one size. */
  readonly #scales: Float64Array;
  /** W by gate and column, A by unit, gate and column, v by unit, then the weight of an item's position in a list. */
  readonly #parameters: Float64Array;
  readonly #average: Float64Array;
  readonly #gradient: Float64Array;
  readonly #adam: Adam;
  readonly #means: RunningMeans;
  #steps = 0;
  #effort = 0;
  // The list that was prepared last.
  #base: Float64Array;
  #gates: Float64Array = gatesOf(1, 0);
  #served = true;
  /** Whether the served weights are still to be folded: a list that is only trained on never needs them. */
  #isDue = false;
  readonly #linear: Float64Array;
  readonly #layer: Float64Array;
  #active = new Float64Array(0);
  #scores = new Float64Array(0);
  #slopes = new Float64Array(0);

  constructor({ form, hidden, learningRate, seed }: RankerConfig, scales: Float64Array) {
    const columns = scales.length;
    this.#columns = columns;
    this.#units = form === 'hidden' ? hidden : 0;
    this.#rate = learningRate;
    this.#scales = scales;
    this.#parameters = new Float64Array((1 + this.#units) * GATES * columns + this.#units + 1);
    this.#gradient = new Float64Array(this.#parameters.length);
    this.#adam = new Adam(this.#parameters.length);
    this.#means = new RunningMeans(columns);
    this.#base = new Float64Array(columns);
    this.#linear = new Float64Array(columns);
    this.#layer = new Float64Array(this.#units * columns);
    const random = randomBySeed(seed);
    for (let i = GATES * columns; i < this.#out; i++) this.#parameters[i] = (random() * 0.5) / Math.sqrt(columns);
    this.#average = this.#parameters.slice();
  }

  /** Where v begins, after W and A. */
  get #out(): number {
    return (1 + this.#units) * GATES * this.#columns;
  }

  get #folded(): Float64Array {
    return this.#served ? this.#average : this.#parameters;
  }

  /** Running means of positive values by column (means.ts). The caller must not write them. */
  get means(): Float64Array {
    return this.#means.means;
  }

  /** Lists that the ranker learned from. */
  get steps(): number {
    return this.#steps;
  }

  /** Items of all the histories that those lists were computed for: the cost of learning. */
  get effort(): number {
    return this.#effort;
  }

  /**
   * Prepares for a list.
   *
   * @param base weights by column that the correction is added to
   * @param historyLength events of the user's history
   * @param strength strength of the list's evidence (gates.ts)
   */
  prepare(base: Float64Array, historyLength: number, strength: number): void {
    this.#base.set(base);
    this.#gates = gatesOf(historyLength, strength);
    this.#isDue = true;
  }

  /** Folds the gates into the served weights, or into those that are being learned. */
  #foldGates(served: boolean): void {
    this.#isDue = false;
    this.#served = served;
    const columns = this.#columns;
    const base = this.#base;
    const gates = this.#gates;
    const parameters = this.#folded;
    const scales = this.#scales;
    for (let k = 0; k < columns; k++) {
      this.#linear[k] = base[k]! + scales[k]! * gated(parameters, k, columns, gates);
    }
    for (let unit = 0; unit < this.#units; unit++) {
      const from = (1 + unit) * GATES * columns;
      for (let k = 0; k < columns; k++) {
        const weight = gated(parameters, from + k, columns, gates);
        this.#layer[unit * columns + k] = scales[k]! * weight;
      }
    }
  }

  /** Scores of all rows (`row * columns + column`) of the prepared list; the next call overwrites them. */
  score(features: Float64Array, rows: number): Float64Array {
    if (this.#isDue) this.#foldGates(true);
    const columns = this.#columns;
    const units = this.#units;
    if (this.#scores.length < rows) {
      this.#scores = new Float64Array(rows * 2);
      this.#slopes = new Float64Array(rows * 2);
      this.#active = new Float64Array(rows * 2 * Math.max(units, 1));
    }
    const linear = this.#linear;
    const layer = this.#layer;
    const out = this.#out;
    const parameters = this.#folded;
    const active = this.#active;
    for (let row = 0; row < rows; row++) {
      const at = row * columns;
      let score = 0;
      for (let k = 0; k < columns; k++) score += linear[k]! * features[at + k]!;
      let unit = 0;
      // Four units at a time: the sums are independent, and each feature is read once for all four.
      for (; unit + 3 < units; unit += 4) {
        const first = unit * columns;
        const second = first + columns;
        const third = second + columns;
        const fourth = third + columns;
        let a = 0;
        let b = 0;
        let c = 0;
        let d = 0;
        for (let k = 0; k < columns; k++) {
          const x = features[at + k]!;
          a += layer[first + k]! * x;
          b += layer[second + k]! * x;
          c += layer[third + k]! * x;
          d += layer[fourth + k]! * x;
        }
        const to = row * units + unit;
        active[to] = a;
        active[to + 1] = b;
        active[to + 2] = c;
        active[to + 3] = d;
        if (a > 0) score += parameters[out + unit]! * a;
        if (b > 0) score += parameters[out + unit + 1]! * b;
        if (c > 0) score += parameters[out + unit + 2]! * c;
        if (d > 0) score += parameters[out + unit + 3]! * d;
      }
      for (; unit < units; unit++) {
        const from = unit * columns;
        let sum = 0;
        for (let k = 0; k < columns; k++) sum += layer[from + k]! * features[at + k]!;
        active[row * units + unit] = sum;
        if (sum > 0) score += parameters[out + unit]! * sum;
      }
      this.#scores[row] = score;
    }
    return this.#scores;
  }

  /** Weights by column whose product with a row's features is its score, for the prepared list. */
  weightsOf(features: Float64Array, row: number): Float64Array {
    if (this.#isDue) this.#foldGates(true);
    const columns = this.#columns;
    const weights = this.#linear.slice();
    const out = this.#out;
    for (let unit = 0; unit < this.#units; unit++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += this.#layer[unit * columns + k]! * features[row * columns + k]!;
      if (sum <= 0) continue;
      const v = this.#folded[out + unit]!;
      for (let k = 0; k < columns; k++) weights[k] = weights[k]! + v * this.#layer[unit * columns + k]!;
    }
    return weights;
  }

  /**
   * Learns from the list that was prepared last which item the user took, and updates the running means.
   *
   * @param effort items of the history that the list was computed for
   */
  learn({ features, means, rows, row }: TrainingExample, effort: number): void {
    this.#effort += effort;
    this.#foldGates(false);
    this.score(features, rows);
    positiveGradient(this.#scores, rows, row, this.#slopes);
    this.#descend(features, rows, 0);
    this.#means.learn(means);
  }

  /**
   * Learns the outcome of an impression, with its rows in the order in which the user saw them. A position says much
   * about which item is clicked and nothing about which item should be. So it has a weight of its own here (position
   * bias), and none when a list is scored.
   *
   * @param row the item that the user clicked (`positive`) or dismissed (`negative`)
   */
  learnImpression(features: Float64Array, rows: number, row: number, outcome: 'positive' | 'negative'): void {
    this.#foldGates(false);
    const scores = this.score(features, rows);
    const weight = this.#parameters[this.#parameters.length - 1]!;
    for (let place = 0; place < rows; place++) scores[place] = scores[place]! + weight * logPosition(place);
    const gradient = outcome === 'positive' ? positiveGradient : negativeGradient;
    gradient(scores, rows, row, this.#slopes);
    let depth = 0;
    for (let place = 0; place < rows; place++) depth += this.#slopes[place]! * logPosition(place);
    this.#descend(features, rows, depth);
  }

  /** One step against the gradient by score in `#slopes`, and by position in an impression. */
  #descend(features: Float64Array, rows: number, depth: number): void {
    const slopes = this.#slopes;
    const columns = this.#columns;
    const units = this.#units;
    const gradient = this.#gradient.fill(0);
    gradient[gradient.length - 1] = depth;
    const out = this.#out;
    for (let row = 0; row < rows; row++) {
      const slope = slopes[row]!;
      if (slope < NEGLIGIBLE && slope > -NEGLIGIBLE) continue;
      const at = row * columns;
      for (let k = 0; k < columns; k++) gradient[k] = gradient[k]! + slope * features[at + k]!;
      for (let unit = 0; unit < units; unit++) {
        const sum = this.#active[row * units + unit]!;
        if (sum <= 0) continue;
        gradient[out + unit] = gradient[out + unit]! + slope * sum;
        const part = slope * this.#parameters[out + unit]!;
        const from = (1 + unit) * GATES * columns;
        for (let k = 0; k < columns; k++) gradient[from + k] = gradient[from + k]! + part * features[at + k]!;
      }
    }
    // The sums are the gradient of the folded weights, in the place of the first gate.
    const gates = this.#gates;
    for (let from = 0; from < out; from += GATES * columns) {
      for (let k = 0; k < columns; k++) {
        const sum = this.#scales[k]! * gradient[from + k]!;
        for (let gate = 0; gate < GATES; gate++) gradient[from + gate * columns + k] = gates[gate]! * sum;
      }
    }
    this.#adam.step(this.#parameters, gradient, this.#rate);
    this.#steps++;
    const share = Math.max(NEWEST_SHARE, 1 / this.#steps);
    const average = this.#average;
    const parameters = this.#parameters;
    for (let i = 0; i < average.length; i++) average[i] = average[i]! + share * (parameters[i]! - average[i]!);
  }

  /** A copy of all that the ranker has learned. */
  state(): RankerState {
    const { first, second, firstPower, secondPower } = this.#adam;
    return {
      parameters: this.#parameters.slice(),
      average: this.#average.slice(),
      first: first.slice(),
      second: second.slice(),
      powers: [firstPower, secondPower],
      means: this.#means.means.slice(),
      lists: this.#means.lists.slice(),
      steps: this.#steps,
      effort: this.#effort,
    };
  }

  /** Restores what {@link state} gave. Throws a RangeError for a ranker of another shape. */
  restore({ parameters, average, first, second, powers, means, lists, steps, effort }: RankerState): void {
    const size = this.#parameters.length;
    if ([parameters, average, first, second].some(({ length }) => length !== size)) {
      throw new RangeError(`a ranker of ${parameters.length} parameters does not fit one of ${size}`);
    }
    this.#parameters.set(parameters);
    this.#average.set(average);
    this.#means.restore({ means, lists });
    this.#adam.first.set(first);
    this.#adam.second.set(second);
    [this.#adam.firstPower, this.#adam.secondPower] = powers;
    this.#steps = steps;
    this.#effort = effort;
  }

  encode(): Buffer {
    const { parameters, average, first, second, powers, means, lists, steps, effort } = this.state();
    const out = new ByteWriter();
    for (const numbers of [parameters, average, first, second, powers, means, lists]) out.f64s(numbers);
    out.count(steps);
    out.count(effort);
    return out.finish();
  }

  /** Restores what {@link encode} wrote. Throws a RangeError for a ranker of another shape. */
  decode(bytes: Uint8Array): void {
    const input = new ByteReader(Buffer.from(bytes));
    const [parameters, average] = [input.f64s(), input.f64s()];
    const [first, second] = [input.f64s(), input.f64s()];
    const [firstPower, secondPower] = input.f64s();
    const [means, lists] = [input.f64s(), input.f64s()];
    const [steps, effort] = [input.count(), input.count()];
    this.restore({
      parameters,
      average,
      first,
      second,
      powers: [firstPower!, secondPower!],
      means,
      lists,
      steps,
      effort,
    });
  }

  /** SHA-256, hex, of all that the ranker has learned. */
  hash(): string {
    return createHash('sha256').update(this.encode()).digest('hex');
  }
}

/** The weights of one column under all gates, `columns` apart, as one weight. */
function gated(parameters: Float64Array, at: number, columns: number, gates: Float64Array): number {
  let weight = 0;
  for (let gate = 0; gate < GATES; gate++) weight += gates[gate]! * parameters[at + gate * columns]!;
  return weight;
}

/** Feature of an item's position in a list, from 0. */
const logPosition = (place: number): number => ln(1 + place);

/** Numbers from -1 to 1, by whole-number arithmetic alone (Marsaglia's xorshift32). */
function randomBySeed(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x2545f491) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 31 - 1;
  };
}
