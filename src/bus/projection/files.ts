/**
 * The files of a projection, and how a rebuilt file replaces the live one. A rebuild folds into
 * `<instance>.rebuild.sqlite`. The complete, closed file gets the name `<instance>.next.sqlite`, which requests a cut-over
 * and survives any crash: the service carries it out now or at its next start. Every step can run again.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { removeDatabase, SIDE_FILES } from './database.ts';
import { stepTaken } from './file-steps.ts';
import { name, RECORDED } from './hash.ts';

export interface ProjectionFiles {
  /** The file that the service answers from. */
  live: string;
  /** The file of a rebuild that runs. */
  rebuild: string;
  /** The file of a complete rebuild, which replaces the live one at the cut-over. */
  next: string;
  /** A copy of the live file without the bytes of removed rows; incomplete unless it has the name `next`. */
  copy: string;
  /** The state in memory that belongs to `next`. */
  image: string;
}

export const projectionFiles = (data: string, instance: string): ProjectionFiles => ({
  live: join(data, `${instance}.sqlite`),
  rebuild: join(data, `${instance}.rebuild.sqlite`),
  next: join(data, `${instance}.next.sqlite`),
  copy: join(data, `${instance}.copy.sqlite`),
  image: join(data, `${instance}.next.model`),
});

/** Name of an instance. The first instance has the name of the service. */
export const instanceName = (service: string, replica = 1): string =>
  replica === 1 ? service : `${service}-${replica}`;

/** The fold version of a file; undefined if it holds no projection. */
export function versionOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  // A process that was killed within a transaction left a journal, which only a connection that may write rolls back.
  const db = new Database(file, { readonly: !existsSync(`${file}-journal`) });
  try {
    return db.prepare<[], { version: string }>('SELECT version FROM checkpoint').get()?.version;
  } catch {
    return undefined;
  } finally {
    db.close();
  }
}

/** Requests a cut-over to a complete rebuild, whose file must be closed. */
export function requestCutOver({ rebuild, next }: ProjectionFiles): void {
  settle(rebuild);
  stepTaken('rebuild-settled');
  removeDatabase(next);
  stepTaken('old-next-removed');
  renameSync(rebuild, next);
  stepTaken('rebuild-renamed');
}

/**
 * Puts the complete file in the place of the live one; both must be closed. False without a complete file of this fold
 * version. A file of another version stays for the program or the settings of that version.
 */
export function replaceLiveFile({ live, next }: ProjectionFiles, version: string): boolean {
  if (versionOf(next) !== version) return false;
  settle(next);
  stepTaken('next-settled');
  keepMarks(live, next);
  stepTaken('marks-committed');
  // SQLite must never read the write-ahead log of the old file into the new one.
  for (const suffix of SIDE_FILES) rmSync(live + suffix, { force: true });
  stepTaken('old-log-removed');
  renameSync(next, live);
  stepTaken('next-renamed');
  return true;
}

/** Copies from the live file the data that the log does not contain: which dead letters have copies, and the recorded inputs. */
function keepMarks(live: string, next: string): void {
  if (versionOf(live) === undefined) return;
  const db = new Database(next);
  try {
    db.prepare('ATTACH ? AS live').run(live);
    db.exec('BEGIN IMMEDIATE');
    db.exec(
      'UPDATE dead_letter SET copied = 1 WHERE EXISTS (SELECT 1 FROM live.dead_letter AS known WHERE known.seq = dead_letter.seq AND known.copied = 1)',
    );
    stepTaken('marks-copied');
    const recorded = db
      .prepare<[], string>(`SELECT name FROM live.sqlite_master WHERE type = 'table'`)
      .pluck()
      .all()
      .filter((table) => table.startsWith(RECORDED));
    for (const table of recorded)
      db.exec(`INSERT OR IGNORE INTO main.${name(table)} SELECT * FROM live.${name(table)}`);
    stepTaken('inputs-copied');
    db.exec('COMMIT');
  } catch (err) {
    // The live file may be damaged. Its service then publishes the copies once more.
    if (!(err as { code?: string }).code?.startsWith('SQLITE_')) throw err;
  } finally {
    db.close();
  }
}

/** Removes a complete file that the service cannot use. */
export const discardNext = ({ next }: ProjectionFiles): void => removeDatabase(next);

/** Moves the write-ahead log into the file, so that a rename moves all data. */
function settle(file: string): void {
  const db = new Database(file);
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
    // Without a write-ahead log the database is one file; the next process that opens it turns the log on again.
    db.pragma('journal_mode = DELETE');
  } finally {
    db.close();
  }
}
