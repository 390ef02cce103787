/**
 * 32-bit hashes by whole-number arithmetic alone: FNV-1a (Fowler, Noll and Vo) with the finaliser of MurmurHash3
 * (Appleby).
 */

/** The offset basis of FNV-1a. */
export const HASH_START = 0x811c9dc5;

/** Mixes in one number. */
export const hashNext = (hash: number, code: number): number => Math.imul(hash ^ code, 0x01000193);

/** Mixes in a text, one UTF-16 code unit at a time. */
export function hashText(hash: number, text: string): number {
  let next = hash;
  for (let i = 0; i < text.length; i++) next = hashNext(next, text.charCodeAt(i));
  return next;
}

/** Spreads the hash over all bits, 0 to 2^32 - 1. */
export function hashEnd(hash: number): number {
  let end = hash;
  end = Math.imul(end ^ (end >>> 16), 0x85ebca6b);
  end = Math.imul(end ^ (end >>> 13), 0xc2b2ae35);
  return (end ^ (end >>> 16)) >>> 0;
}
