import { describe, expect, it } from 'vitest';
import { matchOf, WORDS_MOST } from './words.ts';

describe('the words of a search', () => {
  it.each([
    ['sea', '"sea" *'],
    ['  the   sea\n', '"the" AND "sea" *'],
    ['"sea" OR NOT title:x*', '"""sea""" AND "OR" AND "NOT" AND "title:x*" *'],
    ['a & b', '"a" AND "b" *'],
    ['e-mail', '"e-mail" *'],
    ['sea\u0000land', '"sea" AND "land" *'],
    ['海辺', '"海辺" *'],
  ])('are quoted, so that all of %j is plain text', (text, anywhere) => {
    expect(matchOf(text)).toEqual({ anywhere, inTitle: `{title} : (${anywhere})` });
  });

  it.each(['', ' ', '&', '"', '* - ()', '\u0301', '\u0000'])('are missing in %j, which is refused', (text) => {
    expect(() => matchOf(text)).toThrow(
      expect.objectContaining({ code: 'FRESHET_BAD_REQUEST', details: { member: 'q' } }),
    );
  });

  it('are refused if they are too many', () => {
    const words = Array.from({ length: WORDS_MOST }, () => 'sea').join(' ');
    expect(() => matchOf(words)).not.toThrow();
    expect(() => matchOf(`${words} sea`)).toThrow(`${WORDS_MOST + 1} words`);
  });
});
