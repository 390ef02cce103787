/** Names of lists, which feedback and interactions refer to, and of the page that follows one. */
import { randomBytes } from 'node:crypto';

/** Where a page starts, and the answer before it, which tells what its caller has seen. */
export interface Cursor {
  offset: number;
  list: string;
}

/** An answer is named, never a state: the fold knows nothing of it. */
export const newListId = (): string => `l_${randomBytes(12).toString('base64url')}`;

export const cursorText = ({ offset, list }: Cursor): string =>
  Buffer.from(JSON.stringify({ offset, list })).toString('base64url');
