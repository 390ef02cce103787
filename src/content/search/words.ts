/**
 * The words of a search as a query of FTS5. FTS5 has a query language with quotes, operators and names of columns; all of
 * it is plain text here: each word is quoted, so nothing that a caller sends has a meaning of its own.
 */
import { BadRequestError } from '../../errors.ts';

/** Where all words must be. */
export interface Match {
  /** In any text of the item. */
  anywhere: string;
  /** In its title. */
  inTitle: string;
}

/** Most words of a search. Each takes up to a few milliseconds. */
export const WORDS_MOST = 16;

const SEPARATOR = /[\s\p{Cc}]+/u;
/** What makes a word: the tokenizer finds nothing in a text without any of it, and such a text would match no item. */
const LETTER = /[\p{L}\p{N}\p{Co}]/u;

/**
 * Items match that have all words, the last one also as the beginning of a word. Throws `BadRequestError` for a text
 * without words, or with too many.
 */
export function matchOf(text: string): Match {
  const words = text.split(SEPARATOR).filter((word) => LETTER.test(word));
  if (words.length === 0)
    throw new BadRequestError('q has no letters and no digits. Name at least one word.', { details: { member: 'q' } });
  if (words.length > WORDS_MOST)
    throw new BadRequestError(`q has ${words.length} words. Name at most ${WORDS_MOST}.`, { details: { member: 'q' } });
  // FTS5 reads two quotes within quotes as one, which the tokenizer takes for a separator.
  const anywhere = `${words.map((word) => `"${word.replaceAll('"', '""')}"`).join(' AND ')} *`;
  return { anywhere, inTitle: `{title} : (${anywhere})` };
}
