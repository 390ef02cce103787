/** Turns cells of tables into attributes and traits. */
import type { AttributeValue } from '../bus/event/types.ts';
import type { FieldMap } from './columns.ts';
import { type Rejection, reject, shown } from './drafts.ts';
import type { Sample } from './table.ts';
import { type DecimalMark, parseDecimal, parseNumber } from './values.ts';

export type Attributes = Record<string, AttributeValue>;

/** A number if the text is its canonical form. `007` and `+1` stay texts. */
export function numberOrText(text: string): string | number {
  const value = parseNumber(text);
  return value !== undefined && String(value) === text ? value : text;
}

export const splitList = (text: string, separator: string): string[] => [
  ...new Set(
    text
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
];

/** The texts of a list in brackets: JSON (`["a", 1]`), Python (`['a', 'b']`) or bare (`[a, b]`). Undefined if it is none. */
export function bracketedList(text: string): string[] | undefined {
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const parts = jsonList(text) ?? bareList(text.slice(1, -1));
  return parts && [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))];
}

function jsonList(text: string): string[] | undefined {
  try {
    const list = JSON.parse(text) as unknown[];
    const scalars = list.filter((part) => part !== null);
    return scalars.every((part) => typeof part !== 'object') ? scalars.map(String) : undefined;
  } catch {
    return undefined;
  }
}

const PART = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"[\]{}]*))\s*(?:,|$)/y;

function bareList(text: string): string[] | undefined {
  const parts: string[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (!match) return undefined;
    parts.push((match[1] ?? match[2])?.replace(/\\(.)/g, '$1') ?? (match[3] as string));
  }
  return parts;
}

const NO_TAG = /^(?:\(no genres listed\)|unknown|n\/a|none|null)$/i;

export function tagsOf(text: string, separator: string | undefined): string[] {
  const between = separator ?? (text.includes('|') ? '|' : text.includes(';') ? ';' : ',');
  return (bracketedList(text) ?? splitList(text, between)).filter((tag) => !NO_TAG.test(tag));
}

/** How programs write a number that they do not have. */
const NO_NUMBER = /^(?:nan|null|none|n\/?a)$/i;

/** Why a text is not a number, for the rejection of a row. */
export const notNumber = (text: string, decimal: DecimalMark | undefined): string =>
  /^[+-]?\d{1,3}[.,]\d{3}$/.test(text) && decimal === undefined
    ? `${shown(text)} may be a thousand or have decimals; "decimal": "," or "." in the map says which`
    : `${shown(text)} is not a number`;

/**
 * Reads the columns of attributes or traits of a row; empty cells make no attribute. A cell that cannot be read as the map
 * says rejects the row.
 *
 * @param what `attribute` or `trait`, for messages
 * @param indexOf index of a column; throws if the table does not have it
 */
export function attributesOf(
  maps: readonly FieldMap[],
  what: string,
  decimal: DecimalMark | undefined,
  indexOf: (column: string) => number,
): (fields: readonly string[], line: number) => { values: Attributes } | Rejection {
  const columns = maps
    .map((map) => (typeof map === 'string' ? { column: map } : map))
    .map(({ column, name = column, as = 'auto', separator = '|' }) => ({ name, as, separator, index: indexOf(column) }))
    // Sorted, so that the order of columns does not change the id.
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return (fields, line) => {
    const entries: [string, AttributeValue][] = [];
    for (const { name, as, separator, index } of columns) {
      const text = (fields[index] as string).trim();
      if (text === '') continue;
      if (as === 'number') {
        const value = parseDecimal(text, decimal);
        if (value !== undefined) entries.push([name, value]);
        else if (!NO_NUMBER.test(text)) {
          return reject(line, 'FRESHET_IMPORT_ROW_VALUE', `the ${what} ${name} ${notNumber(text, decimal)}`);
        }
        continue;
      }
      const list =
        as === 'text' ? undefined : (bracketedList(text) ?? (as === 'list' ? splitList(text, separator) : undefined));
      if (list === undefined) entries.push([name, as === 'text' ? text : numberOrText(text)]);
      else if (list.length > 0) entries.push([name, list]);
    }
    return { values: Object.fromEntries(entries) };
  };
}

const DECIMAL_COMMA = /^[+-]?\d+,\d{1,2}$/;

/** A hint for people: columns that hold numbers with a decimal comma stay texts unless a map says otherwise. */
export function hintsOf(maps: readonly FieldMap[], { header, rows }: Sample): string[] {
  return maps.flatMap((map) => {
    if (typeof map !== 'string') return [];
    const index = header.indexOf(map);
    const cells = rows.map((row) => (row[index] ?? '').trim()).filter((text) => text !== '');
    const [first] = cells;
    return first !== undefined && cells.every((text) => DECIMAL_COMMA.test(text))
      ? [
          `${map}: texts such as ${shown(first)}; {"column": ${JSON.stringify(map)}, "as": "number"} in a map makes them numbers`,
        ]
      : [];
  });
}
