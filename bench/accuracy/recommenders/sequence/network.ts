/**
 * A small causal network over item histories (after SASRec, Kang and McAuley 2018): one block of self-attention with
 * one head, and a layer of its own for each position after it. It trains outside the fold, and scores here in plain
 * typed arrays: a list needs only the newest position, and one dot product for each candidate.
 *
 * An item goes in and comes out as `e_j = E_j + C' x_j`: a vector of its own, which only items of the training have,
 * plus one from its content features, which a new item also has.
 */
import { exp } from '../../../../src/engine/model/mod.ts';

/** Shapes; all matrices are row-major, rows multiply from the left: `y = x W`. */
export interface NetworkShape {
  /** Width of an item's vector, d. */
  width: number;
  /** Number of newest events that the network reads, L. */
  length: number;
  /** Width of the layer after attention, H. */
  hidden: number;
  /** Content features, F; 0 for none. */
  features: number;
}

/** Names and shapes of the weights, in the order of the stored bytes. `items` is the size of the vocabulary. */
export const weightShapes = ({ width: d, length, hidden, features }: NetworkShape, items: number) =>
  ({
    items: [items, d],
    content: [features, d],
    positions: [length, d],
    attentionScale: [d],
    attentionShift: [d],
    query: [d, d],
    key: [d, d],
    value: [d, d],
    output: [d, d],
    layerScale: [d],
    layerShift: [d],
    inner: [d, hidden],
    innerBias: [hidden],
    outer: [hidden, d],
    outerBias: [d],
    lastScale: [d],
    lastShift: [d],
  }) satisfies Record<string, number[]>;

export type WeightName = keyof ReturnType<typeof weightShapes>;
export type NetworkWeights = Record<WeightName, Float32Array>;

/** Added to a variance before its root, as in layer normalisation everywhere. */
export const NORM_EPSILON = 1e-5;

export class SequenceNetwork {
  readonly shape: NetworkShape;
  readonly #weights: NetworkWeights;

  constructor(shape: NetworkShape, weights: NetworkWeights) {
    this.shape = shape;
    this.#weights = weights;
  }

  /**
   * Vector of an item, d wide.
   *
   * @param place its place in the vocabulary, -1 for an item that training did not know
   * @param columns features other than 0, and their values
   */
  vectorOf(place: number, columns: ArrayLike<number>, values: ArrayLike<number>): Float64Array {
    const { width } = this.shape;
    const { items, content } = this.#weights;
    const vector = new Float64Array(width);
    if (place >= 0) for (let k = 0; k < width; k++) vector[k] = items[place * width + k]!;
    for (let i = 0; i < columns.length; i++) {
      const at = columns[i]! * width;
      for (let k = 0; k < width; k++) vector[k] = vector[k]! + values[i]! * content[at + k]!;
    }
    return vector;
  }

  /**
   * The vector of a history, d wide: the score of an item is the dot product of both vectors. Undefined for an empty
   * history.
   *
   * @param history vectors of the items, oldest first; the network reads the newest {@link NetworkShape.length}
   */
  ask(history: readonly Float64Array[]): Float64Array | undefined {
    const { width: d, length } = this.shape;
    const w = this.#weights;
    const read = history.slice(-length);
    if (read.length === 0) return undefined;
    const inputs = read.map((vector, at) => {
      const position = (length - read.length + at) * d;
      return vector.map((value, k) => value + w.positions[position + k]!);
    });
    const newest = inputs.at(-1)!;
    const normal = inputs.map((input) => normalised(input, w.attentionScale, w.attentionShift));
    const query = times(normal.at(-1)!, w.query, d);
    const root = Math.sqrt(d);
    const logits = normal.map((input) => dot(query, times(input, w.key, d)) / root);
    const top = Math.max(...logits);
    let sum = 0;
    const mixed = new Float64Array(d);
    for (let at = 0; at < normal.length; at++) {
      const share = exp(Math.max(logits[at]! - top, -80));
      sum += share;
      for (let k = 0; k < d; k++) mixed[k] = mixed[k]! + share * normal[at]![k]!;
    }
    // Values are linear in the input, so the code mixes the inputs first and multiplies once.
    for (let k = 0; k < d; k++) mixed[k] = mixed[k]! / sum;
    const attended = times(times(mixed, w.value, d), w.output, d);
    const state = newest.map((value, k) => value + attended[k]!);
    const inner = times(normalised(state, w.layerScale, w.layerShift), w.inner, this.shape.hidden);
    for (let k = 0; k < inner.length; k++) inner[k] = Math.max(0, inner[k]! + w.innerBias[k]!);
    const outer = times(inner, w.outer, d);
    const last = state.map((value, k) => value + outer[k]! + w.outerBias[k]!);
    return normalised(last, w.lastScale, w.lastShift);
  }
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** x W, with W of x.length rows and `columns` columns. */
function times(x: Float64Array, matrix: Float32Array, columns: number): Float64Array {
  const y = new Float64Array(columns);
  for (let row = 0; row < x.length; row++) {
    const value = x[row]!;
    const at = row * columns;
    for (let k = 0; k < columns; k++) y[k] = y[k]! + value * matrix[at + k]!;
  }
  return y;
}

function normalised(x: Float64Array, scale: Float32Array, shift: Float32Array): Float64Array {
  let mean = 0;
  for (const value of x) mean += value;
  mean /= x.length;
  let variance = 0;
  for (const value of x) variance += (value - mean) ** 2;
  const root = Math.sqrt(variance / x.length + NORM_EPSILON);
  return x.map((value, k) => ((value - mean) / root) * scale[k]! + shift[k]!);
}
