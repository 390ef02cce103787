/** Vectors of a catalogue's items under one map. */
import { createHash } from 'node:crypto';
import { type Column, Kernel } from '../kernel/kernel.ts';
import { type ContentMap, decodeMap } from './content-map.ts';
import { CONSTANT, embeddingVector } from './features.ts';

/**
 * Vectors of a catalogue's items under one map. Sums are in float64 and in the order of rows, so they are the same
 * everywhere.
 */
export class MappedItems {
  readonly map: ContentMap;
  readonly bytes: Uint8Array;
  #sha256: string | undefined;
  #rows = new Map<number, number>();
  readonly #kernel: Kernel;
  readonly #known: Column<Uint8Array>;
  readonly #vectors: Column<Float32Array>;
  /** What an item adds to a user's vector; the same column as the vectors if the map has one matrix for both. */
  readonly #userParts: Column<Float32Array>;
  readonly #levels: Column<Float32Array>;
  /** The vector of the user of the last {@link gather}; the items of the history, and of {@link score}. */
  readonly #user: Column<Float64Array>;
  readonly #items: Column<Int32Array>;
  readonly #score: Column<Float64Array>;

  constructor(bytes: Uint8Array, kernel = new Kernel()) {
    this.map = decodeMap(bytes);
    this.bytes = bytes;
    for (const [row, hash] of this.map.hashes.entries()) this.#rows.set(hash, row);
    const { rank, user } = this.map;
    this.#kernel = kernel;
    this.#known = kernel.u8(64);
    this.#vectors = kernel.f32(64 * rank);
    this.#userParts = user === undefined ? this.#vectors : kernel.f32(64 * rank);
    this.#levels = kernel.f32(64);
    this.#user = kernel.f64(rank);
    this.#items = kernel.i32(64);
    this.#score = kernel.f64(1);
  }

  /** Gives the memory back; the map must not be used any more. */
  release(): void {
    const { map } = this;
    if (map.user !== undefined) this.#userParts.release();
    for (const column of [this.#known, this.#vectors, this.#levels, this.#user, this.#items, this.#score])
      column.release();
  }

  /** SHA-256 of the bytes, hex. */
  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.bytes).digest('hex');
    return this.#sha256;
  }

  /** Whether the map knows any feature of the item beside the one that all items have. */
  knows(item: number): boolean {
    return item < this.#known.length && this.#known.view[item] === 1;
  }

  /** Sets an item's features; undefined: it has none. */
  set(item: number, features: Uint32Array | undefined, embedding: readonly number[] | undefined): void {
    const { rank, hashes, embeddingSize, item: weights, user, level } = this.map;
    this.#reserve(item + 1);
    const rows: number[] = [];
    const values: number[] = [];
    let own = 0;
    for (const hash of features ?? []) {
      const row = this.#rows.get(hash);
      if (row === undefined) continue;
      if (hash !== CONSTANT) own++;
      rows.push(row);
      values.push(1);
    }
    for (const [at, value] of (embeddingVector(embedding, embeddingSize) ?? []).entries()) {
      rows.push(hashes.length + at);
      values.push(value);
      own++;
    }
    // Items without a feature of their own would all be alike, and like the average item.
    this.#known.view[item] = own > 0 ? 1 : 0;
    const vector = product(rows, values, weights, rank);
    this.#addHidden(vector, rows, values);
    this.#vectors.view.set(vector, item * rank);
    if (user !== undefined) this.#userParts.view.set(product(rows, values, user, rank), item * rank);
    this.#levels.view[item] = level === undefined ? 0 : product(rows, values, level, 1)[0]!;
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

  /** Makes room for items numbered below `count`. */
  #reserve(count: number): void {
    if (count <= this.#known.length) return;
    const { rank } = this.map;
    this.#known.reserveTwice(count);
    const size = this.#known.length;
    this.#vectors.reserve(size * rank);
    this.#userParts.reserve(size * rank);
    this.#levels.reserve(size);
  }

  /**
   * Makes the vector of a user with this history (oldest first) from its newest `reach` items; repeats count each time.
   * False: the map knows none of them.
   */
  gather(items: ArrayLike<number>, reach: number): boolean {
    const { rank, nobody } = this.map;
    const count = Math.min(items.length, reach);
    this.#items.reserveTwice(count);
    const { view } = this.#items;
    for (let i = 0; i < count; i++) view[i] = items[items.length - count + i]!;
    const known = this.#kernel.calls.sumVectors(
      this.#known.address,
      this.#known.length,
      this.#userParts.address,
      rank,
      this.#items.address,
      count,
      this.#user.address,
    );
    const scale = known === 0 ? 0 : 1 / Math.sqrt(known);
    const into = this.#user.view;
    for (let k = 0; k < rank; k++) into[k] = into[k]! * scale + (nobody?.[k] ?? 0);
    return known > 0;
  }

  /**
   * Scores of items for the user of the last {@link gather}: the product of the two vectors, plus the item's level.
   *
   * @param items numbers of items, `count` of them
   * @param missing score of an item that the map does not know
   */
  scoreAll(items: Column<Int32Array>, count: number, missing: number, into: Column<Float64Array>): void {
    this.#kernel.calls.scoreVectors(
      this.#known.address,
      this.#known.length,
      this.#vectors.address,
      this.#levels.address,
      this.map.rank,
      this.#user.address,
      items.address,
      count,
      missing,
      into.address,
    );
  }

  /** Score of one item for the user of the last {@link gather}; that of an item without features is its level, 0. */
  score(item: number): number {
    this.#items.view[0] = item;
    this.scoreAll(this.#items, 1, 0, this.#score);
    return this.#score.view[0]!;
  }

  /** Bytes in use. */
  size(): number {
    return (this.#vectors === this.#userParts ? 1 : 2) * this.#vectors.bytes + this.#levels.bytes;
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
