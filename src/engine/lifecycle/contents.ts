/**
 * Contents of the live model, for a comparison with one folded from the log: the engine writes one table
 * into a file of its data folder, and the other side reads it beside its own.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, createReadStream, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Endpoint } from '../../bus/nats/micro.ts';
import type { Difference } from '../../bus/projection/difference.ts';
import type { Row } from '../../bus/projection/hash.ts';
import { BadRequestError } from '../../errors.ts';
import { type Cell, CONTENTS, type Contents, contentsOf, type Model, type ModelTable } from '../model/mod.ts';

/** A written table. */
export interface WrittenContents {
  table: ModelTable;
  /** Log position of the table. */
  seq: number;
  rows: number;
  /** Name of the file in the data folder of the engine; the caller removes it. */
  file: string;
}

/** The endpoint for `freshet verify` if hashes differ. */
export const MODEL_CONTENTS = {
  description: 'Writes one table of the model into a file of the data folder, for a comparison with a rebuilt model',
  example: { table: 'pair' },
} as const;

/** Milliseconds after which the engine removes a file that its caller did not remove. */
const KEPT_MS = 600_000;
/** Characters per write. */
const CHUNK = 65_536;

/** The endpoint of the instance that owns this file of rows. */
export function contentsEndpoint(file: string, model: Model, position: () => number): Endpoint {
  const [folder, instance] = [dirname(file), basename(file, '.sqlite')];
  const mine = (name: string): boolean => name.startsWith(`${instance}.contents-`);
  return {
    ...MODEL_CONTENTS,
    ofInstance: true,
    handle: ({ table }): WrittenContents => {
      if (!CONTENTS.includes(table as ModelTable))
        throw new BadRequestError(`The model has no table ${JSON.stringify(table)}.`, {
          next: `name one of ${CONTENTS.join(', ')}`,
        });
      for (const name of readdirSync(folder).filter(mine)) {
        const path = join(folder, name);
        const stat = statSync(path, { throwIfNoEntry: false });
        if (stat && Date.now() - stat.mtimeMs > KEPT_MS) rmSync(path, { force: true });
      }
      const name = `${instance}.contents-${randomBytes(6).toString('hex')}.jsonl`;
      const rows = write(join(folder, name), contentsOf(model, table as ModelTable));
      return { table: table as ModelTable, seq: position(), rows, file: name };
    },
  };
}

function write(file: string, { rows }: Contents): number {
  const out = openSync(file, 'wx', 0o600);
  try {
    let count = 0;
    let text = '';
    for (const row of rows) {
      count++;
      text += `${JSON.stringify(row)}\n`;
      if (text.length < CHUNK) continue;
      writeSync(out, text);
      text = '';
    }
    writeSync(out, text);
    return count;
  } finally {
    closeSync(out);
  }
}

/** The first row of a written table that differs from this model; undefined if no row differs. */
export async function firstDifferenceOfContents(file: string, rebuilt: Contents): Promise<Difference | undefined> {
  const source = createReadStream(file);
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const rows = rebuilt.rows[Symbol.iterator]();
  try {
    for (;;) {
      const line = await lines.next();
      const row = rows.next();
      const live = line.done === true ? undefined : (JSON.parse(line.value) as Cell[]);
      const other = row.done === true ? undefined : row.value;
      if (live === undefined && other === undefined) return undefined;
      const found = compareRows(rebuilt, live, other);
      if (found) return found;
    }
  } finally {
    rows.return?.();
    source.destroy();
  }
}

function compareRows(
  { table, key, columns }: Contents,
  live: readonly Cell[] | undefined,
  rebuilt: readonly Cell[] | undefined,
): Difference | undefined {
  const named = (row: readonly Cell[]): Row =>
    Object.fromEntries([...key, ...columns].map((column, at) => [column, row[at] ?? null]));
  const keyOf = (row: readonly Cell[]): Row => Object.fromEntries(key.map((column, at) => [column, row[at] ?? null]));
  const about = { table: `model.${table}` };
  const order = live && rebuilt ? compareKeys(live, rebuilt, key.length) : live ? -1 : 1;
  if (order < 0 && live) return { ...about, key: keyOf(live), column: null, live: named(live), rebuilt: null };
  if (order > 0 && rebuilt) return { ...about, key: keyOf(rebuilt), column: null, live: null, rebuilt: named(rebuilt) };
  const [a, b] = [live ?? [], rebuilt ?? []];
  const at = columns.findIndex((_, column) => a[key.length + column] !== b[key.length + column]);
  if (at < 0) return undefined;
  const place = key.length + at;
  return { ...about, key: keyOf(b), column: columns[at] ?? null, live: a[place] ?? null, rebuilt: b[place] ?? null };
}

/** Numbers by value, texts by code units: the order in which a model lists its contents. */
function compareKeys(a: readonly Cell[], b: readonly Cell[], length: number): number {
  for (let at = 0; at < length; at++) {
    const [x, y] = [a[at] ?? '', b[at] ?? ''];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
