/** Fields of an item, as a caller names them in `fields`. */
import { LRUCache } from 'lru-cache';
import type { AttributeValue, ItemData } from '../bus/event/types.ts';
import { BadRequestError } from '../errors.ts';

/** Fields of an item, in the shape that its event gave them; `listed` is when it came into the catalogue, RFC 3339. */
export type ItemFields = Partial<Pick<ItemData, 'title' | 'tags' | 'attributes' | 'published'>> & { listed?: string };

/** Names of fields beside `attributes.NAME`: those that the engine's model holds whole. */
export const FIELD_NAMES = ['title', 'tags', 'attributes', 'published', 'listed'] as const;
export type FieldName = (typeof FIELD_NAMES)[number];
const ATTRIBUTE = 'attributes.';

/** The fields that a request names. */
export interface NamedFields {
  fields: readonly FieldName[];
  /** Names of single attributes. */
  attributes: readonly string[];
}

/** Combinations of names that are read once, for as long as callers use them. */
const COMBINATIONS = 64;
const read = new LRUCache<string, NamedFields>({ max: COMBINATIONS });

/**
 * The same object for the same names. Throws `BadRequestError`, which names the wrong one.
 *
 * @param had names of the fields that the items of this answer may have
 */
export function parseFields(names: readonly string[], had: readonly FieldName[] = FIELD_NAMES): NamedFields {
  const key = [...had, '', ...names].join('\u0000');
  const known = read.get(key);
  if (known) return known;
  const fields = new Set<FieldName>();
  const attributes = new Set<string>();
  names.forEach((name, i) => {
    if ((had as readonly string[]).includes(name)) fields.add(name as FieldName);
    else if (name.startsWith(ATTRIBUTE) && name.length > ATTRIBUTE.length) attributes.add(name.slice(ATTRIBUTE.length));
    else
      throw new BadRequestError(
        `fields names ${JSON.stringify(name.slice(0, 60))}, which the items of this answer do not have. Their fields are ${had.join(', ')} and attributes.NAME.`,
        { next: 'request whole items by their ids: GET /v1/items?ids=A,B', details: { member: `fields[${i}]` } },
      );
  });
  const named = { fields: [...fields], attributes: [...attributes] };
  read.set(key, named);
  return named;
}

/** @param item its fields, and when it was listed: milliseconds since 1970 */
export function fieldsOf({ fields, listed }: { fields: ItemData; listed: number }, named: NamedFields): ItemFields {
  const shown: Record<string, unknown> = {};
  for (const name of named.fields) {
    const value = name === 'listed' ? new Date(listed).toISOString() : fields[name];
    if (value !== undefined) shown[name] = value;
  }
  if (named.attributes.length === 0 || fields.attributes === undefined || shown.attributes !== undefined) return shown;
  const all: Readonly<Record<string, AttributeValue>> = fields.attributes;
  let some: Record<string, AttributeValue> | undefined;
  for (const name of named.attributes) {
    if (!Object.hasOwn(all, name)) continue;
    some ??= {};
    // The app chooses the names, and an assignment to this one would set the prototype.
    if (name === '__proto__') Object.defineProperty(some, name, { value: all[name], enumerable: true });
    else some[name] = all[name] as AttributeValue;
  }
  if (some !== undefined) shown.attributes = some;
  return shown;
}
