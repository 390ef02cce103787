/**
 * The record of what was trained outside the fold: bytes, and the position of the log from which they count. It is an
 * input of the fold as the log is; the rows are kept beside those that are folded, and a rebuild takes them along.
 */
import { createHash } from 'node:crypto';
import Database, { type Database as Db } from 'better-sqlite3';
import { type Fingerprint, isStorageTrouble } from '../../bus/projection/store.ts';
import type { InputKind } from '../model/mod.ts';

/**
 * The table of records, in the engine's file; and by erasure the first event of theirs that was folded: what was trained
 * from there on, before the erasure, has their part in it.
 */
export const RECORDS_SCHEMA = `
CREATE TABLE IF NOT EXISTS recorded_input (
  from_seq INTEGER NOT NULL, trained_at INTEGER NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL,
  backend TEXT NOT NULL, seconds REAL NOT NULL, marks TEXT NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (from_seq, trained_at, kind)
) STRICT;
CREATE TABLE IF NOT EXISTS recorded_erasure (seq INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;`;

/** What is known of an input without its bytes. */
export interface InputMention {
  kind: InputKind;
  /** Position of the log at which its training read the state. */
  trained_at: number;
  /** It counts from here on: taken over before the event with this sequence, or the first one after it, is folded. */
  from_seq: number;
  /** Of its bytes, hex. */
  sha256: string;
  /** What trained it, `native` or `wasm`. */
  backend: string;
  /** Seconds that the training took. */
  seconds: number;
  /** Messages before `from_seq`, newest first, by which the log is recognised. */
  marks: readonly Fingerprint[];
}

export interface RecordedInput extends InputMention {
  bytes: Uint8Array;
}

/** The order in which inputs are taken over. */
export const inOrder = (a: InputMention, b: InputMention): number =>
  a.from_seq - b.from_seq || a.trained_at - b.trained_at || (a.kind < b.kind ? -1 : 1);

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whether two are the same record. */
export const keyOf = ({ from_seq, trained_at, kind }: InputMention): string => `${from_seq}/${trained_at}/${kind}`;

/** Where the fold finds inputs. */
export interface InputSource {
  /** Those that count from a position behind `after` and up to `to`, in order. */
  between(after: number, to: number): RecordedInput[];
}

export interface InputRecords extends InputSource {
  /** Writes one down, in a transaction of its own unless one is open; one that is there already stays. */
  add(input: RecordedInput): void;
  /** Removes a record that is of another log, or that the first instance does not have. */
  remove(input: InputMention): void;
  /** All, in order. */
  list(): InputMention[];
  read(mention: InputMention): RecordedInput | undefined;
  /** Position at which the newest training of this kind read the state; 0: no training so far. */
  trainedAt(kind: InputKind): number;
  /** Inputs whose training had a part of a user whom an erasure forgot since, in order. */
  tainted(): InputMention[];
  /** What identifies the inputs that a state at this position holds; empty: none. */
  digest(seq: number): string;
}

type Row = Omit<RecordedInput, 'marks'> & { marks: string };
const MENTION = 'kind, trained_at, from_seq, sha256, backend, seconds, marks';

const fromRow = <T extends { marks: string }>(row: T) => ({ ...row, marks: JSON.parse(row.marks) as Fingerprint[] });

export interface RecordsOptions {
  /**
   * Nobody else writes to the table while these records are used, so that where inputs count from is kept in memory:
   * the fold asks at every batch, and mostly there is none.
   */
  exclusive?: boolean;
}

/** The records in an engine's file; its table has to be there. */
export function createRecords(db: Db, { exclusive = false }: RecordsOptions = {}): InputRecords {
  /** Positions that inputs count from; undefined: not read yet. */
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
    // A ranker that was put back is no training: the rebuild that follows says what it was without them.
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

/** What identifies these records, which are in order; empty: there are none. */
export function digestOf(records: readonly Pick<InputMention, 'from_seq' | 'kind' | 'sha256'>[]): string {
  if (records.length === 0) return '';
  return sha256Of(Buffer.from(records.map((row) => `${row.from_seq} ${row.kind} ${row.sha256}\n`).join('')));
}

export interface ForeignRecords extends InputSource {
  /** Creation time of the stream that the file was made from; empty: nothing is in it. */
  created: string;
  list(): InputMention[];
  read(mention: InputMention): RecordedInput | undefined;
  close(): void;
}

/** The records in a file that another process may be writing; undefined where there is none that can be read. */
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
    // No file, a damaged one, or one of before there were records.
    if (err instanceof TypeError || isStorageTrouble(err) || code === 'SQLITE_ERROR') return undefined;
    throw err;
  }
}
