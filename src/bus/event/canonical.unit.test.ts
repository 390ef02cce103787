import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, MAX_DEPTH, UncanonicalError } from './canonical.ts';

const json = fc
  .jsonValue({ maxDepth: 5, stringUnit: 'grapheme' })
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

/** The same value with every object's members in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, turned(inner)]),
  );
}

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

describe('canonical JSON', () => {
  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
      }),
      { numRuns: 500 },
    );
  });

  it('parses to the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500, examples: [[-0], [{ a: -0 }]] },
    );
  });

  it('is its own canonical form', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('orders members by code units and leaves no space', () => {
    expect(
      canonicalJson(JSON.parse('{"b": 1, "a": [1.0, "é", null, true], "\\ud83d\\ude00": {}, "\\uffff": -0}')),
    ).toBe('{"a":[1,"é",null,true],"b":1,"😀":{},"\uffff":0}');
  });

  it('accepts nesting up to the limit, and none deeper', () => {
    expect(() => canonicalJson(nested(MAX_DEPTH))).not.toThrow();
    expect(() => canonicalJson(nested(MAX_DEPTH + 1))).toThrow(UncanonicalError);
    expect(() => canonicalJson(nested(100_000))).toThrow('nested deeper');
  });

  it.each([
    ['a member named __proto__', JSON.parse('{"a":{"__proto__":{"x":1}}}'), '__proto__'],
    ['a lone surrogate in a text', 'a\ud800', 'lone surrogate'],
    ['a lone surrogate in a name', { 'a\udc00': 1 }, 'lone surrogate'],
    ['a number beyond all numbers', JSON.parse('1e999'), 'not finite'],
    ['a value that JSON does not have', () => 1, 'function'],
  ])('refuses %s', (_what, value, reason) => {
    expect(() => canonicalJson(value)).toThrow(reason);
    expect(() => canonicalJson(value)).toThrow(UncanonicalError);
  });
});
