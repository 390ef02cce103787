/** Whether a quote in a table encloses a field or is a part of the text. */
import { readLines } from '../lines.ts';
import { columnOf } from '../names.ts';
import type { SourceFile } from '../source-file.ts';

/** Whether the parts of a line, split without regard to quotes, are a row by themselves. */
export type IsRow = (parts: readonly string[]) => boolean;

/** The characters of the ids and times in a column. */
interface Shape {
  index: number;
  shortest: number;
  longest: number;
  /** Kinds of characters: `a` for letters, `0` for digits, and any other character for itself. */
  allowed: Set<string>;
  /** Kinds that each cell holds. */
  required: Set<string>;
}

/**
 * Compares the ids and times of a line with those of lines without quotes. The number of columns alone does not tell
 * a row from a line of a quoted text, because such lines hold commas too. Undefined if there is nothing to compare with.
 *
 * @param keys names of the columns of ids and times; by default those with usual names
 */
export function rowsLike(
  lines: readonly string[],
  delimiter: string,
  header: readonly string[],
  keys: readonly (string | undefined)[] = [
    columnOf('user', header),
    columnOf('item', header),
    columnOf('time', header),
  ],
): IsRow | undefined {
  const rows = outsideQuotes(lines)
    .map((line) => line.split(delimiter))
    .filter((parts) => parts.length === header.length)
    .slice(0, SAMPLES);
  const shapes = keys
    .filter((key) => key !== undefined)
    .map((key) => header.indexOf(key))
    .filter((index) => index >= 0)
    .flatMap((index) => shapeOf(index, rows) ?? []);
  if (shapes.length === 0) return undefined;
  return (parts) => parts.length === header.length && shapes.every((shape) => fits(shape, parts));
}

/**
 * The lines without quotes that are outside of quoted fields, if all quotes enclose fields. If some do not, these lines
 * are rows all the same.
 */
function outsideQuotes(lines: readonly string[]): string[] {
  let within = false;
  return lines.filter((line) => {
    const quotes = line.split('"').length - 1;
    const outside = !within && quotes === 0;
    if (quotes % 2 === 1) within = !within;
    return outside;
  });
}

/** Rows to compare with. */
const SAMPLES = 2_000;

function shapeOf(index: number, rows: readonly (readonly string[])[]): Shape | undefined {
  const cells = rows.map((row) => (row[index] as string).trim()).filter((text) => text !== '');
  const [first] = cells;
  if (first === undefined) return undefined;
  const kinds = cells.map(kindsOf);
  return {
    index,
    shortest: Math.floor(Math.min(...cells.map(({ length }) => length)) / 2),
    longest: Math.max(...cells.map(({ length }) => length)) * 2,
    allowed: new Set(kinds.flatMap((one) => [...one])),
    required: new Set([...kindsOf(first)].filter((kind) => kinds.every((one) => one.has(kind)))),
  };
}

const kindsOf = (text: string): Set<string> =>
  new Set([...text].map((c) => (/\p{L}/u.test(c) ? 'a' : /\p{Nd}/u.test(c) ? '0' : c)));

function fits({ index, shortest, longest, allowed, required }: Shape, parts: readonly string[]): boolean {
  const text = (parts[index] as string).trim();
  if (text.length === 0 || text.length < shortest || text.length > longest) return false;
  const kinds = kindsOf(text);
  return [...kinds].every((kind) => allowed.has(kind)) && [...required].every((kind) => kinds.has(kind));
}

// --- tab files ------------------------------------------------------------------------------------------------------

const QUOTED = /^"(?:[^"]|"")*"$/;

/** Whether each quote of a line closes before the next tab, as in a file that uses quotes. */
const quoted = (line: string): boolean =>
  !line.includes('"') || line.split('\t').every((field) => !field.includes('"') || QUOTED.test(field));

/**
 * Whether a file with tabs uses quotes. Few programs write them into such files, where they are mostly inches and titles.
 * Undefined if the head holds no quote.
 */
export const tabsQuoted = (head: readonly string[]): boolean | undefined =>
  head.some((line) => line.includes('"')) ? head.every(quoted) : undefined;

/** The same over the whole file, up to the first line that decides. */
export async function fileQuoted(file: SourceFile, signal: AbortSignal | undefined): Promise<boolean> {
  for await (const { lines } of readLines(file.path, { compressed: file.compressed, signal })) {
    if (!lines.every(quoted)) return false;
  }
  return true;
}
