/**
 * A projection's SQLite file: the service's own tables beside those that every projection has. A batch of messages and
 * the checkpoint behind it are one transaction, so a crash leaves both or neither.
 */
import { createHash } from 'node:crypto';
import type { Database as Db } from 'better-sqlite3';
import {
  CheckpointConflictError,
  DataFolderUnusableError,
  type EventProblem,
  FreshetError,
  messageOf,
} from '../../errors.ts';
import type { EventCodec, LoggedEvent, StoredMessage } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { countedTime } from '../event/time.ts';
import { lossOf } from '../log/losses.ts';
import { appliedOf } from './applied.ts';
import { createDataSubjects, DATA_SUBJECTS_SCHEMA, userOfSubject } from './data-subjects.ts';
import { markTraces, mayHoldTraces, openDatabase, removeDatabase } from './database.ts';
import { foldVersion, type ProjectionDefinition } from './definition.ts';
import { ALL_AT_ONCE, type ForgetOwnRows, IDENTITY_SEQ } from './erasing.ts';
import { holdRows, LOSS_ACCEPTED } from './lost-rows.ts';

/** The position of a projection and its counters; every batch writes them. */
export interface Checkpoint {
  seq: StreamSeq;
  /** Creation time of the stream that the projection comes from; empty before the first batch. */
  created: string;
  /** The fold's clock, milliseconds since 1970. */
  clock: number;
  /** Sequence up to which erasures may have taken messages out. */
  fence: StreamSeq;
  applied: number;
  duplicates: number;
  deadLetters: number;
  unknown: number;
}

/** The fingerprint by which the check of the log recognises a message. */
export interface Fingerprint {
  seq: StreamSeq;
  digest: string;
  /** Milliseconds since 1970. */
  timestamp: number;
}

export interface DeadLetter {
  seq: StreamSeq;
  subject: string;
  payload: Uint8Array;
  code: EventProblem['code'];
  message: string;
}

export interface BatchResult {
  /** Events that changed the projection's state, in order. */
  applied: LoggedEvent[];
  duplicates: number;
  deadLetters: DeadLetter[];
  /** Types that this version does not know. */
  unknownTypes: string[];
}

export interface ProjectionStore {
  readonly db: Db;
  readonly version: string;
  /** True if the file is new because the old one had another fold version. */
  readonly rebuilt: boolean;
  /** True if the rows have another fold version. The service answers from them until a cut-over. */
  readonly stale: boolean;
  checkpoint(): Checkpoint;
  /** Newest first. */
  fingerprints(): Fingerprint[];
  /** Folds messages and moves the checkpoint in one transaction. If SQLite throws, nothing has changed. */
  commit(batch: readonly StoredMessage[], created: string): BatchResult;
  /** The events among messages at or below the checkpoint that the store applied, in order. Writes nothing. */
  applied(messages: readonly StoredMessage[]): LoggedEvent[];
  /** Dead letters without a published copy. */
  uncopied(limit: number): DeadLetter[];
  copied(seq: StreamSeq): void;
  /** Makes all dead letters uncopied: the stream of copies is empty. */
  recopy(): void;
  /** Why a rebuild is due after an erasure that the rows alone could not follow; undefined: it is not due. */
  rebuildDue(): string | undefined;
  /** Whether an erasure is under way: its user is cut off, and rows of the user's events are left. */
  erasing(): boolean;
  /** Whether an erasure under way removes rows that lie under this id. */
  isErasing(id: string): boolean;
  /** The next slice of the erasures under way, in a transaction. If SQLite throws, nothing has changed. */
  eraseSlice(): void;
  /** Whether the file may hold bytes of rows that an erasure removed. A copy of the rows replaces such a file. */
  holdsTraces(): boolean;
  /** Makes a rebuild due for this reason: the rows, or the state in memory, no longer equal a fold of the log. */
  needRebuild(reason: string): void;
  /** Dead letters behind a sequence, the oldest first. */
  deadLetters(after: number, limit: number): DeadLetter[];
  deadLetter(seq: number): DeadLetter | undefined;
  /** For each identity the sequence and the fingerprint of the event that the store has folded, or undefined. */
  known(identities: readonly string[]): ({ seq: StreamSeq; fingerprint: number } | undefined)[];
  close(): void;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS checkpoint (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, created TEXT NOT NULL, clock INTEGER NOT NULL,
  fence INTEGER NOT NULL, applied INTEGER NOT NULL, duplicates INTEGER NOT NULL, dead_letters INTEGER NOT NULL,
  unknown INTEGER NOT NULL, version TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fingerprint (
  slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, digest TEXT NOT NULL, timestamp INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS identity (
  identity TEXT PRIMARY KEY, seq INTEGER NOT NULL, fingerprint INTEGER NOT NULL, person INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letter (
  seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, payload BLOB NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
  copied INTEGER NOT NULL DEFAULT 0
) STRICT;`;

export interface StoreOptions<Tables> {
  file: string;
  definition: ProjectionDefinition<Tables>;
  codec: EventCodec;
  /** Number of fingerprints in the file. */
  fingerprints?: number;
  /** KiB of SQLite's page cache. */
  cacheKib?: number;
  /** Bytes to which SQLite cuts the write-ahead log. */
  walBytes?: number;
  /** Key of the HMACs in the records of erasures. */
  erasureKey?: Uint8Array;
  /** Most events of erasures that one transaction removes; left out: all. */
  eraseEvents?: number | undefined;
  /**
   * What the store does with rows of another fold version: it removes them, so that the fold begins again from nothing
   * (default), or keeps them if this program can read them, for a caller that rebuilds a projection beside them.
   */
  otherVersion?: 'remove' | 'keep';
  /** Wraps the database, to watch the statements. */
  wrap?: (db: Db) => Db;
}

/** Whether an error of SQLite passes by itself or an operator can end it, unlike an event that the store cannot fold. */
export function isStorageTrouble(err: unknown): boolean {
  const code = (err as { code?: string }).code ?? '';
  return (
    /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|CORRUPT|NOTADB|PROTOCOL)/.test(code) ||
    /^E(NOSPC|ROFS|ACCES|MFILE)$/.test(code)
  );
}

/** The sequence up to which an erasure may have taken messages out: never as far as the erasure itself. */
export const fenceOf = (fence: number, erasure: StreamSeq): StreamSeq => streamSeq(Math.min(fence, erasure - 1));

/** Whether the fold of an event removes rows of earlier ones, or makes a rebuild due. */
const removesData = ({ type }: LoggedEvent): boolean =>
  type === 'control.erased.v1' || type === 'control.removed.v1' || type === 'control.loss_accepted.v1';

/** Digest of a message, 32 hex digits. */
export const messageDigest = (message: StoredMessage): string =>
  createHash('sha256').update(message.subject).update('\n').update(message.payload).digest('hex').slice(0, 32);

export function openStore<Tables>(options: StoreOptions<Tables>): ProjectionStore {
  const { file, definition, codec, fingerprints: ring = 64, wrap = (same: Db) => same } = options;
  let version = foldVersion(definition);
  let { db, found, readable } = open(options);
  const differs = found !== undefined && found !== version;
  const stale = differs && options.otherVersion === 'keep' && readable;
  const rebuilt = differs && !stale;
  if (stale) version = found as string;
  if (rebuilt) {
    db.close();
    removeDatabase(file);
    ({ db, found, readable } = open(options));
  }
  if (found === undefined) db.prepare('INSERT INTO checkpoint VALUES (1, 0, ?, 0, 0, 0, 0, 0, 0, ?)').run('', version);

  db = wrap(db);
  const tables = definition.tables(db);
  const gathered = definition.gathered?.(tables);
  const { forget } = definition;
  const ownRows: ForgetOwnRows | undefined = forget && {
    cutOff: (gone) => forget.cutOff(gone, tables),
    remove: (slice) => forget.remove(slice, tables),
    end: (gone) => forget.end?.(gone, tables),
  };
  const dataSubjects = createDataSubjects(db, options.erasureKey ?? new Uint8Array(), ownRows);
  const { erasing } = dataSubjects;
  const eraseEvents = options.eraseEvents ?? ALL_AT_ONCE;
  const readCheckpoint = db.prepare<[], Checkpoint>(
    'SELECT seq, created, clock, fence, applied, duplicates, dead_letters AS deadLetters, unknown FROM checkpoint',
  );
  const moveCheckpoint = db.prepare(
    `UPDATE checkpoint SET seq = ?, created = ?, clock = ?, fence = ?, applied = ?, duplicates = ?, dead_letters = ?, unknown = ?
     WHERE one = 1 AND seq = ? AND version = ?`,
  );
  const writeFingerprint = db.prepare('INSERT OR REPLACE INTO fingerprint VALUES (?, ?, ?, ?)');
  const readFingerprints = db.prepare<[], Fingerprint>(
    'SELECT seq, digest, timestamp FROM fingerprint ORDER BY seq DESC',
  );
  const claimIdentity = db.prepare('INSERT INTO identity VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const readIdentity = db.prepare<[string], { seq: StreamSeq; fingerprint: number }>(
    'SELECT seq, fingerprint FROM identity WHERE identity = ?',
  );
  const readLiving = db.prepare<[string], { seq: StreamSeq; fingerprint: number }>(IDENTITY_SEQ);
  const writeDeadLetter = db.prepare(
    'INSERT INTO dead_letter (seq, subject, payload, code, message) VALUES (?, ?, ?, ?, ?)',
  );
  const readUncopied = db.prepare<[number], DeadLetter>(
    'SELECT seq, subject, payload, code, message FROM dead_letter WHERE copied = 0 ORDER BY seq LIMIT ?',
  );
  const readDeadLetters = db.prepare<[number, number], DeadLetter>(
    'SELECT seq, subject, payload, code, message FROM dead_letter WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  const markCopied = db.prepare('UPDATE dead_letter SET copied = 1 WHERE seq = ?');
  const savepoint = {
    set: db.prepare('SAVEPOINT event'),
    release: db.prepare('RELEASE event'),
    undo: db.prepare('ROLLBACK TO event'),
  };

  let due = dataSubjects.due();
  let traces = mayHoldTraces(db);
  let underWay = erasing.underWay();
  /** Reads again what an erasure, or a slice of one, has changed. */
  function readErasures(): void {
    due = dataSubjects.due();
    traces = mayHoldTraces(db);
    underWay = erasing.underWay();
  }
  let current = readCheckpoint.get() as Checkpoint;
  let slot = (db.prepare('SELECT count(*) AS n FROM fingerprint').get() as { n: number }).n % ring;
  const newest = readFingerprints.get();
  if (newest)
    slot =
      ((db.prepare('SELECT slot FROM fingerprint WHERE seq = ?').get(newest.seq) as { slot: number }).slot + 1) % ring;

  function foldBatch(
    batch: readonly StoredMessage[],
    created: string,
    careful: boolean,
  ): { result: BatchResult; next: Checkpoint } {
    const result: BatchResult = { applied: [], duplicates: 0, deadLetters: [], unknownTypes: [] };
    const clock = { now: current.clock };
    /** All erasures of the batch share a slice. */
    let slice = eraseEvents;
    let { seq, fence } = current;
    const moveToDeadLetters = (message: StoredMessage, { code, message: text }: EventProblem): void => {
      const dead = { seq: message.seq, subject: message.subject, payload: message.payload, code, message: text };
      const of = userOfSubject(message.subject);
      if (of) dataSubjects.of(of.context, of.user);
      writeDeadLetter.run(dead.seq, dead.subject, dead.payload, dead.code, dead.message);
      result.deadLetters.push(dead);
    };
    for (const message of batch) {
      if (message.seq <= seq) continue;
      seq = message.seq;
      const decoded = codec.decode(message);
      if (decoded.kind === 'unknown-type') {
        result.unknownTypes.push(decoded.type);
        continue;
      }
      if (decoded.kind === 'dead') {
        moveToDeadLetters(message, decoded.problem);
        continue;
      }
      const { event } = decoded;
      const person = dataSubjects.of(event.context, event.subject);
      const claim = (): boolean => claimIdentity.run(event.identity, event.seq, event.fingerprint, person).changes > 0;
      if (!claim() && !(erasing.takeOver(event.identity) && claim())) {
        const first = readIdentity.get(event.identity) as { seq: StreamSeq; fingerprint: number };
        dataSubjects.noteUnapplied(event);
        if (first.fingerprint === event.fingerprint) result.duplicates++;
        else
          moveToDeadLetters(message, {
            code: 'FRESHET_EVENT_IDENTITY_REUSED',
            message: `The identity ${event.identity} was used at sequence ${first.seq} for another event.`,
          });
        continue;
      }
      clock.now = Math.max(clock.now, countedTime(event));
      if (event.type === 'control.erased.v1') fence = streamSeq(Math.max(fence, fenceOf(event.data.fence, event.seq)));
      if (careful) {
        gathered?.write();
        savepoint.set.run();
      }
      try {
        definition.apply(event, tables, clock);
        dataSubjects.note(event, person);
        const loss = lossOf(event);
        if (loss && holdRows(db, loss.sequences)) dataSubjects.needRebuild(event.seq, LOSS_ACCEPTED);
        if (event.type === 'control.erased.v1') {
          const reach = fenceOf(event.data.fence, event.seq);
          if (dataSubjects.beginErasure(event.data.hmac, reach, event.seq)) {
            markTraces(db, true);
            if (slice > 0) slice -= erasing.slice(slice);
          }
        }
        if (event.type === 'control.removed.v1' && dataSubjects.removeMentions(event.data.sequences, event.seq))
          markTraces(db, true);
        result.applied.push(event);
      } catch (err) {
        if (!careful || isStorageTrouble(err)) throw err;
        savepoint.undo.run();
        gathered?.drop();
        savepoint.release.run();
        moveToDeadLetters(message, { code: 'FRESHET_EVENT_FOLD_FAILED', message: messageOf(err) });
        continue;
      }
      if (careful) savepoint.release.run();
    }
    gathered?.write();
    const last = batch.at(-1);
    if (last && seq > current.seq) writeFingerprint.run(slot, last.seq, messageDigest(last), last.timestamp);
    const next: Checkpoint = {
      seq,
      created,
      clock: clock.now,
      fence,
      applied: current.applied + result.applied.length,
      duplicates: current.duplicates + result.duplicates,
      deadLetters: current.deadLetters + result.deadLetters.length,
      unknown: current.unknown + result.unknownTypes.length,
    };
    const moved = moveCheckpoint.run(
      next.seq,
      next.created,
      next.clock,
      next.fence,
      next.applied,
      next.duplicates,
      next.deadLetters,
      next.unknown,
      current.seq,
      version,
    );
    if (moved.changes !== 1)
      throw new CheckpointConflictError(
        `The checkpoint of ${definition.service} is no longer at sequence ${current.seq}: another process has written to the projection.`,
        {
          next: 'freshet status',
          details: { file, expected: current.seq, found: readCheckpoint.get()?.seq },
        },
      );
    return { result, next };
  }
  const fold = db.transaction(foldBatch);
  const eraseSlice = db.transaction(() => {
    markTraces(db, true);
    erasing.slice(eraseEvents);
    gathered?.write();
  });
  /** Forgets after a roll-back what only the transaction knew: the same number goes to another user then. */
  function orClearCache<T>(work: () => T): T {
    try {
      return work();
    } catch (err) {
      dataSubjects.clearCache();
      gathered?.drop();
      throw err;
    }
  }

  return {
    get db() {
      return db;
    },
    version,
    rebuilt,
    stale,
    checkpoint: () => current,
    fingerprints: () => readFingerprints.all(),
    commit: (batch, created) => {
      let outcome: { result: BatchResult; next: Checkpoint };
      try {
        outcome = orClearCache(() => fold.immediate(batch, created, false));
      } catch (err) {
        if (err instanceof FreshetError || isStorageTrouble(err)) throw err;
        // The store cannot fold an event. It tries once more with a savepoint per event, so that only this one moves to the
        // dead letters. Savepoints in every batch would cost too much.
        outcome = orClearCache(() => fold.immediate(batch, created, true));
      }
      if (outcome.next.seq > current.seq) slot = (slot + 1) % ring;
      current = outcome.next;
      if (underWay || outcome.result.applied.some(removesData)) readErasures();
      return outcome.result;
    },
    applied: appliedOf(db, codec),
    uncopied: (limit) => readUncopied.all(limit),
    copied: (seq) => void markCopied.run(seq),
    recopy: () => void db.exec('UPDATE dead_letter SET copied = 0'),
    rebuildDue: () => due,
    erasing: () => underWay,
    isErasing: (id) => underWay && erasing.all().some(({ user, owner }) => user === id || owner === id),
    eraseSlice: () => {
      orClearCache(() => eraseSlice.immediate());
      readErasures();
    },
    holdsTraces: () => traces,
    needRebuild: (reason) => {
      dataSubjects.needRebuild(current.seq, reason);
      due = dataSubjects.due();
    },
    deadLetters: (after, limit) => readDeadLetters.all(after, limit),
    deadLetter: (seq) => readDeadLetters.all(seq - 1, 1).find((dead) => dead.seq === seq),
    known: (identities) => identities.map((identity) => readLiving.get(identity)),
    close: () => db.close(),
  };
}

function open<Tables>({ file, definition, cacheKib = 65_536, walBytes = 16_777_216 }: StoreOptions<Tables>): {
  db: Db;
  found: string | undefined;
  readable: boolean;
} {
  try {
    const db = openDatabase(file, cacheKib, walBytes);
    db.exec(SCHEMA);
    const found = db.prepare<[], { version: string }>('SELECT version FROM checkpoint').get()?.version;
    if (found === undefined) markTraces(db, false);
    return { db, found, readable: hasWhatIsAsked(db, definition, found !== undefined) };
  } catch (cause) {
    if (!isStorageTrouble(cause)) throw cause;
    throw new DataFolderUnusableError(`The service cannot open the projection ${file}: ${messageOf(cause)}.`, {
      next: 'check the data folder, or remove the file: the service rebuilds it from the log',
      details: { file, reason: (cause as { code?: string }).code },
      cause,
    });
  }
}

/** Whether this program can use the tables. Those of another release may lack columns. */
function hasWhatIsAsked<Tables>(db: Db, definition: ProjectionDefinition<Tables>, made: boolean): boolean {
  try {
    db.exec(DATA_SUBJECTS_SCHEMA);
    db.exec(definition.schema);
    if (made) definition.tables(db);
    return true;
  } catch (err) {
    if (!made || isStorageTrouble(err)) throw err;
    return false;
  }
}
