/**
 * Estimates of how much memory a cached value takes, for caches that are bounded by bytes. They count a text that the model
 * shares as if the value had its own copy: too much rather than too little.
 */

/** Bytes of a value beside its texts: an object with numbers, or an entry of a set or a map. */
const ENTRY_BYTES = 96;

/** Bytes of a text: V8 takes one or two for each UTF-16 unit. */
export const textBytes = (text: string | undefined): number => 2 * (text?.length ?? 0);

export const entryBytes = (text: string): number => ENTRY_BYTES + textBytes(text);

/** Bytes of entries under a key, at least 1. */
export function entriesBytes(key: string | undefined, ids: Iterable<string>): number {
  let bytes = ENTRY_BYTES + textBytes(key);
  for (const id of ids) bytes += entryBytes(id);
  return bytes;
}
