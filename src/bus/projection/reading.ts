/** Reads the rows of another process as they are at one moment, for a fold in memory beside them up to a position. */
import Database, { type Database as Db } from 'better-sqlite3';
import { ErasureUnderWayError } from '../../errors.ts';
import type { EventCodec, LoggedEvent, StoredMessage } from '../event/codec.ts';
import { appliedOf } from './applied.ts';
import { foldVersion, type ProjectionDefinition } from './definition.ts';
import { isOfLoss } from './lost-rows.ts';
import { type Checkpoint, type Fingerprint, isStorageTrouble } from './store.ts';

export interface RowsReader {
  readonly db: Db;
  readonly version: string;
  checkpoint(): Checkpoint;
  /** Newest first. */
  fingerprints(): Fingerprint[];
  /** The events among messages at or below the checkpoint that the service applied, in order. */
  applied(messages: readonly StoredMessage[]): LoggedEvent[];
  /** Whether a rebuild is due because the log has lost messages that the rows hold. */
  holdsLost(): boolean;
  close(): void;
}

/**
 * Undefined if the file is missing, or has another fold version. Throws `ErasureUnderWayError` while the service removes a
 * forgotten user, because the rows are those of no position then.
 */
export function openReader<Tables>(
  file: string,
  definition: ProjectionDefinition<Tables>,
  codec: EventCodec,
): RowsReader | undefined {
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: 2_000 });
    // All reads see one moment, and other processes can write meanwhile.
    db.exec('BEGIN');
    const found = db
      .prepare<[], Checkpoint & { version: string }>(
        'SELECT seq, created, clock, fence, applied, duplicates, dead_letters AS deadLetters, unknown, version FROM checkpoint',
      )
      .get();
    const version = foldVersion(definition);
    if (found?.version !== version) {
      db.close();
      return undefined;
    }
    if (db.prepare('SELECT 1 FROM erasing').get() !== undefined)
      throw new ErasureUnderWayError(`The ${definition.service} service is removing the events of a forgotten user.`, {
        next: 'freshet forget --status; try again once the erasure no longer waits for the service',
      });
    const { version: _, ...checkpoint } = found;
    const opened = db;
    return {
      db: opened,
      version,
      checkpoint: () => checkpoint,
      fingerprints: () =>
        opened.prepare<[], Fingerprint>('SELECT seq, digest, timestamp FROM fingerprint ORDER BY seq DESC').all(),
      applied: appliedOf(opened, codec),
      holdsLost: () => opened.prepare<[], string>('SELECT reason FROM rebuild_due').pluck().all().some(isOfLoss),
      close: () => void opened.close(),
    };
  } catch (err) {
    db?.close();
    const code = (err as { code?: string }).code ?? '';
    // The file is missing, damaged, or older than these tables. The caller reads the log instead.
    if (err instanceof TypeError || isStorageTrouble(err) || code === 'SQLITE_ERROR') return undefined;
    throw err;
  }
}
