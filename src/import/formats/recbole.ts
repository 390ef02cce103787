import { ImportFormatError } from '../../errors.ts';
import type { FieldMap, InteractionMap, ItemMap, TableMap } from '../columns.ts';
import { shown } from '../drafts.ts';
import { nameOfData } from '../identity.ts';
import { draftsByLine, readLines } from '../lines.ts';
import { columnOf, columnsOf } from '../names.ts';
import type { SourceFile } from '../source-file.ts';
import { compileTable, describeMap, roleOf } from '../table.ts';
import { IN_FILE_ORDER } from '../time/column.ts';
import { type Format, type FormatOptions, ignored, type Reading } from './format.ts';
import { rejectColumns } from './records.ts';

const TYPES = ['token', 'token_seq', 'float', 'float_seq'] as const;
type ColumnType = (typeof TYPES)[number];
const HEADER = /^[^\t:]+:(?:token|token_seq|float|float_seq)(?:\t[^\t:]+:(?:token|token_seq|float|float_seq))*$/;
const NAME = /\.(inter|item|user)$/i;

/**
 * Atomic files of RecBole (https://recbole.io/docs/user_guide/data/atomic_files.html): tab separated, with `name:type` in
 * the header. Spaces separate the parts of a sequence. Interactions with a rating become `user.rated.v1`, others
 * `user.viewed.v1`.
 */
export const recbole: Format = {
  name: 'recbole',
  open(file, options) {
    const kind = NAME.exec(file.name)?.[1]?.toLowerCase();
    const header = file.head[0] ?? '';
    if (!HEADER.test(header)) {
      // MovieLens has a u.item and a u.user too, so this is an error only if the user named the format.
      if (!options.forced) return undefined;
      throw new ImportFormatError(`${file.path} has no RecBole header. Its first line is ${shown(header)}.`, {
        next: 'write a header with columns and types, such as user_id:token<TAB>item_id:token, or name another --format',
        details: { path: file.path },
      });
    }
    if (kind === undefined && !options.forced) return ignored('its name does not end in .inter, .item or .user');
    return read(file, kind, options);
  },
  nameOf: (names) => nameOfData(names, 'recbole'),
};

function read(file: SourceFile, kind: string | undefined, options: FormatOptions): Reading {
  const columns = (file.head[0] as string).split('\t').map((column) => {
    const colon = column.lastIndexOf(':');
    return { name: column.slice(0, colon), type: column.slice(colon + 1) as ColumnType };
  });
  const header = columns.map(({ name }) => name);
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]));
  const map = mapOf(file, kind, header, typeOf, options);
  const rows = file.head.slice(1).map((line) => line.split('\t'));
  const { draftOf, said } = compileTable(map, { path: file.path, header, rows }, options);
  return {
    role: roleOf(map),
    note: describeMap(map, header),
    said,
    headerLines: 1,
    drafts: (lineOptions) =>
      draftsByLine(readLines(file.path, { ...lineOptions, compressed: file.compressed }), 2, (text, line) => {
        const fields = text.split('\t');
        return fields.length === header.length
          ? draftOf(fields, line)
          : rejectColumns(line, fields.length, header.length);
      }),
  };
}

function mapOf(
  file: SourceFile,
  kind: string | undefined,
  header: readonly string[],
  typeOf: ReadonlyMap<string, ColumnType>,
  { personal = false, inFileOrder = false }: FormatOptions,
): TableMap {
  const user = columnOf('user', header);
  const item = columnOf('item', header);
  const time = columnOf('time', header);
  const field = (column: string): FieldMap => {
    const type = typeOf.get(column);
    if (type === 'float') return { column, as: 'number' };
    if (type === 'token') return { column, as: /^age$/i.test(column) ? 'auto' : 'text' };
    return { column, as: 'list', separator: ' ' };
  };
  const missing = (what: string, or = '') =>
    new ImportFormatError(
      `${file.path} has no column with a usual name for the ${what}. Its columns are ${header.map(shown).join(', ')}.`,
      {
        next: `import it as CSV with a map that names the columns: freshet import FILE --format csv --map map.json${or}`,
        details: { path: file.path, header },
      },
    );

  if (kind === 'inter' || (kind === undefined && user !== undefined && item !== undefined)) {
    if (user === undefined) throw missing('user');
    if (item === undefined) throw missing('item');
    if (time === undefined && !inFileOrder) throw missing('time', `; ${IN_FILE_ORDER}`);
    const value = columnOf('rating', header);
    const map: InteractionMap = { user, item, ...(time === undefined ? {} : { time }) };
    return value === undefined ? map : { ...map, value };
  }
  if (kind === 'item' || (kind === undefined && item !== undefined)) {
    if (item === undefined) throw missing('item');
    return itemMap(item, header, field, typeOf);
  }
  if (user === undefined) throw missing('user');
  const left = new Set(personal ? [user] : [user, ...columnsOf('personal', header)]);
  return { user, traits: header.filter((column) => !left.has(column)).map(field) };
}

function itemMap(
  item: string,
  header: readonly string[],
  field: (column: string) => FieldMap,
  typeOf: ReadonlyMap<string, ColumnType>,
): ItemMap {
  const title = columnOf('title', header);
  const description = columnOf('description', header);
  const published = columnOf('published', header);
  const embedding = header.find((column) => typeOf.get(column) === 'float_seq');
  const tags = columnsOf('tags', header);
  const taken = new Set([item, title, description, published, embedding, ...tags]);
  return {
    item,
    tags,
    tagSeparator: ' ',
    attributes: header.filter((column) => !taken.has(column)).map(field),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(published === undefined ? {} : { published }),
    ...(embedding === undefined ? {} : { embedding }),
  };
}
