/** Ids of lists, which feedback and interactions name, and cursors of pages. */
import { randomFillSync } from 'node:crypto';

/** Where a page starts, and the id of the answer before it, by which the engine knows what the caller has seen. */
export interface Cursor {
  offset: number;
  list: string;
}

const ID_BYTES = 12;
/** Random bytes for many ids: one call for each id takes a third of the time of a cached list. */
const pool = Buffer.alloc(ID_BYTES * 512);
let used = pool.length;

/** The id names an answer and not a state: the fold does not depend on it. */
export function newListId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return `l_${pool.toString('base64url', used - ID_BYTES, used)}`;
}

export const cursorText = ({ offset, list }: Cursor): string =>
  Buffer.from(JSON.stringify({ offset, list })).toString('base64url');
