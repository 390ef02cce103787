/** Compares the data about the log itself in a projection (its position and the newest messages) with the log. */
import type { Database } from 'better-sqlite3';
import type { StreamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import type { Difference } from './difference.ts';
import { type Fingerprint, messageDigest } from './store.ts';

export interface StrayPosition extends Difference {
  /** The message of this value, if the log has it. */
  seq?: number;
}

/**
 * The first of these values that the log contradicts, or undefined. Reads the message of each fingerprint. A missing
 * message contradicts nothing, because an erasure may have removed it.
 */
export async function strayPosition(live: Database, log: Log): Promise<StrayPosition | undefined> {
  const { lastSeq } = await log.info();
  const { seq } = live.prepare<[], { seq: number }>('SELECT seq FROM checkpoint').get() as { seq: number };
  if (seq > lastSeq) return { table: 'checkpoint', key: { one: 1 }, column: 'seq', live: seq, rebuilt: lastSeq };
  const fingerprints = live
    .prepare<[], Fingerprint & { slot: number }>('SELECT slot, seq, digest, timestamp FROM fingerprint ORDER BY slot')
    .all();
  for (const { slot, ...stored } of fingerprints) {
    const of = { table: 'fingerprint', key: { slot } };
    if (stored.seq > seq) return { ...of, column: 'seq', live: stored.seq, rebuilt: null };
    const message = await log.at(stored.seq as StreamSeq);
    if (!message) continue;
    const found = { digest: messageDigest(message), timestamp: message.timestamp };
    for (const column of ['digest', 'timestamp'] as const)
      if (stored[column] !== found[column])
        return { ...of, column, live: stored[column], rebuilt: found[column], seq: stored.seq };
  }
  return undefined;
}
