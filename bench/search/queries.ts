/** What callers search for: words of the items of the catalogue, and its most common words. */
import type { ItemData } from '../../src/bus/event/types.ts';
import { createRandom, type Random } from '../../src/demo/random.ts';
import { COMMON } from './catalogue.ts';

export const KINDS = ['one word', 'two words', 'three words', 'common words'] as const;
export type Kind = (typeof KINDS)[number];

const SEED = 45;
/** Words and beginnings that half of the items, or a quarter of them, have. */
const MOST_COMMON = [COMMON.title, COMMON.tag, 'english', 'th', 'fic', 'f', '1'];

/** An endless stream of queries; the same items and kind give the same queries. */
export function* queriesOf(kind: Kind, items: readonly ItemData[]): Generator<string, never> {
  const random = createRandom(SEED + KINDS.indexOf(kind));
  for (;;) {
    if (kind === 'common words') yield commonOf(random);
    else yield ofAnItem(random, items[random.below(items.length)] as ItemData, KINDS.indexOf(kind) + 1);
  }
}

/** One to three of the most common words. */
function commonOf(random: Random): string {
  const left = [...MOST_COMMON];
  return Array.from({ length: 1 + random.below(3) }, () => left.splice(random.below(left.length), 1)[0]).join(' ');
}

/** So many words of an item's texts; the last one is as far as a user has typed it, from the second letter on. */
function ofAnItem(random: Random, { title, tags = [], attributes = {} }: ItemData, count: number): string {
  const words = [title, ...tags, ...Object.values(attributes)].join(' ').toLowerCase().split(/\s+/);
  const chosen = Array.from({ length: count }, () => words[random.below(words.length)] as string);
  const last = chosen.pop() as string;
  return [...chosen, last.slice(0, 2 + random.below(Math.max(1, last.length - 1)))].join(' ');
}
