/** The name of a user in the record of an erasure. */
import { createHmac } from 'node:crypto';

/** The name of a user in the record of an erasure: HMAC-SHA-256 of the id, hex. */
export const erasureHmac = (key: Uint8Array, user: string): string =>
  createHmac('sha256', key).update(user, 'utf8').digest('hex');
