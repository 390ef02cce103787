/**
 * The controlled vocabulary of the catalogue. Few words, each used often: two books that a reader would put side by
 * side share three to six of them, which is what content-based similarity has to go by.
 */

/** Where a book comes from; each book has exactly one, as its first subject. */
export const TRADITIONS = [
  'english-literature',
  'american-literature',
  'french-literature',
  'german-literature',
  'russian-literature',
  'italian-literature',
  'iberian-literature',
  'nordic-literature',
  'european-literature',
  'eastern-literature',
  'ancient-classics',
] as const;

/** What a book is, and what it is about. */
export const TOPICS = [
  'adventure',
  'animals',
  'art',
  'autobiography',
  'biography',
  'children',
  'chivalry',
  'city-life',
  'coming-of-age',
  'country-life',
  'crime',
  'detective',
  'drama',
  'empire',
  'epic',
  'essays',
  'fairy-tales',
  'family',
  'fantasy',
  'folklore',
  'frontier',
  'gothic',
  'historical-fiction',
  'history',
  'horror',
  'humour',
  'islands',
  'letters',
  'manners',
  'marriage',
  'money',
  'mystery',
  'mythology',
  'nature',
  'philosophy',
  'poetry',
  'politics',
  'poverty',
  'psychology',
  'quest',
  'religion',
  'revolution',
  'romance',
  'satire',
  'school',
  'science',
  'science-fiction',
  'sea',
  'short-stories',
  'slavery',
  'social-class',
  'spies',
  'supernatural',
  'tragedy',
  'travel',
  'utopia',
  'war',
  'women',
] as const;

export type Tradition = (typeof TRADITIONS)[number];
export type Topic = (typeof TOPICS)[number];
export type Subject = Tradition | Topic;

/** The whole vocabulary; the place of a subject here is its number in the simulator. */
export const SUBJECTS: readonly Subject[] = [...TRADITIONS, ...TOPICS];
