/** Finds the first difference of two projections: table, key and column, with both values. */
import { createHash, type Hash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { encodeValue, name, names, type Row, rowsInOrder, type TableShape, tablesOf, type Value } from './hash.ts';

export interface Difference {
  table: string;
  /** The row's primary key; empty if a whole table is missing. */
  key: Row;
  /** The first column that differs; null if only one of the two has the row. */
  column: string | null;
  /** The value, or the whole row; null if the projection does not have it. */
  live: Value | Row;
  rebuilt: Value | Row;
}

/** The first difference in the order of tables and keys, or undefined. Reads both projections once. */
export const firstDifference = (live: Database, rebuilt: Database): Difference | undefined =>
  eachTable(live, rebuilt, (shape) => compareAll(live, rebuilt, shape));

export interface SampleComparison {
  /** SHA-256 over the chosen rows of each, hex. */
  live: string;
  rebuilt: string;
  difference: Difference | undefined;
}

/** Compares the number of rows of each table, and `sample` rows, spread evenly over the rebuilt one. */
export function compareSample(live: Database, rebuilt: Database, sample: number): SampleComparison {
  const hashes = { live: createHash('sha256'), rebuilt: createHash('sha256') };
  const difference = eachTable(live, rebuilt, (shape) => sampleTable(live, rebuilt, { shape, sample, hashes }));
  return { live: hashes.live.digest('hex'), rebuilt: hashes.rebuilt.digest('hex'), difference };
}

function eachTable(
  live: Database,
  rebuilt: Database,
  compare: (shape: TableShape) => Difference | undefined,
): Difference | undefined {
  const [left, right] = [tablesOf(live), tablesOf(rebuilt)];
  const tables = [...new Set([...left, ...right].map(({ table }) => table))].sort();
  for (const table of tables) {
    const here = left.find((shape) => shape.table === table);
    const there = right.find((shape) => shape.table === table);
    if (!here || !there || here.columns.join() !== there.columns.join())
      return {
        table,
        key: {},
        column: null,
        live: here?.columns.join(', ') ?? null,
        rebuilt: there?.columns.join(', ') ?? null,
      };
    const found = compare(there);
    if (found) return found;
  }
  return undefined;
}

function compareAll(live: Database, rebuilt: Database, shape: TableShape): Difference | undefined {
  const left = rowsInOrder(live, shape);
  const right = rowsInOrder(rebuilt, shape);
  try {
    for (;;) {
      const [a, b] = [left.next(), right.next()];
      if (a.done === true && b.done === true) return undefined;
      const found = compareRows(shape, a.done === true ? undefined : a.value, b.done === true ? undefined : b.value);
      if (found) return found;
    }
  } finally {
    left.return?.();
    right.return?.();
  }
}

interface SampleOptions {
  shape: TableShape;
  sample: number;
  hashes: { live: Hash; rebuilt: Hash };
}

function sampleTable(
  live: Database,
  rebuilt: Database,
  { shape, sample, hashes }: SampleOptions,
): Difference | undefined {
  const { table, key, columns, source } = shape;
  const count = (db: Database): number => db.prepare(`SELECT count(*) FROM ${source}`).pluck().get() as number;
  const [here, there] = [count(live), count(rebuilt)];
  hashes.live.update(`${table} ${here}\n`);
  hashes.rebuilt.update(`${table} ${there}\n`);
  if (here !== there) return compareAll(live, rebuilt, shape);
  const where = key.map((column) => `${name(column)} = ?`).join(' AND ');
  const find = live.prepare<Value[], Row>(`SELECT ${names(columns)} FROM ${source} WHERE ${where}`);
  const step = Math.max(1, Math.floor(there / sample));
  let position = 0;
  for (const row of rowsInOrder(rebuilt, shape)) {
    if (position++ % step !== 0) continue;
    const other = find.get(...key.map((column) => row[column] as Value));
    for (const [hash, one] of [
      [hashes.live, other],
      [hashes.rebuilt, row],
    ] as const)
      hash.update(one ? columns.map((column) => encodeValue(one[column] as Value)).join('') : '-');
    const found = compareRows(shape, other, row);
    if (found) return found;
  }
  return undefined;
}

function compareRows(
  { table, key, columns }: TableShape,
  live: Row | undefined,
  rebuilt: Row | undefined,
): Difference | undefined {
  const keyOf = (row: Row): Row => Object.fromEntries(key.map((column) => [column, row[column] as Value]));
  const order =
    live && rebuilt
      ? compareKeys(
          key.map((column) => live[column] as Value),
          key.map((column) => rebuilt[column] as Value),
        )
      : live
        ? -1
        : 1;
  if (order < 0) return { table, key: keyOf(live as Row), column: null, live: live as Row, rebuilt: null };
  if (order > 0) return { table, key: keyOf(rebuilt as Row), column: null, live: null, rebuilt: rebuilt as Row };
  const [a, b] = [live as Row, rebuilt as Row];
  const column = columns.find((one) => encodeValue(a[one] as Value) !== encodeValue(b[one] as Value));
  if (column === undefined) return undefined;
  return { table, key: keyOf(b), column, live: a[column] as Value, rebuilt: b[column] as Value };
}

/** Orders keys as SQLite does: numbers by value, texts and bytes by their bytes. */
function compareKeys(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as Value, b[i] as Value];
    const order =
      typeof x === 'number' && typeof y === 'number'
        ? Math.sign(x - y)
        : Buffer.compare(Buffer.from(x as string), Buffer.from(y as string));
    if (order !== 0) return order;
  }
  return 0;
}
