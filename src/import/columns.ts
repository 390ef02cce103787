/**
 * Column maps: the meaning of each column of a table. This schema defines the file that `--map` takes.
 */
import { readFile } from 'node:fs/promises';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { ImportFormatError, messageOf } from '../errors.ts';
import { isObject } from '../is-object.ts';
import { TIME_UNITS, type TimeUnit } from './time/units.ts';

const Column = (description: string) => Type.String({ minLength: 1, description });
const Unit = Type.Unsafe<TimeUnit>(
  Type.Union(
    TIME_UNITS.map((unit) => Type.Literal(unit)),
    { description: 'form of the times; default: guessed from the data' },
  ),
);
const table = {
  delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 2, description: 'default: guessed from the data' })),
  quote: Type.Optional(
    Type.Boolean({
      description: 'false: quotes are text; default: they enclose fields, in files with tabs if each does',
    }),
  ),
  decimal: Type.Optional(
    Type.Union([Type.Literal(','), Type.Literal('.')], {
      description:
        'the character before the decimals of numbers; default: found for each number, and rejected in doubt',
    }),
  ),
  header: Type.Optional(
    Type.Boolean({ description: 'false: the file has no header line, and its columns are named "1", "2", ...' }),
  ),
};
const Field = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object(
    {
      column: Column('name of the column'),
      name: Type.Optional(Type.String({ minLength: 1, description: 'name of the member; default: as the column' })),
      as: Type.Optional(
        Type.Union([Type.Literal('auto'), Type.Literal('text'), Type.Literal('number'), Type.Literal('list')], {
          description: 'auto (default): a number if the text is the canonical form of one, else a text',
        }),
      ),
      separator: Type.Optional(Type.String({ description: 'separator of the texts of a list; default: |' })),
    },
    { additionalProperties: false },
  ),
]);

const Interactions = Type.Object(
  {
    ...table,
    user: Column('column of the user id'),
    item: Column('column of the item id'),
    time: Type.Optional(Column('column of the time; without it the import needs --in-file-order')),
    timeUnit: Type.Optional(Unit),
    type: Type.Optional(
      Type.Union(
        [
          Type.String({ minLength: 1, description: 'an event type (user.purchased.v1), or the column with the type' }),
          Type.Object(
            {
              column: Column('column of the type'),
              values: Type.Optional(
                Type.Record(Type.String(), Type.String(), { description: 'event type of each value of the column' }),
              ),
            },
            { additionalProperties: false },
          ),
        ],
        { description: 'default: user.rated.v1 if the map has a value, else user.viewed.v1' },
      ),
    ),
    value: Type.Optional(Column('column of the rating, the seconds or the amount')),
    list: Type.Optional(Column('column of the id of the list that the item came from')),
    context: Type.Optional(Type.Array(Column('column'), { description: 'columns of the context' })),
  },
  { additionalProperties: false, description: 'interactions' },
);
const Items = Type.Object(
  {
    ...table,
    item: Column('column of the item id'),
    title: Type.Optional(Column('column of the title; default: the id')),
    description: Type.Optional(Column('column of the description')),
    tags: Type.Optional(Type.Array(Column('column'), { description: 'columns of tags, genres or categories' })),
    tagSeparator: Type.Optional(Type.String({ minLength: 1, description: 'default: |, else ;, else a comma' })),
    published: Type.Optional(Column('column of the year or date of publication')),
    publishedUnit: Type.Optional(Unit),
    embedding: Type.Optional(Column('column of an embedding: numbers separated by spaces or commas')),
    attributes: Type.Optional(Type.Array(Field, { description: 'columns of attributes' })),
    time: Type.Optional(
      Column('column of the time of the event; default: just before the first interaction with the item'),
    ),
    timeUnit: Type.Optional(Unit),
  },
  { additionalProperties: false, description: 'the catalogue' },
);
const Users = Type.Object(
  {
    ...table,
    user: Column('column of the user id'),
    traits: Type.Optional(Type.Array(Field, { description: 'columns of traits' })),
    time: Type.Optional(
      Column('column of the time of the event; default: just before the first interaction of the user'),
    ),
    timeUnit: Type.Optional(Unit),
  },
  { additionalProperties: false, description: 'users' },
);
const Files = Type.Object(
  {
    files: Type.Record(Type.String(), Type.Union([Interactions, Items, Users]), {
      description: 'a map for each file, by its name without .gz; * matches any text',
    }),
  },
  { additionalProperties: false },
);

/**
 * JSON Schema of the file that `--map` takes: one map for all files, or `{"files": {"orders*.csv": ..., "products.csv":
 * ...}}`. A map with `user` and `item` describes interactions, one with only `item` describes items, and one with only
 * `user` describes users.
 */
export const COLUMN_MAP_SCHEMA = Type.Union([Interactions, Items, Users, Files]);

export type InteractionMap = Static<typeof Interactions>;
export type ItemMap = Static<typeof Items>;
export type UserMap = Static<typeof Users>;
export type TableMap = InteractionMap | ItemMap | UserMap;
export type FieldMap = Static<typeof Field>;
export type ColumnMap = TableMap | Static<typeof Files>;

export const isInteractionMap = (map: TableMap): map is InteractionMap => 'user' in map && 'item' in map;
export const isItemMap = (map: TableMap): map is ItemMap => 'item' in map && !('user' in map);

/** The columns that a map reads. */
export function usedColumns(map: TableMap): string[] {
  const fields = (maps: readonly FieldMap[] = []) => maps.map((one) => (typeof one === 'string' ? one : one.column));
  const own = isInteractionMap(map)
    ? [
        map.user,
        map.item,
        map.value,
        map.list,
        ...(map.context ?? []),
        typeof map.type === 'object' ? map.type.column : map.type,
      ]
    : isItemMap(map)
      ? [
          map.item,
          map.title,
          map.description,
          map.published,
          map.embedding,
          ...(map.tags ?? []),
          ...fields(map.attributes),
        ]
      : [map.user, ...fields(map.traits)];
  const columns = [...own, map.time].filter((column) => column !== undefined);
  // A type may be the name of an event type instead of a column.
  return [...new Set(columns)].filter((column) => !/^user\.\w+\.v1$/.test(column));
}

const NEXT =
  'write it like {"user":"customer_id","item":"sku","time":"ts"}; docs/how-to/import-your-history.md shows all members';

/** Validates a column map. Throws ImportFormatError with the invalid members. */
export function parseColumnMap(map: unknown, from = 'The column map'): ColumnMap {
  if (!isObject(map) || !isObject(map.files)) return parseTableMap(map, from);
  const unknown = Object.keys(map).filter((key) => key !== 'files');
  if (unknown.length > 0) {
    throw new ImportFormatError(`${from} has "files", so it must not also have ${unknown.join(', ')}.`, { next: NEXT });
  }
  const files = Object.entries(map.files).map(
    ([name, own]) => [name, parseTableMap(own, `${from}, ${name}:`)] as const,
  );
  return { files: Object.fromEntries(files) };
}

const UNITS = ['timeUnit', 'publishedUnit'];

function parseTableMap(map: unknown, from: string): TableMap {
  // The kind of map decides which errors to report.
  const schema = !isObject(map)
    ? undefined
    : 'item' in map
      ? 'user' in map
        ? Interactions
        : Items
      : 'user' in map
        ? Users
        : undefined;
  if (!schema) throw new ImportFormatError(`${from} has neither "user" nor "item" nor "files".`, { next: NEXT });
  if (Value.Check(schema, map)) return map as TableMap;
  const problems = new Set<string>();
  for (const { keyword, params, instancePath, message } of Value.Errors(schema, map)) {
    const { requiredProperties = [], additionalProperties = [] } = params as Record<string, string[] | undefined>;
    const at = instancePath.slice(1).replaceAll('/', '.');
    const within = at === '' ? '' : `${at}.`;
    if (keyword === 'required') for (const key of requiredProperties) problems.add(`${within}${key} is missing`);
    else if (keyword === 'additionalProperties')
      for (const key of additionalProperties) problems.add(`${within}${key} is not a known member`);
    else if (keyword === 'const' && UNITS.includes(at)) problems.add(`${at} must be one of ${TIME_UNITS.join(', ')}`);
    else if (keyword !== 'boolean' && keyword !== 'anyOf') problems.add(`${at} ${message}`);
  }
  throw new ImportFormatError(`${from} is not valid: ${[...problems].slice(0, 3).join('; ')}.`, {
    next: NEXT,
    details: { problems: [...problems] },
  });
}

/** Reads the column map of `--map FILE`. Throws ImportFormatError. */
export async function readColumnMap(path: string): Promise<ColumnMap> {
  try {
    return parseColumnMap(JSON.parse((await readFile(path, 'utf8')).replace(/^\ufeff/, '')), path);
  } catch (cause) {
    if (cause instanceof ImportFormatError) throw cause;
    throw new ImportFormatError(`Freshet cannot read ${path} as JSON: ${messageOf(cause)}.`, {
      next: `correct it; this command shows the place: node -e 'JSON.parse(fs.readFileSync("${path}"))'`,
      details: { path },
      cause,
    });
  }
}

/** The map for a file with this name (without `.gz`). */
export function mapFor(map: ColumnMap | undefined, name: string): TableMap | undefined {
  if (!map || !('files' in map)) return map;
  if (Object.hasOwn(map.files, name)) return map.files[name];
  return Object.entries(map.files).find(([pattern]) => matches(pattern, name))?.[1];
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(name);
}
