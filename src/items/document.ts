/** An item as a flat document for filters, so that a name can reach nothing but a field. */
import { parseTimestamp } from '../bus/event/time.ts';
import type { AttributeValue, ItemData } from '../bus/event/types.ts';

export type FieldValue = AttributeValue | null;
/** Field by key: see {@link fieldKey}. An item has no key for a missing field. */
export type ItemDocument = Readonly<Record<string, FieldValue>>;

/** Fields that every item may have beside `attributes.<name>`. */
export const FIELDS = ['item', 'title', 'tags', 'published', 'listed'] as const;
/** Those that the catalogue itself holds: it does not hold when an item was listed. */
export const CATALOGUE_FIELDS = ['item', 'title', 'tags', 'published'] as const;
/** Fields that are times; in a document they are milliseconds since 1970. */
export const TIMES: ReadonlySet<string> = new Set(['published', 'listed']);

const ATTRIBUTE = 'attributes.';

/**
 * The key of a field in a document; undefined if the name is not one of a field. The app chooses the names of attributes,
 * so the key encodes characters with a meaning in a query library (dots, dollars).
 */
export function fieldKey(path: string): string | undefined {
  if ((FIELDS as readonly string[]).includes(path)) return path;
  if (!path.startsWith(ATTRIBUTE) || path.length === ATTRIBUTE.length) return undefined;
  return `@${path.slice(ATTRIBUTE.length).replaceAll('%', '%25').replaceAll('.', '%2E').replaceAll('$', '%24')}`;
}

/**
 * @param listed time at which the item came into the catalogue, milliseconds since 1970
 */
export function documentOf(item: string, fields: ItemData | undefined, listed: number): ItemDocument {
  // Keys are those above or begin with @, so none of them is a member of the prototype of objects.
  const document: Record<string, FieldValue> = { item };
  if (fields === undefined) return document;
  document.title = fields.title;
  document.listed = listed;
  if (fields.tags) document.tags = fields.tags;
  if (fields.published !== undefined) document.published = parseTimestamp(fields.published) ?? null;
  for (const [name, value] of Object.entries(fields.attributes ?? {}))
    document[fieldKey(`${ATTRIBUTE}${name}`) as string] = value;
  return document;
}

/** The values of a field: each value of a list, and no value for a missing field. */
export function valuesOf(document: ItemDocument, key: string): readonly (string | number | boolean)[] {
  const value = document[key];
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
