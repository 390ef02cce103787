/**
 * The files of a projection, and how a rebuilt one takes the place of the live one. A rebuild is folded into
 * `<instance>.rebuild.sqlite`; complete, closed and renamed to `<instance>.next.sqlite`, it is an order that survives
 * any crash: whoever runs the service, now or at its next start, carries it out. Every step can be done again.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { name, RECORDED } from './hash.ts';
import { removeDatabase } from './store.ts';

export interface ProjectionFiles {
  /** The one that answers. */
  live: string;
  /** One that is being folded beside it. */
  rebuild: string;
  /** One that is complete and takes its place. */
  next: string;
  /** What a service keeps in memory, as it was rebuilt with `next`. */
  image: string;
}

export const projectionFiles = (data: string, instance: string): ProjectionFiles => ({
  live: join(data, `${instance}.sqlite`),
  rebuild: join(data, `${instance}.rebuild.sqlite`),
  next: join(data, `${instance}.next.sqlite`),
  image: join(data, `${instance}.next.model`),
});

/** Name of an instance: the first of a service is called like the service. */
export const instanceName = (service: string, replica = 1): string =>
  replica === 1 ? service : `${service}-${replica}`;

/** The fold version of a file, or undefined where there is no projection in it. */
export function versionOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare<[], { version: string }>('SELECT version FROM checkpoint').get()?.version;
  } catch {
    return undefined;
  } finally {
    db.close();
  }
}

/** Says that a rebuild is complete. It has to be closed. */
export function requestCutOver({ rebuild, next }: ProjectionFiles): void {
  settle(rebuild);
  removeDatabase(next);
  renameSync(rebuild, next);
}

/**
 * Puts the complete one in the place of the live one; both have to be closed. False where there is none of this fold
 * version: one of another version stays, for the program or the settings that it was made for.
 */
export function replaceLiveFile({ live, next }: ProjectionFiles, version: string): boolean {
  if (versionOf(next) !== version) return false;
  settle(next);
  keepMarks(live, next);
  // What the old file still had in its log must never be read into the new one.
  for (const suffix of ['-wal', '-shm']) rmSync(live + suffix, { force: true });
  renameSync(next, live);
  return true;
}

/** Whose copy is published already, and what was recorded beside the log: only the live one knows all of it. */
function keepMarks(live: string, next: string): void {
  if (versionOf(live) === undefined) return;
  const db = new Database(next);
  try {
    db.prepare('ATTACH ? AS live').run(live);
    db.exec(
      'UPDATE dead_letter SET copied = 1 WHERE EXISTS (SELECT 1 FROM live.dead_letter AS known WHERE known.seq = dead_letter.seq AND known.copied = 1)',
    );
    const recorded = db
      .prepare<[], string>(`SELECT name FROM live.sqlite_master WHERE type = 'table'`)
      .pluck()
      .all()
      .filter((table) => table.startsWith(RECORDED));
    for (const table of recorded)
      db.exec(`INSERT OR IGNORE INTO main.${name(table)} SELECT * FROM live.${name(table)}`);
  } catch (err) {
    // A damaged file is what may have to be replaced; its copies are published once more then.
    if (!(err as { code?: string }).code?.startsWith('SQLITE_')) throw err;
  } finally {
    db.close();
  }
}

/** Takes a complete one away that nobody can use. */
export const discardNext = ({ next }: ProjectionFiles): void => removeDatabase(next);

/** Everything into the one file, so that it can be renamed by itself. */
function settle(file: string): void {
  const db = new Database(file);
  try {
    db.pragma('wal_checkpoint(TRUNCATE)');
    // Back to one file; whoever opens it next chooses the write-ahead log again.
    db.pragma('journal_mode = DELETE');
  } finally {
    db.close();
  }
}
