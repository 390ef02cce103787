/** Rows that another process writes, read as they are at one moment: for who folds memory beside them, up to a position. */
import Database, { type Database as Db } from 'better-sqlite3';
import type { EventCodec, LoggedEvent, StoredMessage } from '../event/codec.ts';
import { foldVersion, type ProjectionDefinition } from './definition.ts';
import { appliedOf, type Checkpoint, type Fingerprint, isStorageTrouble } from './store.ts';

export interface RowsReader {
  readonly db: Db;
  readonly version: string;
  checkpoint(): Checkpoint;
  /** Newest first. */
  fingerprints(): Fingerprint[];
  /** Of messages at or below the checkpoint: the events that were applied, in order. */
  applied(messages: readonly StoredMessage[]): LoggedEvent[];
  close(): void;
}

/** Undefined where there is no such file, or one that this program and these settings didn't make. */
export function openReader<Tables>(
  file: string,
  definition: ProjectionDefinition<Tables>,
  codec: EventCodec,
): RowsReader | undefined {
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: 2_000 });
    // One moment for all that is read; it keeps nobody from writing.
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
    const { version: _, ...checkpoint } = found;
    const opened = db;
    return {
      db: opened,
      version,
      checkpoint: () => checkpoint,
      fingerprints: () =>
        opened.prepare<[], Fingerprint>('SELECT seq, digest, timestamp FROM fingerprint ORDER BY seq DESC').all(),
      applied: appliedOf(opened, codec),
      close: () => void opened.close(),
    };
  } catch (err) {
    db?.close();
    const code = (err as { code?: string }).code ?? '';
    // No file, a damaged one, or one of before there were such tables: the log itself serves as well.
    if (err instanceof TypeError || isStorageTrouble(err) || code === 'SQLITE_ERROR') return undefined;
    throw err;
  }
}
