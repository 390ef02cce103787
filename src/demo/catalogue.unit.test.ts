import { describe, expect, it } from 'vitest';
import { encodeToken, idProblem } from '../bus/event/ids.ts';
import { FAMOUS } from './catalogue/famous.ts';
import { SUBJECTS, TOPICS, TRADITIONS } from './catalogue/subjects.ts';
import { catalogue } from './catalogue.ts';

describe('the catalogue', () => {
  const books = catalogue();

  it('holds at least 360 books', () => {
    expect(books.length).toBeGreaterThanOrEqual(360);
  });

  it('gives each book an id of its own that needs no escaping in subjects', () => {
    expect(new Set(books.map((book) => book.id)).size).toBe(books.length);
    for (const { id } of books) {
      expect(idProblem(id), id).toBeUndefined();
      expect(encodeToken(id)).toBe(id);
    }
  });

  it('names no title twice for one author', () => {
    expect(new Set(books.map((book) => `${book.author}: ${book.title}`)).size).toBe(books.length);
  });

  it('uses only the vocabulary, with one tradition and two or more topics each', () => {
    const vocabulary = new Set<string>(SUBJECTS);
    const traditions = new Set<string>(TRADITIONS);
    for (const { id, subjects } of books) {
      expect(subjects.length, id).toBeGreaterThanOrEqual(3);
      expect(new Set(subjects).size, id).toBe(subjects.length);
      expect(
        subjects.filter((subject) => !vocabulary.has(subject)),
        id,
      ).toEqual([]);
      expect(
        subjects.filter((subject) => traditions.has(subject)),
        id,
      ).toEqual([subjects[0]]);
    }
  });

  it('uses every topic for several books', () => {
    for (const topic of TOPICS) {
      expect(books.filter((book) => book.subjects.includes(topic)).length, topic).toBeGreaterThanOrEqual(10);
    }
  });

  it('has plausible years, languages and descriptions', () => {
    for (const book of books) {
      expect(Number.isInteger(book.year) && book.year !== 0, book.id).toBe(true);
      expect(book.year, book.id).toBeGreaterThanOrEqual(-2000);
      expect(book.year, book.id).toBeLessThan(1930);
      expect(book.language, book.id).toMatch(/^[a-z]{2,3}$/);
      expect(book.description, book.id).toMatch(/^.{15,160}[.]$/);
      expect(book.title.normalize('NFC'), book.id).toBe(book.title);
    }
  });

  it('contains all books of the famous list', () => {
    const ids = new Set(books.map((book) => book.id));
    expect(FAMOUS.filter((id) => !ids.has(id))).toEqual([]);
  });
});
