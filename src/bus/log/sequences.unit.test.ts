import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  highestOutside,
  joined,
  parseRanges,
  rangesOf,
  rangesText,
  rangeWith,
  type SequenceRange,
  sizeOf,
  without,
} from './sequences.ts';

const all = (ranges: readonly SequenceRange[]): number[] =>
  ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
const anyRanges = fc
  .array(fc.record({ first: fc.integer({ min: 1, max: 60 }), more: fc.integer({ min: 0, max: 8 }) }), { maxLength: 8 })
  .map((some) => some.map(({ first, more }) => ({ first, last: first + more })));

describe('ranges of sequences', () => {
  it('are read from a text, in order, and written as one', () => {
    expect(parseRanges('514,500-509, 505-512')).toEqual([
      { first: 500, last: 512 },
      { first: 514, last: 514 },
    ]);
    expect(rangesText(parseRanges('7,1-3') ?? [])).toBe('1-3,7');
  });

  it.each(['', '0', '5-3', 'a', '1-', '1,,2', '-4', '1.5', '99999999999999999'])('refuse the text %j', (text) => {
    expect(parseRanges(text)).toBeUndefined();
  });

  it('hold the sequences that they were made of', () => {
    fc.assert(
      fc.property(anyRanges, anyRanges, fc.integer({ min: 1, max: 70 }), (one, other, seq) => {
        const set = new Set(all(one));
        const ranges = joined(one);
        expect(all(ranges)).toEqual([...set].sort((a, b) => a - b));
        expect(rangesOf(all(ranges))).toEqual(ranges);
        expect(sizeOf(ranges)).toBe(set.size);
        expect(rangeWith(ranges, seq) !== undefined).toBe(set.has(seq));
        const taken = new Set(all(other));
        expect(all(without(ranges, joined(other)))).toEqual(all(ranges).filter((s) => !taken.has(s)));
        const outside = Array.from({ length: seq }, (_, i) => i + 1).filter((s) => s > 10 && !set.has(s));
        expect(highestOutside(ranges, 11, seq)).toBe(outside.at(-1) ?? 0);
      }),
    );
  });
});
