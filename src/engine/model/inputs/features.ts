/**
 * Features of an item for training: its fields as hashed features, each present or not. Beside tags, numbers and words
 * there are crosses of tags with the decade, and the set of tags as one feature. A sum of tags cannot say that a drama
 * of the forties has another audience than one of the nineties.
 */
import type { AttributeValue, ItemData } from '../../../bus/event/types.ts';
import { HASH_START, hashEnd, hashText } from '../primitives/hash.ts';
import { foldText, wordsOf } from '../primitives/text.ts';

/** Most features of one item, and most tags that are crossed with the decade. */
const MOST = 256;
const CROSSED = 16;
/** A text attribute longer than this is prose: its words are features, the whole text is none. */
const LONGEST_VALUE = 80;

/** 32 bits of a feature's name (FNV-1a over UTF-16 code units, with the finaliser of MurmurHash3). */
export function featureHash(name: string): number {
  return hashEnd(hashText(HASH_START, name));
}

/** The feature that every item has. It says nothing about the item. */
export const CONSTANT = featureHash('constant');

/**
 * Hashed features of an item's fields, ascending and without repeats, with {@link CONSTANT}.
 *
 * @param descriptionCharacters characters of the description that count
 */
export function itemFeatures(fields: Partial<ItemData>, descriptionCharacters: number): Uint32Array {
  const names = new Set(['constant']);
  const decade = decadeOf(fields.published);
  const tags = [...new Set((fields.tags ?? []).map(foldText))].sort();
  for (const tag of tags) names.add(`=${tag}`);
  if (tags.length > 0) {
    names.add(`tags ${tags.join('|')}`);
    names.add(`count ${Math.min(tags.length, CROSSED)}`);
  }
  if (decade !== undefined) {
    names.add(`year ${fields.published?.slice(0, 4)}`);
    names.add(`decade ${decade}`);
    for (const tag of tags.slice(0, CROSSED)) names.add(`=${tag} in ${decade}`);
  }
  for (const [key, value] of Object.entries(fields.attributes ?? {})) addValue(names, foldText(key), value);
  const title = wordsOf(foldText(fields.title ?? ''));
  for (const [at, word] of title.entries()) {
    names.add(`word ${word}`);
    if (at > 0) names.add(`words ${title[at - 1]} ${word}`);
  }
  for (const word of wordsOf(foldText((fields.description ?? '').slice(0, descriptionCharacters))))
    if (word.length > 2) names.add(`word ${word}`);
  const hashes = new Set<number>();
  for (const name of names) {
    hashes.add(featureHash(name));
    if (hashes.size === MOST) break;
  }
  return Uint32Array.from(hashes).sort();
}

function addValue(names: Set<string>, key: string, value: AttributeValue): void {
  if (typeof value === 'boolean') names.add(`${key}:${value}`);
  else if (typeof value === 'number') {
    if (!Number.isFinite(value)) return;
    // Near numbers share the coarse feature, so that what is learned for one number says something for the next.
    names.add(`${key}:${Number(value.toPrecision(3))}`);
    names.add(`${key}~${Number(value.toPrecision(1))}`);
  } else {
    for (const text of typeof value === 'string' ? [value] : value) {
      const whole = foldText(text);
      if (whole === '') continue;
      if (whole.length <= LONGEST_VALUE) names.add(`=${whole}`);
      else for (const word of wordsOf(whole)) if (word.length > 2) names.add(`word ${word}`);
    }
  }
}

function decadeOf(published: string | undefined): string | undefined {
  const year = published?.slice(0, 4);
  return year !== undefined && /^\d{4}$/.test(year) ? year.slice(0, 3) : undefined;
}

/** Length of embedding vectors, so that an embedding weighs as much as some tags. */
const EMBEDDING_LENGTH = 2;

/** An embedding as a vector of length {@link EMBEDDING_LENGTH}; undefined if it has another size or no direction. */
export function embeddingVector(embedding: readonly number[] | undefined, size: number): Float32Array | undefined {
  if (size === 0 || embedding?.length !== size) return undefined;
  let squares = 0;
  for (const value of embedding) squares += value * value;
  if (!(squares > 0) || !Number.isFinite(squares)) return undefined;
  const length = Math.sqrt(squares);
  return Float32Array.from(embedding, (value) => (value / length) * EMBEDDING_LENGTH);
}
