import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeToken, encodeToken, eventIdentity, idProblem, MAX_ID_BYTES } from './ids.ts';

/** Any valid id: the whole of Unicode, characters that matter in subjects and keys first. */
const anyId = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom('.', '*', '>', ' ', '=', '/', '%', 'a', 'é', '😀', '2', 'E'),
      minLength: 1,
      maxLength: 20,
    }),
  )
  .map((text) => text.normalize('NFC'))
  .filter((text) => idProblem(text) === undefined);

describe('the token of an id', () => {
  it('decodes to its id, whatever the id', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(decodeToken(encodeToken(id))).toBe(id);
      }),
      { numRuns: 1_000 },
    );
  });

  it('contains only characters that subjects and KV keys allow', () => {
    fc.assert(
      fc.property(anyId, (id) => {
        expect(encodeToken(id)).toMatch(/^[A-Za-z0-9_=-]+$/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is unique for each id: a token that decodes encodes to itself', () => {
    const anyToken = fc.string({
      unit: fc.constantFrom('=', '4', '1', '2', 'E', 'e', 'C', '3', 'a', 'Z', '.', '%'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(anyToken, (token) => {
        const id = decodeToken(token);
        if (id !== undefined) expect(encodeToken(id)).toBe(token);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['a plain byte that is written as an escape', '=41'],
    ['lower-case hex', 'a=2eb'],
    ['half an escape', 'a=2'],
    ['an escape that is not hexadecimal', 'a=ZZ'],
    ['bytes that are not UTF-8', '=FF=FE'],
    ['an overlong form', '=C0=AE'],
    ['half a character', '=C3'],
    ['nothing', ''],
    ['a dot', 'a.b'],
    ['a star', '*'],
  ])('is refused if it is %s', (_what, token) => {
    expect(decodeToken(token)).toBeUndefined();
  });

  it.each([
    ['u42', 'u42'],
    ['a.b', 'a=2Eb'],
    ['*', '=2A'],
    ['>', '=3E'],
    ['a b', 'a=20b'],
    ['=', '=3D'],
    ['é', '=C3=A9'],
    ['😀', '=F0=9F=98=80'],
  ])('of %j is %s', (id, token) => {
    expect(encodeToken(id)).toBe(token);
  });
});

describe('an id', () => {
  it.each([
    ['text that is plain', 'u42'],
    ['dots, spaces and wildcards', 'a.b c*>'],
    ['an emoji', '😀'],
    ['a character that Unicode has not assigned', '\u0378'],
    // Later versions of Unicode compose the first, and order the marks of the second (decision 0029).
    ['a letter that Unicode 15.0 does not know, with a mark', '\u{105d2}\u0307'],
    ['a mark that Unicode 15.0 does not know before another', 'a\u{1acf}\u0323'],
    ['as many bytes as there may be', 'x'.repeat(MAX_ID_BYTES)],
    ['as many bytes of other letters', 'é'.repeat(MAX_ID_BYTES / 2)],
  ])('may be %s', (_what, id) => {
    expect(idProblem(id)).toBeUndefined();
  });

  it.each([
    [undefined, 'not a string'],
    [42, 'not a string'],
    ['', 'empty'],
    ['x'.repeat(MAX_ID_BYTES + 1), 'longer'],
    [`${'é'.repeat(MAX_ID_BYTES / 2)}x`, 'longer'],
    ['a\nb', 'not printable'],
    ['a\u0000', 'not printable'],
    ['a\u007f', 'not printable'],
    ['a\u2028b', 'not printable'],
    ['\ud800', 'not printable'],
    ['e\u0301', 'NFC'],
    ['\u{1c89}e\u0301', 'NFC'],
  ])('may not be %j', (id, reason) => {
    expect(idProblem(id)).toContain(reason);
  });
});

describe('the identity of an event', () => {
  const part = fc.oneof(
    anyId,
    fc.string({ unit: fc.constantFrom('/', '%', '2', '5', 'F', 'a'), minLength: 1, maxLength: 6 }),
  );

  it('differs for every two pairs of source and id', () => {
    fc.assert(
      fc.property(part, part, part, part, (source, id, otherSource, otherId) => {
        const same = source === otherSource && id === otherId;
        expect(eventIdentity(source, id) === eventIdentity(otherSource, otherId)).toBe(same);
      }),
      { numRuns: 3_000 },
    );
  });

  it('differs for pairs whose parts join to the same text', () => {
    expect(eventIdentity('a/b', 'c')).not.toBe(eventIdentity('a', 'b/c'));
    expect(eventIdentity('a', 'b/c')).not.toBe(eventIdentity('a', 'b%2Fc'));
  });

  it('is source, slash, id if neither has a slash', () => {
    expect(eventIdentity('shop-web', '01JD')).toBe('shop-web/01JD');
  });
});
