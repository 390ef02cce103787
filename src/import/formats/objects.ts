/** Tables of JSON lines: one object per line, whose members are columns. A dot leads into a member: `product.id`. */

import { isObject } from '../../is-object.ts';
import { type TableMap, usedColumns } from '../columns.ts';
import { type Draft, reject } from '../drafts.ts';
import { createIdCheck, guessMap, refusal } from '../guess.ts';
import { draftsByLine, readLines } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import { compileTable, describeMap, roleOf, type Sample } from '../table.ts';
import type { FormatOptions, Reading } from './format.ts';

type Json = Record<string, unknown>;

/** The object in a line. Undefined for any other text. */
export function objectIn(line: string): Json | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
}

/** A table of objects: what its rows become, and which members they have for that. */
export interface ObjectTable extends Omit<Reading, 'drafts'> {
  columns: readonly string[];
  draftOf: (object: Json, line: number) => Draft;
}

/** @param objects the first ones of the file. Throws ImportFormatError if they are no table. */
export function tableOfObjects(
  path: string,
  objects: readonly Json[],
  own: TableMap | undefined,
  { personal, ...options }: FormatOptions,
): ObjectTable {
  const paths = [...new Set(objects.flatMap((object) => pathsOf(object)))];
  // A member that is an object in one row may be null in another.
  const header = paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)));
  const sampleOf = (columns: readonly string[]): Sample => ({
    path,
    objects: true,
    header: columns,
    rows: objects.map((object) => columns.map((column) => textOf(valueAt(object, column)))),
  });
  const all = sampleOf(header);
  const map = own ?? guessMap(all, { personal, inFileOrder: options.inFileOrder });
  const keys = [...('user' in map ? [map.user] : []), ...('item' in map ? [map.item] : []), map.time];
  const missing = keys.find(
    (key) => key !== undefined && !objects.some((object) => valueAt(object, key) !== undefined),
  );
  if (missing !== undefined) throw refusal(all, `no object has the member ${JSON.stringify(missing)}`, 'history');
  const columns = usedColumns(map).filter((column) => own || header.includes(column));
  const left = roleOf(map) === 'interactions' ? header.filter((path) => !columns.includes(path)) : [];
  const { draftOf, said } = compileTable(map, sampleOf(columns), { ...options, own: own !== undefined });
  const ids = keys.slice(0, -1).map((key) => ({ key, index: columns.indexOf(key as string) }));
  const texts = new Set('item' in map && !('user' in map) ? [map.title, map.description] : []);
  const joined = columns.map((column) => texts.has(column));

  const draftOfObject = (object: Json, line: number): Draft => {
    const values = columns.map((column) => valueAt(object, column));
    for (const { key, index } of ids) {
      const id = values[index];
      if (typeof id === 'number' && Number.isInteger(id) && !Number.isSafeInteger(id)) {
        return reject(
          line,
          'FRESHET_EVENT_ID_INVALID',
          `${key} is a number above 2^53, whose last digits JSON loses; write it as a text`,
        );
      }
    }
    return draftOf(
      values.map((value, n) => (joined[n] && Array.isArray(value) ? value.join(' ') : textOf(value))),
      line,
    );
  };
  return {
    role: roleOf(map),
    note: describeMap(map, columns),
    said: left.length > 0 ? [...said, `not read: ${left.join(', ')}`] : said,
    headerLines: 0,
    columns,
    draftOf: draftOfObject,
    ...(own || roleOf(map) === 'interactions' ? {} : { idCheck: () => createIdCheck(all, map) }),
  };
}

/** A file with an object in each line, of which the first are given. Throws ImportFormatError if they are no table. */
export function readObjects(
  file: SourceFile,
  objects: readonly Json[],
  own: TableMap | undefined,
  options: FormatOptions,
): Reading {
  const { draftOf, columns: _, ...reading } = tableOfObjects(file.path, objects, own, options);
  const draftOfLine = (text: string, line: number): Draft => {
    let object: unknown;
    try {
      object = JSON.parse(text);
    } catch {
      return reject(line, 'FRESHET_EVENT_MALFORMED', 'the line is not JSON');
    }
    if (typeof object !== 'object' || object === null) {
      return reject(line, 'FRESHET_EVENT_MALFORMED', 'the line is not a JSON object');
    }
    return draftOf(object as Json, line);
  };
  return {
    ...reading,
    drafts: (lineOptions) =>
      draftsByLine(readLines(file.path, { ...lineOptions, compressed: file.compressed }), 1, draftOfLine),
  };
}

/** The paths of all members, without lists of objects, which are no cells. */
function pathsOf(object: Json, prefix = ''): string[] {
  return Object.entries(object).flatMap(([key, value]) => {
    if (isObject(value)) return pathsOf(value, `${prefix}${key}.`);
    return Array.isArray(value) && value.some((part) => typeof part === 'object') ? [] : [`${prefix}${key}`];
  });
}

function valueAt(object: Json, path: string): unknown {
  if (Object.hasOwn(object, path)) return object[path];
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const inner = object[path.slice(0, dot)];
  return isObject(inner) ? valueAt(inner, path.slice(dot + 1)) : undefined;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
