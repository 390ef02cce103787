/** What a test said of each item, remembered for as long as the catalogue stays as it is. */
import type { ItemId } from '../../../bus/event/ids.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { ItemTest } from './types.ts';

const YES = 1;
const NO = 2;

interface Remembered {
  /** Of the catalogue. */
  version: number;
  /** By item: 0 for not asked yet. */
  said: Uint8Array;
}

export class ItemTestCache {
  readonly #catalogue: Catalogue;
  readonly #tests = new WeakMap<ItemTest, Remembered>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** A test by the numbers of items. */
  of(test: ItemTest | undefined): ((item: number) => boolean) | undefined {
    if (test === undefined) return undefined;
    const { ids, version } = this.#catalogue;
    let remembered = this.#tests.get(test);
    if (remembered === undefined || remembered.version !== version || remembered.said.length < ids.end) {
      remembered = { version, said: new Uint8Array(ids.end) };
      this.#tests.set(test, remembered);
    }
    const { said } = remembered;
    return (item) => {
      if (said[item] === 0) {
        const known = this.#catalogue.item(item);
        said[item] = test.test(ids.id(item) as ItemId, known?.fields, known?.listed ?? 0) ? YES : NO;
      }
      return said[item] === YES;
    };
  }
}
