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
import { type Address, type Column, Kernel } from '../kernel/kernel.ts';
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

/** Weight of the newest weights in the average; the first steps all weigh the same. */
const NEWEST_SHARE = 0.001;

export class Ranker {
  readonly #kernel: Kernel;
  readonly #columns: number;
  readonly #units: number;
  /** Units of a column in the layer, an even number, as the kernel computes two at a time. */
  readonly #stride: number;
  readonly #rate: number;
  /** Scale of each column, so that all features are of about one size. */
  readonly #scales: Column<Float64Array>;
  /** W by gate and column, A by unit, gate and column, v by unit, then the weight of an item's position in a list. */
  readonly #parameters: Column<Float64Array>;
  readonly #average: Column<Float64Array>;
  readonly #gradient: Column<Float64Array>;
  readonly #adam: Adam;
  readonly #means: RunningMeans;
  #steps = 0;
  #effort = 0;
  // The list that was prepared last.
  readonly #base: Column<Float64Array>;
  readonly #gates: Column<Float64Array>;
  #served = true;
  /** Whether the served weights are still to be folded: a list that is only trained on never needs them. */
  #isDue = false;
  /** Weights by column, and by column and unit. */
  readonly #linear: Column<Float64Array>;
  readonly #layer: Column<Float64Array>;
  readonly #active: Column<Float64Array>;
  readonly #scores: Column<Float64Array>;
  readonly #slopes: Column<Float64Array>;
  /** Features of a list that is not in the kernel. */
  readonly #copied: Column<Float64Array>;

  constructor({ form, hidden, learningRate, seed }: RankerConfig, scales: Float64Array, kernel = new Kernel()) {
    const columns = scales.length;
    this.#kernel = kernel;
    this.#columns = columns;
    this.#units = form === 'hidden' ? hidden : 0;
    this.#stride = this.#units + (this.#units % 2);
    this.#rate = learningRate;
    this.#scales = kernel.f64(columns);
    this.#scales.view.set(scales);
    const size = (1 + this.#units) * GATES * columns + this.#units + 1;
    this.#parameters = kernel.f64(size);
    this.#average = kernel.f64(size);
    this.#gradient = kernel.f64(size);
    this.#adam = new Adam(size, kernel);
    this.#means = new RunningMeans(columns, kernel);
    this.#base = kernel.f64(columns);
    this.#gates = kernel.f64(GATES);
    this.#gates.view.set(gatesOf(1, 0));
    this.#linear = kernel.f64(columns);
    this.#layer = kernel.f64(this.#stride * columns);
    this.#active = kernel.f64(this.#stride);
    this.#scores = kernel.f64(1);
    this.#slopes = kernel.f64(1);
    this.#copied = kernel.f64(columns);
    const random = randomBySeed(seed);
    const parameters = this.#parameters.view;
    for (let i = GATES * columns; i < this.#out; i++) parameters[i] = (random() * 0.5) / Math.sqrt(columns);
    this.#average.view.set(parameters);
  }

  /** Where v begins, after W and A. */
  get #out(): number {
    return (1 + this.#units) * GATES * this.#columns;
  }

  get #folded(): Column<Float64Array> {
    return this.#served ? this.#average : this.#parameters;
  }

  /** Running means of positive values by column (means.ts). The caller must not write them. */
  get means(): Float64Array {
    return this.#means.means;
  }

  /** See {@link means}, in the kernel. */
  get usual(): Column<Float64Array> {
    return this.#means.column;
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
    this.#base.view.set(base);
    this.#gates.view.set(gatesOf(historyLength, strength));
    this.#isDue = true;
  }

  /** Folds the gates into the served weights, or into those that are being learned. */
  #foldGates(served: boolean): void {
    this.#isDue = false;
    this.#served = served;
    this.#kernel.calls.foldGates(
      this.#folded.address,
      this.#base.address,
      this.#scales.address,
      this.#gates.address,
      this.#columns,
      this.#units,
      this.#stride,
      this.#linear.address,
      this.#layer.address,
    );
  }

  /** Makes room for a list, and returns where its features are; those from outside the kernel are copied. */
  #take(features: Float64Array, rows: number): Address {
    // A view of the kernel's memory is void once that has grown.
    const address = features.buffer === this.#kernel.buffer ? features.byteOffset : undefined;
    this.#scores.reserveTwice(rows);
    this.#slopes.reserveTwice(rows);
    this.#active.reserveTwice(rows * this.#stride);
    if (address !== undefined) return address;
    this.#copied.reserveTwice(rows * this.#columns);
    this.#copied.view.set(features.subarray(0, rows * this.#columns));
    return this.#copied.address;
  }

  /** Scores of all rows (`row * columns + column`) of the prepared list; the next call overwrites them. */
  score(features: Float64Array, rows: number): Float64Array {
    if (this.#isDue) this.#foldGates(true);
    this.#scoreAt(this.#take(features, rows), rows);
    return this.#scores.view;
  }

  #scoreAt(features: Address, rows: number): void {
    this.#kernel.calls.scoreRows(
      features,
      rows,
      this.#columns,
      this.#units,
      this.#stride,
      this.#linear.address,
      this.#layer.address,
      this.#folded.address + this.#out * 8,
      this.#active.address,
      this.#scores.address,
    );
  }

  /** Weights by column whose product with a row's features is its score, for the prepared list. */
  weightsOf(features: Float64Array, row: number): Float64Array {
    if (this.#isDue) this.#foldGates(true);
    const columns = this.#columns;
    const stride = this.#stride;
    const weights = this.#linear.view.slice();
    const layer = this.#layer.view;
    const folded = this.#folded.view;
    for (let unit = 0; unit < this.#units; unit++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += layer[k * stride + unit]! * features[row * columns + k]!;
      if (sum <= 0) continue;
      const v = folded[this.#out + unit]!;
      for (let k = 0; k < columns; k++) weights[k] = weights[k]! + v * layer[k * stride + unit]!;
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
    const at = this.#take(features, rows);
    this.#scoreAt(at, rows);
    positiveGradient(this.#kernel, this.#scores, rows, row, this.#slopes);
    this.#descend(at, rows, 0);
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
    const at = this.#take(features, rows);
    this.#scoreAt(at, rows);
    const scores = this.#scores.view;
    const weight = this.#parameters.view[this.#parameters.length - 1]!;
    for (let place = 0; place < rows; place++) scores[place] = scores[place]! + weight * logPosition(place);
    const gradient = outcome === 'positive' ? positiveGradient : negativeGradient;
    gradient(this.#kernel, this.#scores, rows, row, this.#slopes);
    const slopes = this.#slopes.view;
    let depth = 0;
    for (let place = 0; place < rows; place++) depth += slopes[place]! * logPosition(place);
    this.#descend(at, rows, depth);
  }

  /** One step against the gradient by score in `#slopes`, and by position in an impression. */
  #descend(features: Address, rows: number, depth: number): void {
    const { calls } = this.#kernel;
    calls.gradientOf(
      features,
      rows,
      this.#columns,
      this.#units,
      this.#stride,
      this.#slopes.address,
      this.#active.address,
      this.#parameters.address,
      this.#scales.address,
      this.#gates.address,
      depth,
      this.#gradient.address,
    );
    this.#adam.step(this.#parameters, this.#gradient, this.#rate);
    this.#steps++;
    const share = Math.max(NEWEST_SHARE, 1 / this.#steps);
    calls.average(this.#average.address, this.#parameters.address, this.#parameters.length, share);
  }

  /** A copy of all that the ranker has learned. */
  state(): RankerState {
    const { first, second, firstPower, secondPower } = this.#adam;
    return {
      parameters: this.#parameters.view.slice(),
      average: this.#average.view.slice(),
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
      throw new RangeError(`The given ranker has ${parameters.length} parameters. This ranker has ${size}.`);
    }
    this.#parameters.view.set(parameters);
    this.#average.view.set(average);
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
