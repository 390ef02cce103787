/**
 * The recorded inputs of a model, in force and challenging, and the features of the items that they map.
 *
 * A catalogue event changes the item's features and vectors; interactions add nothing. A later input of a kind begins
 * as a challenger. On the events that follow, the model compares how high it ranks the item that the user took with the
 * rank by the input in force, and then drops one of the two.
 */
import type { ItemData } from '../../../bus/event/types.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { ln } from '../primitives/math.ts';
import { itemFeatures } from './features.ts';
import { type InputKind, type InputQuality, InputUnreadableError, MAP_KINDS, type MapKind } from './kinds.ts';
import { MappedItems } from './mapped-items.ts';

export interface MappedConfig {
  /** Newest events of a history that the user's vector is made of. */
  reach: number;
  /** Events (in full interactions) at which an item's own evidence counts as much as its features. */
  ownEvents: number;
  /** Scored events on which a challenger is compared. */
  judgedEvents: number;
}

export const MAPPED_DEFAULTS: MappedConfig = { reach: 2_000, ownEvents: 4, judgedEvents: 500 };

/** Sums of gains (1 / ln(1 + rank)) of the input in force, `ours`, and of the challenger, `theirs`. */
export interface Comparison {
  events: number;
  ours: number;
  theirs: number;
}

/** What a state holds of one kind: bytes of the two inputs, and the comparison so far. */
export interface AdoptedState {
  kind: MapKind;
  inForce: Uint8Array | undefined;
  challenger: Uint8Array | undefined;
  comparison: Comparison;
}

/** The input in force of one kind. */
export interface InputInForce {
  kind: InputKind;
  /** Length of the input in force, bytes; 0: none is in force. */
  bytes: number;
  /** SHA-256 of the input in force, hex; undefined: none is in force. */
  sha256: string | undefined;
  quality: InputQuality | undefined;
  /** Whether the model compares a challenger with it. */
  challenged: boolean;
}

/** The inputs in force, by the number that they have in the model that they come from. */
export interface InputsInForce {
  version: number;
  inputs: { kind: MapKind; bytes: Uint8Array }[];
}

interface Adopted {
  inForce: MappedItems | undefined;
  challenger: MappedItems | undefined;
  comparison: Comparison;
}

const emptyComparison = (): Comparison => ({ events: 0, ours: 0, theirs: 0 });

export class RecordedInputs {
  #config: MappedConfig;
  #descriptionCharacters: number;
  #features: (Uint32Array | undefined)[] = [];
  #embeddings: (readonly number[] | undefined)[] = [];
  /** How many items have an embedding of each length. */
  #lengths = new Map<number, number>();
  #adopted = new Map<MapKind, Adopted>();
  readonly #kernel: Kernel;
  #version = 0;

  constructor(config: MappedConfig, descriptionCharacters: number, kernel: Kernel) {
    this.#kernel = kernel;
    this.#config = config;
    this.#descriptionCharacters = descriptionCharacters;
  }

  /** Sets an item's fields. False: its embedding has another length than most, and does not count. */
  describe(item: number, fields: ItemData): boolean {
    const before = this.#embeddings[item]?.length ?? 0;
    if (before > 0) this.#lengths.set(before, this.#lengths.get(before)! - 1);
    const features = itemFeatures(fields, this.#descriptionCharacters);
    const length = fields.embedding?.length ?? 0;
    this.#features[item] = features;
    this.#embeddings[item] = length > 0 ? fields.embedding : undefined;
    if (length > 0) this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
    for (const map of this.#maps()) map.set(item, features, this.#embeddings[item]);
    return length === 0 || length === this.embeddingSize();
  }

  featuresOf(item: number): Uint32Array | undefined {
    return this.#features[item];
  }

  embeddingOf(item: number): readonly number[] | undefined {
    return this.#embeddings[item];
  }

  /** The most common length of embeddings, the shorter of two; 0: no item has one. */
  embeddingSize(): number {
    let best = 0;
    let most = 0;
    for (const [length, items] of this.#lengths) {
      if (items > most || (items === most && items > 0 && length < best)) {
        best = length;
        most = items;
      }
    }
    return best;
  }

  *#maps(): Iterable<MappedItems> {
    for (const { inForce, challenger } of this.#adopted.values()) {
      if (inForce !== undefined) yield inForce;
      if (challenger !== undefined) yield challenger;
    }
  }

  /**
   * Adopts a recorded input. The first of its kind is in force at once if it is better than chance; a later one becomes
   * a challenger. Throws {@link InputUnreadableError}.
   */
  adopt(kind: InputKind, bytes: Uint8Array): void {
    const map = this.#read(kind, bytes);
    const known = this.#adopted.get(map.map.kind);
    const { quality } = map.map;
    if (known?.inForce !== undefined) {
      known.challenger?.release();
      known.challenger = map;
      known.comparison = emptyComparison();
    } else if (quality.reciprocalRank > quality.chance) this.#place(map);
  }

  #place(map: MappedItems): void {
    this.#adopted.get(map.map.kind)?.inForce?.release();
    this.#adopted.set(map.map.kind, { inForce: map, challenger: undefined, comparison: emptyComparison() });
    this.#version++;
  }

  /** Number of the inputs in force; another one whenever another input is in force. */
  get version(): number {
    return this.#version;
  }

  /** The inputs in force, for a model that has folded the same and compares none. */
  inForceOnly(): InputsInForce {
    const inputs = [...this.#adopted.values()].flatMap(({ inForce }) => (inForce ? [inForce] : []));
    return { version: this.#version, inputs: inputs.map(({ map, bytes }) => ({ kind: map.kind, bytes })) };
  }

  /** Puts these inputs in force. Throws {@link InputUnreadableError}. */
  replaceInForce({ version, inputs }: InputsInForce): void {
    for (const { kind, bytes } of inputs) {
      const known = this.#adopted.get(kind)?.inForce?.bytes;
      if (known === undefined || Buffer.compare(known, bytes) !== 0) this.#place(this.#read(kind, bytes));
    }
    this.#version = version;
  }

  #read(kind: InputKind, bytes: Uint8Array): MappedItems {
    const map = new MappedItems(bytes, this.#kernel);
    if (map.map.kind !== kind)
      throw new InputUnreadableError(`The recorded input is of kind ${map.map.kind}, but it was given as ${kind}.`);
    for (const [item, features] of this.#features.entries())
      if (features !== undefined) map.set(item, features, this.#embeddings[item]);
    return map;
  }

  /** The map in force. */
  inForce(kind: MapKind): MappedItems | undefined {
    return this.#adopted.get(kind)?.inForce;
  }

  inForceKinds(): InputInForce[] {
    return MAP_KINDS.flatMap((kind) => {
      const adopted = this.#adopted.get(kind);
      if (adopted === undefined) return [];
      const { inForce, challenger } = adopted;
      const quality = inForce?.map.quality;
      const bytes = inForce?.bytes.length ?? 0;
      return [{ kind, bytes, sha256: inForce?.sha256, quality, challenged: challenger !== undefined }];
    });
  }

  /** Whether the model compares any challenger. */
  get isChallenged(): boolean {
    for (const { challenger } of this.#adopted.values()) if (challenger !== undefined) return true;
    return false;
  }

  /**
   * Compares challengers on an event before the fold counts it: how far above other items each map ranks the item that
   * the user took. The others are a sample of the whole catalogue, not a list's candidates. Candidates were already
   * chosen by what users did, so features say little about their order, and a map of the first few events won against
   * maps of a hundred times as many.
   *
   * @param others a sample of the catalogue
   */
  compare(history: ArrayLike<number>, item: number, others: readonly number[]): void {
    for (const kind of MAP_KINDS) {
      const adopted = this.#adopted.get(kind);
      if (adopted?.challenger === undefined || adopted.inForce === undefined) continue;
      const { comparison, inForce, challenger } = adopted;
      comparison.events++;
      comparison.ours += this.#gain(inForce, history, item, others);
      comparison.theirs += this.#gain(challenger, history, item, others);
      if (comparison.events < this.#config.judgedEvents) continue;
      const won = comparison.theirs > comparison.ours;
      (won ? inForce : challenger).release();
      if (won) {
        adopted.inForce = challenger;
        this.#version++;
      }
      adopted.challenger = undefined;
      adopted.comparison = emptyComparison();
    }
  }

  /** 1 / ln(1 + rank) of an item among others by a map's score, ties at their mean. */
  #gain(map: MappedItems, history: ArrayLike<number>, item: number, others: readonly number[]): number {
    map.gather(history, this.#config.reach);
    const own = map.score(item);
    let above = 0;
    for (const other of others) {
      if (other === item) continue;
      const score = map.score(other);
      if (score > own) above++;
      else if (score === own) above += 0.5;
    }
    return 1 / ln(2 + above);
  }

  export(): AdoptedState[] {
    return MAP_KINDS.flatMap((kind) => {
      const adopted = this.#adopted.get(kind);
      if (adopted === undefined) return [];
      const { inForce, challenger, comparison } = adopted;
      return [{ kind, inForce: inForce?.bytes, challenger: challenger?.bytes, comparison: { ...comparison } }];
    });
  }

  /** Restores what {@link export} gave. The catalogue must be complete before. */
  import(states: readonly AdoptedState[]): void {
    for (const { kind, inForce, challenger, comparison } of states) {
      this.#adopted.set(kind, {
        inForce: inForce && this.#read(kind, inForce),
        challenger: challenger && this.#read(kind, challenger),
        comparison: { ...comparison },
      });
    }
  }

  /** Bytes of vectors and features. */
  bytes(): number {
    let bytes = 0;
    for (const map of this.#maps()) bytes += map.size();
    for (const features of this.#features) bytes += features?.byteLength ?? 0;
    return bytes;
  }
}
