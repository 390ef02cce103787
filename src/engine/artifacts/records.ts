/**
 * Recorded inputs: the results of training outside the fold, as bytes, with the log position from which they count. They
 * are inputs of the fold, as the log is. Their table lies in the engine's file, and a rebuild copies it.
 */
import { createHash } from 'node:crypto';
import Database, { type Database as Db } from 'better-sqlite3';
import { type Fingerprint, isStorageTrouble } from '../../bus/projection/store.ts';
import type { InputKind } from '../model/mod.ts';

/**
 * The table of records in the engine's file; and for each erasure the position of the user's first folded event: inputs
 * trained between this position and the erasure contain a part of the user.
 */
export const RECORDS_SCHEMA = `
CREATE TABLE IF NOT EXISTS recorded_input (
  from_seq INTEGER NOT NULL, trained_at INTEGER NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL,
  backend TEXT NOT NULL, seconds REAL NOT NULL, marks TEXT NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (from_seq, trained_at, kind)
) STRICT;
CREATE TABLE IF NOT EXISTS recorded_erasure (seq INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;`;

/** A record without the bytes of the input. */
export interface InputMention {
  kind: InputKind;
  /** Position of the log at which its training read the state. */
  trained_at: number;
  /** The fold uses the input from here on: it reads it before it folds the event with this sequence, or the next one after it. */
  from_seq: number;
  /** SHA-256 of the bytes, hex. */
  sha256: string;
  /** Backend of the training, `native` or `wasm`. */
  backend: string;
  /** Seconds that the training took. */
  seconds: number;
  /** Messages before `from_seq`, newest first, by which the engine recognises the log. */
  marks: readonly Fingerprint[];
}

export interface RecordedInput extends InputMention {
  bytes: Uint8Array;
}

/** The order in which the fold reads inputs. */
export const inOrder = (a: InputMention, b: InputMention): number =>
  a.from_seq - b.from_seq || a.trained_at - b.trained_at || (a.kind < b.kind ? -1 : 1);

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whether two records are the same. */
export const keyOf = ({ from_seq, trained_at, kind }: InputMention): string => `${from_seq}/${trained_at}/${kind}`;

/** Source of recorded inputs for the fold. */
export interface InputSource {
  /** Inputs that count from a position above `after`, up to `to`, in order. */
  between(after: number, to: number): RecordedInput[];
}

export interface InputRecords extends InputSource {
  /** Inserts a record, in a transaction of its own unless one is open. An existing record stays as it is. */
  add(input: RecordedInput): void;
  /** Removes a record of another log, or one that the first instance does not have. */
  remove(input: InputMention): void;
  /** All records, in order. */
  list(): InputMention[];
  read(mention: InputMention): RecordedInput | undefined;
  /** Position at which the newest training of this kind read the state; 0: no training yet. */
  trainedAt(kind: InputKind): number;
  /** Inputs that contain a part of a user whom an erasure forgot later, in order. */
  tainted(): InputMention[];
  /** Digest of the inputs that count up to this position; an empty text without such inputs. */
  digest(seq: number): string;
}

type Row = Omit<RecordedInput, 'marks'> & { marks: string };
const MENTION = 'kind, trained_at, from_seq, sha256, backend, seconds, marks';

const fromRow = <T extends { marks: string }>(row: T) => ({ ...row, marks: JSON.parse(row.marks) as Fingerprint[] });

export interface RecordsOptions {
  /**
   * Whether this object is the only writer of the table. It then keeps the positions of the inputs in memory, because
   * the fold reads them before every batch, and most batches have no input.
   */
  exclusive?: boolean;
}

/** The records in an engine's file, which must have the table. */
export function createRecords(db: Db, { exclusive = false }: RecordsOptions = {}): InputRecords {
  /** Positions from which inputs count; undefined: not read yet. */
  let positions: number[] | undefined;
  const readPositions = db.prepare<[], number>('SELECT from_seq FROM recorded_input').pluck();
  function anyBetween(after: number, to: number): boolean {
    if (!exclusive) return true;
    positions ??= readPositions.all();
    return positions.some((from) => from > after && from <= to);
  }
  const between = db.prepare<[number, number], Row>(
    `SELECT ${MENTION}, bytes FROM recorded_input WHERE from_seq > ? AND from_seq <= ?
     ORDER BY from_seq, trained_at, kind`,
  );
  const list = db.prepare<[], Omit<Row, 'bytes'>>(
    `SELECT ${MENTION} FROM recorded_input ORDER BY from_seq, trained_at, kind`,
  );
  const add = db.prepare('INSERT INTO recorded_input VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const where = 'WHERE from_seq = ? AND trained_at = ? AND kind = ?';
  const remove = db.prepare(`DELETE FROM recorded_input ${where}`);
  const read = db.prepare<[number, number, string], Row>(`SELECT ${MENTION}, bytes FROM recorded_input ${where}`);
  const trained = db
    .prepare<[string], number | null>('SELECT max(trained_at) FROM recorded_input WHERE kind = ?')
    .pluck();
  const upTo = db.prepare<[number], Pick<InputMention, 'from_seq' | 'kind' | 'sha256'>>(
    'SELECT from_seq, kind, sha256 FROM recorded_input WHERE from_seq <= ? ORDER BY from_seq, trained_at, kind',
  );
  const tainted = db.prepare<[], Omit<Row, 'bytes'>>(
    // A pinned ranker is not trained again: the rebuild that follows computes it without the user.
    `SELECT ${MENTION} FROM recorded_input AS input WHERE kind <> 'ranker' AND EXISTS (
       SELECT 1 FROM recorded_erasure AS erasure WHERE erasure.first <= input.trained_at AND input.trained_at < erasure.seq
     ) ORDER BY from_seq, trained_at, kind`,
  );
  return {
    tainted: () => tainted.all().map(fromRow),
    between: (after, to) => (anyBetween(after, to) ? between.all(after, to).map(fromRow) : []),
    add: ({ from_seq, trained_at, kind, sha256, backend, seconds, marks, bytes }) => {
      positions = undefined;
      add.run(from_seq, trained_at, kind, sha256, backend, seconds, JSON.stringify(marks), Buffer.from(bytes));
    },
    remove: ({ from_seq, trained_at, kind }) => {
      positions = undefined;
      remove.run(from_seq, trained_at, kind);
    },
    list: () => list.all().map(fromRow),
    read: ({ from_seq, trained_at, kind }) => {
      const row = read.get(from_seq, trained_at, kind);
      return row && fromRow(row);
    },
    trainedAt: (kind) => trained.get(kind) ?? 0,
    digest: (seq) => digestOf(upTo.all(seq)),
  };
}

/** Digest of the records in this order; an empty text without records. */
export function digestOf(records: readonly Pick<InputMention, 'from_seq' | 'kind' | 'sha256'>[]): string {
  if (records.length === 0) return '';
  return sha256Of(Buffer.from(records.map((row) => `${row.from_seq} ${row.kind} ${row.sha256}\n`).join('')));
}

export interface ForeignRecords extends InputSource {
  /** Creation time of the stream that the file was folded from; empty for an empty file. */
  created: string;
  list(): InputMention[];
  read(mention: InputMention): RecordedInput | undefined;
  close(): void;
}

/** The records in a file that another process may be writing; undefined if the file is missing or not readable. */
export function openRecords(file: string): ForeignRecords | undefined {
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: 2_000 });
    const { between, list, read } = createRecords(db);
    const created = db.prepare<[], string>('SELECT created FROM checkpoint').pluck().get() ?? '';
    const opened = db;
    return { created, between, list, read, close: () => void opened.close() };
  } catch (err) {
    db?.close();
    const code = (err as { code?: string }).code ?? '';
    // The file is missing, damaged, or older than recorded inputs.
    if (err instanceof TypeError || isStorageTrouble(err) || code === 'SQLITE_ERROR') return undefined;
    throw err;
  }
}
