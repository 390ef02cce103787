/** The SQLite file of a projection: how it is opened and removed, and how it gets rid of the bytes of deleted rows. */
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import Database, { type Database as Db } from 'better-sqlite3';

/** Milliseconds that a statement waits for another process that holds the file. */
const BUSY_MS = 2_000;

/**
 * Values of SQLite's `user_version`, which is written in the transaction of the rows. 0 is a file of a release before the
 * mark.
 */
const NO_TRACES = 1;
const TRACES = 2;

/**
 * Opens a database for one writer.
 *
 * @param cacheKib KiB of SQLite's page cache
 * @param walBytes size to which SQLite cuts the write-ahead log when it begins the log again: it never does so by itself,
 * so that a log which once grew behind a long read would keep its size
 */
export function openDatabase(file: string, cacheKib: number, walBytes: number): Db {
  const db = new Database(file, { timeout: BUSY_MS });
  db.pragma('journal_mode = WAL');
  // A power cut may take the newest batches, never half of one; they are folded again from the log.
  db.pragma('synchronous = NORMAL');
  db.pragma(`cache_size = -${cacheKib}`);
  db.pragma(`journal_size_limit = ${walBytes}`);
  return db;
}

/** Whether the file or its write-ahead log may hold bytes of rows that an erasure removed. */
export const mayHoldTraces = (db: Db): boolean => db.pragma('user_version', { simple: true }) !== NO_TRACES;

/** Marks a new file, or one whose rows an erasure has just removed, in the transaction under way. */
export const markTraces = (db: Db, traces: boolean): void => {
  db.pragma(`user_version = ${traces ? TRACES : NO_TRACES}`);
};

/**
 * Whether a projection's file may hold rows of a user whom an erasure up to this fence has forgotten, or their bytes: it
 * has not followed the erasure, has bytes of removed rows, or cannot be read.
 */
export function mayHoldErased(file: string, fence: number): boolean {
  let db: Db | undefined;
  try {
    // A process that was killed left a journal, which only a connection that may write rolls back.
    db = new Database(file, { readonly: !existsSync(`${file}-journal`) });
    const followed = db.prepare<[], { fence: number }>('SELECT fence FROM checkpoint').get();
    return followed === undefined || followed.fence < fence || mayHoldTraces(db);
  } catch {
    return true;
  } finally {
    db?.close();
  }
}

/** Runs in a thread, because a copy of a large file takes seconds. */
const COPY = `
const { workerData: { sqlite, from, to, mark } } = require('node:worker_threads');
const Database = require(sqlite);
const live = new Database(from, { readonly: true });
live.prepare('VACUUM INTO ?').run(to);
live.close();
const copy = new Database(to);
const indexes = copy.prepare("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING fts5%'").pluck().all();
for (const name of indexes) copy.exec('INSERT INTO ' + name + ' (' + name + ") VALUES ('optimize')");
if (indexes.length > 0) copy.exec('VACUUM');
copy.pragma('user_version = ' + mark);
copy.close();`;

/**
 * Copies the rows of a database into a new file, which holds no byte of what was deleted before. SQLite itself does not
 * remove all of them: even with `secure_delete` it leaves copies of rows that it moved to another page. An index of texts
 * keeps removed words until it merges its parts, so the copy merges them (decision 0044). The database may be in use.
 * Rejects with SQLite's error; the target is then of no use.
 */
export function copyWithoutTraces(from: string, to: string): Promise<void> {
  removeDatabase(to);
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
  return new Promise((resolve, reject) => {
    const worker = new Worker(COPY, { eval: true, workerData: { sqlite, from, to, mark: NO_TRACES } });
    worker.once('error', reject);
    worker.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the copy of ${from} ended with code ${code}`));
    });
  });
}

/** What SQLite may leave beside a database; a journal of another file would damage the one that takes its name. */
export const SIDE_FILES = ['-wal', '-shm', '-journal'] as const;

/** Removes a database with its side files. */
export function removeDatabase(file: string): void {
  for (const suffix of ['', ...SIDE_FILES]) rmSync(file + suffix, { force: true });
}
