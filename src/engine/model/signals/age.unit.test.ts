import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalogue } from '../state/catalogue.ts';
import { CONTENT_DEFAULTS } from '../state/terms.ts';
import { Newest } from './age.ts';

const KEPT = 6;

describe('the items listed last', () => {
  it('equal those of a pass over the whole catalogue, after any changes', () => {
    const change = fc.record({
      what: fc.constantFrom('publish', 'withdraw', 'restore', 'look', 'publish'),
      id: fc.nat(14),
      listed: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 160 }), (changes) => {
        const catalogue = new Catalogue(CONTENT_DEFAULTS);
        const newest = new Newest(KEPT, catalogue);
        for (const { what, id, listed } of changes) {
          const item = catalogue.number(`i${id}`);
          if (what === 'publish') catalogue.publish(item, { title: 'A' }, listed);
          else if (what === 'look') newest.refresh();
          else catalogue.withdraw(item, what === 'withdraw');
        }
        newest.refresh();
        const all = catalogue.ids.ids
          .map((id, item) => ({ id, item }))
          .filter(({ item }) => catalogue.isPublished(item) && !catalogue.isWithdrawn(item))
          .map(({ id, item }) => ({ id, listed: catalogue.item(item)!.listed }))
          .sort((a, b) => b.listed - a.listed || (a.id < b.id ? -1 : 1));
        const found = newest.items.map((item) => catalogue.ids.id(item));
        expect(found).toEqual(all.slice(0, KEPT).map(({ id }) => id));
      }),
      { numRuns: 500 },
    );
  });
});
