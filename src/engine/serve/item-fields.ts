/**
 * Fields of the items of a list, as a caller names them. The engine reads them from its model, so they are those of the
 * position of the list. The model keeps only the part of a description that it learns from, so lists do not have it.
 */
import { LRUCache } from 'lru-cache';
import { itemId } from '../../bus/event/ids.ts';
import type { AttributeValue, ItemData } from '../../bus/event/types.ts';
import { BadRequestError } from '../../errors.ts';
import type { Model } from '../model/mod.ts';

/** Fields of an item, in the shape that its event gave them; `listed` is when it came into the catalogue, RFC 3339. */
export type ItemFields = Partial<Pick<ItemData, 'title' | 'tags' | 'attributes' | 'published'>> & { listed?: string };

/** Names of fields beside `attributes.NAME`: those that the model holds whole. */
const FIELD_NAMES = ['title', 'tags', 'attributes', 'published', 'listed'] as const;
type FieldName = (typeof FIELD_NAMES)[number];
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

/** The same object for the same names. Throws `BadRequestError`, which names the wrong one. */
export function parseFields(names: readonly string[]): NamedFields {
  const key = names.join('\u0000');
  const known = read.get(key);
  if (known) return known;
  const fields = new Set<FieldName>();
  const attributes = new Set<string>();
  names.forEach((name, i) => {
    if ((FIELD_NAMES as readonly string[]).includes(name)) fields.add(name as FieldName);
    else if (name.startsWith(ATTRIBUTE) && name.length > ATTRIBUTE.length) attributes.add(name.slice(ATTRIBUTE.length));
    else
      throw new BadRequestError(
        `fields names ${JSON.stringify(name.slice(0, 60))}, which lists do not have. Their fields are ${FIELD_NAMES.join(', ')} and attributes.NAME.`,
        { next: 'request whole items by their ids: GET /v1/items?ids=A,B', details: { member: `fields[${i}]` } },
      );
  });
  const named = { fields: [...fields], attributes: [...attributes] };
  read.set(key, named);
  return named;
}

/** A number for the fields of an item as they are now: a change of the item changes the number. 0: it has none. */
export type FieldsMark = number;

/** The fields of an item that a request gets. Requests that name the same fields share the object until the item changes. */
export interface ShownFields {
  fields: ItemFields;
  mark: FieldsMark;
  /** About as many bytes as the fields have as JSON. */
  bytes: number;
}

export interface ItemFieldsReader {
  /** The fields of an item; `{}` if it is not in the catalogue. */
  of(item: string, named: NamedFields): Readonly<ShownFields>;
  markOf(item: string): FieldsMark;
}

/** What the reader knows of an item as it is now: what the last request that named fields got. */
interface Known extends ShownFields {
  named: NamedFields | undefined;
}

const NONE: ShownFields = { fields: {}, mark: 0, bytes: 0 };

export function createItemFields(model: Pick<Model, 'item'>): ItemFieldsReader {
  // A changed item has another object. Cached lists hold the marks, so they do not keep old objects alive.
  const known = new WeakMap<ItemData, Known>();
  let marks = 0;

  function knownOf(fields: ItemData): Known {
    const before = known.get(fields);
    if (before) return before;
    const now: Known = { mark: ++marks, named: undefined, fields: NONE.fields, bytes: 0 };
    known.set(fields, now);
    return now;
  }

  return {
    of: (id, named) => {
      const item = model.item(itemId(id));
      if (item === undefined) return NONE;
      const now = knownOf(item.fields);
      if (now.named !== named) {
        now.fields = fieldsOf(item, named);
        now.bytes = bytesOf(now.fields);
        now.named = named;
      }
      return now;
    },
    markOf: (item) => {
      const fields = model.item(itemId(item))?.fields;
      return fields === undefined ? NONE.mark : knownOf(fields).mark;
    },
  };
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

/** Bytes of a number or a flag as JSON, and of the signs around a value. */
const VALUE_BYTES = 8;

/** About as many bytes as the value has as JSON. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + VALUE_BYTES;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  let bytes = VALUE_BYTES;
  if (Array.isArray(value)) for (const one of value) bytes += bytesOf(one);
  else for (const [name, one] of Object.entries(value)) bytes += Buffer.byteLength(name) + bytesOf(one);
  return bytes;
}
