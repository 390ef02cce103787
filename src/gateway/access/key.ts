/**
 * API keys. A key is `fk_<id>_<secret>`. Its record in KV holds a hash of the key, and the public half of a signing key
 * that is derived from it. A reader of the record can neither use the key nor make tokens with it; the holder of the key
 * can make tokens that any gateway verifies.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { isScope, type Scope } from './scopes.ts';

/** The record of a key in KV. Times are RFC 3339. */
export interface KeyRecord {
  id: string;
  /** Name that the operator gave it. */
  name: string;
  scopes: Scope[];
  /** SHA-256 of the key, hex; its 256 random bits make a slow hash pointless. */
  hash: string;
  /** Public Ed25519 key, base64url, that verifies its tokens. */
  verifier: string;
  created: string;
  expires: string | null;
  revoked: string | null;
  /** Requests per second; null: `http.rate_per_s` applies. */
  rate_per_s: number | null;
}

const KEY = /^fk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
const ID_BYTES = 6;
const SECRET_BYTES = 32;

export interface NewKey {
  name: string;
  scopes: readonly Scope[];
  /** Now, milliseconds since 1970. */
  now: number;
  /** Milliseconds since 1970. */
  expires?: number;
  ratePerS?: number;
}

/** A new key, which the operator sees once, and its record. */
export function makeKey({ name, scopes, now, expires, ratePerS }: NewKey): { key: string; record: KeyRecord } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const key = `fk_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const { x } = createPublicKey(signingKey(key)).export({ format: 'jwk' });
  return {
    key,
    record: {
      id,
      name,
      scopes: [...new Set(scopes)],
      hash: hashOf(key).toString('hex'),
      verifier: x as string,
      created: new Date(now).toISOString(),
      expires: expires === undefined ? null : new Date(expires).toISOString(),
      revoked: null,
      rate_per_s: ratePerS ?? null,
    },
  };
}

/** The id in a key; undefined if the text does not have the form of a key. */
export const keyId = (text: string): string | undefined => KEY.exec(text)?.[1];

/** Whether a text is the key of this record. */
export const isKeyOf = (text: string, { hash }: KeyRecord): boolean =>
  timingSafeEqual(hashOf(text), Buffer.from(hash, 'hex'));

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();

/** DER of a private Ed25519 key up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The private key that signs the tokens of an API key (HKDF, RFC 5869). */
export function signingKey(key: string): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', key, '', 'freshet token signing', 32));
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
}

export const verifyingKey = ({ verifier }: KeyRecord): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: verifier }, format: 'jwk' });

const isTime = (value: unknown): boolean =>
  value === null || (typeof value === 'string' && !Number.isNaN(Date.parse(value)));

/** The record in a text from KV; undefined if it is not a valid record. */
export function readRecord(text: string): KeyRecord | undefined {
  let value: Partial<KeyRecord>;
  try {
    value = JSON.parse(text) as Partial<KeyRecord>;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, scopes, hash, verifier, created, expires, revoked, rate_per_s } = value;
  const good =
    typeof id === 'string' &&
    typeof name === 'string' &&
    Array.isArray(scopes) &&
    scopes.every(isScope) &&
    /^[0-9a-f]{64}$/.test(String(hash)) &&
    /^[A-Za-z0-9_-]{43}$/.test(String(verifier)) &&
    typeof created === 'string' &&
    isTime(expires) &&
    isTime(revoked) &&
    (rate_per_s === null || (typeof rate_per_s === 'number' && rate_per_s > 0));
  return good ? (value as KeyRecord) : undefined;
}

/** Why a key is not valid at a time, milliseconds since 1970; undefined if it is valid. */
export function keyTrouble(record: KeyRecord, now: number): 'revoked' | 'expired' | undefined {
  if (record.revoked !== null) return 'revoked';
  return endOf(record) <= now ? 'expired' : undefined;
}

/** When a key expires, milliseconds since 1970; Infinity if it does not expire. */
export const endOf = ({ expires }: KeyRecord): number =>
  expires === null ? Number.POSITIVE_INFINITY : Date.parse(expires);
