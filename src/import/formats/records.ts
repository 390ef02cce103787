import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { type Draft, type Rejection, reject } from '../drafts.ts';
import { type LineBatch, rejectEncoding } from '../lines.ts';
import type { DraftOf } from '../table.ts';
import type { OnRemark } from '../types.ts';
import type { IsRow } from './quotes.ts';

/** Remarks on a file, with the number of rows that they concern. */
const QUOTE_AS_TEXT = 'a quote that does not enclose a field is read as text';
const SEVERAL_LINES = 'a record spans several lines';

/** A quoted field of more lines counts as one that was never closed. */
export const MAX_RECORD_LINES = 100;

type Parsed = { fields: string[] } | { problem: 'open' | 'broken' };

/** The fields of one CSV record. `open` if the record ends within a quoted field. */
export function parseRecord(text: string, delimiter: string): Parsed {
  for (const relaxed of [false, true]) {
    try {
      const options = { delimiter, relax_column_count: true, relax_quotes: relaxed, record_delimiter: '\n' };
      // Line breaks within quotes belong to the text. A line break outside would begin a second record.
      const records = parse(text, { ...options, max_record_size: 0 }) as string[][];
      return records.length === 1 ? { fields: records[0] as string[] } : { problem: 'broken' };
    } catch (err) {
      if (!(err instanceof CsvError)) throw err;
      if (err.code === 'CSV_QUOTE_NOT_CLOSED') return { problem: 'open' };
      // A quote within an unquoted field (5" pipe) is not valid CSV, but its meaning is clear.
      if (err.code !== 'INVALID_OPENING_QUOTE') return { problem: 'broken' };
    }
  }
  return { problem: 'broken' };
}

export interface RecordOptions {
  delimiter: string;
  columns: number;
  /** false: a quote is text everywhere. */
  quote?: boolean | undefined;
  /** Tells rows from lines of a quoted text. Without it a quote is text only where no CSV has it. */
  isRow?: IsRow | undefined;
  onRemark?: OnRemark | undefined;
}

/** Turns batches of lines into rows of type T. */
interface RecordReader<T> {
  /** `left` holds the lines of a record that may continue in the next batch; with `last` there is no next one. */
  take(batch: LineBatch, last: boolean): { rows: (T | Rejection)[]; left: LineBatch | undefined };
}

/**
 * Turns CSV records into drafts. A quoted field may span several lines.
 *
 * csv-parse parses the quotes, but it does not find the ends of records: after an unclosed quote it would swallow
 * everything up to the next quote. So this function joins such a line with the following lines, up to the one with the
 * closing quote. If the result does not have the right number of columns, it rejects only the first line and continues
 * with the next one. It splits lines without quotes, which are most lines, without csv-parse.
 */
export async function* draftsByRecord(
  batches: AsyncIterable<LineBatch>,
  from: number,
  { draftOf, ...options }: RecordOptions & { draftOf: DraftOf },
): AsyncGenerator<Draft[], void, undefined> {
  const reader = createRecordReader<Draft>(from, options, draftOf);
  let carried: LineBatch | undefined;
  for await (const batch of batches) {
    const { rows, left } = reader.take(carried ? joined(carried, batch) : batch, false);
    carried = left;
    yield rows;
  }
  if (carried) yield reader.take(carried, true).rows;
}

/** The fields of the complete records in the first lines of a file, without those that are broken. */
export function recordsIn(lines: readonly string[], from: number, options: RecordOptions): string[][] {
  const reader = createRecordReader(from, options, (fields) => [...fields]);
  const { rows } = reader.take({ first: 1, lines: [...lines] }, true);
  return rows.filter((row): row is string[] => Array.isArray(row));
}

function createRecordReader<T>(
  from: number,
  { delimiter, columns, quote = true, isRow, onRemark }: RecordOptions,
  rowOf: (fields: readonly string[], line: number) => T | Rejection,
): RecordReader<T> {
  return { take };

  function take(batch: LineBatch, last: boolean): { rows: (T | Rejection)[]; left: LineBatch | undefined } {
    const rows: (T | Rejection)[] = [];
    const { first, lines, undecodable } = batch;
    let oneByOneTo = 0;
    for (let i = Math.max(0, from - first); i < lines.length; ) {
      const text = lines[i] as string;
      const line = first + i;
      if (undecodable?.has(i)) {
        rows.push(rejectEncoding(line));
        i++;
      } else if (!quote || !text.includes('"')) {
        if (text.trim() !== '') rows.push(row(text.split(delimiter), line));
        i++;
      } else {
        if (i >= oneByOneTo) {
          const run = quotedRun(lines, i, undecodable, delimiter);
          if (run.records) {
            run.records.forEach((fields, n) => {
              rows.push(rowOrText(fields, lines[i + n] as string, line + n));
            });
            i = run.end;
            continue;
          }
          oneByOneTo = run.end;
        }
        let end = i + 1;
        let record = text;
        let open = !quotesClose(text);
        while (open && end - i < MAX_RECORD_LINES && !undecodable?.has(end)) {
          if (end === lines.length) {
            if (last) break;
            return { rows, left: rest(batch, i) };
          }
          const next = lines[end++] as string;
          record += `\n${next}`;
          open = quotesClose(next);
        }
        const alone = textOf(lines, i, end, line);
        let parsed: Parsed = open ? { problem: 'open' } : parseRecord(record, delimiter);
        if (alone || (end > i + 1 && ('problem' in parsed || parsed.fields.length !== columns))) {
          end = i + 1;
          parsed = alone ?? parseRecord(text, delimiter);
        }
        if ('problem' in parsed) parsed = rowOfText(text, line) ?? parsed;
        if ('problem' in parsed) {
          rows.push(reject(line, 'FRESHET_IMPORT_ROW_QUOTES', QUOTES[parsed.problem]));
          i++;
        } else {
          if (end > i + 1) onRemark?.(SEVERAL_LINES, line);
          rows.push(end === i + 1 ? rowOrText(parsed.fields, text, line) : row(parsed.fields, line));
          i = end;
        }
      }
    }
    return { rows, left: undefined };
  }

  /**
   * Decides about the first of several lines that a quote would join: if the others are rows by themselves, the quote was
   * text, and the first line is read alone. Undefined: the quote encloses these lines, or nothing tells.
   */
  function textOf(lines: readonly string[], start: number, end: number, line: number): Parsed | undefined {
    if (!isRow || end - start < 2) return undefined;
    const others = lines.slice(start + 1, end).filter((text) => text.trim() !== '');
    const rows = others.filter((text) => isRow(text.split(delimiter)));
    if (rows.length * 2 <= others.length) return undefined;
    return rowOfText(lines[start] as string, line) ?? { problem: 'open' };
  }

  /** The fields of a line in which quotes are text. Undefined if that is no row. */
  function rowOfText(text: string, line: number): Parsed | undefined {
    const fields = text.split(delimiter);
    if (!isRow?.(fields)) return undefined;
    onRemark?.(QUOTE_AS_TEXT, line);
    return { fields };
  }

  /** The row of a line; if quotes leave it with the wrong number of columns, the one in which they are text. */
  function rowOrText(fields: readonly string[], text: string, line: number): T | Rejection {
    const other = fields.length === columns ? undefined : rowOfText(text, line);
    return row(other && 'fields' in other ? other.fields : fields, line);
  }

  function row(fields: readonly string[], line: number): T | Rejection {
    return fields.length === columns ? rowOf(fields, line) : rejectColumns(line, fields.length, columns);
  }
}

const QUOTES = {
  open: 'a quote is not closed',
  broken: 'text follows the closing quote of a field',
};

export const rejectColumns = (line: number, columns: number, expected: number) =>
  reject(line, 'FRESHET_IMPORT_ROW_COLUMNS', `${columns} column${columns === 1 ? '' : 's'} instead of ${expected}`);

const QUOTE = 34;

/** Whether the line has an even number of quotes: then it ends outside of quoted fields, or is broken. */
function quotesClose(text: string): boolean {
  let quotes = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === QUOTE) quotes++;
  return quotes % 2 === 0;
}

const RUN = 512;

/**
 * Parses quoted lines from `start` on in one call, because a call per line costs six times as much (18 against 3 us).
 * Gives no records if one of the lines up to `end` is not a record by itself: then the caller parses them one by one.
 */
function quotedRun(
  lines: readonly string[],
  start: number,
  undecodable: ReadonlySet<number> | undefined,
  delimiter: string,
): { records: string[][] | undefined; end: number } {
  let end = start;
  while (
    end < lines.length &&
    end - start < RUN &&
    !undecodable?.has(end) &&
    (lines[end] as string).trim() !== '' &&
    quotesClose(lines[end] as string)
  ) {
    end++;
  }
  if (end - start < 2) return { records: undefined, end };
  try {
    const records = parse(lines.slice(start, end).join('\n'), {
      delimiter,
      relax_column_count: true,
      record_delimiter: '\n',
      max_record_size: 0,
    }) as string[][];
    return { records: records.length === end - start ? records : undefined, end };
  } catch (err) {
    if (err instanceof CsvError) return { records: undefined, end };
    throw err;
  }
}

function rest({ first, lines, undecodable }: LineBatch, from: number): LineBatch {
  const left: LineBatch = { first: first + from, lines: lines.slice(from) };
  const bad = [...(undecodable ?? [])].filter((i) => i >= from).map((i) => i - from);
  return bad.length > 0 ? { ...left, undecodable: new Set(bad) } : left;
}

function joined(a: LineBatch, b: LineBatch): LineBatch {
  const bad = [...(a.undecodable ?? []), ...[...(b.undecodable ?? [])].map((i) => i + a.lines.length)];
  const both: LineBatch = { first: a.first, lines: [...a.lines, ...b.lines] };
  return bad.length > 0 ? { ...both, undecodable: new Set(bad) } : both;
}
