/** Pages of a list: the cursor of the page to come, and the items that the pages before it showed. */
import { LRUCache } from 'lru-cache';
import { BadRequestError } from '../../errors.ts';
import { entriesBytes } from './bytes.ts';
import { type Cursor, cursorText } from './list-id.ts';

export interface Pages {
  /** Items of the answer with this cursor and of the pages before it; undefined: the engine has no record of it. */
  shownBefore(cursor: Cursor | undefined, user: string | undefined): ReadonlySet<string> | undefined;
  /** Records the items of an answer and of the pages before it; returns the cursor of the next page. */
  next(cursor: Cursor, user: string | undefined, shown: ReadonlySet<string>): string;
}

/**
 * Forgets the answers that were asked for least recently: a cursor of theirs then continues by position alone.
 *
 * @param capacity most answers whose next page the engine can make
 * @param maxBytes most bytes of these answers
 */
export function createPages(capacity: number, maxBytes = Number.MAX_SAFE_INTEGER): Pages {
  const pages = new LRUCache<string, { user: string | undefined; shown: ReadonlySet<string> }>({
    max: Math.max(1, capacity),
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ user, shown }, list) => entriesBytes(list + (user ?? ''), shown),
  });
  return {
    shownBefore: (cursor, user) => {
      const before = cursor && pages.get(cursor.list);
      return before && before.user === user ? before.shown : undefined;
    },
    next: (cursor, user, shown) => {
      if (capacity > 0) pages.set(cursor.list, { user, shown });
      return cursorText(cursor);
    },
  };
}

/** Throws `BadRequestError` for a text that is not the cursor of an answer. */
export function parseCursor(text: string): Cursor {
  try {
    const { offset, list } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Cursor;
    if (Number.isSafeInteger(offset) && offset >= 0 && typeof list === 'string') return { offset, list };
  } catch {
    // falls through to the error below
  }
  throw new BadRequestError(
    'The cursor has expired or is not from an answer of this engine. Ask for the first page again: leave cursor out.',
    { details: { member: 'cursor' } },
  );
}
