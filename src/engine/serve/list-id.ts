/** Ids of lists, which feedback and interactions name, and cursors of pages. */
import { randomBytes } from 'node:crypto';

/** Where a page starts, and the id of the answer before it, by which the engine knows what the caller has seen. */
export interface Cursor {
  offset: number;
  list: string;
}

/** The id names an answer and not a state: the fold does not depend on it. */
export const newListId = (): string => `l_${randomBytes(12).toString('base64url')}`;

export const cursorText = ({ offset, list }: Cursor): string =>
  Buffer.from(JSON.stringify({ offset, list })).toString('base64url');
