/**
 * The kernel: what a list and a training step compute most, in WebAssembly (assembly/, built by `npm run kernel`). It
 * has a memory of its own for each model, which holds pairs, postings and histories, so it reads them without copying.
 *
 * A column is a typed array in that memory. The memory can grow in any call, and then every earlier view of it is void.
 * So TypeScript reads a column through its `view` after each call, and keeps none.
 */
import { readFileSync } from 'node:fs';
import { ModelFullError } from '../../../errors.ts';

/** A place in the kernel's memory, in bytes from its beginning; 0: none. */
export type Address = number;

/** The calls of assembly/index.ts. Addresses and numbers are whole numbers below 2^32. */
export interface KernelCalls {
  memory: WebAssembly.Memory;
  alloc(bytes: number): Address;
  release(region: Address): void;
  grow(region: Address, kept: number, bytes: number): Address;
  usedBytes(): number;
  limitBytes(bytes: number): void;
  newRows(): Address;
  addCounts(rows: Address, row: number, id: number, f: number, b: number, co: number): void;
  addLargeCounts(rows: Address, row: number, id: number, f: number, b: number, co: number): void;
  fillRow(rows: Address, row: number, ids: Address, count: number, counts: Address): void;
  readCounts(rows: Address, row: number, id: number, into: Address): void;
  visitRow(rows: Address, row: number): number;
  newCounting(pairs: Address, transitionReach: number, decays: Address, coOccurrenceReach: number): Address;
  countPairs(counting: Address, items: Address, start: number, end: number, weight: number, sign: number): void;
  countAround(
    counting: Address,
    items: Address,
    weights: Address,
    at: number,
    start: number,
    end: number,
    counts: Address,
    ids: Address,
    known: number,
  ): number;
  newIdPrefixes(table: number): Address;
  reserveIdPrefixes(prefixes: Address, count: number): Address;
  newDamping(exponent: number): Address;
  dampingOf(damping: Address, item: number, total: number): number;
  newSearch(pairs: Address, items: Address, users: Address, transition: Address, coOccurrence: Address): Address;
  placeColumns(
    search: Address,
    totals: Address,
    status: Address,
    postingRows: Address,
    postingCounts: Address,
    postingItems: number,
    historyItems: Address,
    historyStarts: Address,
    historyLengths: Address,
    historyUsers: number,
  ): void;
  beginSearch(search: Address, items: number, users: number, unpublished: boolean, filtered: boolean): void;
  blockAll(search: Address, items: Address, count: number): void;
  foundCount(search: Address): number;
  topItems(search: Address, second: boolean): Address;
  topCount(search: Address, second: boolean): number;
  isFree(search: Address, item: number): number;
  gatherPairs(search: Address, item: number, after: number, before: number, together: number): void;
  choosePairs(search: Address, transitions: number, coOccurrences: number): void;
  gatherNeighbours(
    search: Address,
    items: Address,
    lags: Address,
    count: number,
    target: number,
    reach: number,
    most: number,
    voters: number,
  ): void;
  addItemValues(
    search: Address,
    candidates: Address,
    rows: number,
    short: Address,
    long: Address,
    position: number,
    table: Address,
    columns: number,
    popular: number,
    recency: number,
  ): void;
  addOverlapVotes(
    search: Address,
    candidates: Address,
    rows: number,
    voters: number,
    most: number,
    table: Address,
    columns: number,
    column: number,
  ): void;
  chooseNeighbours(search: Address, size: number): void;
  gatherTerm(search: Address, row: Address, count: number, weight: number): void;
  chooseContent(search: Address, size: number): void;
  choosePopular(
    search: Address,
    leaders: Address,
    count: number,
    short: Address,
    long: Address,
    floor: number,
    size: number,
  ): void;
  findFew(search: Address, items: Address, count: number, total: number, into: Address, most: number): number;
  chooseScored(search: Address, items: Address, scores: Address, count: number, size: number): void;
  addSimilarity(
    candidates: Address,
    rows: number,
    vectors: Address,
    lengths: Address,
    weights: Address,
    whole: number,
    last: number,
    table: Address,
    columns: number,
    wholeColumn: number,
    lastColumn: number,
  ): void;
  sumVectors(
    known: Address,
    limit: number,
    vectors: Address,
    rank: number,
    items: Address,
    count: number,
    into: Address,
  ): number;
  scoreVectors(
    known: Address,
    limit: number,
    vectors: Address,
    levels: Address,
    rank: number,
    user: Address,
    items: Address,
    count: number,
    missing: number,
    scores: Address,
  ): void;
  addPairs(
    search: Address,
    items: Address,
    lags: Address,
    count: number,
    weights: Address,
    own: Address,
    candidates: Address,
    rows: number,
    mass: number,
    slots: Address,
    sums: Address,
    table: Address,
    columns: number,
    lift: number,
  ): void;
  addVotes(search: Address, candidates: Address, rows: number, table: Address, columns: number, column: number): void;
  makeFeatures(
    table: Address,
    rows: number,
    columns: number,
    forms: Address,
    usual: Address,
    means: Address,
    scales: Address,
  ): void;
  foldGates(
    parameters: Address,
    base: Address,
    scales: Address,
    gates: Address,
    columns: number,
    units: number,
    stride: number,
    linear: Address,
    layer: Address,
  ): void;
  scoreRows(
    features: Address,
    rows: number,
    columns: number,
    units: number,
    stride: number,
    linear: Address,
    layer: Address,
    out: Address,
    active: Address,
    scores: Address,
  ): void;
  softmax(scores: Address, rows: number, into: Address): void;
  gradientOf(
    features: Address,
    rows: number,
    columns: number,
    units: number,
    stride: number,
    slopes: Address,
    active: Address,
    parameters: Address,
    scales: Address,
    gates: Address,
    depth: number,
    gradient: Address,
  ): void;
  stepAdam(
    parameters: Address,
    gradient: Address,
    first: Address,
    second: Address,
    size: number,
    step: number,
    secondScale: number,
  ): void;
  average(average: Address, parameters: Address, size: number, share: number): void;
}

/** What the kernel asks TypeScript. */
export interface KernelHost {
  /** Whether the id of number a comes after that of number b in a table of ids (id-prefixes.ts). */
  comesAfter(table: number, a: number, b: number): boolean;
  /** Whether the filter of the list that is computed lets an item in. */
  allows(item: number): boolean;
  /** Whether an item whose sum is that of the lowest leader ranks no lower than it (popularity.ts). */
  atFloor(item: number): boolean;
  /** The memory has grown. */
  grew(): void;
  /** The memory has no room for a region of so many bytes. Throws {@link ModelFullError}. */
  full(bytes: number): void;
}

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;

type Numbers = Int32Array | Uint32Array | Float64Array | Float32Array | Uint16Array | Uint8Array;

interface NumbersOf<T extends Numbers> {
  new (buffer: ArrayBuffer, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Numbers in the kernel's memory, 0 to begin with. */
export class Column<T extends Numbers> {
  readonly #kernel: Kernel;
  readonly #type: NumbersOf<T>;
  #address: Address = 0;
  #length = 0;
  #view: T;

  constructor(kernel: Kernel, type: NumbersOf<T>, length: number) {
    this.#kernel = kernel;
    this.#type = type;
    this.#view = new type(kernel.buffer, 0, 0);
    this.reserve(length);
    kernel.onGrowth(this.#look);
  }

  get address(): Address {
    return this.#address;
  }

  /** Valid until the kernel's memory grows. */
  get view(): T {
    return this.#view;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#length * this.#type.BYTES_PER_ELEMENT;
  }

  /** Makes the column this long, if it is shorter. */
  reserve(length: number): void {
    const known = this.#length;
    if (length <= known && known > 0) return;
    const size = this.#type.BYTES_PER_ELEMENT;
    this.#length = Math.max(length, 1);
    this.#address = this.#kernel.calls.grow(this.#address, known * size, this.#length * size) >>> 0;
    this.#look();
  }

  /** Makes room for this length, and doubles the column if it has to grow. */
  reserveTwice(length: number): void {
    if (length > this.#length) this.reserve(Math.max(length, this.#length * 2));
  }

  /** Gives the region back; the column is empty then. */
  release(): void {
    this.#kernel.offGrowth(this.#look);
    this.#kernel.calls.release(this.#address);
    this.#address = 0;
    this.#length = 0;
    this.#view = new this.#type(this.#kernel.buffer, 0, 0);
  }

  readonly #look = (): void => {
    this.#view = new this.#type(this.#kernel.buffer, this.#address, this.#length);
  };
}

const FILES = { simd: 'kernel.wasm', scalar: 'kernel-scalar.wasm' } as const;
const modules = new Map<keyof typeof FILES, WebAssembly.Module>();

function moduleOf(build: keyof typeof FILES): WebAssembly.Module {
  let compiled = modules.get(build);
  if (compiled === undefined) {
    compiled = new WebAssembly.Module(readFileSync(new URL(FILES[build], import.meta.url)));
    modules.set(build, compiled);
  }
  return compiled;
}

export type KernelBuild = keyof typeof FILES;

/** The build for this machine: with SIMD unless the processor lacks it. */
function usualBuild(): KernelBuild {
  return WebAssembly.validate(readFileSync(new URL(FILES.simd, import.meta.url))) ? 'simd' : 'scalar';
}

let usual: KernelBuild | undefined;

/** Sets the build of all kernels from now on; undefined: the one for this machine. Both give the same bits. */
export function useBuild(build: KernelBuild | undefined): void {
  usual = build;
}

export class Kernel {
  readonly calls: KernelCalls;
  /** The whole memory as numbers; replaced when it grows. */
  words!: Int32Array;
  unsigned!: Uint32Array;
  doubles!: Float64Array;
  bytes!: Uint8Array;
  #buffer!: ArrayBuffer;
  readonly #growth = new Set<() => void>();
  readonly #tables: (readonly string[])[] = [];
  #allows: (item: number) => boolean = () => true;
  #atFloor: (item: number) => boolean = () => false;

  constructor() {
    usual ??= usualBuild();
    const host: KernelHost = {
      comesAfter: (table, a, b) => this.#tables[table]![a]! > this.#tables[table]![b]!,
      allows: (item) => this.#allows(item),
      atFloor: (item) => this.#atFloor(item),
      grew: () => this.#grew(),
      full: (bytes) => this.#full(bytes >>> 0),
    };
    const instance = new WebAssembly.Instance(moduleOf(usual), { host: { ...host } });
    this.calls = instance.exports as unknown as KernelCalls;
    this.#view();
  }

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  /** Adds a listener that the kernel calls when its memory has grown, so that all views of it are void. */
  onGrowth(listener: () => void): void {
    this.#growth.add(listener);
  }

  offGrowth(listener: () => void): void {
    this.#growth.delete(listener);
  }

  /** The kernel calls this in the middle of a call that makes the memory grow, so TypeScript never sees a void view. */
  #grew(): void {
    if (this.calls === undefined) return;
    this.#view();
    for (const listener of this.#growth) listener();
  }

  #full(bytes: number): never {
    const used = this.used;
    throw new ModelFullError(
      `The model has ${mib(used)} in memory and needs ${mib(bytes)} more, but it cannot have more than 3,750 MiB.`,
      {
        next: 'freshet forget USER, for users who have left; or a new log with the newest events',
        details: { used, bytes },
      },
    );
  }

  /** Bytes of all regions. */
  get used(): number {
    return this.calls.usedBytes() >>> 0;
  }

  #view(): void {
    const { buffer } = this.calls.memory;
    this.#buffer = buffer;
    this.words = new Int32Array(buffer);
    this.unsigned = new Uint32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  i32(length: number): Column<Int32Array> {
    return new Column(this, Int32Array, length);
  }

  f64(length: number): Column<Float64Array> {
    return new Column(this, Float64Array, length);
  }

  f32(length: number): Column<Float32Array> {
    return new Column(this, Float32Array, length);
  }

  u16(length: number): Column<Uint16Array> {
    return new Column(this, Uint16Array, length);
  }

  u8(length: number): Column<Uint8Array> {
    return new Column(this, Uint8Array, length);
  }

  u32(length: number): Column<Uint32Array> {
    return new Column(this, Uint32Array, length);
  }

  /** Numbers at an address; valid until the memory grows. */
  int32At(address: Address, length: number): Int32Array {
    return new Int32Array(this.#buffer, address >>> 0, length);
  }

  uint32At(address: Address, length: number): Uint32Array {
    return new Uint32Array(this.#buffer, address >>> 0, length);
  }

  float64At(address: Address, length: number): Float64Array {
    return new Float64Array(this.#buffer, address >>> 0, length);
  }

  /** Adds a table of ids by number whose order decides ties; returns its number. */
  addTable(ids: readonly string[]): number {
    return this.#tables.push(ids) - 1;
  }

  /** Sets the order at the lowest leader of popularity. */
  floor(atFloor: (item: number) => boolean): void {
    this.#atFloor = atFloor;
  }

  /** Sets the filter of the next lists. */
  filter(allows: ((item: number) => boolean) | undefined): void {
    this.#allows = allows ?? (() => true);
  }
}
