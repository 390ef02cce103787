/**
 * Layout of a slot in a sparse row: two words, `key22 co10 | f16 b16`, where the key is the id + 1 and 0 is an empty
 * slot. A wide slot has {@link WIDE} in place of the third count, and its second word is the index of an entry in a side
 * array of doubles, three each: f, b, co.
 */

/** Most ids that a row can tell apart: 22 bits of key, and 0 is the empty slot. */
export const MAX_ROW_ID = 2 ** 22 - 2;
/** Bits of the third count in a slot's first word. */
export const CO_BITS = 10;
export const CO_MASK = (1 << CO_BITS) - 1;
/** Third count of a wide slot. */
export const WIDE = CO_MASK;
