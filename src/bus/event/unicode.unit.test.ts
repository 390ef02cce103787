/** The tables against the Node that runs, of whatever version: it may know more than Unicode 15.0, and nothing else. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CAPITAL_RANGES, changePieces, isNfc, WORD_RANGES } from './unicode.ts';

/** All code points, and those that Unicode 15.0 has assigned: `changePieces` gives them to its function. */
const every = Array.from({ length: 0x110000 }, (_, codePoint) => String.fromCodePoint(codePoint));
const assigned = every.filter((character) => changePieces(character, () => '') === '');
const among = (ranges: string): string[] => {
  const one = new RegExp(`[${ranges}]`, 'u');
  return every.filter((character) => one.test(character));
};

describe('the tables', () => {
  it('contain what Unicode 15.0 has: 149,186 characters, 65 controls, 2,048 surrogates, 137,468 for private use', () => {
    expect(assigned.length).toBe(149_186 + 65 + 2_048 + 137_468);
    expect(assigned.filter((character) => /\p{Cn}/u.test(character))).toEqual([]);
  });

  it('contain the letters, numbers and capitals of this Node, but for those that are newer', () => {
    const [words, capitals] = [among(WORD_RANGES), among(CAPITAL_RANGES)];
    expect([words.length, capitals.length]).toEqual([137_935, 1_433]);
    expect(words).toEqual(assigned.filter((character) => /[\p{L}\p{N}]/u.test(character)));
    expect(capitals).toEqual(assigned.filter((character) => character !== character.toLowerCase()));
  });
});

describe('this Node', () => {
  it('gives the characters of Unicode 15.0 the normal forms and the lower case that Node 20.0.0 gives them', () => {
    const hash = createHash('sha256');
    for (const one of assigned)
      hash.update(`${one.normalize('NFC')} ${one.normalize('NFKC')} ${one.normalize('NFKC').toLowerCase()}\n`);
    expect(hash.digest('hex')).toBe('2f0595c916a5b9575bb041e31ce4318a58cb19198e3646bd31ccdd05422001cf');
  });
});

describe('a text', () => {
  it('is cut at each code point that Unicode 15.0 does not know', () => {
    const pieces: string[] = [];
    const changed = changePieces('\u{1c89}ab\u{1c8a}\u{16ea0}é\ud800\u0378c', (piece) => {
      pieces.push(piece);
      return '-';
    });
    expect(pieces).toEqual(['ab', 'é\ud800', 'c']);
    expect(changed).toBe('\u{1c89}-\u{1c8a}\u{16ea0}-\u0378-');
  });

  it.each([
    ['é', true],
    ['e\u0301', false],
    ['\u{1c89}\u0301', true],
    ['\u{1c89}e\u0301', false],
    ['\u{105d2}\u0307', true],
    ['a\u{1acf}\u0323', true],
    ['', true],
  ])('%j is in NFC: %j', (text, is) => {
    expect(isNfc(text)).toBe(is);
  });
});
