import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ImportFormatError, messageOf, UsageError } from '../errors.ts';
import { csv } from './formats/csv.ts';
import { type Format, type FormatOptions, ignored, type Reading } from './formats/format.ts';
import { jsonl } from './formats/jsonl.ts';
import { movielens } from './formats/movielens.ts';
import { recbole } from './formats/recbole.ts';
import { lookInto, type SourceFile } from './source-file.ts';
import { IMPORT_FORMATS, type ImportFormat, type ImportOptions } from './types.ts';

/** The first that knows a file has it: those with the most telling signs come first, CSV takes what is left. */
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
 * Finds the files that paths stand for, and their one format. Throws ImportFormatError, with what was seen and what
 * to do, when there is no such format, or more than one.
 */
export async function detect(paths: readonly string[], options: ImportOptions): Promise<Detected> {
  if (paths.length === 0) throw new UsageError('Nothing to import.', { next: 'freshet import PATH...' });
  if (options.format !== undefined && !IMPORT_FORMATS.includes(options.format)) {
    throw new UsageError(`There is no format ${JSON.stringify(options.format)}.`, {
      next: `use one of ${IMPORT_FORMATS.join(', ')}`,
    });
  }
  // A map says which column is what, so it says as well that there are columns.
  const forced = options.format ?? (options.map ? 'csv' : undefined);
  if (options.map && forced !== 'csv') {
    throw new UsageError(`A column map is for CSV files, not for ${forced}.`, { next: 'leave out --map or --format' });
  }
  const found: Found[] = [];
  for (const path of paths) {
    const folder = await filesIn(path);
    for (const filePath of folder ?? [path]) {
      const file = await lookInto(filePath);
      found.push({ file, ...recognise(file, forced, folder !== undefined, options) });
    }
  }
  const known = found.filter(({ reading }) => reading.role !== 'ignored');
  const formats = new Set(known.map(({ format }) => format as Format));
  const [format] = formats;
  // A table that can't be read is beside the point among files of MovieLens, but not where tables are imported.
  const failure = found.find((file) => file.failure)?.failure;
  if (failure && (!format || format.name === 'csv')) throw failure;
  if (!format) throw nothingFound(paths, found);
  if (formats.size > 1) throw tooMany(known);
  return { format, files: found };
}

function recognise(
  file: SourceFile,
  forced: ImportFormat | undefined,
  inFolder: boolean,
  { map, personal }: ImportOptions,
): Omit<Found, 'file'> {
  // In a folder lie other things too; a file that is named is meant.
  const options: FormatOptions = { map, personal, forced: forced !== undefined && !inFolder };
  if (file.head.every((line) => line.trim() === '')) return { reading: ignored('empty'), format: undefined };
  for (const format of FORMATS) {
    if (forced !== undefined && format.name !== forced) continue;
    try {
      const reading = format.open(file, options);
      if (reading) return { reading, format };
    } catch (failure) {
      if (!inFolder || format.name !== 'csv' || !(failure instanceof ImportFormatError)) throw failure;
      return { reading: ignored(failure.message), format: undefined, failure };
    }
  }
  if (inFolder) return { reading: ignored('not a file of data by its name'), format: undefined };
  throw new ImportFormatError(
    `${file.path} is in no format that is known; it begins with ${JSON.stringify((file.head[0] ?? '').slice(0, 80))}.`,
    {
      next: 'say what it is: --format movielens|recbole|csv|jsonl, or for a table --map FILE, which names its columns',
      details: { path: file.path },
    },
  );
}

/** Files of a folder in the order of their names, numbers by value; undefined when it is none. */
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
    throw new ImportFormatError(`${path} cannot be read: ${messageOf(cause)}`, {
      next: 'check the path and that you may read it: ls -l',
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
    `There is nothing to import in ${paths.join(', ')}. ${seen.length > 0 ? `Seen: ${seen.join('; ')}${more}.` : 'It is empty.'}`,
    {
      next: 'name the files of data themselves; MovieLens, RecBole, CSV and JSON lines of events are known',
      details: { paths, files: found.map(({ file, reading }) => ({ name: file.name, note: reading.note })) },
    },
  );
}

function tooMany(known: readonly Found[]): ImportFormatError {
  const seen = known.slice(0, SHOWN_FILES).map(({ file, format }) => `${file.name} (${format?.name})`);
  return new ImportFormatError(`The files are of several formats: ${seen.join(', ')}.`, {
    next: `import one after the other: --format ${known[0]?.format?.name}`,
    details: { files: known.map(({ file, format }) => ({ name: file.name, format: format?.name })) },
  });
}
