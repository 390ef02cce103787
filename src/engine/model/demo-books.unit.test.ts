/** Lists over the demo's books that a person would call sensible, or not. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ItemId, UserId } from '../../bus/event/ids.ts';
import { type Book, catalogue } from '../../demo/catalogue.ts';
import { createModel, type Model } from './mod.ts';

const id = (book: Pick<Book, 'id'>): ItemId => book.id as ItemId;
const books = catalogue();
const byId = new Map(books.map((book) => [book.id, book]));
const of = (items: readonly { item: string }[]): Book[] => items.map(({ item }) => byId.get(item) as Book);
const booksOf = new Map<string, number>();
for (const book of books) booksOf.set(book.author, (booksOf.get(book.author) ?? 0) + 1);
/** The author with most books. */
const author = [...booksOf].sort(([, a], [, b]) => b - a)[0]?.[0];

function publish(model: Model, { id: item, title, author, year, language, subjects, description }: Book): void {
  const attributes = { author, language, year };
  model.publishItem(item as ItemId, { title, description, tags: [...subjects], attributes }, 0);
}

describe('over the demo’s books', () => {
  let model: Model;
  /** The newest book, by the author whom readers know. */
  const newest = books.find((book) => book.author === author) as Book;

  beforeAll(() => {
    model = createModel();
    for (const book of books) if (book !== newest) publish(model, book);
    // Readers who take books of a language.
    let seq = 0;
    for (let reader = 0; reader < 120; reader++) {
      const shelf = books.filter(({ language }) => language === (reader % 2 === 0 ? 'en' : 'fr'));
      for (let taken = 0; taken < 8; taken++) {
        const book = shelf[(reader * 7 + taken * 3) % shelf.length] as Book;
        if (book === newest) continue;
        const act = { user: `r${reader}` as UserId, item: id(book), weight: 16, time: ++seq * 60_000, seq };
        model.interact(act);
      }
    }
    publish(model, newest);
  });

  it('a new book stands among the books of its author', () => {
    const known = books.filter((book) => book.author === author && book !== newest);
    const lists = known.map((book) => model.similar(id(book), 20).items.map(({ item }) => item as string));
    expect(lists.filter((list) => list.includes(newest.id)).length).toBeGreaterThan(known.length / 2);
    expect(of(model.similar(id(newest), 10).items).filter((book) => book.author === author).length).toBeGreaterThan(2);
  });

  it('a country is no language, and a language is one', () => {
    const cold = (traits: Record<string, string>) => model.recommend({ traits, n: 10 });
    const [any, german] = [cold({}), cold({ country: 'DE' })];
    expect(german.source).toBe('popular');
    expect(german.items).toEqual(any.items);
    const inGerman = cold({ language: 'de' });
    expect(inGerman.source).toBe('content');
    expect(of(inGerman.items).every(({ language }) => language === 'de')).toBe(true);
  });

  it('favourite subjects give books on them', () => {
    const { items } = model.recommend({ traits: { favouriteSubjects: ['sea'] }, n: 5 });
    expect(of(items).every(({ subjects }) => (subjects as readonly string[]).includes('sea'))).toBe(true);
  });

  it('a book without any feature is like nothing', () => {
    model.publishItem('blank' as ItemId, { title: '???' }, 0);
    const { items } = model.similar('blank' as ItemId, 10);
    expect(items).toEqual([]);
    expect(model.similar(id(newest), 50).items.map(({ item }) => item)).not.toContain('blank');
  });

  it('each list holds each book once, and none that its reader has taken', () => {
    for (let reader = 0; reader < 20; reader++) {
      const user = `r${reader}` as UserId;
      const taken = new Set(model.history(user, 100).map(({ item }) => item));
      const items = model.recommend({ user, n: 30 }).items.map(({ item }) => item);
      expect(new Set(items).size).toBe(30);
      expect(items.filter((item) => taken.has(item))).toEqual([]);
    }
  });

  it('a low rating brings no more of the same, if the settings say so', () => {
    const russian = books.filter(({ language }) => language === 'ru').map(id);
    const shown = (followLow: boolean): number => {
      const model = createModel({ followLow });
      for (const book of books) publish(model, book);
      const user = 'critic' as UserId;
      const rated = { weight: 16, time: 60_000, user };
      model.interact({ ...rated, item: id(books.find(({ language }) => language === 'en') as Book), seq: 1 });
      model.interact({ ...rated, item: russian[0] as ItemId, negative: 16, seq: 2 });
      const { items } = model.recommend({ user, n: 10 });
      expect(items.map(({ item }) => item)).not.toContain(russian[0]);
      return items.filter(({ item }) => russian.includes(item)).length;
    };
    expect(shown(true)).toBeGreaterThan(0);
    expect(shown(false)).toBe(0);
  });

  it('a reader of French books gets French ones', () => {
    const languages = of(model.recommend({ user: 'r1' as UserId, n: 20 }).items).map(({ language }) => language);
    expect(languages.filter((language) => language === 'fr').length).toBeGreaterThan(10);
  });
});
