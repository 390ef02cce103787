import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ImportFormatError, messageOf, UsageError } from '../errors.ts';
import { csv } from './formats/csv.ts';
import { type Format, ignored, type Reading } from './formats/format.ts';
import { jsonl } from './formats/jsonl.ts';
import { movielens } from './formats/movielens.ts';
import { parquet } from './formats/parquet.ts';
import { recbole } from './formats/recbole.ts';
import type { Seems } from './guess.ts';
import { openSourceFile, type SourceFile } from './source-file.ts';
import { IMPORT_FORMATS, type ImportFormat, type ImportOptions } from './types.ts';

/** The first format that recognises a file reads it. The formats with the clearest marks come first, and CSV is last. */
const FORMATS: readonly Format[] = [parquet, recbole, movielens, jsonl, csv];

export interface DetectedFile {
  file: SourceFile;
  reading: Reading;
}

/** The formats that a column map applies to. JSON lines are recognised first. */
const TABLES: readonly ImportFormat[] = ['csv', 'jsonl', 'parquet'];

interface Found extends DetectedFile {
  format: Format | undefined;
  failure?: ImportFormatError;
}

export interface Detected {
  format: Format;
  files: DetectedFile[];
}

/**
 * Finds the files of the paths, and their common format. Throws ImportFormatError, with the files that it found, if no
 * format or more than one format fits.
 */
export async function detect(paths: readonly string[], options: ImportOptions): Promise<Detected> {
  if (paths.length === 0)
    throw new UsageError('The command needs a file or a folder to import.', { next: 'freshet import PATH' });
  if (options.format !== undefined && !IMPORT_FORMATS.includes(options.format)) {
    throw new UsageError(`Freshet does not know the format ${JSON.stringify(options.format)}.`, {
      next: `use --format with one of ${IMPORT_FORMATS.join(', ')}`,
    });
  }
  if (options.map && options.format !== undefined && !TABLES.includes(options.format)) {
    throw new UsageError(
      `A column map applies to CSV files, Parquet files and JSON lines, not to the format ${options.format}.`,
      {
        next: 'remove --map or --format',
      },
    );
  }
  const found: Found[] = [];
  for (const path of paths) {
    const entries = await entriesOf(path);
    for (const entry of entries ?? [{ path }]) {
      if (entry.left !== undefined) found.push(leftOut(entry.path, entry.left));
      else {
        const file = await openSourceFile(entry.path);
        found.push({ file, ...recognise(file, entries !== undefined, options) });
      }
    }
  }
  const known = found.filter(({ reading }) => reading.role !== 'ignored');
  const formats = new Set(known.map(({ format }) => format as Format));
  const [format] = formats;
  const failure = failureOf(found, format);
  if (failure) throw failure;
  if (!format) throw nothingFound(paths, found);
  // A map says which file is what, so that tables of both kinds are one set of data.
  if (formats.size > 1 && !options.map) throw tooMany(known);
  return { format, files: found };
}

/**
 * The table because of which an import of a folder stops: a history that needs a map, or a table that may be the only
 * history. Others, and tables next to files of another format, do not belong to the data.
 */
function failureOf(found: readonly Found[], format: Format | undefined): ImportFormatError | undefined {
  const failures = found.flatMap(({ failure }) => failure ?? []);
  if (!format) return failures[0];
  if (!TABLES.includes(format.name)) return undefined;
  const seems = ({ details }: ImportFormatError) => (details as { seems?: Seems }).seems ?? 'history';
  const history = found.some(({ reading }) => reading.role === 'interactions');
  return failures.find((one) => seems(one) === 'history' || (seems(one) === 'perhaps' && !history));
}

function recognise(file: SourceFile, inFolder: boolean, options: ImportOptions): Omit<Found, 'file'> {
  const { format: named, map } = options;
  if (file.head.every((line) => line.trim() === '')) return { reading: ignored('empty'), format: undefined };
  for (const format of FORMATS) {
    if (named !== undefined && format.name !== named) continue;
    // The bytes of a Parquet file say what it is, and are no text.
    if (file.parquet !== undefined && format !== parquet) continue;
    if (map && !TABLES.includes(format.name)) continue;
    // A folder may hold unrelated files. A file that the user names must be data; with a map it is a table.
    const forced = !inFolder && (named === format.name || (map !== undefined && format.name === 'csv'));
    try {
      const reading = format.open(file, { ...options, forced });
      if (reading) return { reading, format };
    } catch (failure) {
      if (!inFolder || !TABLES.includes(format.name) || !(failure instanceof ImportFormatError)) throw failure;
      return { reading: ignored(reasonOf(failure, file.path)), format: undefined, failure };
    }
  }
  if (inFolder) return { reading: ignored('its name is not one of a data file'), format: undefined };
  throw new ImportFormatError(
    `Freshet does not recognise the format of ${file.path}. The file begins with ${JSON.stringify((file.head[0] ?? '').slice(0, 80))}.`,
    {
      next: 'name the format with --format movielens, recbole, parquet, csv or jsonl; for a table, name its columns with --map FILE',
      details: { path: file.path },
    },
  );
}

/** Why the import leaves out a file, without its path and its rows. */
const reasonOf = ({ message }: ImportFormatError, path: string): string =>
  (message.split('\n', 1)[0] as string).replace(`${path}: `, '');

/** Something in a folder: a file to open, or the reason to leave it out. */
interface Entry {
  path: string;
  left?: string;
}

/** The entries of a folder in natural order of their names (`a2` before `a10`). Undefined if the path is not a folder. */
async function entriesOf(path: string): Promise<Entry[] | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return undefined;
    const entries = await readdir(path, { withFileTypes: true });
    const byName = new Intl.Collator('en', { numeric: true }).compare;
    return entries
      .filter(({ name }) => !name.startsWith('.'))
      .sort(({ name: a }, { name: b }) => byName(a, b) || (a < b ? -1 : 1))
      .map((entry) => {
        const left = reasonToLeave(entry);
        return { path: join(path, entry.name), ...(left === undefined ? {} : { left }) };
      });
  } catch (cause) {
    throw new ImportFormatError(`Freshet cannot read ${path}: ${messageOf(cause)}.`, {
      next: `check the path and its permissions: ls -l ${path}`,
      details: { path },
      cause,
    });
  }
}

function reasonToLeave(entry: Dirent): string | undefined {
  if (entry.isDirectory()) return 'a folder; import it by its own path';
  if (!entry.isFile() && !entry.isSymbolicLink()) return 'not a file';
  if (/\.(?:zip|tar|tgz|tar\.gz|rar|7z)$/i.test(entry.name)) return 'an archive; import the files in it';
  if (/\.(?:pdf|png|jpe?g|gif|svg|html?|md|py|ipynb|sh)$/i.test(entry.name) || !/\.[A-Za-z0-9]+$/.test(entry.name)) {
    return 'its name is not one of a data file';
  }
  return undefined;
}

function leftOut(path: string, reason: string): Found {
  const name = basename(path);
  const file = { path, name, bytes: 0, changed: 0, compressed: false, head: [], lines: 0 };
  return { file, reading: ignored(reason), format: undefined };
}

const SHOWN_FILES = 10;

function nothingFound(paths: readonly string[], found: readonly DetectedFile[]): ImportFormatError {
  const seen = found.slice(0, SHOWN_FILES).map(({ file, reading }) => `${file.name} (${reading.note})`);
  const more = found.length > SHOWN_FILES ? ` and ${found.length - SHOWN_FILES} more` : '';
  return new ImportFormatError(
    `Freshet found no data files in ${paths.join(', ')}. ${seen.length > 0 ? `It found: ${seen.join('; ')}${more}.` : 'The folder is empty.'}`,
    {
      next: 'name the data files themselves; Freshet reads MovieLens, RecBole, CSV, Parquet and JSON lines',
      details: { paths, files: found.map(({ file, reading }) => ({ name: file.name, note: reading.note })) },
    },
  );
}

function tooMany(known: readonly Found[]): ImportFormatError {
  const seen = known.slice(0, SHOWN_FILES).map(({ file, format }) => `${file.name} (${format?.name})`);
  return new ImportFormatError(`The files have several formats: ${seen.join(', ')}.`, {
    next: `run one import per format, beginning with --format ${known[0]?.format?.name}`,
    details: { files: known.map(({ file, format }) => ({ name: file.name, format: format?.name })) },
  });
}
