/** What catalogue events do to the model. */
import type { ItemId } from '../../../bus/event/ids.ts';
import type { ItemData, ItemPatch } from '../../../bus/event/types.ts';
import type { ModelState } from '../state/model-state.ts';
import { MAX_ROW_ID } from '../state/row-slots.ts';

/**
 * Share of the numbers that only items of the catalogue may take, so that events about made-up ids cannot use up the
 * numbers of items that the application publishes later.
 */
const RESERVED = 1 / 4;

export class ItemFold {
  readonly #state: ModelState;
  readonly #descriptionCharacters: number;
  readonly #numbers: number;

  /**
   * @param descriptionCharacters characters of a description that the model reads
   * @param numbers how many items can have a number
   */
  constructor(state: ModelState, descriptionCharacters: number, numbers = MAX_ROW_ID + 1) {
    this.#state = state;
    this.#descriptionCharacters = descriptionCharacters;
    this.#numbers = numbers;
  }

  publish(id: ItemId, fields: ItemData, listedMs: number): void {
    const { catalogue, warnings } = this.#state;
    if (!this.hasRoom(id)) warnings.count('too-many-items');
    else catalogue.publish(this.number(id), this.#clean(fields), Number.isFinite(listedMs) ? listedMs : 0);
  }

  update(id: ItemId, patch: ItemPatch): void {
    const { catalogue, warnings } = this.#state;
    const item = catalogue.ids.find(id);
    if (item === undefined || !catalogue.update(item, this.#clean(patch))) warnings.count('unknown-item');
  }

  withdraw(id: ItemId): void {
    const { catalogue, warnings } = this.#state;
    if (!this.hasRoom(id)) warnings.count('too-many-items');
    else catalogue.withdraw(this.number(id), true);
  }

  restore(id: ItemId): void {
    const { catalogue, warnings } = this.#state;
    const item = catalogue.ids.find(id);
    if (item === undefined) warnings.count('unknown-item');
    else catalogue.withdraw(item, false);
  }

  /** Whether an item of the catalogue has a number, or can get one. */
  hasRoom(id: string): boolean {
    const { ids } = this.#state.catalogue;
    return ids.find(id) !== undefined || ids.count < this.#numbers;
  }

  /** The same for an item that only an event of a user names. */
  hasRoomUnlisted(id: string): boolean {
    const { ids } = this.#state.catalogue;
    return ids.find(id) !== undefined || ids.count < this.#numbers * (1 - RESERVED);
  }

  /** The number of an item's id; a new number for a new id. */
  number(id: string): number {
    const { catalogue, statistics } = this.#state;
    const item = catalogue.number(id);
    statistics.reserve(item + 1);
    return item;
  }

  /** The fields that the model keeps: the part of the description that it reads, and only finite numbers. */
  #clean<T extends ItemData | ItemPatch>(fields: T): T {
    const { warnings } = this.#state;
    const kept: T = { ...fields };
    if (typeof kept.description === 'string') {
      kept.description = kept.description.slice(0, this.#descriptionCharacters);
    }
    if (kept.attributes) {
      const attributes = { ...kept.attributes };
      for (const [key, value] of Object.entries(attributes)) {
        if (typeof value !== 'number' || Number.isFinite(value)) continue;
        delete attributes[key];
        warnings.count('bad-number');
      }
      kept.attributes = attributes as NonNullable<T['attributes']>;
    }
    if (kept.embedding && !kept.embedding.every(Number.isFinite)) {
      delete kept.embedding;
      warnings.count('bad-number');
    }
    return kept;
  }
}
