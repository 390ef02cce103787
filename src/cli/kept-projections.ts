/** Whether the projections in a data folder can go on with a log: the check that their services make at the start. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Log } from '../bus/log/port.ts';
import { checkLog } from '../bus/projection/checks.ts';
import type { Checkpoint, Fingerprint } from '../bus/projection/store.ts';

export interface KeptProjection {
  instance: string;
  seq: number;
  /** Why its service will refuse the log; null: it goes on. */
  refused: { code: string; message: string } | null;
}

/** The projections in the folder, by instance. A file that is no projection is left out. */
export async function keptProjections(folder: string, log: Log): Promise<KeptProjection[]> {
  const kept: KeptProjection[] = [];
  if (!existsSync(folder)) return kept;
  for (const file of readdirSync(folder).sort()) {
    const instance = /^((?:user|content|feedback|engine)(?:-\d+)?)\.sqlite$/.exec(file)?.[1];
    if (instance === undefined) continue;
    const found = await check(join(folder, file), instance, log);
    if (found) kept.push(found);
  }
  return kept;
}

async function check(file: string, instance: string, log: Log): Promise<KeptProjection | undefined> {
  // A file that a killed process left open needs a connection that may write.
  const db = new Database(file);
  try {
    const checkpoint = db
      .prepare<[], Pick<Checkpoint, 'seq' | 'created' | 'fence'>>('SELECT seq, created, fence FROM checkpoint')
      .get();
    if (!checkpoint || checkpoint.seq === 0) return undefined;
    const identity = db.prepare('SELECT 1 FROM identity WHERE identity = ?');
    const { refused } = await checkLog(log, {
      service: instance.replace(/-\d+$/, ''),
      checkpoint,
      fingerprints: db
        .prepare<[], Fingerprint>('SELECT seq, digest, timestamp FROM fingerprint ORDER BY seq DESC')
        .all(),
      folded: (one) => identity.get(one) !== undefined,
    });
    return {
      instance,
      seq: checkpoint.seq,
      refused: refused ? { code: refused.code, message: refused.message } : null,
    };
  } catch (err) {
    if ((err as { code?: string }).code?.startsWith('SQLITE_')) return undefined;
    throw err;
  } finally {
    db.close();
  }
}
