/** 32-bit hashes of whole-number arithmetic only: FNV-1a (Fowler, Noll and Vo), finished as MurmurHash3 does (Appleby). */

/** What FNV-1a starts from. */
export const HASH_START = 0x811c9dc5;

/** Takes in one number. */
export const hashNext = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193);

/** Takes in a text, a UTF-16 code unit at a time. */
export function hashText(hash: number, text: string): number {
  let next = hash;
  for (let i = 0; i < text.length; i++) next = hashNext(next, text.charCodeAt(i));
  return next;
}

/** Spreads what was taken in over all bits, 0 to 2^32 - 1. */
export function hashEnd(hash: number): number {
  let end = hash;
  end = Math.imul(end ^ (end >>> 16), 0x85ebca6b);
  end = Math.imul(end ^ (end >>> 13), 0xc2b2ae35);
  return (end ^ (end >>> 16)) >>> 0;
}
