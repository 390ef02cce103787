/** Vectors of a catalogue's items under one map. */
import { createHash } from 'node:crypto';
import { type ContentMap, decodeMap } from './content-map.ts';
import { embeddingVector } from './features.ts';

/**
 * Vectors of a catalogue's items under one map. Sums are in float64 and in the order of rows, so they are the same
 * everywhere.
 */
export class MappedItems {
  readonly map: ContentMap;
  readonly bytes: Uint8Array;
  #sha256: string | undefined;
  #rows = new Map<number, number>();
  #known = new Uint8Array(64);
  #vectors: Float32Array<ArrayBufferLike>;
  /** What an item adds to a user's vector; the same array as the vectors if the map has one matrix for both. */
  #userParts: Float32Array<ArrayBufferLike>;
  #levels: Float32Array<ArrayBufferLike> = new Float32Array(64);

  constructor(bytes: Uint8Array) {
    this.map = decodeMap(bytes);
    this.bytes = bytes;
    for (const [row, hash] of this.map.hashes.entries()) this.#rows.set(hash, row);
    this.#vectors = new Float32Array(64 * this.map.rank);
    this.#userParts = this.map.user === undefined ? this.#vectors : new Float32Array(64 * this.map.rank);
  }

  /** SHA-256 of the bytes, hex. */
  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.bytes).digest('hex');
    return this.#sha256;
  }

  /** Whether the map knows any feature of the item. */
  knows(item: number): boolean {
    return this.#known[item] === 1;
  }

  /** Sets an item's features; undefined: it has none. */
  set(item: number, features: Uint32Array | undefined, embedding: readonly number[] | undefined): void {
    const { rank, hashes, embeddingSize, item: weights, user, level } = this.map;
    if (item >= this.#known.length) this.#grow(item);
    const rows: number[] = [];
    const values: number[] = [];
    for (const hash of features ?? []) {
      const row = this.#rows.get(hash);
      if (row === undefined) continue;
      rows.push(row);
      values.push(1);
    }
    for (const [at, value] of (embeddingVector(embedding, embeddingSize) ?? []).entries()) {
      rows.push(hashes.length + at);
      values.push(value);
    }
    this.#known[item] = rows.length > 0 ? 1 : 0;
    const vector = product(rows, values, weights, rank);
    this.#addHidden(vector, rows, values);
    this.#vectors.set(vector, item * rank);
    if (user !== undefined) this.#userParts.set(product(rows, values, user, rank), item * rank);
    this.#levels[item] = level === undefined ? 0 : product(rows, values, level, 1)[0]!;
  }

  #addHidden(vector: Float64Array, rows: readonly number[], values: readonly number[]): void {
    const { rank, hidden, hiddenIn, hiddenBias, hiddenOut } = this.map;
    if (hidden === 0) return;
    const units = product(rows, values, hiddenIn, hidden);
    for (let h = 0; h < hidden; h++) {
      const active = units[h]! + hiddenBias[h]!;
      if (active <= 0) continue;
      for (let k = 0; k < rank; k++) vector[k] = vector[k]! + active * hiddenOut[h * rank + k]!;
    }
  }

  #grow(item: number): void {
    const { rank } = this.map;
    const size = Math.max(item + 1, this.#known.length * 2);
    const wider = (from: Float32Array, length: number): Float32Array => {
      const to = new Float32Array(length);
      to.set(from);
      return to;
    };
    const shared = this.#userParts === this.#vectors;
    this.#vectors = wider(this.#vectors, size * rank);
    this.#userParts = shared ? this.#vectors : wider(this.#userParts, size * rank);
    this.#levels = wider(this.#levels, size);
    const known = new Uint8Array(size);
    known.set(this.#known);
    this.#known = known;
  }

  /**
   * Writes the vector of a user with this history (oldest first) from its newest `reach` items; repeats count each
   * time. False: the map knows none of them.
   */
  gather(items: ArrayLike<number>, reach: number, into: Float64Array): boolean {
    const { rank, nobody } = this.map;
    into.fill(0);
    let count = 0;
    for (let at = items.length - 1; at >= 0 && at >= items.length - reach; at--) {
      const item = items[at]!;
      if (this.#known[item] !== 1) continue;
      count++;
      const from = item * rank;
      for (let k = 0; k < rank; k++) into[k] = into[k]! + this.#userParts[from + k]!;
    }
    const scale = count === 0 ? 0 : 1 / Math.sqrt(count);
    for (let k = 0; k < rank; k++) into[k] = into[k]! * scale + (nobody?.[k] ?? 0);
    return count > 0;
  }

  /** Product of an item's vector with a user's, plus the item's level. */
  score(item: number, userVector: Float64Array): number {
    const { rank } = this.map;
    const vectors = this.#vectors;
    const from = item * rank;
    // Four independent sums, so that the processor can overlap them: one list scores hundreds of new items.
    let a = this.#levels[item]!;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = 0;
    for (; k + 4 <= rank; k += 4) {
      a += userVector[k]! * vectors[from + k]!;
      b += userVector[k + 1]! * vectors[from + k + 1]!;
      c += userVector[k + 2]! * vectors[from + k + 2]!;
      d += userVector[k + 3]! * vectors[from + k + 3]!;
    }
    for (; k < rank; k++) a += userVector[k]! * vectors[from + k]!;
    return a + b + (c + d);
  }

  /** Bytes in use. */
  size(): number {
    return (this.#vectors === this.#userParts ? 1 : 2) * this.#vectors.byteLength + this.#levels.byteLength;
  }
}

/** Row vector of some values times a matrix of `columns` columns. */
function product(
  rows: readonly number[],
  values: readonly number[],
  matrix: Float32Array,
  columns: number,
): Float64Array {
  const sum = new Float64Array(columns);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * columns;
    const value = values[i]!;
    for (let k = 0; k < columns; k++) sum[k] = sum[k]! + value * matrix[from + k]!;
  }
  return sum;
}
