/**
 * Guesses what a table without a map holds, from the names of its columns and from its first rows. A guess needs evidence:
 * a table of items or users does not repeat its ids, and a table with a time beside a rating or a kind of event is a
 * history. Without evidence the import refuses the table and shows a map to complete, because a history that is taken for a
 * catalogue puts the ids of persons into it.
 */
import { ImportFormatError } from '../errors.ts';
import type { ItemMap, TableMap } from './columns.ts';
import { shown } from './drafts.ts';
import { columnOf, columnsOf, normal } from './names.ts';
import type { Sample } from './table.ts';
import { IN_FILE_ORDER } from './time/column.ts';
import { parseNumber } from './values.ts';

export interface GuessOptions {
  /** Rows of interactions need no time. */
  inFileOrder?: boolean | undefined;
  /** Keeps columns that identify a person. */
  personal?: boolean | undefined;
}

/** Guesses a map. Throws ImportFormatError with the first rows and a map to complete if the evidence does not suffice. */
export function guessMap(sample: Sample, { personal = false, inFileOrder = false }: GuessOptions = {}): TableMap {
  const { header } = sample;
  const user = columnOf('user', header);
  const item = columnOf('item', header);
  const time = columnOf('time', header);
  if (user !== undefined && item !== undefined) {
    if (time === undefined && !inFileOrder) {
      throw refusal(sample, 'no column has a usual name for the time, such as timestamp', 'history', IN_FILE_ORDER);
    }
    const rating = columnOf('rating', header);
    const value = rating ?? columnOf('value', header);
    const type = columnOf('type', header);
    const kind = type ?? (rating === undefined ? 'user.viewed.v1' : 'user.rated.v1');
    return {
      user,
      item,
      ...(time === undefined ? {} : { time }),
      type: kind,
      ...(value === undefined ? {} : { value }),
    };
  }
  if (item === undefined && user === undefined) {
    throw refusal(sample, 'no column has a usual name for users or items, such as user_id or item_id', likely(header));
  }
  const [id, of, other] = item === undefined ? [user as string, 'users', 'items'] : [item, 'items', 'users'];
  const doubt = againstState(sample, id, of);
  if (doubt !== undefined) {
    throw refusal(sample, `${doubt}, but no column has a usual name for ${other}`, likely(header));
  }
  if (item !== undefined) return guessItemMap(item, header);
  const left = personal ? [] : columnsOf('personal', header);
  return { user: id, traits: named(header).filter((column) => column !== user && !left.includes(column)) };
}

/** Export tools write the number of the row into a column without a name. */
const named = (header: readonly string[]): string[] => header.filter((column) => column !== '');

function guessItemMap(item: string, header: readonly string[]): ItemMap {
  const tags = columnsOf('tags', header);
  const single = {
    title: columnOf('title', header),
    description: columnOf('description', header),
    published: columnOf('published', header),
    embedding: columnOf('embedding', header),
  };
  const taken = new Set([item, ...tags, ...Object.values(single)]);
  return {
    item,
    tags,
    attributes: named(header).filter((column) => !taken.has(column)),
    ...Object.fromEntries(Object.entries(single).filter(([, column]) => column !== undefined)),
  };
}

// --- evidence -------------------------------------------------------------------------------------------------------

/** Columns of acts beside ratings and kinds of events. */
const ACTS = ['click', 'clicked', 'clicks', 'sessionid', 'transactionid', 'orderid', 'visitid', 'unixreviewtime'];
/** Names of a moment, rather than of a day on which an item appeared or a user registered. */
const MOMENTS = ['timestamp', 'time', 'ts', 'datetime', 'eventtime', 'occurredat', 'unixtime', 'unixreviewtime'];
const PERSON =
  /^(?:user|customer|visitor|reviewer|reader|member|client|buyer|shopper|person|subscriber|session|listener|viewer|guest)(?:id|key|uuid|guid|hash|no|nr|number|name|index|idx|code)?$|^user(?:feature|item)/;

/** The columns that make a table a history: a time beside a rating or a kind of event. */
function marksOf(header: readonly string[]): string | undefined {
  const time = columnOf('time', header);
  const act =
    columnOf('rating', header) ??
    columnOf('type', header) ??
    header.find((column) => ACTS.includes(normal(column)) && column !== time);
  return time === undefined || act === undefined ? undefined : `the columns ${shown(time)} and ${shown(act)}`;
}

/** Why a table is not one of users or items. Undefined if it looks like one. */
function againstState(sample: Sample, id: string, of: string): string | undefined {
  const { header, rows } = sample;
  const marks = marksOf(header);
  if (marks !== undefined) return `the table has ${marks}, as a history has`;
  // The day of an item or user stands beside its title or its traits, and not beside its id alone.
  const moments = columnOf('title', header) === undefined && header.length < 4 ? [...MOMENTS, 'date'] : MOMENTS;
  const moment = header.find((column) => moments.includes(normal(column)));
  if (moment !== undefined) return `the table has the column ${shown(moment)}, as a history has`;
  const person = of === 'items' ? header.find((column) => PERSON.test(normal(column))) : undefined;
  if (person !== undefined) return `the table has the column ${shown(person)}, as a history has`;
  const index = header.indexOf(id);
  const first = new Map<string, string>();
  for (const row of rows) {
    const key = (row[index] ?? '').trim();
    const content = row.join('\u001f');
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, content);
    else if (earlier !== content) return repeats(id, key);
  }
  return undefined;
}

const repeats = (id: string, key: string) =>
  `the table repeats ${shown(key)} in the column ${shown(id)}, as a table of users or items does not`;

/**
 * Checks the evidence over all rows of a guessed table. An export may hold a row twice; more repeated ids show that the
 * table is none of users or items.
 */
export interface IdCheck {
  /** @param content distinguishes rows with equal ids */
  add(id: string, content: string): void;
  /** Throws ImportFormatError if too many rows repeat an id with other content. */
  end(): void;
}

/** One row in so many may repeat an id with other content. */
const TOLERATED = 50;

export function createIdCheck(sample: Sample, map: TableMap): IdCheck {
  const seen = new Map<string, number>();
  let rows = 0;
  let repeated = 0;
  let example = '';
  return {
    add(id, content) {
      rows++;
      const hash = hashOf(content);
      const earlier = seen.get(id);
      if (earlier === undefined) seen.set(id, hash);
      else if (earlier !== hash) {
        repeated++;
        example ||= id;
      }
    },
    end() {
      if (repeated * TOLERATED <= rows) return;
      const id = 'item' in map ? map.item : (map as { user: string }).user;
      throw refusal(sample, `${repeats(id, example)} (${repeated} rows)`, 'other');
    },
  };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

// --- refusal --------------------------------------------------------------------------------------------------------

const SHOWN_ROWS = 3;
const SHOWN_COLUMNS = 20;
const SHOWN_CELL = 24;
/** Stands in a map for a column that the reader has to name. */
const OPEN = 'COLUMN';

/**
 * What a refused table seems to be. The import of a folder stops at a `history`, stops at one that is `perhaps` a history
 * if the folder has no other, and leaves out any `other` table.
 */
export type Seems = 'history' | 'perhaps' | 'other';

const likely = (header: readonly string[]): Seems => (marksOf(header) === undefined ? 'other' : 'perhaps');

/** The refusal of a table, with its first rows and a map to complete. `details.seems` is what the table seems to be. */
export function refusal(sample: Sample, why: string, seems: Seems, or?: string): ImportFormatError {
  const { path, header } = sample;
  const bare = sample.objects !== true && header.some(looksLikeData);
  const map = bare ? { header: false, user: OPEN, item: OPEN, time: OPEN } : mapToComplete(header, seems !== 'other');
  const hint = bare
    ? '. The first line looks like data; with "header": false the columns are called "1", "2", ...'
    : '';
  const columns = header.slice(0, SHOWN_COLUMNS).map(shown).join(', ') || 'none';
  return new ImportFormatError(
    `${path}: ${why}. Its columns are ${columns}.\nThe first rows:\n${firstRows(sample)}\nA map to complete, in which ${OPEN} stands for a column that you name${hint}:\n  ${JSON.stringify(map)}`,
    {
      next: `save the completed map as map.json, then: freshet import FILE --map map.json${or === undefined ? '' : `; ${or}`}`,
      details: { path, header, map, seems },
    },
  );
}

/** Numbers, addresses and lists are no names of columns. */
const looksLikeData = (cell: string): boolean => parseNumber(cell) !== undefined || /^(?:https?:|[[{])/.test(cell);

function mapToComplete(header: readonly string[], history: boolean): object {
  const user = columnOf('user', header);
  const item = columnOf('item', header);
  const time = columnOf('time', header);
  const value = columnOf('rating', header);
  if (history || (user === undefined) === (item === undefined) || time !== undefined) {
    return { user: user ?? OPEN, item: item ?? OPEN, time: time ?? OPEN, ...(value === undefined ? {} : { value }) };
  }
  return item === undefined ? { user, traits: [OPEN] } : { ...guessItemMap(item, header) };
}

/** The header and the first rows as a table with aligned columns. */
export function firstRows({ header, rows }: Pick<Sample, 'header' | 'rows'>): string {
  const short = (text: string) => {
    const line = text.replace(/\s+/g, ' ').trim();
    return line.length > SHOWN_CELL ? `${line.slice(0, SHOWN_CELL - 1)}…` : line;
  };
  const lines = [header, ...rows.slice(0, SHOWN_ROWS)].map((row) => row.slice(0, SHOWN_COLUMNS).map(short));
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
