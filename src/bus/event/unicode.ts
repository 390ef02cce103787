/**
 * Properties of characters by Unicode 15.0, the version of the oldest Node that Freshet supports, whatever the version of
 * the Node that runs: the same log has to fold to the same state on every machine (docs/decisions/0029-pinned-unicode.md).
 */
import * as table from './unicode-table.ts';

/** The ranges of a table, as they stand in a class of a regular expression with the flag `u`. */
function ranges(distances: string): string {
  let at = 0;
  const bounds = distances.split(' ').map((distance) => {
    at += Number.parseInt(distance, 36);
    return at;
  });
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

/**
 * A text whose pieces have been changed. A piece is a longest run of code points that Unicode 15.0 has assigned; the code
 * points between pieces stay. Every version of Unicode normalises a piece in the same way.
 */
export function changePieces(text: string, change: (piece: string) => string): string {
  return UNASSIGNED.test(text) ? text.replace(PIECES, change) : change(text);
}

/** Whether the pieces of a text are in normalisation form NFC. */
export function isNfc(text: string): boolean {
  return changePieces(text, (piece) => piece.normalize('NFC')) === text;
}
