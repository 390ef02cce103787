import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { published, type TestEvent, withdrawn } from '../../../test/support/events.ts';
import { fold } from '../../../test/support/projection.ts';
import { parseFields } from '../../items/fields.ts';
import { contentProjection } from '../projection.ts';
import { createFinder, type Found, type SearchOrder } from './find.ts';
import { matchOf } from './words.ts';

/** Searches in a catalogue of these events. */
function searching(...events: TestEvent[]): (q: string, order?: Partial<SearchOrder>) => Found {
  const find = createFinder(fold(contentProjection(), events).db);
  return (q, order = {}) =>
    find({
      match: matchOf(q),
      filters: [],
      now: 0,
      withdrawn: false,
      fields: parseFields([]),
      n: 10,
      ranked: 100,
      ...order,
    });
}
const ids = ({ items }: Found): string[] => items.map(({ item }) => item);

describe('a search', () => {
  it('puts words of the title before those of tags, and these before those of attributes', () => {
    const search = searching(
      published('attribute', { title: 'One two', tags: ['three'], attributes: { place: 'sea' } }),
      published('tag', { title: 'One two', tags: ['sea'], attributes: { place: 'three' } }),
      published('title', { title: 'One sea', tags: ['three'], attributes: { place: 'two' } }),
      ...Array.from({ length: 9 }, (_, i) => published(`other-${i}`, { title: 'Four five', tags: ['six'] })),
    );
    const found = search('sea');
    expect(ids(found)).toEqual(['title', 'tag', 'attribute']);
    expect(found.items.map(({ score }) => score)).toEqual(found.items.map(({ score }) => score).sort((a, b) => b - a));
    expect(found.items[0]?.score).toBeGreaterThan(0);
  });

  it('finds all words in any text, the last one by its beginning, whatever case and diacritics', () => {
    const search = searching(
      published('a', { title: 'Émile', tags: ['Éducation'], attributes: { author: 'Jean-Jacques Rousseau' } }),
      published('b', { title: 'Emily', tags: ['novel'] }),
    );
    expect(ids(search('émi')).sort()).toEqual(['a', 'b']);
    expect(ids(search('EMILE edu'))).toEqual(['a']);
    expect(ids(search('rouss emile'))).toEqual([]);
    expect(ids(search('rousseau emile'))).toEqual(['a']);
    expect(ids(search('Jean-Jac'))).toEqual(['a']);
    expect(ids(search('Jacques-Jean'))).toEqual([]);
    expect(ids(search('e'))).toHaveLength(2);
  });

  it('orders items of equal scores by their ids', () => {
    const search = searching(...['c', 'a', 'b'].map((item) => published(item, { title: 'Sea' })));
    expect(ids(search('sea'))).toEqual(['a', 'b', 'c']);
  });

  it('leaves out withdrawn items unless they are wanted', () => {
    const search = searching(published('a', { title: 'Sea' }), published('b', { title: 'Sea' }), withdrawn('a'));
    expect(search('sea').items).toMatchObject([{ item: 'b', available: true }]);
    expect(search('sea', { withdrawn: true }).items).toMatchObject([
      { item: 'a', available: false },
      { item: 'b', available: true },
    ]);
  });

  it('passes filters, and gives the fields that are named', () => {
    const search = searching(
      published('a', { title: 'Sea', tags: ['x'], attributes: { price: 5, author: 'A' } }),
      published('b', { title: 'Sea', tags: ['y'], attributes: { price: 50 } }),
    );
    const found = search('sea', {
      filters: [{ 'attributes.price': { $lt: 10 } }, { tags: 'x' }],
      fields: parseFields(['title', 'attributes.price']),
    });
    expect(found.items).toMatchObject([{ item: 'a', fields: { title: 'Sea', attributes: { price: 5 } } }]);
    expect(found.items[0]?.fields).not.toHaveProperty('tags');
  });

  it('says whether more items match', () => {
    const search = searching(...['a', 'b', 'c'].map((item) => published(item, { title: 'Sea' })));
    expect(search('sea', { n: 2 })).toMatchObject({ more: true, complete: true, seq: 3 });
    expect(search('sea', { n: 3 })).toMatchObject({ more: false, complete: true });
    expect(search('sea', { n: 2, filters: [{ item: { $in: ['a', 'b'] } }] })).toMatchObject({ more: false });
  });

  it('ranks the newest items with the words in the title, then the newest others, if very many match', () => {
    const search = searching(
      published('old-title', { title: 'Sea', tags: ['x'] }),
      ...Array.from({ length: 30 }, (_, i) => published(`tag-${String(i).padStart(2, '0')}`, { tags: ['sea'] })),
    );
    const found = search('sea', { ranked: 10, n: 5 });
    expect(found).toMatchObject({ complete: false, more: true });
    expect(ids(found)).toEqual(['old-title', 'tag-25', 'tag-26', 'tag-27', 'tag-28']);
    expect(search('sea', { ranked: 31, n: 5 })).toMatchObject({ complete: true });
    const all = search('sea', { ranked: 10, n: 31 });
    expect(new Set(ids(all)).size).toBe(all.items.length);
    expect(all).toMatchObject({ more: true, items: { length: 6 } });
  });

  it('takes any text: an answer or a refusal of the request, never an error of SQLite', () => {
    const search = searching(published('a', { title: 'Sea "and" land (title:x*) ^NEAR' }));
    const piece = fc.constantFrom(
      '"',
      '*',
      '(',
      ')',
      ':',
      '^',
      '-',
      '+',
      '{',
      '}',
      'title',
      'NEAR',
      'AND',
      'NOT',
      ' ',
      'sea',
      "'",
      ';',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (q) => {
          try {
            search(q);
          } catch (err) {
            expect((err as { code: string }).code).toBe('FRESHET_BAD_REQUEST');
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
