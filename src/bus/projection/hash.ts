/**
 * Hashes the contents of a projection. Equal rows have equal hashes, whatever the batches, the order of writing and the
 * layout of the file. Counters, the ring of fingerprints and the mark of a published copy are not part of the hash.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;

export interface TableShape {
  table: string;
  /** Columns of the primary key, in its order. */
  key: string[];
  /** Compared columns: those of the key, then the others in the order of their declaration. */
  columns: string[];
  /** Source of the rows, as SQL. */
  source: string;
}

export interface TableHash {
  table: string;
  rows: number;
  /** SHA-256, hex. */
  hash: string;
}

export interface ProjectionHash {
  /** SHA-256 over the tables, hex. */
  hash: string;
  tables: TableHash[];
}

/**
 * Tables about the work of the fold and not about its result; and `said_back`, which may keep a retraction of an event of
 * a forgotten user, and can cause nothing but a rebuild.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(['fingerprint', 'said_back', 'rebuild_due', 'erasing']);
/** Prefix of tables that hold inputs of the fold beside the log. They are not a result of the fold. */
export const RECORDED = 'recorded_';
/**
 * Prefix of indexes of texts (FTS5). Batches and merges lay their tables out, so the state is the words that they hold. A
 * text has the position of the event that first wrote it.
 */
export const INDEX = 'index_';
const WORD = ['term', 'doc', 'col', 'offset'];
/** Tables in which only some columns are state. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  checkpoint: ['one', 'created', 'clock', 'fence', 'version'],
  dead_letter: ['seq', 'subject', 'payload', 'code', 'message'],
};

/** Tables with numbers of data subjects. The hash uses their ids instead, because a forgotten user leaves a gap in the numbers. */
const BY_USER: Readonly<Record<string, { key: string[]; columns: string[]; source: string }>> = {
  identity: {
    key: ['identity'],
    columns: ['identity', 'seq', 'fingerprint', 'person'],
    source: `(SELECT identity, seq, fingerprint, CASE WHEN identity.person IS NULL THEN NULL
      ELSE ifnull((SELECT user FROM person WHERE id = identity.person), identity.person) END AS person FROM identity)`,
  },
  person: { key: ['user'], columns: ['user', 'hmac'], source: 'person' },
};

/** Characters per update of the hash. */
const CHUNK = 65_536;

/** The tables of a projection, by name. */
export function tablesOf(db: Database): TableShape[] {
  const names = db
    .prepare<[], { name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all()
    .map(({ name }) => name)
    .filter((name) => !LEFT_OUT.has(name) && !name.startsWith(RECORDED) && !isPartOfIndex(db, name))
    .sort();
  return names.map((table) => {
    const byUser = BY_USER[table];
    if (byUser) return { table, ...byUser };
    if (table.startsWith(INDEX)) return { table, key: WORD, columns: WORD, source: wordsOf(db, table) };
    const columns = db
      .prepare<[string], { name: string; pk: number }>('SELECT name, pk FROM pragma_table_info(?) ORDER BY cid')
      .all(table);
    const key = columns
      .filter(({ pk }) => pk > 0)
      .sort((a, b) => a.pk - b.pk)
      .map(({ name }) => name);
    const state = COLUMNS[table];
    const others = columns.map(({ name }) => name).filter((name) => !key.includes(name));
    return {
      table,
      key,
      columns: [...key, ...others.filter((one) => state?.includes(one) ?? true)],
      source: name(table),
    };
  });
}

/** Whether a table is one of those that FTS5 keeps for an index. */
const isPartOfIndex = (db: Database, table: string): boolean =>
  table.startsWith(INDEX) &&
  db.prepare(`SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE 'CREATE VIRTUAL TABLE%'`).get(table) ===
    undefined;

/** The words of an index with their places, as SQL. */
function wordsOf(db: Database, index: string): string {
  const words = name(`${index}_words`);
  db.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.${words} USING fts5vocab (main, ${name(index)}, instance)`);
  return `temp.${words}`;
}

/** Rows in the order of their key; texts by their bytes, as SQLite compares them. */
export function rowsInOrder(db: Database, { source, key, columns }: TableShape): IterableIterator<Row> {
  return db.prepare<[], Row>(`SELECT ${names(columns)} FROM ${source} ORDER BY ${names(key)}`).iterate();
}

/** The hash of each table, and of all tables. Reads all rows once: a million rows of eight columns took two seconds. */
export function hashProjection(db: Database): ProjectionHash {
  const whole = createHash('sha256');
  const tables = tablesOf(db).map((shape): TableHash => {
    const found = hashTable(db, shape);
    whole.update(`${shape.table} ${found.hash}\n`);
    return found;
  });
  return { hash: whole.digest('hex'), tables };
}

function hashTable(db: Database, shape: TableShape): TableHash {
  const { table, key, columns, source } = shape;
  const hash: Hash = createHash('sha256').update(`${table} ${columns.join(' ')}\n`);
  const rows = db
    .prepare<[], Value[]>(`SELECT ${names(columns)} FROM ${source} ORDER BY ${names(key)}`)
    .raw()
    .iterate();
  let count = 0;
  let text = '';
  for (const row of rows as IterableIterator<Value[]>) {
    count++;
    for (const value of row) text += encodeValue(value);
    text += '\n';
    if (text.length < CHUNK) continue;
    hash.update(text);
    text = '';
  }
  hash.update(text);
  return { table, rows: count, hash: hash.digest('hex') };
}

/** A text for each value that no other value has: texts and bytes begin with their length. */
export function encodeValue(value: Value): string {
  if (value === null) return 'n;';
  if (typeof value === 'number') return `${value};`;
  if (typeof value === 'string') return `s${value.length}:${value}`;
  const hex = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  return `b${hex.length}:${hex}`;
}

export const name = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
export const names = (identifiers: readonly string[]): string => identifiers.map(name).join(', ');
