/**
 * The source under which a browser publishes: `<application>/<user>`. Source and id are the identity of an event, so a
 * token that could name any source could take an id that another user's page is about to use, and the later event would be
 * rejected. The user's part is a token of the id codec, without a slash: two pairs never give the same source. It names
 * the subject of the event and nobody else, so that an erasure of the subject leaves no id behind.
 */
import { createHash } from 'node:crypto';
import { encodeToken, idProblem, MAX_ID_BYTES } from '../../bus/event/ids.ts';

/** Bytes of the application's part: the rest of a source holds at least the digest of an id. */
export const APPLICATION_BYTES = 100;
/** base64url characters of a SHA-256: 132 bits. */
const DIGEST_LENGTH = 22;

/** What is wrong with the application's part of a source, in words; undefined for a valid one. */
export function applicationProblem(application: unknown): string | undefined {
  const bad = idProblem(application);
  if (bad !== undefined) return bad;
  return Buffer.byteLength(application as string) > APPLICATION_BYTES
    ? `is longer than ${APPLICATION_BYTES} bytes`
    : undefined;
}

/** The application's part for tokens of a key whose requests name none: the key's name if it fits, else its id. */
export const applicationOf = (key: { id: string; name: string }): string =>
  applicationProblem(key.name) === undefined ? key.name : key.id;

/** The source of events about a subject; a digest stands for an id that does not fit (`~` is in no token of an id). */
export function sourceOf(application: string, subject: string): string {
  const source = `${application}/${encodeToken(subject)}`;
  if (Buffer.byteLength(source) <= MAX_ID_BYTES) return source;
  return `${application}/~${createHash('sha256').update(subject).digest('base64url').slice(0, DIGEST_LENGTH)}`;
}
