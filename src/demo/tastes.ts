/** The tastes of readers: about thirty, each with a few subjects and perhaps a tradition or a period. */
import type { Subject } from './catalogue/subjects.ts';

export interface Taste {
  name: string;
  /** The subjects with their weights. A book with the four heaviest is a full match. */
  subjects: Partial<Record<Subject, number>>;
  /** First and last year of the favourite period. */
  years?: readonly [number, number];
  /** Share of the readers who start with this taste, relative to the other tastes. */
  share: number;
}

export const TASTES: readonly Taste[] = [
  {
    name: 'comedy of manners',
    subjects: { manners: 3, marriage: 2, romance: 2, 'social-class': 1, women: 1, 'english-literature': 1 },
    years: [1770, 1880],
    share: 8,
  },
  {
    name: 'Victorian novel',
    subjects: {
      'social-class': 3,
      poverty: 1.5,
      'coming-of-age': 1.5,
      money: 1,
      'city-life': 1.5,
      'english-literature': 2,
    },
    years: [1836, 1905],
    share: 6,
  },
  {
    name: 'passion and moors',
    subjects: { romance: 3, 'country-life': 2, tragedy: 1.5, gothic: 1, women: 1, 'english-literature': 1 },
    years: [1800, 1900],
    share: 5,
  },
  { name: 'gothic', subjects: { gothic: 4, horror: 3, supernatural: 3, mystery: 0.5 }, years: [1760, 1930], share: 6 },
  { name: 'ghost stories', subjects: { supernatural: 4, 'short-stories': 3, horror: 3, folklore: 0.5 }, share: 3 },
  { name: 'detection', subjects: { detective: 5, mystery: 4, crime: 3, 'city-life': 0.5 }, share: 8 },
  { name: 'spies and pursuit', subjects: { spies: 6, adventure: 2, mystery: 1, war: 1 }, share: 2 },
  { name: 'science fiction', subjects: { 'science-fiction': 6, science: 2, adventure: 1, utopia: 2 }, share: 6 },
  { name: 'utopia and satire', subjects: { utopia: 4, satire: 3, politics: 2, 'science-fiction': 1 }, share: 2 },
  { name: 'swords and history', subjects: { 'historical-fiction': 4, adventure: 3, chivalry: 2, war: 1 }, share: 5 },
  { name: 'the sea', subjects: { sea: 5, adventure: 3, islands: 3, travel: 1 }, share: 4 },
  { name: 'exploration', subjects: { travel: 5, adventure: 1, nature: 2, science: 1, autobiography: 1 }, share: 3 },
  { name: 'frontier', subjects: { frontier: 6, nature: 2, adventure: 2, 'american-literature': 2 }, share: 2 },
  { name: 'children’s books', subjects: { children: 6, animals: 2, family: 1, school: 1, humour: 1 }, share: 6 },
  { name: 'fairy tales', subjects: { 'fairy-tales': 5, folklore: 4, fantasy: 2, children: 1 }, share: 3 },
  { name: 'fantasy', subjects: { fantasy: 5, quest: 3, supernatural: 1, 'fairy-tales': 1, chivalry: 1 }, share: 3 },
  { name: 'humour', subjects: { humour: 5, satire: 3, travel: 1, animals: 0.5 }, share: 5 },
  {
    name: 'Russian novel',
    subjects: { 'russian-literature': 6, psychology: 2, family: 1, religion: 0.5, poverty: 1 },
    years: [1820, 1917],
    share: 5,
  },
  {
    name: 'French novel',
    subjects: { 'french-literature': 5, 'city-life': 2, money: 1.5, psychology: 1, romance: 1 },
    years: [1820, 1925],
    share: 4,
  },
  {
    name: 'German letters',
    subjects: { 'german-literature': 6, psychology: 1, art: 1, tragedy: 1, romance: 1 },
    share: 3,
  },
  {
    name: 'northern lights',
    subjects: { 'nordic-literature': 7, drama: 1, psychology: 1, 'country-life': 1 },
    share: 2,
  },
  {
    name: 'southern Europe',
    subjects: { 'iberian-literature': 5, 'italian-literature': 5, romance: 1, satire: 1 },
    share: 2,
  },
  {
    name: 'modern minds',
    subjects: { psychology: 5, art: 2, 'city-life': 1.5, 'coming-of-age': 1, women: 1 },
    years: [1880, 1930],
    share: 5,
  },
  {
    name: 'American realism',
    subjects: { 'american-literature': 5, 'social-class': 1.5, money: 1.5, women: 1, psychology: 1 },
    years: [1850, 1930],
    share: 4,
  },
  { name: 'lyric poetry', subjects: { poetry: 6, nature: 2, romance: 1, religion: 0.5 }, share: 4 },
  { name: 'the stage', subjects: { drama: 6, humour: 1, tragedy: 2, marriage: 0.5 }, share: 4 },
  { name: 'epics and myths', subjects: { epic: 5, mythology: 4, war: 1, poetry: 1, quest: 1 }, share: 3 },
  {
    name: 'the ancients',
    subjects: { 'ancient-classics': 6, philosophy: 1, history: 1.5, drama: 1, mythology: 1 },
    share: 3,
  },
  { name: 'the East', subjects: { 'eastern-literature': 7, poetry: 1, religion: 1, folklore: 1 }, share: 3 },
  { name: 'philosophy', subjects: { philosophy: 6, religion: 1.5, essays: 1.5, psychology: 1 }, share: 4 },
  { name: 'history and politics', subjects: { politics: 4, history: 4, revolution: 2, empire: 1 }, share: 3 },
  { name: 'science and nature', subjects: { science: 5, nature: 4, animals: 2, travel: 0.5 }, share: 3 },
  { name: 'lives', subjects: { autobiography: 5, biography: 4, slavery: 1.5, letters: 1, history: 0.5 }, share: 3 },
  {
    name: 'women’s voices',
    subjects: { women: 5, marriage: 2, 'coming-of-age': 1, psychology: 1, slavery: 0.5 },
    share: 4,
  },
  { name: 'war', subjects: { war: 6, history: 1.5, tragedy: 1, 'historical-fiction': 1 }, share: 3 },
  { name: 'faith', subjects: { religion: 6, philosophy: 1, autobiography: 1, quest: 1 }, share: 2 },
];
