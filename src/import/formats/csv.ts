import { ImportFormatError } from '../../errors.ts';
import { mapFor, type TableMap } from '../columns.ts';
import { shown } from '../drafts.ts';
import { nameOfData } from '../identity.ts';
import { readLines } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import { compileTable, describeMap, guessMap, roleOf } from '../table.ts';
import { type Format, ignored } from './format.ts';
import { draftsByRecord, parseRecord } from './records.ts';

const NAME = /\.(?:csv|tsv|tab)$/i;
const DELIMITERS = [',', '\t', ';', '|'];

/**
 * CSV (RFC 4180) with a column map, or with usual column names. Guesses the delimiter if the map names none. A quoted
 * field may span several lines.
 */
export const csv: Format = {
  name: 'csv',
  open(file, { map, personal, forced }) {
    const own = mapFor(map, file.name);
    const meant = forced || (map !== undefined && 'files' in map && own !== undefined);
    if (!NAME.test(file.name) && !meant) return undefined;
    if (map && !own) return ignored('the map does not name it');
    const first = file.head[0] ?? '';
    const delimiter = own?.delimiter ?? delimiterOf(file, first);
    const fieldsOf = (line: string): string[] => {
      const parsed = parseRecord(line, delimiter);
      return 'fields' in parsed ? parsed.fields : [];
    };
    const top = fieldsOf(first).map((column) => column.trim());
    const named = own?.header !== false;
    const header = named ? top : top.map((_, index) => String(index + 1));
    const guess: TableMap | string = own ?? guessMap(header, { personal: personal ?? false });
    if (typeof guess === 'string') {
      throw new ImportFormatError(
        `${file.path}: ${guess}. Its columns are ${header.slice(0, 20).map(shown).join(', ') || 'none'}.`,
        {
          next: 'name the columns in a file such as map.json: {"user":"...","item":"...","time":"..."}, then freshet import FILE --map map.json',
          details: { path: file.path, header },
        },
      );
    }
    const rows = file.head
      .slice(named ? 1 : 0, SAMPLES)
      .filter((line) => line.trim() !== '')
      .map(fieldsOf)
      .filter((fields) => fields.length === header.length);
    const draftOf = compileTable(guess, { path: file.path, header, rows });
    const headerLines = named ? 1 : 0;
    return {
      role: roleOf(guess),
      note: describeMap(guess),
      headerLines,
      drafts: (options) =>
        draftsByRecord(readLines(file.path, { ...options, compressed: file.compressed }), headerLines + 1, {
          delimiter,
          columns: header.length,
          draftOf,
        }),
    };
  },
  nameOf: (names) => nameOfData(names, 'csv'),
};

/** Number of lines to guess the unit of times from. */
const SAMPLES = 100;

function delimiterOf(file: SourceFile, first: string): string {
  if (/\.(?:tsv|tab)$/i.test(file.name)) return '\t';
  const bare = first.replace(/"[^"]*"/g, '');
  const count = (delimiter: string) => bare.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}
