import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TermPostings, WEIGHT_BITS, WEIGHT_MASK } from './term-postings.ts';

const TERMS = 3;
const LAST_ITEM = 2 ** 22 - 2;

const read = (postings: TermPostings, term: number): [item: number, weight: number][] =>
  Array.from(postings.row(term)?.subarray(0, postings.count(term)) ?? [], (word) => [
    word >>> WEIGHT_BITS,
    word & WEIGHT_MASK,
  ]);

test('rows contain the terms that were set and not removed, in the order of items', () => {
  const item = fc.oneof(fc.nat(20), fc.constantFrom(LAST_ITEM, LAST_ITEM - 1));
  const step = fc.record({ term: fc.nat(TERMS - 1), item, weight: fc.integer({ min: 0, max: WEIGHT_MASK }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const postings = new TermPostings();
      const held = Array.from({ length: TERMS }, () => new Map<number, number>());
      for (const { term, item, weight } of steps) {
        // A weight of 0 removes the term.
        if (weight === 0 || weight % 3 === 0) {
          postings.remove(term, item);
          held[term]!.delete(item);
        } else {
          postings.set(term, item, weight);
          held[term]!.set(item, weight);
        }
      }
      for (const [term, items] of held.entries()) {
        expect(read(postings, term)).toEqual([...items].sort(([a], [b]) => a - b));
        expect(postings.count(term)).toBe(items.size);
      }
    }),
    { numRuns: 200 },
  );
});

test('a term that no item has has no row', () => {
  const postings = new TermPostings();
  postings.set(500, 7, 3);
  postings.remove(500, 8);
  expect(read(postings, 500)).toEqual([[7, 3]]);
  postings.remove(500, 7);
  expect(postings.row(500)).toBeUndefined();
  expect(postings.count(10_000)).toBe(0);
  expect(postings.bytes()).toBe(0);
});
