/**
 * Recorded inputs: what training outside the fold contributed to the model. The fold can't compute it again to the
 * bit, so its bytes are stored, and it counts from a position of the log on. It maps the features of items to vectors,
 * and what somebody took to a vector of the same room; a product of the two says how well an item goes with them.
 *
 * Layout: 8 bytes `FRSHINPT`, u32 version, u32 length of the header, the header as JSON, then 32-bit words: hashes of
 * the features, then the matrices, row-major, float32, all little endian.
 */
import { createHash } from 'node:crypto';
import { FreshetError } from '../../../errors.ts';
import { exp } from '../primitives/math.ts';

const MAGIC = 'FRSHINPT';
const VERSION = 1;

/** `content`: whitened likeness of items, in closed form; `towers`: the two learned towers. */
export type InputKind = 'content' | 'towers' | 'sequence' | 'ranker';
/** Kinds that score items by their features. */
export const MAP_KINDS = ['content', 'towers'] as const;
export type MapKind = (typeof MAP_KINDS)[number];

export const isMapKind = (kind: InputKind): kind is MapKind => (MAP_KINDS as readonly string[]).includes(kind);

/** A recorded input that can't be read: cut, altered, or of another version. */
export class InputUnreadableError extends FreshetError {
  readonly code = 'FRESHET_INPUT_UNREADABLE';
}

/** What one training reads; structured-clonable. Items and users stand in the order of their ids. */
export interface TrainingData {
  kind: InputKind;
  /** Where an item's features begin, one more than there are items. */
  featureStarts: Int32Array;
  /** Hashes of features, ascending within an item. */
  features: Uint32Array;
  /** Numbers of an embedding; 0: there are none. */
  embeddingSize: number;
  /** Unit vectors, items x embeddingSize; of zeros where an item has none of this size. */
  embeddings: Float32Array;
  /** Whole interactions with each item. */
  taken: Float32Array;
  /** Where a user's history begins, one more than there are users. */
  historyStarts: Int32Array;
  /** Items of histories, oldest first, each once a history. */
  histories: Int32Array;
  /** Bytes of the input in force, to go on from. */
  previous: Uint8Array | undefined;
}

/** How well an input ranked what it had not been trained on: means of reciprocal ranks. */
export interface InputQuality {
  reciprocalRank: number;
  /** Of an order by chance. */
  chance: number;
  questions: number;
}

/**
 * Maps from features to vectors. With x the features of an item (ones, and its embedding): the item's vector is
 * `x W + relu(x A + a) B`, its level `x b`; somebody's vector is the sum of `x V` over what they took, divided by
 * `sqrt(n)`, and plus u; a score is the product of the vectors plus the level.
 */
export interface ContentMap {
  kind: MapKind;
  /** Hashes of the features that count, one for each of the first rows; the embedding's numbers have the rest. */
  hashes: Uint32Array;
  embeddingSize: number;
  /** Length of vectors. */
  rank: number;
  /** Units of the hidden layer, 0 for none. */
  hidden: number;
  /** rows x rank. */
  item: Float32Array;
  /** rows x rank; undefined: the same as `item`. */
  user: Float32Array | undefined;
  /** rows x 1; undefined: none. */
  level: Float32Array | undefined;
  /** rank; undefined: none. */
  nobody: Float32Array | undefined;
  /** rows x hidden, hidden, hidden x rank; empty without a hidden layer. */
  hiddenIn: Float32Array;
  hiddenBias: Float32Array;
  hiddenOut: Float32Array;
  quality: InputQuality;
}

interface Header {
  kind: MapKind;
  features: number;
  embeddingSize: number;
  rank: number;
  hidden: number;
  user: boolean;
  level: boolean;
  nobody: boolean;
  quality: InputQuality;
}

/** Rows of the matrices of a map. */
export const rowsOf = ({ hashes, embeddingSize }: Pick<ContentMap, 'hashes' | 'embeddingSize'>): number =>
  hashes.length + embeddingSize;

/** The parts in the order in which they are written, with the number of their words. */
function layout({ features, embeddingSize, rank, hidden, user, level, nobody }: Header): number[] {
  const rows = features + embeddingSize;
  return [
    features,
    rows * rank,
    user ? rows * rank : 0,
    level ? rows : 0,
    nobody ? rank : 0,
    rows * hidden,
    hidden,
    hidden * rank,
  ];
}

export function encodeMap(map: ContentMap): Buffer {
  const { kind, embeddingSize, rank, hidden, quality } = map;
  const header: Header = {
    kind,
    features: map.hashes.length,
    embeddingSize,
    rank,
    hidden,
    user: map.user !== undefined,
    level: map.level !== undefined,
    nobody: map.nobody !== undefined,
    quality,
  };
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const parts = [map.hashes, map.item, map.user, map.level, map.nobody, map.hiddenIn, map.hiddenBias, map.hiddenOut];
  const sizes = layout(header);
  const words = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.alloc(16 + json.length + words * 4);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(json.length, 12);
  json.copy(bytes, 16);
  let at = 16 + json.length;
  for (const [which, part] of parts.entries()) {
    if ((part?.length ?? 0) !== sizes[which]) throw new RangeError(`part ${which} of a map has the wrong size`);
    for (const word of part ?? [])
      at = part instanceof Uint32Array ? bytes.writeUInt32LE(word, at) : bytes.writeFloatLE(word, at);
  }
  return bytes;
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** Reads what {@link encodeMap} wrote. Throws {@link InputUnreadableError}. */
export function decodeMap(encoded: Uint8Array): ContentMap {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const unreadable = (why: string) =>
    new InputUnreadableError(`a recorded input can't be read: ${why}`, { details: { bytes: bytes.length } });
  if (bytes.length < 16 || bytes.toString('latin1', 0, 8) !== MAGIC) throw unreadable('these bytes are none');
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw unreadable(`it is of version ${version}, this release reads ${VERSION}`);
  const start = 16 + bytes.readUInt32LE(12);
  let header: Header;
  try {
    header = JSON.parse(bytes.toString('utf8', 16, start)) as Header;
  } catch {
    throw unreadable('its header is damaged');
  }
  const { kind, features, embeddingSize, rank, hidden, quality } = header;
  if (!MAP_KINDS.includes(kind)) throw unreadable(`it is of kind ${String(kind)}`);
  if (![features, embeddingSize, rank, hidden].every(isCount)) throw unreadable('its header is damaged');
  const sizes = layout(header);
  const words = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes.length !== start + words * 4) throw unreadable(`${start + words * 4} bytes were expected`);
  let at = start;
  const floats = (which: number): Float32Array => {
    const part = new Float32Array(sizes[which]!);
    for (let i = 0; i < part.length; i++, at += 4) {
      part[i] = bytes.readFloatLE(at);
      if (!Number.isFinite(part[i]!)) throw unreadable('it holds a value that is no number');
    }
    return part;
  };
  const hashes = new Uint32Array(features);
  for (let i = 0; i < features; i++, at += 4) hashes[i] = bytes.readUInt32LE(at);
  return {
    kind,
    hashes,
    embeddingSize,
    rank,
    hidden,
    quality,
    item: floats(1),
    user: header.user ? floats(2) : undefined,
    level: header.level ? floats(3) : undefined,
    nobody: header.nobody ? floats(4) : undefined,
    hiddenIn: floats(5),
    hiddenBias: floats(6),
    hiddenOut: floats(7),
  };
}

/** Vectors of a catalogue's items under one map. Sums are in float64 and in the order of rows: the same everywhere. */
export class MappedItems {
  readonly map: ContentMap;
  readonly bytes: Uint8Array;
  #sha256: string | undefined;
  #rows = new Map<number, number>();
  #known = new Uint8Array(64);
  #vectors: Float32Array<ArrayBufferLike>;
  /** What an item adds to the vector of whoever took it; the same array where the map has one matrix for both. */
  #pasts: Float32Array<ArrayBufferLike>;
  #levels: Float32Array<ArrayBufferLike> = new Float32Array(64);

  constructor(bytes: Uint8Array) {
    this.map = decodeMap(bytes);
    this.bytes = bytes;
    for (const [row, hash] of this.map.hashes.entries()) this.#rows.set(hash, row);
    this.#vectors = new Float32Array(64 * this.map.rank);
    this.#pasts = this.map.user === undefined ? this.#vectors : new Float32Array(64 * this.map.rank);
  }

  /** SHA-256 of the bytes, hex. */
  get sha256(): string {
    this.#sha256 ??= createHash('sha256').update(this.bytes).digest('hex');
    return this.#sha256;
  }

  /** Whether anything is known of the item that the map knows as well. */
  knows(item: number): boolean {
    return this.#known[item] === 1;
  }

  /** Takes an item's features, or other ones; undefined: it has none. */
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
    for (const [at, value] of (usable(embedding, embeddingSize) ?? []).entries()) {
      rows.push(hashes.length + at);
      values.push(value);
    }
    this.#known[item] = rows.length > 0 ? 1 : 0;
    const vector = product(rows, values, weights, rank);
    this.#addHidden(vector, rows, values);
    this.#vectors.set(vector, item * rank);
    if (user !== undefined) this.#pasts.set(product(rows, values, user, rank), item * rank);
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
    const shared = this.#pasts === this.#vectors;
    this.#vectors = wider(this.#vectors, size * rank);
    this.#pasts = shared ? this.#vectors : wider(this.#pasts, size * rank);
    this.#levels = wider(this.#levels, size);
    const known = new Uint8Array(size);
    known.set(this.#known);
    this.#known = known;
  }

  /**
   * Vector of somebody who took these items, the newest `reach` of them (oldest first; repeats count once each time).
   * False: the map knows none of them.
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
      for (let k = 0; k < rank; k++) into[k] = into[k]! + this.#pasts[from + k]!;
    }
    const scale = count === 0 ? 0 : 1 / Math.sqrt(count);
    for (let k = 0; k < rank; k++) into[k] = into[k]! * scale + (nobody?.[k] ?? 0);
    return count > 0;
  }

  /** Product of an item's vector with somebody's, plus its level. */
  score(item: number, who: Float64Array): number {
    const { rank } = this.map;
    const vectors = this.#vectors;
    const from = item * rank;
    // Four sums that don't wait for each other: hundreds of new items are looked at for a list.
    let a = this.#levels[item]!;
    let b = 0;
    let c = 0;
    let d = 0;
    let k = 0;
    for (; k + 4 <= rank; k += 4) {
      a += who[k]! * vectors[from + k]!;
      b += who[k + 1]! * vectors[from + k + 1]!;
      c += who[k + 2]! * vectors[from + k + 2]!;
      d += who[k + 3]! * vectors[from + k + 3]!;
    }
    for (; k < rank; k++) a += who[k]! * vectors[from + k]!;
    return a + b + (c + d);
  }

  /** Bytes held. */
  size(): number {
    return (this.#vectors === this.#pasts ? 1 : 2) * this.#vectors.byteLength + this.#levels.byteLength;
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

/** An embedding as a unit vector, if it is one of this size. */
export function usable(embedding: readonly number[] | undefined, size: number): Float32Array | undefined {
  if (size === 0 || embedding?.length !== size) return undefined;
  let squares = 0;
  for (const value of embedding) squares += value * value;
  if (!(squares > 0) || !Number.isFinite(squares)) return undefined;
  const length = Math.sqrt(squares);
  return Float32Array.from(embedding, (value) => (value / length) * EMBEDDING_LENGTH);
}

/** Length that embeddings are brought to: what it has to say should weigh as some tags do. */
const EMBEDDING_LENGTH = 2;

/** Logits as what a softmax makes of them, in place: the largest becomes 1. */
export function odds(logits: Float64Array, count: number): void {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) most = Math.max(most, logits[i]!);
  for (let i = 0; i < count; i++) logits[i] = exp(Math.max(logits[i]! - most, -600));
}

/** Sums of gains while a challenger is compared with the input in force. */
export interface Judged {
  events: number;
  ours: number;
  theirs: number;
}

/** What a state holds of one kind. */
export interface AdoptedState {
  kind: MapKind;
  inForce: Uint8Array | undefined;
  challenger: Uint8Array | undefined;
  judged: Judged;
}

/** Inputs as a section of a state: for each kind its number, both byte lengths, the sums of the comparison, the bytes. */
export function encodeAdopted(states: readonly AdoptedState[]): Buffer {
  const parts = states.flatMap(({ kind, inForce, challenger, judged }) => {
    const head = Buffer.alloc(36);
    head.writeUInt32LE(MAP_KINDS.indexOf(kind), 0);
    head.writeUInt32LE(inForce?.length ?? 0, 4);
    head.writeUInt32LE(challenger?.length ?? 0, 8);
    for (const [at, value] of [judged.events, judged.ours, judged.theirs].entries())
      head.writeDoubleLE(value, 12 + at * 8);
    return [head, inForce ?? Buffer.alloc(0), challenger ?? Buffer.alloc(0)];
  });
  return Buffer.concat(parts);
}

/** Reads what {@link encodeAdopted} wrote. */
export function decodeAdopted(bytes: Buffer): AdoptedState[] {
  const states: AdoptedState[] = [];
  const part = (at: number, length: number): Uint8Array | undefined =>
    length === 0 ? undefined : Uint8Array.from(bytes.subarray(at, at + length));
  for (let at = 0; at < bytes.length; ) {
    const [which, own, other] = [0, 4, 8].map((offset) => bytes.readUInt32LE(at + offset)) as [number, number, number];
    const [events, ours, theirs] = [12, 20, 28].map((offset) => bytes.readDoubleLE(at + offset));
    const kind = MAP_KINDS[which];
    if (kind === undefined) throw new InputUnreadableError(`a recorded input can't be read: it is of kind ${which}`);
    const judged: Judged = { events: events!, ours: ours!, theirs: theirs! };
    states.push({ kind, inForce: part(at + 36, own), challenger: part(at + 36 + own, other), judged });
    at += 36 + own + other;
  }
  return states;
}
