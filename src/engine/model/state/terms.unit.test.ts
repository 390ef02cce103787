import { describe, expect, it } from 'vitest';
import { patchItem } from '../../../bus/event/patch.ts';
import { Catalogue } from './catalogue.ts';
import { CONTENT_DEFAULTS, itemTerms, traitTerms } from './terms.ts';
import { weigh } from './weights.ts';

describe('terms', () => {
  it('of tags, attributes, title and description', () => {
    const terms = new Map(
      itemTerms(
        {
          title: 'The Sea-Wolf',
          tags: ['Sea stories'],
          attributes: { author: 'Jack London', year: 1904, illustrated: true },
          description: 'A wolf of a captain',
        },
        CONTENT_DEFAULTS,
      ),
    );
    expect(terms.get('=sea stories')).toBe(1);
    expect(terms.get('=jack london')).toBe(1);
    expect(terms.get('year:1900')).toBe(0.5);
    expect(terms.get('illustrated:true')).toBe(0.5);
    expect(terms.get('wolf')).toBe(0.4);
    expect(terms.get('captain')).toBe(0.25);
    expect(terms.has('of')).toBe(false);
  });

  it('of traits are those that the catalogue declares', () => {
    const catalogue = new Catalogue(CONTENT_DEFAULTS);
    catalogue.publish(1, { title: 'A', tags: ['Sea stories', 'war'], attributes: { language: 'de', pages: 90 } }, 0);
    const of = (traits: Record<string, string | string[] | number>): string[] =>
      traitTerms(traits, CONTENT_DEFAULTS, catalogue).map(([term]) => term);
    expect(of({ country: 'DE' })).toEqual([]);
    expect(of({ Language: 'DE' })).toEqual(['=de']);
    expect(of({ likes: ['SEA STORIES'] })).toContain('=sea stories');
    // Of a text that is no tag, the words that are.
    expect(of({ about: 'tales of war and DE' })).toEqual(['=war']);
    expect(of({ pages: 90 })).toEqual(['pages:90']);
    catalogue.update(1, { tags: ['war'], attributes: { language: null } });
    expect(of({ Language: 'DE', likes: ['sea stories'] })).toEqual([]);
  });

  it('of traits match those of tags and attributes', () => {
    const terms = new Map(traitTerms({ favourites: ['SEA STORIES'], author: 'jack london' }, CONTENT_DEFAULTS));
    expect(terms.get('=sea stories')).toBe(1);
    expect(terms.get('=jack london')).toBe(1);
  });
});

/** Nodes that know a newer Unicode than 15.0 have other words for these texts (decision 0029). */
describe('the terms of a text do not depend on the Unicode of the Node that folds:', () => {
  const words = (title: string): string[] => itemTerms({ title }, CONTENT_DEFAULTS).map(([term]) => term);

  it('a letter that Unicode 15.0 does not know separates words', () => {
    expect(words('Sea\u{1c89}Wolf')).toEqual(['sea', 'wolf']);
    expect(words('\u{16ea0}\u{16ea1}\u{16ea2}')).toEqual([]);
  });

  it('such a letter keeps its case in a tag, and does not join with a mark', () => {
    expect(itemTerms({ tags: ['TJE \u{1c89}', '\u{105d2}\u0307'] }, CONTENT_DEFAULTS)).toEqual([
      ['=tje \u{1c89}', 1],
      ['=\u{105d2}\u0307', 1],
      ['tje', 0.3],
    ]);
  });

  it('a mark that Unicode 15.0 does not know does not let other marks pass', () => {
    expect(itemTerms({ tags: ['a\u{1acf}\u0323'] }, CONTENT_DEFAULTS)).toEqual([['=a\u{1acf}\u0323', 1]]);
  });

  it('a sigma at the end of a word is final, whatever has a case today', () => {
    expect(words('ΟΔΥΣΣΕΥΣ')).toEqual(['οδυσσευς']);
    expect(words('ΑΒ\u0295Σ')).toEqual(['αβ\u0295ς']);
    expect(words('ΟΔΟΣ\u{1c89}ΟΔΟΣ')).toEqual(['οδος']);
    expect(words('Σ\u0345 𝚨𝚺𝚨 Σοφία')).toEqual(['ασα', 'σοφία']);
  });
});

describe('the catalogue', () => {
  it('has the same index after an item was changed and changed back', () => {
    const catalogue = new Catalogue(CONTENT_DEFAULTS);
    const item = catalogue.number('a');
    catalogue.publish(item, { title: 'One two', tags: ['x', 'y'] }, 1);
    const documents = catalogue.terms.count;
    const vector = catalogue.vector(item)!;
    catalogue.update(item, { tags: null, title: 'Something else' });
    expect(catalogue.terms.find('=x')).toBeUndefined();
    catalogue.update(item, { tags: ['x', 'y'], title: 'One two' });
    expect(catalogue.terms.count).toBe(documents);
    expect(catalogue.vector(item)!.length).toBe(vector.length);
    expect(catalogue.described).toBe(1);
  });

  it('applies patches by RFC 7396', () => {
    expect(
      patchItem(
        { title: 'T', description: 'D', attributes: { a: 1, b: 'x' } },
        { description: null, attributes: { a: null, c: true } },
      ),
    ).toEqual({ title: 'T', attributes: { b: 'x', c: true } });
  });
});

describe('weights', () => {
  it('are whole sixteenths, and a low rating is counted as negative too', () => {
    expect(weigh('viewed', undefined)).toEqual({ weight: 16, negative: 0 });
    expect(weigh('purchased', 9.99)).toEqual({ weight: 48, negative: 0 });
    expect(weigh('rated', 1)).toEqual({ weight: 16, negative: 16 });
    expect(weigh('rated', 5)).toEqual({ weight: 16, negative: 0 });
    expect(weigh('rated', Number.NaN)).toEqual({ weight: 16, negative: 0 });
    expect(weigh('constructor', undefined)).toEqual({ weight: 16, negative: 0 });
    expect(weigh('x', 1, { verbs: { x: Number.NaN }, other: 0, verdicts: {} })).toEqual({ weight: 0, negative: 0 });
  });
});
