/**
 * A catalogue of invented words with the frequencies of a language: a few words are in half of the titles, most in one or
 * two. The same seed and count give the same items.
 */
import type { CloudEvent, ItemData } from '../../src/bus/event/types.ts';
import { createRandom, type Random } from '../../src/demo/random.ts';

const SEED = 44;
const VOCABULARY = 30_000;
const NAMES = 8_000;
const TAGS = 400;
/** The share of the items that have the most common tag, and of those whose title begins with the most common word. */
const HALF = 0.5;
/** The most common words, of titles and tags. */
export const COMMON = { title: 'the', tag: 'fiction' } as const;
const SMALL = ['of', 'and', 'a', 'in', 'to', 'my'];
const LANGUAGES = ['English', 'French', 'German', 'Spanish'];
const CONSONANTS = [...'bcdfglmnprstv'];
const VOWELS = [...'aeiou'];

/** A word by its number; words of low numbers are short. */
function wordOf(number: number): string {
  let word = '';
  for (let rest = number + 60; rest > 0; rest = Math.floor(rest / 65)) {
    const syllable = rest % 65;
    word += (CONSONANTS[syllable % 13] as string) + (VOWELS[Math.floor(syllable / 13)] as string);
  }
  return word;
}

/** A number by Zipf's law: n is drawn in proportion to 1 / n. */
const zipf = (random: Random, count: number): number => Math.floor(count ** random.next()) - 1;
const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)] as T;

function titleOf(random: Random): string {
  const words = Array.from({ length: 1 + random.below(4) }, () => capital(wordOf(zipf(random, VOCABULARY))));
  if (words.length > 1 && random.next() < HALF) words.splice(1, 0, pick(random, SMALL));
  return `${random.next() < HALF ? 'The ' : ''}${words.join(' ')}`;
}

function itemOf(random: Random): ItemData {
  const tags = Array.from({ length: 3 }, () => `${wordOf(zipf(random, TAGS))}s`);
  if (random.next() < HALF) tags.push(COMMON.tag);
  const name = (): string => capital(wordOf(7_000 + zipf(random, NAMES)));
  return {
    title: titleOf(random),
    tags: [...new Set(tags)],
    attributes: {
      author: `${name()} ${name()}`,
      language: pick(random, LANGUAGES),
      year: 1800 + random.below(225),
      price: random.below(5_000) / 100,
    },
  };
}

export function* catalogueEvents(count: number): Generator<CloudEvent & { data: ItemData }> {
  const random = createRandom(SEED);
  for (let i = 0; i < count; i++)
    yield {
      specversion: '1.0',
      id: `item-${i}`,
      source: 'bench-search',
      type: 'content.published.v1',
      subject: `i${i}`,
      time: '2026-01-01T00:00:00.000Z',
      data: itemOf(random),
    };
}
