import { mapFor } from '../columns.ts';
import { createIdCheck, guessMap } from '../guess.ts';
import { nameOfData } from '../identity.ts';
import { readLines } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import { compileTable, describeMap, roleOf } from '../table.ts';
import { type Format, ignored } from './format.ts';
import { fileQuoted, rowsLike, tabsQuoted } from './quotes.ts';
import { draftsByRecord, parseRecord, recordsIn } from './records.ts';

const NAME = /\.(?:csv|tsv|tab)$/i;
const DELIMITERS = [',', '\t', ';', '|'];

/**
 * CSV (RFC 4180) with a column map, or with usual column names. Guesses the delimiter if the map names none. A quoted
 * field may span several lines.
 */
export const csv: Format = {
  name: 'csv',
  open(file, { map, personal, forced, ...times }) {
    const own = mapFor(map, file.name);
    const meant = forced || (map !== undefined && 'files' in map && own !== undefined);
    if (!NAME.test(file.name) && !meant) return undefined;
    if (map && !own) return ignored('the map does not name it');
    const first = file.head[0] ?? '';
    const delimiter = own?.delimiter ?? delimiterOf(file, first);
    // Undefined: only the whole file tells.
    const quote = own?.quote ?? (delimiter === '\t' ? tabsQuoted(file.head) : true);
    const top = fieldsOf(first, delimiter, quote !== false).map((column) => column.trim());
    const named = own?.header !== false;
    const header = named ? top : top.map((_, index) => String(index + 1));
    const headerLines = named ? 1 : 0;
    const lines = file.head.slice(headerLines);
    const keys = own && [...('user' in own ? [own.user] : []), ...('item' in own ? [own.item] : []), own.time];
    const records = {
      delimiter,
      columns: header.length,
      isRow: quote === false ? undefined : rowsLike(lines, delimiter, header, keys),
    };
    const rows = recordsIn(file.head, headerLines + 1, { ...records, quote });
    const sample = { path: file.path, header, rows };
    const table = own ?? guessMap(sample, { personal, inFileOrder: times.inFileOrder });
    const { draftOf, said } = compileTable(table, sample, { ...times, own: own !== undefined });
    return {
      role: roleOf(table),
      note: describeMap(table, header),
      said: quote === false ? [...said, 'quotes are text'] : said,
      headerLines,
      async *drafts({ onRemark, ...options }) {
        const uses = quote ?? (await fileQuoted(file, options.signal));
        const batches = readLines(file.path, { ...options, compressed: file.compressed });
        yield* draftsByRecord(batches, headerLines + 1, { ...records, quote: uses, onRemark, draftOf });
      },
      ...(own || roleOf(table) === 'interactions' ? {} : { idCheck: () => createIdCheck(sample, table) }),
    };
  },
  nameOf: (names) => nameOfData(names, 'csv'),
};

function fieldsOf(line: string, delimiter: string, quote: boolean): string[] {
  if (!quote) return line.split(delimiter);
  const parsed = parseRecord(line, delimiter);
  return 'fields' in parsed ? parsed.fields : [];
}

function delimiterOf(file: SourceFile, first: string): string {
  if (/\.(?:tsv|tab)$/i.test(file.name)) return '\t';
  const bare = first.replace(/"[^"]*"/g, '');
  const count = (delimiter: string) => bare.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}
