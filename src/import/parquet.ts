/** Rows of Parquet files as objects, such as JSON lines hold. */
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { ImportFormatError, messageOf } from '../errors.ts';
import { isObject } from '../is-object.ts';

type Json = Record<string, unknown>;

/** First bytes of every Parquet file. */
const MAGIC = Buffer.from('PAR1');
/** Rows by which to guess what the columns are. */
const SAMPLES = 200;
/** Rows that the import turns into drafts at once. */
const AT_ONCE = 2_000;

export const isParquet = (start: Buffer): boolean => start.subarray(0, MAGIC.length).equals(MAGIC);

/** The number of rows, and the first ones. Throws ImportFormatError for a file that cannot be read. */
export async function readParquetHead(path: string): Promise<{ rows: number; objects: Json[] }> {
  const { file, metadata } = await open(path);
  const rows = Number(metadata.num_rows);
  return {
    rows,
    objects: await read(path, file, metadata, { from: 0, to: Math.min(rows, SAMPLES), columns: undefined }),
  };
}

export interface ParquetRows {
  /** Number of the first of these rows, from 1. */
  first: number;
  objects: Json[];
  /** Share of the file that they are. */
  share: number;
}

/** The rows, a group of the file after the other; each group is in memory at once. */
export async function* parquetRows(
  path: string,
  { columns, signal }: { columns: readonly string[]; signal?: AbortSignal | undefined },
): AsyncGenerator<ParquetRows, void, undefined> {
  const { file, metadata } = await open(path);
  const all = Math.max(1, Number(metadata.num_rows));
  const used = topLevel(metadata).filter((name) =>
    columns.some((path) => path === name || path.startsWith(`${name}.`)),
  );
  let from = 0;
  for (const group of metadata.row_groups) {
    const to = from + Number(group.num_rows);
    const objects = await read(path, file, metadata, { from, to, columns: used });
    for (let at = 0; at < objects.length; at += AT_ONCE) {
      signal?.throwIfAborted();
      const some = objects.slice(at, at + AT_ONCE);
      yield { first: from + at + 1, objects: some, share: some.length / all };
    }
    from = to;
  }
}

const topLevel = ({ schema }: FileMetaData): string[] => {
  const names: string[] = [];
  // Depth first; the root says how many children it has.
  let at = 1;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let child = 0; child < children; child++) skip();
  };
  while (at < schema.length) {
    names.push(schema[at]?.name ?? '');
    skip();
  }
  return names;
};

/** Other imports need not load it. */
const library = async () => ({ ...(await import('hyparquet')), ...(await import('hyparquet-compressors')) });

async function open(path: string): Promise<{ file: AsyncBuffer; metadata: FileMetaData }> {
  try {
    const { asyncBufferFromFile, parquetMetadataAsync } = await library();
    const file = await asyncBufferFromFile(path);
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function read(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  { from, to, columns }: { from: number; to: number; columns: string[] | undefined },
): Promise<Json[]> {
  try {
    const { compressors, parquetReadObjects } = await library();
    const options = { file, metadata, compressors, rowStart: from, rowEnd: to };
    const rows = await parquetReadObjects(columns === undefined ? options : { ...options, columns });
    return rows.map((row) => plain(row) as Json);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): ImportFormatError =>
  new ImportFormatError(`Freshet cannot read the Parquet file ${path}: ${messageOf(cause)}.`, {
    next: 'write it anew, without encryption; or as JSON lines',
    details: { path },
    cause,
  });

/** A value of a column as JSON would have it; undefined for bytes, and for what is missing. */
function plain(value: unknown): unknown {
  if (value === null || value instanceof Uint8Array) return undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof Date) return Number.isFinite(value.getTime()) ? value.toISOString() : undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
