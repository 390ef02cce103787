/**
 * The items: their ids and fields, whether the model may serve them, and the inverted index of their terms. An item
 * that only interactions name has a number and nothing else.
 */
import { patchItem } from '../../../bus/event/patch.ts';
import type { ItemData, ItemPatch } from '../../../bus/event/types.ts';
import { type Column, Kernel } from '../kernel/kernel.ts';
import { HASH_START, hashEnd, hashText } from '../primitives/hash.ts';
import { ln } from '../primitives/math.ts';
import { IdTable } from './id-table.ts';
import { MAX_ROW_ID } from './row-slots.ts';
import { TermPostings, WEIGHT_BITS, WEIGHT_MASK } from './term-postings.ts';
import { type ContentConfig, type Declared, declaredBy, itemTerms } from './terms.ts';

const PUBLISHED = 1;
const WITHDRAWN = 2;
/** More than the highest item number. */
const NUMBERS = MAX_ROW_ID + 2;

export interface Item {
  fields: ItemData | undefined;
  /** Time of the event that published it first, milliseconds since 1970. */
  listed: number;
}

export class Catalogue implements Declared {
  readonly ids = new IdTable();
  readonly postings: TermPostings;
  readonly terms = new IdTable();
  #config: ContentConfig;
  /** By item: whether it is published and whether it is withdrawn. */
  readonly statuses: Column<Uint8Array>;
  #hashes = new Uint32Array(64);
  /** Scratch of {@link canonicalOrder}. */
  #keys = new Float64Array(512);
  /** When items were listed, by number; NaN: never. */
  #listed = new Float64Array(64).fill(Number.NaN);
  /**
   * Inverse document frequencies by document frequency, for a catalogue of `#idfsOf` described items; 0: not computed
   * yet.
   */
  #idfs = new Float64Array(1_024);
  #idfsOf = 0;
  #items: (Item | undefined)[] = [];
  readonly #kernel: Kernel;
  /** How many items have each tag, and a text attribute of each name. */
  readonly #tags = new Map<string, number>();
  readonly #names = new Map<string, number>();
  /** By item: where its unit vector is, and how many words it has. */
  readonly vectors: { readonly rows: Column<Uint32Array>; readonly lengths: Column<Int32Array> };
  #published = 0;
  /** Whether any item was ever published. */
  #everPublished = false;
  #described = 0;
  #version = 0;
  #onFields: (item: number, fields: ItemData) => void;
  readonly #listing: ((item: number) => void)[] = [];

  /** @param onFields takes an item's fields whenever they change */
  constructor(
    config: ContentConfig,
    onFields: (item: number, fields: ItemData) => void = () => {},
    kernel = new Kernel(),
  ) {
    this.#config = config;
    this.#kernel = kernel;
    this.statuses = kernel.u8(64);
    this.vectors = { rows: kernel.u32(64), lengths: kernel.i32(64) };
    this.postings = new TermPostings(kernel);
    this.#onFields = onFields;
  }

  get #status(): Uint8Array {
    return this.statuses.view;
  }

  /** Adds a listener that the catalogue calls with every item that enters or leaves it, just before it does. */
  onListing(listing: (item: number) => void): void {
    this.#listing.push(listing);
  }

  /** A counter of all changes, for caches of the catalogue. */
  get version(): number {
    return this.#version;
  }

  /** Items published and not withdrawn. */
  get published(): number {
    return this.#published;
  }

  /** Whether any item was ever published. */
  get everPublished(): boolean {
    return this.#everPublished;
  }

  /** Items with at least one term, the N of idf. */
  get described(): number {
    return this.#described;
  }

  /** The number of an item's id; a new number for a new id. Throws a RangeError beyond 4,194,303 items. */
  number(id: string): number {
    const known = this.ids.find(id);
    if (known !== undefined) return known;
    const number = this.ids.intern(id);
    if (number > MAX_ROW_ID) {
      this.ids.release(number);
      throw new RangeError(`The model holds at most ${MAX_ROW_ID + 1} items.`);
    }
    if (number >= this.#status.length) {
      this.statuses.reserveTwice(number + 1);
      this.vectors.rows.reserve(this.statuses.length);
      this.vectors.lengths.reserve(this.statuses.length);
      const hashes = new Uint32Array(this.statuses.length);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
      const listed = new Float64Array(this.statuses.length).fill(Number.NaN);
      listed.set(this.#listed);
      this.#listed = listed;
    }
    this.#hashes[number] = hashEnd(hashText(HASH_START, id)) >>> 1;
    return number;
  }

  /**
   * Items in an order that depends on their ids alone: by a hash of the id, and by the id where two hashes are equal.
   * Sums that must not depend on the order of arrival use it. Numbers sort ten times as fast as texts.
   */
  canonicalOrder(items: Iterable<number>): number[] {
    // Exact in a double: 31 bits of hash over 22 of number.
    const hashes = this.#hashes;
    let count = 0;
    for (const item of items) {
      if (count === this.#keys.length) {
        const keys = new Float64Array(count * 2);
        keys.set(this.#keys);
        this.#keys = keys;
      }
      this.#keys[count++] = hashes[item]! * NUMBERS + item;
    }
    const keys = this.#keys.subarray(0, count).sort();
    const ordered: number[] = [];
    const { ids } = this.ids;
    let before = -1;
    for (let place = 0; place < count; place++) {
      const hash = Math.floor(keys[place]! / NUMBERS);
      const item = keys[place]! - hash * NUMBERS;
      let at = place;
      if (hash === before) {
        while (at > 0 && hashes[ordered[at - 1]!] === hash && ids[ordered[at - 1]!]! > ids[item]!) {
          ordered[at] = ordered[at - 1]!;
          at--;
        }
      }
      ordered[at] = item;
      before = hash;
    }
    return ordered;
  }

  /** Numbers of those of the ids that the catalogue knows. */
  knownNumbers(ids: Iterable<string> = []): number[] {
    const numbers: number[] = [];
    for (const id of ids) {
      const item = this.ids.find(id);
      if (item !== undefined) numbers.push(item);
    }
    return numbers;
  }

  item(number: number): Item | undefined {
    return this.#items[number];
  }

  /**
   * Whether the model may serve an item: a published item that is not withdrawn, or an unpublished one if the caller
   * allows it. If no item was ever published, the model serves every known item, as there is a history and no
   * catalogue.
   */
  isServable(number: number, unpublished: boolean): boolean {
    const status = this.#status[number]!;
    return unpublished || !this.#everPublished ? (status & WITHDRAWN) === 0 : status === PUBLISHED;
  }

  isPublished(number: number): boolean {
    return (this.#status[number]! & PUBLISHED) !== 0;
  }

  isWithdrawn(number: number): boolean {
    return (this.#status[number]! & WITHDRAWN) !== 0;
  }

  /** Puts an item into the catalogue, or replaces its fields. */
  publish(number: number, fields: ItemData, listed: number): void {
    this.#everPublished = true;
    const known = this.#items[number];
    this.#declare(known?.fields, fields);
    this.#items[number] = { fields, listed: known?.listed ?? listed };
    this.#listed[number] = known?.listed ?? listed;
    this.#mark(number, this.#status[number]! | PUBLISHED);
    this.#index(number, fields);
  }

  /**
   * Applies a JSON Merge Patch (RFC 7396) to an item's fields. False: the item was never published, and nothing
   * changes.
   */
  update(number: number, patch: ItemPatch): boolean {
    const item = this.#items[number];
    if (item?.fields === undefined) return false;
    const fields = patchItem(item.fields, patch);
    this.#declare(item.fields, fields);
    item.fields = fields;
    this.#version++;
    this.#index(number, item.fields);
    return true;
  }

  hasAttribute(name: string): boolean {
    return this.#names.has(name);
  }

  hasTag(tag: string): boolean {
    return this.#tags.has(tag);
  }

  /** Counts what an item declares from now on instead of what it declared. */
  #declare(before: ItemData | undefined, after: ItemData): void {
    for (const [fields, by] of [
      [after, 1],
      [before, -1],
    ] as const) {
      if (fields === undefined) continue;
      const { tags, attributes } = declaredBy(fields);
      for (const tag of tags) count(this.#tags, tag, by);
      for (const name of attributes) count(this.#names, name, by);
    }
  }

  /** Takes an item out of all lists (also before it is published), or lets it back in. */
  withdraw(number: number, withdrawn: boolean): void {
    const status = this.#status[number]!;
    this.#mark(number, withdrawn ? status | WITHDRAWN : status & ~WITHDRAWN);
  }

  #mark(number: number, status: number): void {
    if ((this.#status[number] === PUBLISHED) !== (status === PUBLISHED))
      for (const listing of this.#listing) listing(number);
    if (this.#status[number] === PUBLISHED) this.#published--;
    if (status === PUBLISHED) this.#published++;
    this.#status[number] = status;
    this.#version++;
  }

  /** Unit vector of an item, `term << 10 | weight`, valid until the next change; undefined for an item without terms. */
  vector(number: number): Uint32Array | undefined {
    const { rows, lengths } = this.vectors;
    const length = number < lengths.length ? lengths.view[number]! : 0;
    return length === 0 ? undefined : this.#kernel.uint32At(rows.view[number]!, length);
  }

  #setVector(number: number, vector: Uint32Array): void {
    const { rows, lengths } = this.vectors;
    if (lengths.view[number]! > 0) this.#kernel.calls.release(rows.view[number]!);
    const address = vector.length === 0 ? 0 : this.#kernel.calls.alloc(vector.byteLength) >>> 0;
    rows.view[number] = address;
    lengths.view[number] = vector.length;
    this.#kernel.unsigned.set(vector, address >>> 2);
  }

  /** When an item was listed, milliseconds since 1970; NaN for an item that was never published. */
  listed(number: number): number {
    return this.#listed[number]!;
  }

  /** Inverse document frequency of a term, smoothed. A list needs hundreds, and few of them differ. */
  idf(term: number): number {
    const documents = Math.max(this.postings.count(term), 1);
    if (documents >= this.#idfs.length) this.#idfs = new Float64Array(documents * 2);
    else if (this.#idfsOf !== this.#described) this.#idfs.fill(0);
    this.#idfsOf = this.#described;
    const known = this.#idfs[documents]!;
    if (known !== 0) return known;
    const idf = ln(1 + this.#described / documents);
    this.#idfs[documents] = idf;
    return idf;
  }

  #index(number: number, fields: ItemData): void {
    this.#onFields(number, fields);
    const old = this.vector(number)?.slice();
    // A row's key holds millions of different terms. Beyond that the catalogue leaves new terms out and keeps known
    // ones.
    const room = this.terms.count + this.#config.termsPerItem <= MAX_ROW_ID;
    const terms = itemTerms(fields, this.#config).filter(([term]) => room || this.terms.find(term) !== undefined);
    let squares = 0;
    for (const [, weight] of terms) squares += weight * weight;
    const vector = new Uint32Array(terms.length);
    // A document's side of the cosine holds no idf (SMART's lnc.ltc, Manning et al. 2008, 6.4.3). So a new item changes
    // no other item's vector, and the query's side holds the idf.
    for (let i = 0; i < terms.length; i++) {
      const [term, weight] = terms[i]!;
      const at = this.terms.intern(term);
      const part = Math.max(1, Math.round((weight / Math.sqrt(squares)) * WEIGHT_MASK));
      vector[i] = ((at << WEIGHT_BITS) | part) >>> 0;
      this.postings.set(at, number, part);
    }
    if (old !== undefined) {
      this.#described--;
      const kept = new Set(Array.from(vector, termOf));
      for (const word of old) {
        const term = termOf(word);
        if (kept.has(term)) continue;
        this.postings.remove(term, number);
        if (this.postings.count(term) === 0) this.terms.release(term);
      }
    }
    this.#setVector(number, vector);
    if (vector.length > 0) this.#described++;
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

/** Parts of a packed vector word. */
export const termOf = (word: number): number => word >>> WEIGHT_BITS;
export const partOf = (word: number): number => word & WEIGHT_MASK;
/** Length of an item's vector, in units of its parts. */
export const VECTOR_UNIT = WEIGHT_MASK;
