/** Results of callers' item tests, cached while the catalogue stays the same. */
import type { ItemId } from '../../../bus/event/ids.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { ItemTest } from './types.ts';

const YES = 1;
const NO = 2;

interface CachedResults {
  /** The catalogue's version that the results are for. */
  version: number;
  /** By item; 0: the test has not run yet. */
  results: Uint8Array;
}

export class ItemTestCache {
  readonly #catalogue: Catalogue;
  readonly #tests = new WeakMap<ItemTest, CachedResults>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** A caller's test as a test of item numbers. */
  of(test: ItemTest | undefined): ((item: number) => boolean) | undefined {
    if (test === undefined) return undefined;
    const { ids, version } = this.#catalogue;
    let cached = this.#tests.get(test);
    if (cached === undefined || cached.version !== version || cached.results.length < ids.end) {
      cached = { version, results: new Uint8Array(ids.end) };
      this.#tests.set(test, cached);
    }
    const { results } = cached;
    return (item) => {
      if (results[item] === 0) {
        const known = this.#catalogue.item(item);
        results[item] = test.test(ids.id(item) as ItemId, known?.fields, known?.listed ?? 0) ? YES : NO;
      }
      return results[item] === YES;
    };
  }
}
