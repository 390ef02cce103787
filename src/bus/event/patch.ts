import type { ItemData, ItemPatch } from './types.ts';

/** JSON Merge Patch (RFC 7396) of an item's fields: null removes a member, objects are merged, any other value replaces. */
export function patchItem(fields: ItemData, patch: ItemPatch): ItemData {
  return mergePatch(fields as Plain, patch as Plain) as unknown as ItemData;
}

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mergePatch(target: Plain, patch: Plain): Plain {
  const merged = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const before = merged.get(key);
    if (value === null) merged.delete(key);
    else merged.set(key, isPlain(value) ? mergePatch(isPlain(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}
