/** Which fields of an item differ, for people and programs that look at a dry run. */
import { canonicalJson } from '../../bus/event/canonical.ts';
import type { ItemData } from '../../bus/event/types.ts';

export interface FieldDifference {
  /** `title`, `tags`, `attributes.price`, ... */
  field: string;
  /** Left out: the item does not have the field. */
  from?: unknown;
  to?: unknown;
}

/** The differences from one state of an item to another, in order of the fields; each attribute is a field of its own. */
export function fieldDifferences(from: ItemData, to: ItemData): FieldDifference[] {
  const [before, after] = [fieldsOf(from), fieldsOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((field) => {
    const [old, now] = [before.get(field), after.get(field)];
    if (old !== undefined && now !== undefined && canonicalJson(old) === canonicalJson(now)) return [];
    return [{ field, ...(old === undefined ? {} : { from: old }), ...(now === undefined ? {} : { to: now }) }];
  });
}

function fieldsOf({ attributes = {}, ...fields }: ItemData): Map<string, unknown> {
  const named = Object.entries(attributes).map(([name, value]) => [`attributes.${name}`, value] as const);
  return new Map<string, unknown>([...Object.entries(fields), ...named].filter(([, value]) => value !== undefined));
}
