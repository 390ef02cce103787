/**
 * One process per instance. The lock is an exclusive SQLite transaction on a file of its own. The operating system releases
 * it when the process ends, however it ends, so an operator never has to remove a stale lock file.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { InstanceLockedError } from '../../errors.ts';

export interface InstanceLock {
  release(): void;
}

/** Takes `<path>.lock`. Throws `InstanceLockedError` with the pid of the process that holds it. */
export function acquireLock(path: string, what: string): InstanceLock {
  const file = `${path}.lock`;
  const holder = `${path}.holder.json`;
  const db = new Database(file, { timeout: 0 });
  try {
    db.pragma('journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    if (!isBusy(cause)) throw cause;
    const pid = holderPid(holder);
    throw new InstanceLockedError(`${what} is in use by another process${pid ? ` (pid ${pid})` : ''}.`, {
      next: `freshet status, which shows what runs here${pid ? `; ps -p ${pid} shows the process` : ''}. Stop it where it was started, or use another folder: --data DIR`,
      details: { file, pid },
      cause,
    });
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, what, since: new Date().toISOString() }));
  return {
    release: () => {
      rmSync(holder, { force: true });
      db.close();
    },
  };
}

const isBusy = (err: unknown): boolean => (err as { code?: string }).code?.startsWith('SQLITE_BUSY') === true;

function holderPid(holder: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(holder, 'utf8')) as { pid?: number }).pid;
  } catch {
    return undefined;
  }
}
