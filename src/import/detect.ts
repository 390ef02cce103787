import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ImportFormatError, messageOf, UsageError } from '../errors.ts';
import { csv } from './formats/csv.ts';
import { type Format, type FormatOptions, ignored, type Reading } from './formats/format.ts';
import { jsonl } from './formats/jsonl.ts';
import { movielens } from './formats/movielens.ts';
import { recbole } from './formats/recbole.ts';
import type { Seems } from './guess.ts';
import { openSourceFile, type SourceFile } from './source-file.ts';
import { IMPORT_FORMATS, type ImportFormat, type ImportOptions } from './types.ts';

/** The first format that recognises a file reads it. The formats with the clearest marks come first, and CSV is last. */
const FORMATS: readonly Format[] = [recbole, movielens, jsonl, csv];

export interface DetectedFile {
  file: SourceFile;
  reading: Reading;
}

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
  // A column map implies a table with columns.
  const forced = options.format ?? (options.map ? 'csv' : undefined);
  if (options.map && forced !== 'csv') {
    throw new UsageError(`A column map applies to CSV files only, not to the format ${forced}.`, {
      next: 'remove --map or --format',
    });
  }
  const found: Found[] = [];
  for (const path of paths) {
    const folder = await filesIn(path);
    for (const filePath of folder ?? [path]) {
      const file = await openSourceFile(filePath);
      found.push({ file, ...recognise(file, forced, folder !== undefined, options) });
    }
  }
  const known = found.filter(({ reading }) => reading.role !== 'ignored');
  const formats = new Set(known.map(({ format }) => format as Format));
  const [format] = formats;
  const failure = failureOf(found, format);
  if (failure) throw failure;
  if (!format) throw nothingFound(paths, found);
  if (formats.size > 1) throw tooMany(known);
  return { format, files: found };
}

/**
 * The table because of which an import of a folder stops: a history that needs a map, or a table that may be the only
 * history. Others, and tables next to files of another format, do not belong to the data.
 */
function failureOf(found: readonly Found[], format: Format | undefined): ImportFormatError | undefined {
  const failures = found.flatMap(({ failure }) => failure ?? []);
  if (!format) return failures[0];
  if (format.name !== 'csv') return undefined;
  const seems = ({ details }: ImportFormatError) => (details as { seems?: Seems }).seems ?? 'history';
  const history = found.some(({ reading }) => reading.role === 'interactions');
  return failures.find((one) => seems(one) === 'history' || (seems(one) === 'perhaps' && !history));
}

function recognise(
  file: SourceFile,
  forced: ImportFormat | undefined,
  inFolder: boolean,
  { map, personal, timeUnit, timezone, now, inFileOrder }: ImportOptions,
): Omit<Found, 'file'> {
  // A folder may hold unrelated files. A file that the user names must be data.
  const options: FormatOptions = {
    map,
    personal,
    timeUnit,
    timezone,
    now,
    inFileOrder,
    forced: forced !== undefined && !inFolder,
  };
  if (file.head.every((line) => line.trim() === '')) return { reading: ignored('empty'), format: undefined };
  for (const format of FORMATS) {
    if (forced !== undefined && format.name !== forced) continue;
    try {
      const reading = format.open(file, options);
      if (reading) return { reading, format };
    } catch (failure) {
      if (!inFolder || format.name !== 'csv' || !(failure instanceof ImportFormatError)) throw failure;
      return { reading: ignored(firstLine(failure.message)), format: undefined, failure };
    }
  }
  if (inFolder) return { reading: ignored('its name is not one of a data file'), format: undefined };
  throw new ImportFormatError(
    `Freshet does not recognise the format of ${file.path}. The file begins with ${JSON.stringify((file.head[0] ?? '').slice(0, 80))}.`,
    {
      next: 'name the format with --format movielens, recbole, csv or jsonl; for a table, name its columns with --map FILE',
      details: { path: file.path },
    },
  );
}

const firstLine = (text: string): string => text.split('\n', 1)[0] as string;

/** The files of a folder in natural order of their names (`a2` before `a10`). Undefined if the path is not a folder. */
async function filesIn(path: string): Promise<string[] | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return undefined;
    const entries = await readdir(path, { withFileTypes: true });
    const byName = new Intl.Collator('en', { numeric: true }).compare;
    return entries
      .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isSymbolicLink()))
      .map(({ name }) => name)
      .filter((name) => /\.(?!zip$|pdf$|png$|html?$)[A-Za-z0-9]+$/i.test(name))
      .sort((a, b) => byName(a, b) || (a < b ? -1 : 1))
      .map((name) => join(path, name));
  } catch (cause) {
    throw new ImportFormatError(`Freshet cannot read ${path}: ${messageOf(cause)}.`, {
      next: `check the path and its permissions: ls -l ${path}`,
      details: { path },
      cause,
    });
  }
}

const SHOWN_FILES = 10;

function nothingFound(paths: readonly string[], found: readonly DetectedFile[]): ImportFormatError {
  const seen = found.slice(0, SHOWN_FILES).map(({ file, reading }) => `${file.name} (${reading.note})`);
  const more = found.length > SHOWN_FILES ? ` and ${found.length - SHOWN_FILES} more` : '';
  return new ImportFormatError(
    `Freshet found no data files in ${paths.join(', ')}. ${seen.length > 0 ? `It found: ${seen.join('; ')}${more}.` : 'The folder is empty.'}`,
    {
      next: 'name the data files themselves; Freshet reads MovieLens, RecBole, CSV, and JSON lines of events',
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
