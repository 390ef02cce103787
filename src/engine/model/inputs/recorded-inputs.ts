/**
 * The recorded inputs of a model, in force and challenging, and the features of the items that they map.
 *
 * A catalogue event changes the item's features and vectors; interactions add nothing. An input that is adopted is a
 * challenger first: on the events that follow, how high it ranks what was taken is compared with the one in force, then
 * one of the two is dropped.
 */
import type { ItemData } from '../../../bus/event/types.ts';
import { ln } from '../primitives/math.ts';
import { itemFeatures } from './features.ts';
import { type InputKind, type InputQuality, InputUnreadableError, MAP_KINDS, type MapKind } from './kinds.ts';
import { MappedItems } from './mapped-items.ts';

export interface MappedConfig {
  /** Newest events of a history that its vector is made of. */
  reach: number;
  /** Events (in full interactions) at which an item's own evidence counts as much as what its features promise. */
  ownEvents: number;
  /** Scored events on which a challenger is compared. */
  judgedEvents: number;
}

export const MAPPED_DEFAULTS: MappedConfig = { reach: 2_000, ownEvents: 4, judgedEvents: 500 };

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

/** A recorded input, as far as whoever looks needs it. */
export interface InputInForce {
  kind: InputKind;
  /** Bytes of the one in force; 0: none is. */
  bytes: number;
  /** SHA-256 of these, hex; undefined: none is. */
  sha256: string | undefined;
  quality: InputQuality | undefined;
  /** Whether another is being compared with it. */
  challenged: boolean;
}

interface Adopted {
  inForce: MappedItems | undefined;
  challenger: MappedItems | undefined;
  judged: Judged;
}

const unjudged = (): Judged => ({ events: 0, ours: 0, theirs: 0 });

export class RecordedInputs {
  #config: MappedConfig;
  #descriptionCharacters: number;
  #features: (Uint32Array | undefined)[] = [];
  #embeddings: (readonly number[] | undefined)[] = [];
  /** Items by length of their embeddings. */
  #lengths = new Map<number, number>();
  #adopted = new Map<MapKind, Adopted>();
  #who = new Float64Array(0);

  constructor(config: MappedConfig, descriptionCharacters: number) {
    this.#config = config;
    this.#descriptionCharacters = descriptionCharacters;
  }

  /** Takes an item's fields, or other ones. False: its embedding has another length than most, and is left out. */
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

  /** The most common length of embeddings, the shorter of two; 0: there are none. */
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

  /** Takes a recorded input; the first of its kind is in force at once if it is better than chance. */
  adopt(kind: InputKind, bytes: Uint8Array): void {
    const map = this.#read(kind, bytes);
    const known = this.#adopted.get(map.map.kind);
    const { quality } = map.map;
    if (known?.inForce !== undefined) {
      known.challenger = map;
      known.judged = unjudged();
    } else if (quality.reciprocalRank > quality.chance)
      this.#adopted.set(map.map.kind, { inForce: map, challenger: undefined, judged: unjudged() });
  }

  #read(kind: InputKind, bytes: Uint8Array): MappedItems {
    const map = new MappedItems(bytes);
    if (map.map.kind !== kind)
      throw new InputUnreadableError(`a recorded input of kind ${map.map.kind} was given as ${kind}`);
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

  /** Whether any input is being compared. */
  get isChallenged(): boolean {
    for (const { challenger } of this.#adopted.values()) if (challenger !== undefined) return true;
    return false;
  }

  /**
   * Compares challengers on an event before it is counted: how far above others the item stands that was taken.
   * Others are items of all kinds, not a list's candidates: among those, which others have chosen already for what
   * people did, features say little, and a map of the first few events won against those of a hundred times as many.
   *
   * @param others a sample of the catalogue
   */
  judge(past: ArrayLike<number>, item: number, others: readonly number[]): void {
    for (const kind of MAP_KINDS) {
      const adopted = this.#adopted.get(kind);
      if (adopted?.challenger === undefined || adopted.inForce === undefined) continue;
      const { judged, inForce, challenger } = adopted;
      judged.events++;
      judged.ours += this.#gain(inForce, past, item, others);
      judged.theirs += this.#gain(challenger, past, item, others);
      if (judged.events < this.#config.judgedEvents) continue;
      if (judged.theirs > judged.ours) adopted.inForce = challenger;
      adopted.challenger = undefined;
      adopted.judged = unjudged();
    }
  }

  /** 1 / ln(1 + rank) of an item among others by a map's score, ties at their mean. */
  #gain(map: MappedItems, past: ArrayLike<number>, item: number, others: readonly number[]): number {
    const who = this.#whoFor(map);
    map.gather(past, this.#config.reach, who);
    const own = map.score(item, who);
    let above = 0;
    for (const other of others) {
      if (other === item) continue;
      const score = map.score(other, who);
      if (score > own) above++;
      else if (score === own) above += 0.5;
    }
    return 1 / ln(2 + above);
  }

  #whoFor(map: MappedItems): Float64Array {
    if (this.#who.length !== map.map.rank) this.#who = new Float64Array(map.map.rank);
    return this.#who;
  }

  export(): AdoptedState[] {
    return MAP_KINDS.flatMap((kind) => {
      const adopted = this.#adopted.get(kind);
      if (adopted === undefined) return [];
      const { inForce, challenger, judged } = adopted;
      return [{ kind, inForce: inForce?.bytes, challenger: challenger?.bytes, judged: { ...judged } }];
    });
  }

  /** Takes what {@link export} gave; the catalogue must be there. */
  import(states: readonly AdoptedState[]): void {
    for (const { kind, inForce, challenger, judged } of states) {
      this.#adopted.set(kind, {
        inForce: inForce && this.#read(kind, inForce),
        challenger: challenger && this.#read(kind, challenger),
        judged: { ...judged },
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
