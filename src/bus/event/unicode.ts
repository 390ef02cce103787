/**
 * Properties of characters by Unicode 15.0, the version of the oldest Node that Freshet supports, whatever the version of
 * the Node that runs: the same log has to fold to the same state on every machine (docs/decisions/0029-pinned-unicode.md).
 */
import * as table from './unicode-table.ts';

/** The bounds of a table: where a range begins, where it has ended, where the next begins. */
function boundsOf(distances: string): number[] {
  let at = 0;
  return distances.split(' ').map((distance) => {
    at += Number.parseInt(distance, 36);
    return at;
  });
}

/** The ranges of a table, as they stand in a class of a regular expression with the flag `u`. */
function ranges(distances: string): string {
  const bounds = boundsOf(distances);
  let source = '';
  for (let i = 0; i < bounds.length; i += 2)
    source += `\\u{${bounds[i]!.toString(16)}}-\\u{${(bounds[i + 1]! - 1).toString(16)}}`;
  return source;
}

/** Letters and numbers, as ranges for a class of a regular expression with the flag `u`. */
export const WORD_RANGES = ranges(table.WORD);
/** Characters that have a lower case, in the same form. */
export const CAPITAL_RANGES = ranges(table.CAPITAL);

const ASSIGNED = ranges(table.ASSIGNED);
const UNASSIGNED = new RegExp(`[^${ASSIGNED}]`, 'u');
const PIECES = new RegExp(`[${ASSIGNED}]+`, 'gu');

/** By UTF-16 code unit, 1 for a member of the table. A class of 700 ranges takes twenty times as long as this. */
function members(distances: string): Uint8Array {
  const bounds = boundsOf(distances);
  const flags = new Uint8Array(0x10000);
  for (let i = 0; i < bounds.length; i += 2) flags.fill(1, bounds[i]!, bounds[i + 1]!);
  return flags;
}
const assigned = members(table.ASSIGNED);
const capital = members(table.CAPITAL);
const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;

/** Whether Unicode 15.0 has assigned all code points of a text. */
function isAssigned(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (assigned[unit] === 0) return false;
    if (isSurrogate(unit)) return !UNASSIGNED.test(text);
  }
  return true;
}

/** Whether a UTF-16 code unit is a character that has a lower case. No surrogate is one. */
export function isCapital(unit: number): boolean {
  return capital[unit] === 1;
}

/**
 * A text whose pieces have been changed. A piece is a longest run of code points that Unicode 15.0 has assigned; the code
 * points between pieces stay. Every version of Unicode normalises a piece in the same way.
 */
export function changePieces(text: string, change: (piece: string) => string): string {
  return isAssigned(text) ? change(text) : text.replace(PIECES, change);
}

/** Whether the pieces of a text are in normalisation form NFC. */
export function isNfc(text: string): boolean {
  return changePieces(text, (piece) => piece.normalize('NFC')) === text;
}
