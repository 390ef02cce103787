/**
 * Terms of an item's fields or of a user's traits: `=gothic fiction` for a tag or a text attribute, `year:1990` for a
 * number, `illustrated:true`, and plain words. Tags and text attributes share their terms, so a trait such as favourite
 * subjects matches both. A trait means what the catalogue declares: `country: DE` says nothing about `language: de`.
 */
import type { AttributeValue, ItemData } from '../../../bus/event/types.ts';
import { foldText, hasMoreThanAWord, wordsOf } from '../primitives/text.ts';

export interface ContentConfig {
  /** Weight of a tag, or of a text attribute's value. */
  tagWeight: number;
  /** Weight of a number or a yes/no attribute. */
  attributeWeight: number;
  /** Weight of a word of the title. */
  titleWordWeight: number;
  /** Weight of a word of a tag or text attribute of more than one word. */
  tagWordWeight: number;
  /** Weight of a word of the description. */
  descriptionWordWeight: number;
  /** Characters of the description that the model reads. */
  descriptionCharacters: number;
  /** Most terms of one item; the model keeps the heaviest. */
  termsPerItem: number;
}

export const CONTENT_DEFAULTS: ContentConfig = {
  tagWeight: 1,
  attributeWeight: 0.5,
  titleWordWeight: 0.4,
  tagWordWeight: 0.3,
  descriptionWordWeight: 0.25,
  descriptionCharacters: 2_000,
  termsPerItem: 128,
};

/** A text attribute longer than this is prose: its words are terms, the whole text is none. */
const LONGEST_VALUE = 80;

function raise(terms: Map<string, number>, term: string, weight: number): void {
  if (weight > (terms.get(term) ?? 0)) terms.set(term, weight);
}

function addWords(terms: Map<string, number>, folded: string, weight: number): void {
  for (const word of wordsOf(folded)) {
    if (word.length > 2 && word.length <= LONGEST_VALUE) raise(terms, word, weight);
  }
}

function addText(terms: Map<string, number>, text: string, config: ContentConfig): void {
  const whole = foldText(text);
  if (whole === '') return;
  if (whole.length <= LONGEST_VALUE) raise(terms, `=${whole}`, config.tagWeight);
  if (whole.length > LONGEST_VALUE || hasMoreThanAWord(whole)) addWords(terms, whole, config.tagWordWeight);
}

function addValue(terms: Map<string, number>, key: string, value: AttributeValue, config: ContentConfig): void {
  if (typeof value === 'string') addText(terms, value, config);
  else if (Array.isArray(value)) for (const text of value) addText(terms, text, config);
  else if (typeof value === 'boolean') raise(terms, `${foldText(key)}:${value}`, config.attributeWeight);
  else if (Number.isFinite(value)) {
    // Three digits: a year becomes its decade, and near prices become one.
    raise(terms, `${foldText(key)}:${Number(value.toPrecision(3))}`, config.attributeWeight);
  }
}

/** Fields that give terms. */
export type TermFields = Partial<Pick<ItemData, 'title' | 'description' | 'tags' | 'attributes'>>;

/** Terms of an item and their weights, heaviest first, ties in code-unit order. */
export function itemTerms(fields: TermFields, config: ContentConfig): [term: string, weight: number][] {
  const terms = new Map<string, number>();
  for (const tag of fields.tags ?? []) addText(terms, tag, config);
  for (const [key, value] of Object.entries(fields.attributes ?? {})) addValue(terms, key, value, config);
  if (fields.title !== undefined) addWords(terms, foldText(fields.title), config.titleWordWeight);
  if (fields.description !== undefined) {
    addWords(terms, foldText(fields.description.slice(0, config.descriptionCharacters)), config.descriptionWordWeight);
  }
  return heaviest(terms, config.termsPerItem);
}

/** What the items of a catalogue declare, by folded names and texts. */
export interface Declared {
  /** Whether any item has a text attribute of this name. */
  hasAttribute(name: string): boolean;
  /** Whether any item has this tag. */
  hasTag(tag: string): boolean;
}

/**
 * Terms of a user's traits, in the same vocabulary.
 *
 * @param declared left out: texts of traits match any tag or attribute with the same text
 */
export function traitTerms(
  traits: Readonly<Record<string, AttributeValue>>,
  config: ContentConfig,
  declared?: Declared,
): [term: string, weight: number][] {
  const terms = new Map<string, number>();
  for (const [key, value] of Object.entries(traits)) {
    const texts = typeof value === 'string' ? [value] : Array.isArray(value) ? value : undefined;
    if (texts === undefined || declared === undefined || declared.hasAttribute(foldText(key)))
      addValue(terms, key, value, config);
    else for (const text of texts) addDeclared(terms, text, config, declared);
  }
  return heaviest(terms, config.termsPerItem);
}

/** The terms of a text that is a tag, or those of its words that are tags. */
function addDeclared(terms: Map<string, number>, text: string, config: ContentConfig, declared: Declared): void {
  const whole = foldText(text);
  if (declared.hasTag(whole)) addText(terms, text, config);
  else if (hasMoreThanAWord(whole))
    for (const word of wordsOf(whole)) if (declared.hasTag(word)) raise(terms, `=${word}`, config.tagWordWeight);
}

/** Folded tags of an item, and the folded names of its text attributes; each once. */
export function declaredBy({ tags = [], attributes = {} }: TermFields): { tags: string[]; attributes: string[] } {
  const texts = Object.entries(attributes).filter(([, value]) => typeof value === 'string' || Array.isArray(value));
  return {
    tags: [...new Set(tags.map(foldText))],
    attributes: [...new Set(texts.map(([name]) => foldText(name)))],
  };
}

function heaviest(terms: Map<string, number>, count: number): [string, number][] {
  const sorted = [...terms].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted.slice(0, count);
}
