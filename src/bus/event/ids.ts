/**
 * Ids of users, items and events, and the one codec that turns them into tokens of NATS subjects and KV keys.
 * An id is 1 to 128 bytes of printable UTF-8 in NFC by Unicode 15.0; a token keeps `[A-Za-z0-9_-]` and writes every
 * other byte as `=HH` (KV keys allow no more than that).
 */

import { isNfc } from './unicode.ts';

declare const brand: unique symbol;
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type UserId = Branded<string, 'UserId'>;
export type ItemId = Branded<string, 'ItemId'>;
export type EventId = Branded<string, 'EventId'>;
/** Position in the stream, counted by JetStream from 1. */
export type StreamSeq = Branded<number, 'StreamSeq'>;
/** `<source>/<id>`. Two messages with the same identity are the same event, however often a publisher sends it. */
export type EventIdentity = Branded<string, 'EventIdentity'>;

export const userId = (id: string): UserId => id as UserId;
export const itemId = (id: string): ItemId => id as ItemId;
export const streamSeq = (seq: number): StreamSeq => seq as StreamSeq;

/** Bytes of UTF-8. */
export const MAX_ID_BYTES = 128;

// Control characters, lone surrogates, and the separators of lines and paragraphs. Unicode promises that the categories
// Cc and Cs never change. Unassigned code points (Cn) are left alone, as each version of Unicode assigns some.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const PLAIN = /^[\x20-\x7e]+$/;

/** What is wrong with an id, in words; undefined for a valid id. The words are part of a dead letter's row. */
export function idProblem(id: unknown): string | undefined {
  if (typeof id !== 'string') return 'is not a string';
  if (id.length === 0) return 'is empty';
  if (PLAIN.test(id)) return id.length > MAX_ID_BYTES ? `is longer than ${MAX_ID_BYTES} bytes` : undefined;
  if (UNPRINTABLE.test(id)) return 'holds a character that is not printable';
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return `is longer than ${MAX_ID_BYTES} bytes of UTF-8`;
  if (!isNfc(id)) return 'is not in Unicode normalisation form NFC';
  return undefined;
}

const TOKEN = /^[A-Za-z0-9_-]+$/;

function isTokenByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2d
  );
}

/** The token of an id, for subjects and KV keys; `a.b` becomes `a=2Eb`. */
export function encodeToken(id: string): string {
  if (TOKEN.test(id)) return id;
  let token = '';
  for (const byte of Buffer.from(id, 'utf8')) {
    token += isTokenByte(byte) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return token;
}

const CANONICAL_TOKEN = /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/;

/**
 * The id of a token; undefined for a text that {@link encodeToken} never returns. Each id has exactly one token, so a
 * purge by subject removes all messages of the id.
 */
export function decodeToken(token: string): string | undefined {
  if (TOKEN.test(token)) return token;
  if (!CANONICAL_TOKEN.test(token)) return undefined;
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(token.charCodeAt(i));
  }
  const id = Buffer.from(bytes).toString('utf8');
  return encodeToken(id) === token ? id : undefined;
}

/** Identity of an event; `/` and `%` of the event's id are percent-encoded, so that two events never share one. */
export function eventIdentity(source: string, id: string): EventIdentity {
  const safe = id.includes('/') || id.includes('%') ? id.replace(/%/g, '%25').replace(/\//g, '%2F') : id;
  return `${source}/${safe}` as EventIdentity;
}
