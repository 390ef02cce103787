/**
 * Compares the state of a service with a fold of the log. It folds a second projection beside the live one up to the same
 * sequence and hashes both. If they differ, it names the first row that does, with the events that wrote it.
 */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database, { type Database as Db } from 'better-sqlite3';
import type { Logger } from 'pino';
import {
  ErasureUnderWayError,
  FoldVersionDiffersError,
  messageOf,
  NotCaughtUpError,
  ProjectionMissingError,
} from '../../errors.ts';
import type { EventCodec } from '../event/codec.ts';
import { ERASURE_RECORDS } from '../event/subject.ts';
import type { Log } from '../log/port.ts';
import { pollUntil } from '../nats/poll-until.ts';
import type { StateFollower } from './after-commit.ts';
import { foldVersion, type ProjectionDefinition } from './definition.ts';
import { compareSample, type Difference, firstDifference } from './difference.ts';
import { hashProjection, INDEX, name, type Row, type Value } from './hash.ts';
import type { LoopLimits } from './loop.ts';
import { isOfLoss } from './lost-rows.ts';
import { strayPosition } from './positions.ts';
import { createRebuild, type Rebuild } from './rebuild.ts';
import { type EventMention, mentions, tracing } from './trace.ts';

export interface VerifyOptions<Tables> {
  /** The live projection. */
  file: string;
  definition: ProjectionDefinition<Tables>;
  codec: EventCodec;
  log: Log;
  consumer: string;
  logger: Logger;
  /** Folder for the second projection, which is removed at the end. */
  scratch: string;
  limits?: Partial<LoopLimits>;
  cacheKib?: number;
  erasureKey?: Uint8Array;
  /** Compares so many rows of each table instead of all. */
  sample?: number | undefined;
  /** Milliseconds that the live projection has to fold the newest erasure. */
  erasureMs?: number;
  /** Milliseconds that it has to remove the events of a forgotten user. */
  erasingMs?: number;
  onProgress?: (done: number, total: number) => void;
  memory?: VerifiedMemory;
}

/** The state in memory of a service. */
export interface VerifiedMemory {
  /** Follows the rebuilt rows. */
  state: () => StateFollower | undefined;
  /** Hash of the rebuilt state. */
  hash(): MemoryHash;
  /** Hash of the live state; undefined if the service is down. */
  live(): Promise<MemoryHash | undefined>;
  /**
   * The first value that differs, or undefined if it has no name. `fold` brings the rebuilt state to a position, because
   * the live one goes on meanwhile.
   */
  difference(fold: (seq: number) => Promise<void>): Promise<MemoryDifference | undefined>;
}

export interface MemoryDifference {
  /** Position of the comparison. */
  seq: number;
  difference: Difference;
  /** Sequences of the events that the value comes from. */
  touched: readonly number[];
  /** Table of the rows whose writers are the events as well. */
  rows?: { table: string; key: Row };
  /** The value comes from all events that the model has learned from. */
  learned?: boolean;
}

/** Hashes of the parts of the state in memory at a position. */
export interface MemoryHash {
  seq: number;
  statistics: string;
  derived: string;
  state: string;
}

export interface Verdict {
  service: string;
  /** Sequence at which both have these hashes. */
  seq: number;
  /** SHA-256, hex. */
  live: string;
  rebuilt: string;
  first_difference?: Difference & {
    events: EventMention[];
    /** The value comes from all events that the model has learned from, so the verdict names no single events. */
    learned?: boolean;
  };
}

/** Number of events that a verdict names with a difference, the newest ones. */
const EVENTS = 20;
/** Milliseconds that a live projection has to reach a position at which a comparison is possible. */
const WAIT_MS = 10_000;
/** Milliseconds that it has to remove the events of a forgotten user. */
const ERASING_MS = 120_000;
/** Most attempts, if erasures come in between. */
const ATTEMPTS = 3;

/**
 * Compares. It reads the live file in one transaction, and the service can write meanwhile. Throws `ProjectionMissingError`,
 * `FoldVersionDiffersError`, `NotCaughtUpError` (also for a difference that a rebuild after an erasure will remove), and
 * `RebuildRefusedError`.
 */
export async function verifyProjection<Tables>(options: VerifyOptions<Tables>): Promise<Verdict> {
  // A wrong data folder is an error that names the file, before anything is written into the folder.
  openFile(options.file, options.definition.service).close();
  const folder = mkdtempSync(join(options.scratch, `verify-${options.definition.service}-`));
  try {
    for (let attempt = 1; ; attempt++) {
      const { verdict, overtaken } = await attemptVerify(options, join(folder, `${attempt}.sqlite`));
      if (!overtaken || attempt === ATTEMPTS) return verdict;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function attemptVerify<Tables>(
  options: VerifyOptions<Tables>,
  file: string,
): Promise<{ verdict: Verdict; overtaken: boolean }> {
  const { definition, log, codec, onProgress } = options;
  const { service } = definition;
  const rebuild = await createRebuild({ ...options, file, state: options.memory?.state });
  let live: Db | undefined;
  try {
    // Most of the fold comes before the transaction on the live file, so that the transaction is short.
    await rebuild.to({ seq: await positionOf(options) }, onProgress);
    live = await openSettled(options);
    const seq = checkpointOf(live).seq;
    const due = rebuildDue(live);
    await rebuild.to({ seq });
    let verdict = await compare(live, rebuild, { ...options, seq, file });
    if (verdict.live === verdict.rebuilt) verdict = await compareWithLog(verdict, live);
    live.close();
    if (options.memory && verdict.live === verdict.rebuilt)
      verdict = await compareMemory(verdict, options.memory, rebuild);
    // A newer erasure has removed messages that the live projection still counts.
    const newest = (await log.newest(ERASURE_RECORDS))?.seq ?? 0;
    const overtaken = verdict.live !== verdict.rebuilt && newest > seq;
    if (verdict.live !== verdict.rebuilt && !overtaken && due.length > 0)
      throw new NotCaughtUpError(`${service} has not rebuilt its projection yet: ${due.join('; ')}.`, {
        next: due.some(isOfLoss)
          ? 'freshet status; verify again once the service has cut over to the rebuilt projection'
          : 'freshet forget --status; verify again once the erasure is done',
        details: { seq, reasons: due },
      });
    return { verdict, overtaken };
  } catch (err) {
    if ((err as { code?: string }).code?.startsWith('SQLITE_'))
      throw new ProjectionMissingError(`Freshet cannot read the projection of ${service}: ${messageOf(err)}.`, {
        next: `freshet replay ${service}`,
        details: { file: options.file },
        cause: err,
      });
    throw err;
  } finally {
    live?.close();
    rebuild.close();
  }

  async function compare(
    db: Db,
    { store }: Rebuild,
    { seq, sample }: VerifyOptions<Tables> & { seq: number },
  ): Promise<Verdict> {
    if (sample !== undefined) {
      const { live: here, rebuilt: there, difference } = compareSample(db, store.db, sample);
      return withDifference({ service, seq, live: here, rebuilt: there }, difference);
    }
    const [here, there] = [hashProjection(db).hash, hashProjection(store.db).hash];
    return withDifference(
      { service, seq, live: here, rebuilt: there },
      here === there ? undefined : firstDifference(db, store.db),
    );
  }

  async function compareWithLog(rows: Verdict, db: Db): Promise<Verdict> {
    const stray = await strayPosition(db, log);
    if (!stray) return rows;
    const { seq, ...difference } = stray;
    const events = seq === undefined ? [] : await mentions(log, codec, [seq]);
    const both = (value: unknown): string =>
      createHash('sha256')
        .update(`${rows.live} ${JSON.stringify(value)}`)
        .digest('hex');
    return {
      ...rows,
      live: both(difference.live),
      rebuilt: both(difference.rebuilt),
      first_difference: { ...difference, events },
    };
  }

  async function compareMemory(rows: Verdict, memory: VerifiedMemory, { to }: Rebuild): Promise<Verdict> {
    // After a start the state in memory may be behind the rows for a while.
    const deadline = performance.now() + WAIT_MS;
    const { here } = await pollUntil(200, async () => {
      const found = await memory.live().catch((err: { code?: string }) => {
        // The rows have no more events of the user, so the model soon has none either.
        if (err.code !== 'FRESHET_ERASURE_UNDER_WAY' || performance.now() > deadline) throw err;
        return 'erasing' as const;
      });
      if (found === 'erasing') return undefined;
      return found && found.seq < rows.seq && performance.now() < deadline ? undefined : { here: found };
    });
    if (!here) return rows;
    if (here.seq < rows.seq)
      throw new NotCaughtUpError(`The model of ${service} is at sequence ${here.seq}, and its rows at ${rows.seq}.`, {
        next: 'freshet status; verify again once the service has caught up',
        details: { seq: rows.seq, memory: here.seq },
      });
    await to({ seq: here.seq });
    const there = memory.hash();
    const parts = ['state', 'statistics', 'derived'] as const;
    const both = (one: MemoryHash): string =>
      createHash('sha256')
        .update([rows.live, ...parts.map((part) => one[part])].join(' '))
        .digest('hex');
    const verdict: Verdict = { ...rows, seq: here.seq, live: both(here), rebuilt: both(there) };
    const part = parts.find((name) => here[name] !== there[name]);
    if (part === undefined) return verdict;
    const found = await memory.difference(async (seq) => void (await to({ seq })));
    if (!found) {
      // The difference is gone again, or its value has no name.
      const whole = { table: 'model', key: {}, column: part, live: here[part], rebuilt: there[part], events: [] };
      return { ...verdict, first_difference: whole };
    }
    const { difference, touched, rows: row, learned } = found;
    const seqs = row
      ? await touching({ ...row, column: null, live: null, rebuilt: null }, verdict.seq)
      : touched.slice(-EVENTS);
    const events = await mentions(log, codec, seqs.slice(-EVENTS));
    return { ...verdict, first_difference: { ...difference, events, ...(learned ? { learned } : {}) } };
  }

  async function withDifference(verdict: Verdict, difference: Difference | undefined): Promise<Verdict> {
    if (!difference) return verdict;
    const seqs = await touching(difference, verdict.seq);
    return { ...verdict, first_difference: { ...difference, events: await mentions(log, codec, seqs.slice(-EVENTS)) } };
  }

  async function touching({ table, key, live: here, rebuilt: there }: Difference, seq: number): Promise<number[]> {
    if (Object.keys(key).length === 0) return [];
    if (table === 'said_link') return [key.seq as number];
    if (table.startsWith(INDEX)) return [key.doc as number];
    if (table === 'person')
      return rebuild.store.db
        .prepare<Value[], number>(
          'SELECT seq FROM identity WHERE person = (SELECT id FROM person WHERE user = ?) ORDER BY seq',
        )
        .pluck()
        .all(key.user as Value);
    if (['identity', 'dead_letter', 'checkpoint'].includes(table)) {
      // The rows of the loop itself hold the sequence of their message.
      const whole = [here, there].find((row) => row && typeof row === 'object' && 'seq' in row) as Row | undefined;
      const where = Object.keys(key).map((column) => `${name(column)} = ?`);
      const found = rebuild.store.db
        .prepare<Value[], { seq: number }>(`SELECT seq FROM ${name(table)} WHERE ${where.join(' AND ')}`)
        .get(...Object.values(key));
      const one = whole?.seq ?? found?.seq;
      return typeof one === 'number' ? [one] : [];
    }
    const traced = tracing(definition, table, key);
    const again = await createRebuild({ ...options, definition: traced.definition, file: `${file}.trace` });
    try {
      await again.to({ seq });
    } finally {
      again.close();
    }
    return traced.touched();
  }
}

/** Position of the live projection, once it has folded every erasure of the log. */
async function positionOf<Tables>(options: VerifyOptions<Tables>): Promise<number> {
  const { log, erasureMs = WAIT_MS, definition } = options;
  const deadline = performance.now() + erasureMs;
  return pollUntil(100, async () => {
    const newest = (await log.newest(ERASURE_RECORDS))?.seq ?? 0;
    const live = await openSettled(options);
    const { seq } = checkpointOf(live);
    live.close();
    if (seq >= newest) return seq;
    if (performance.now() > deadline)
      throw new NotCaughtUpError(
        `${definition.service} has folded sequence ${seq}, and not yet the erasure at ${newest}, which removed messages.`,
        { next: 'freshet status; verify again once the service has caught up', details: { seq, erasure: newest } },
      );
    return undefined;
  });
}

/** Position of a projection. Throws `ProjectionMissingError`. */
export function positionIn(file: string, service: string): number {
  const db = openFile(file, service);
  try {
    return checkpointOf(db).seq;
  } finally {
    db.close();
  }
}

function openFile(file: string, service: string): Db {
  try {
    return new Database(file, { readonly: true, fileMustExist: true, timeout: 2_000 });
  } catch (cause) {
    throw new ProjectionMissingError(`Freshet found no projection of ${service} at ${file}.`, {
      next: 'freshet verify --data DIR, with the data folder of the service',
      details: { file },
      cause,
    });
  }
}

/** Opens the live file. All reads see this moment. */
async function openLive<Tables>({ file, definition }: VerifyOptions<Tables>): Promise<Db> {
  const { service } = definition;
  const db = openFile(file, service);
  try {
    db.exec('BEGIN');
    const { version } = checkpointOf(db);
    const wanted = foldVersion(definition);
    if (version !== wanted)
      throw new FoldVersionDiffersError(
        `The projection of ${service} has fold version ${version}, and this program with these settings makes ${wanted}.`,
        { next: `freshet replay ${service}`, details: { found: version, wanted } },
      );
    return db;
  } catch (err) {
    db.close();
    throw err;
  }
}

/** The same once no erasure is under way: in between the rows are those of no position. */
async function openSettled<Tables>(options: VerifyOptions<Tables>): Promise<Db> {
  const { definition, erasingMs = ERASING_MS } = options;
  const deadline = performance.now() + erasingMs;
  return pollUntil(100, async () => {
    const db = await openLive(options);
    if (db.prepare('SELECT 1 FROM erasing').get() === undefined) return db;
    db.close();
    if (performance.now() > deadline)
      throw new ErasureUnderWayError(
        `${definition.service} is removing the events of a forgotten user, and was not done after ${erasingMs} ms.`,
        { next: 'freshet forget --status; verify again once the erasure no longer waits for the service' },
      );
    return undefined;
  });
}

/** Why a rebuild of the projection is due; empty if it is not due. */
const rebuildDue = (db: Db): string[] =>
  db
    .prepare<[], { reason: string }>('SELECT DISTINCT reason FROM rebuild_due ORDER BY reason')
    .all()
    .map(({ reason }) => reason);

const checkpointOf = (db: Db): { seq: number; version: string } =>
  db.prepare<[], { seq: number; version: string }>('SELECT seq, version FROM checkpoint').get() as {
    seq: number;
    version: string;
  };
