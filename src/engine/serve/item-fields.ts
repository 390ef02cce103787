/**
 * Fields of the items of a list, as a caller names them. The engine reads them from its model, so they are those of the
 * position of the list. The model keeps only the part of a description that it learns from, so lists do not have it.
 */
import { itemId } from '../../bus/event/ids.ts';
import type { ItemData } from '../../bus/event/types.ts';
import { fieldsOf, type ItemFields, type NamedFields } from '../../items/fields.ts';
import type { Model } from '../model/mod.ts';

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
