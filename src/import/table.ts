/** Turns rows of tables into drafts, by a column map. MovieLens, RecBole and CSV files share it. */
import { idProblem } from '../bus/event/ids.ts';
import type { InteractionType, ItemData } from '../bus/event/types.ts';
import { ImportFormatError } from '../errors.ts';
import { attributesOf, hintsOf, notNumber, numberOrText, tagsOf } from './cells.ts';
import {
  type FieldMap,
  type InteractionMap,
  type ItemMap,
  isInteractionMap,
  isItemMap,
  type TableMap,
  type UserMap,
  usedColumns,
} from './columns.ts';
import { type Draft, type Rejection, reject, rejectId, shown } from './drafts.ts';
import { IN_FILE_ORDER, publishedColumn, type TimeColumn, type TimeOptions, timeColumn } from './time/column.ts';
import { parsePublished } from './time/units.ts';
import type { ImportRole } from './types.ts';
import { parseDecimal, parseNumber } from './values.ts';

/** Turns a row with as many fields as the header into a draft. */
export type DraftOf = (fields: readonly string[], line: number) => Draft;

/** A header with some rows, to guess the unit of times. Each row has the fields of the header. */
export interface Sample {
  path: string;
  header: readonly string[];
  rows: readonly (readonly string[])[];
  /** The columns are members of objects. */
  objects?: boolean;
}

export interface TableOptions extends TimeOptions {
  /** Titles end with a year, `Some Title (1995)`, which is the year of publication and not part of the title. */
  yearInTitle?: boolean;
  /** The map is the user's own: a cell that it cannot read rejects the row, also where a guessed map leaves it out. */
  own?: boolean;
}

export function roleOf(map: TableMap): ImportRole {
  return isInteractionMap(map) ? 'interactions' : isItemMap(map) ? 'items' : 'users';
}

/** What each column of a map becomes, for people. */
export function describeMap(map: TableMap, header: readonly string[] = []): string {
  const named = (what: string, column: string | undefined) => (column === undefined ? [] : [`${what} in ${column}`]);
  const list = (what: string, fields: readonly FieldMap[] = []) =>
    fields.length === 0
      ? []
      : [`${what} ${fields.map((one) => (typeof one === 'string' ? one : one.column)).join(', ')}`];
  if (isInteractionMap(map)) {
    const { type = map.value === undefined ? 'user.viewed.v1' : 'user.rated.v1' } = map;
    const column = typeof type === 'object' ? type.column : header.includes(type) ? type : undefined;
    return [
      ...named('user', map.user),
      ...named('item', map.item),
      ...named('time', map.time),
      ...named('value', map.value),
      ...named('list', map.list),
      ...list('context from', map.context),
      column === undefined ? `each row is a ${type}` : `type in ${column}`,
    ].join(', ');
  }
  const own = isItemMap(map)
    ? [
        ...named('item', map.item),
        ...(map.title === undefined ? ['no title, so that the id stands for it'] : named('title', map.title)),
        ...named('description', map.description),
        ...list('tags in', map.tags),
        ...named('day of publication', map.published),
        ...named('embedding', map.embedding),
        ...list('attributes from', map.attributes),
      ]
    : [...named('user', map.user), ...list('traits from', map.traits)];
  return [...own, ...named('time', map.time)].join(', ');
}

const NO_TIMES =
  'time: none; the rows are published in the order of the file and count as new, because the log dates them';

export interface CompiledTable {
  draftOf: DraftOf;
  /** What the import found out from the first rows, in sentences for people. */
  said: string[];
}

/** Compiles a map into a function. Throws ImportFormatError if a column is missing, or the form of its times in doubt. */
export function compileTable(map: TableMap, sample: Sample, options: TableOptions = {}): CompiledTable {
  const time = map.time === undefined ? undefined : timeOf(map.time, map, sample, options);
  const said = time && time.said !== '' ? [`time: ${time.said}`] : [];
  if (isInteractionMap(map)) {
    if (!time && !options.inFileOrder) {
      throw new ImportFormatError(`The map for ${sample.path} names no column of times.`, {
        next: `add "time" to the map; ${IN_FILE_ORDER}`,
        details: { path: sample.path },
      });
    }
    const left = sample.header.filter((column) => column !== '' && !usedColumns(map).includes(column));
    return {
      draftOf: interactions(map, sample, time),
      said: [...(time ? said : [NO_TIMES]), ...(left.length > 0 ? [`not read: ${left.join(', ')}`] : [])],
    };
  }
  if (!isItemMap(map)) {
    return { draftOf: users(map, sample, time), said: [...said, ...hintsOf(map.traits ?? [], sample)] };
  }
  const published = publishedColumn(map.published, map.publishedUnit, sample, options);
  const draftOf = items(map, sample, options, time, published.read);
  return { draftOf, said: [...said, ...published.said, ...hintsOf(map.attributes ?? [], sample)] };
}

function timeOf(column: string, map: TableMap, sample: Sample, options: TableOptions): TimeColumn {
  for (const named of [...('user' in map ? [map.user] : []), ...('item' in map ? [map.item] : []), column]) {
    indexOf(named, sample);
  }
  return timeColumn(column, map.timeUnit, sample, options);
}

function indexOf(column: string, { header, path }: Sample): number {
  const index = header.indexOf(column);
  if (index >= 0) return index;
  throw new ImportFormatError(
    `${path} has no column ${shown(column)}. Its columns are ${header.map(shown).join(', ')}.`,
    {
      next: 'use the names of these columns in the map: freshet import FILE --map map.json',
      details: { path, column, header },
    },
  );
}

const optionalIndex = (column: string | undefined, sample: Sample): number =>
  column === undefined ? -1 : indexOf(column, sample);

const cell = (fields: readonly string[], index: number): string => (index < 0 ? '' : (fields[index] as string).trim());

// --- interactions ---------------------------------------------------------------------------------------------------

const INTERACTION = /^user\.(?:viewed|played|added|purchased|rated|x_[a-z0-9_]{1,62})\.v1$/;

/** Usual words in a column of types, and the event type of each. */
const USUAL_TYPES: Record<string, InteractionType> = {};
for (const [type, words] of [
  ['user.viewed.v1', 'view viewed click clicked pv pageview productview detail impression visit read'],
  ['user.played.v1', 'play played listen listened watch watched stream'],
  [
    'user.added.v1',
    'add added cart addtocart basket favorite favourite fav like liked wishlist save saved star starred',
  ],
  ['user.purchased.v1', 'purchase purchased buy bought order ordered transaction sale checkout'],
  ['user.rated.v1', 'rate rated rating review'],
] as const) {
  for (const word of words.split(' ')) USUAL_TYPES[word] = type;
}

/** The event type of a usual word for what a user does; undefined for any other word. */
export function usualType(text: string): InteractionType | undefined {
  const word = text.toLowerCase().replace(/[^a-z]/g, '');
  return Object.hasOwn(USUAL_TYPES, word) ? USUAL_TYPES[word] : undefined;
}

type TypeOf = (fields: readonly string[]) => InteractionType | { unknown: string };

function typeOf(map: InteractionMap, sample: Sample): TypeOf {
  const { type = map.value === undefined ? 'user.viewed.v1' : 'user.rated.v1' } = map;
  if (typeof type === 'string' && !sample.header.includes(type)) {
    if (INTERACTION.test(type)) return () => type as InteractionType;
    if (type.startsWith('user.')) {
      throw new ImportFormatError(`${shown(type)} is not an interaction type.`, {
        next: 'use user.viewed.v1, user.played.v1, user.added.v1, user.purchased.v1, user.rated.v1 or user.x_<verb>.v1',
        details: { type },
      });
    }
  }
  const column = typeof type === 'string' ? type : type.column;
  const values = new Map(typeof type === 'string' ? [] : Object.entries(type.values ?? {}));
  for (const [value, meant] of values) {
    if (INTERACTION.test(meant)) continue;
    throw new ImportFormatError(
      `The map turns ${shown(value)} into ${shown(meant)}, which is not an interaction type.`,
      {
        next: 'use user.viewed.v1, user.played.v1, user.added.v1, user.purchased.v1, user.rated.v1 or user.x_<verb>.v1',
      },
    );
  }
  const index = indexOf(column, sample);
  return (fields) => {
    const text = cell(fields, index);
    const meant = values.get(text) ?? (INTERACTION.test(text) ? text : undefined);
    if (meant !== undefined) return meant as InteractionType;
    // A map with values lists all of them. It excludes the others on purpose.
    return (values.size === 0 && usualType(text)) || { unknown: text };
  };
}

/** Behind all times: such events come last, in the order of the files, and have no time. */
const NEVER = Number.POSITIVE_INFINITY;

function interactions(map: InteractionMap, sample: Sample, times: TimeColumn | undefined): DraftOf {
  const userIndex = indexOf(map.user, sample);
  const itemIndex = indexOf(map.item, sample);
  const timeIndex = optionalIndex(map.time, sample);
  const valueIndex = optionalIndex(map.value, sample);
  const listIndex = optionalIndex(map.list, sample);
  const typeFor = typeOf(map, sample);
  // Sorted, so that the order of columns does not change the id.
  const context = [...(map.context ?? [])].sort().map((column) => ({ column, index: indexOf(column, sample) }));

  return (fields, line) => {
    const user = cell(fields, userIndex);
    const item = cell(fields, itemIndex);
    if (idProblem(user) !== undefined) return rejectId(line, 'the user id', user) as Draft;
    if (idProblem(item) !== undefined) return rejectId(line, 'the item id', item) as Draft;
    const time = times ? times.read(cell(fields, timeIndex), line) : NEVER;
    if (typeof time === 'object') return time;
    const type = typeFor(fields);
    if (typeof type === 'object') {
      const message =
        type.unknown === '' ? 'the type is empty' : `Freshet does not know the type ${shown(type.unknown)}`;
      return reject(line, 'FRESHET_EVENT_TYPE_UNKNOWN', message);
    }
    let value: number | undefined;
    if (valueIndex >= 0) {
      const text = cell(fields, valueIndex);
      value = parseDecimal(text, map.decimal);
      if (value === undefined && (text !== '' || type === 'user.rated.v1')) {
        const message = text === '' ? 'the value is empty' : `the value ${notNumber(text, map.decimal)}`;
        return reject(line, 'FRESHET_IMPORT_ROW_VALUE', message);
      }
    }
    const list = cell(fields, listIndex) || undefined;
    if (list !== undefined && idProblem(list) !== undefined) return rejectId(line, 'the list id', list) as Draft;
    let circumstances: Record<string, string | number> | undefined;
    for (const { column, index } of context) {
      const text = cell(fields, index);
      if (text !== '') circumstances = { ...circumstances, [column]: numberOrText(text) };
    }
    return { kind: 'interaction', line, time, user, item, type, value, list, context: circumstances };
  };
}

// --- users -----------------------------------------------------------------------------------------------------------

/** The time in a row of items or users. Undefined without a column of times. */
function ownTime(
  column: string | undefined,
  times: TimeColumn | undefined,
  sample: Sample,
): (fields: readonly string[], line: number) => number | Rejection | undefined {
  if (column === undefined || !times) return () => undefined;
  const index = indexOf(column, sample);
  return (fields, line) => times.read(cell(fields, index), line);
}

function users(map: UserMap, sample: Sample, times: TimeColumn | undefined): DraftOf {
  const userIndex = indexOf(map.user, sample);
  const traitsOf = attributesOf(map.traits ?? [], 'trait', map.decimal, (column) => indexOf(column, sample));
  const timeOf = ownTime(map.time, times, sample);
  return (fields, line) => {
    const user = cell(fields, userIndex);
    const rejected = rejectId(line, 'the user id', user);
    if (rejected) return rejected;
    const time = timeOf(fields, line);
    if (typeof time === 'object') return time;
    const traits = traitsOf(fields, line);
    return 'kind' in traits ? traits : { kind: 'user', line, user, traits: traits.values, time };
  };
}

// --- items ----------------------------------------------------------------------------------------------------------

const YEAR_IN_TITLE = /^(.*\S)\s*\((\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)$/;

const NO_DAY = 'the day of publication cannot be read and is left out';

function items(
  map: ItemMap,
  sample: Sample,
  { yearInTitle = false, own = false }: TableOptions,
  times: TimeColumn | undefined,
  publishedOf: (text: string) => string | undefined,
): DraftOf {
  const itemIndex = indexOf(map.item, sample);
  const titleIndex = optionalIndex(map.title, sample);
  const descriptionIndex = optionalIndex(map.description, sample);
  const publishedIndex = optionalIndex(map.published, sample);
  const embeddingIndex = optionalIndex(map.embedding, sample);
  const tagIndexes = (map.tags ?? []).map((column) => indexOf(column, sample));
  const attributes = attributesOf(map.attributes ?? [], 'attribute', map.decimal, (column) => indexOf(column, sample));
  const timeOf = ownTime(map.time, times, sample);

  return (fields, line) => {
    const item = cell(fields, itemIndex);
    const rejected = rejectId(line, 'the item id', item);
    if (rejected) return rejected;
    const time = timeOf(fields, line);
    if (typeof time === 'object') return time;
    let title = cell(fields, titleIndex);
    const written = cell(fields, publishedIndex);
    let published = written === '' ? undefined : publishedOf(written);
    const unread = written !== '' && published === undefined;
    if (unread && own)
      return reject(line, 'FRESHET_IMPORT_ROW_TIME', `the day of publication ${shown(written)} is not one`);
    const dated = yearInTitle ? YEAR_IN_TITLE.exec(title) : null;
    if (dated) {
      title = dated[1] as string;
      published ??= parsePublished(dated[2] as string);
    }
    const numbers = cell(fields, embeddingIndex).replace(/^\[\s*|\s*\]$/g, '');
    const embedding = numbers === '' ? [] : numbers.split(/[\s,]+/).map(parseNumber);
    if (embedding.includes(undefined)) {
      return reject(line, 'FRESHET_IMPORT_ROW_VALUE', `the embedding ${shown(numbers)} is not a list of numbers`);
    }
    const description = cell(fields, descriptionIndex);
    const tags = [...new Set(tagIndexes.flatMap((index) => tagsOf(cell(fields, index), map.tagSeparator)))];
    const read = attributes(fields, line);
    if ('kind' in read) return read;
    const others = read.values;
    const data: ItemData = { title: title || item };
    if (description !== '') data.description = description;
    if (tags.length > 0) data.tags = tags;
    if (Object.keys(others).length > 0) data.attributes = others;
    if (published !== undefined) data.published = published;
    if (embedding.length > 0) data.embedding = embedding as number[];
    return { kind: 'item', line, item, data, time, ...(unread ? { remark: NO_DAY } : {}) };
  };
}
