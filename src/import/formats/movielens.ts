import { ImportFormatError } from '../../errors.ts';
import type { FieldMap, InteractionMap, ItemMap, UserMap } from '../columns.ts';
import type { Draft } from '../drafts.ts';
import { nameOfData } from '../identity.ts';
import { draftsByLine, readLines } from '../lines.ts';
import type { SourceFile } from '../source-file.ts';
import { compileTable, describeMap, roleOf } from '../table.ts';
import { type Format, type FormatOptions, ignored, type Reading } from './format.ts';
import { draftsByRecord, rejectColumns } from './records.ts';

/** Genres of u.item in the order of its flags. `unknown` does not become a tag. */
const GENRES =
  'unknown Action Adventure Animation Children Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller War Western'.split(
    ' ',
  );

const RATINGS: InteractionMap = { user: 'user', item: 'item', value: 'rating', time: 'time', timeUnit: 's' };
const RATING_COLUMNS = ['user', 'item', 'rating', 'time'];

interface Shape {
  map: InteractionMap | ItemMap | UserMap;
  columns: string[];
  /** CSV files have a header and quotes. The others have neither. */
  separator: '\t' | '|' | '::' | 'csv';
  yearInTitle?: boolean;
  /** Turns the separated parts into columns. By default the parts are the columns. */
  fields?: (parts: string[]) => string[] | undefined;
}

/** A text, because zip codes may begin with zeros. */
const ZIP: FieldMap = { column: 'zip_code', as: 'text' };
const user = (columns: FieldMap[]): UserMap => ({ user: 'user', traits: columns });
const movies: ItemMap = { item: 'item', title: 'title', tags: ['genres'], tagSeparator: '|' };

/** Files of the data sets at https://grouplens.org/datasets/movielens/, from their README files. */
const SHAPES: Record<string, (options: FormatOptions) => Shape> = {
  'u.data': () => ({ map: RATINGS, columns: RATING_COLUMNS, separator: '\t' }),
  'u.item': () => ({
    map: { ...movies, published: 'released', attributes: ['imdb_url'] },
    columns: ['item', 'title', 'released', 'video_release', 'imdb_url', 'genres'],
    separator: '|',
    yearInTitle: true,
    fields: (parts) =>
      parts.length === 5 + GENRES.length
        ? [...parts.slice(0, 5), GENRES.filter((_, i) => parts[5 + i] === '1').join('|')]
        : undefined,
  }),
  'u.user': ({ personal }) => ({
    map: user(['age', 'gender', 'occupation', ...(personal ? [ZIP] : [])]),
    columns: ['user', 'age', 'gender', 'occupation', 'zip_code'],
    separator: '|',
  }),
  'ratings.dat': () => ({ map: RATINGS, columns: RATING_COLUMNS, separator: '::' }),
  'movies.dat': () => ({
    map: movies,
    columns: ['item', 'title', 'genres'],
    separator: '::',
    yearInTitle: true,
    fields: (parts) =>
      parts.length < 3 ? undefined : [parts[0] as string, parts.slice(1, -1).join('::'), parts.at(-1) as string],
  }),
  'users.dat': ({ personal }) => ({
    map: {
      user: 'user',
      // Occupations are codes, not quantities.
      traits: ['gender', 'age', { column: 'occupation', as: 'text' }, ...(personal ? [ZIP] : [])],
    },
    columns: ['user', 'gender', 'age', 'occupation', 'zip_code'],
    separator: '::',
  }),
  'ratings.csv': () => ({ map: RATINGS, columns: RATING_COLUMNS, separator: 'csv' }),
  'movies.csv': () => ({ map: movies, columns: ['item', 'title', 'genres'], separator: 'csv', yearInTitle: true }),
};

const CSV_HEADERS: Record<string, string> = {
  'ratings.csv': 'userid,movieid,rating,timestamp',
  'movies.csv': 'movieid,title,genres',
};

const IGNORED: Record<string, string> = {
  'tags.csv': 'Freshet does not import tags of users',
  'tags.dat': 'Freshet does not import tags of users',
  'links.csv': 'Freshet does not import ids of other sites',
  'genome-scores.csv': 'Freshet does not import the tag genome',
  'genome-tags.csv': 'Freshet does not import the tag genome',
  'u.genre': 'Freshet knows the list of genres',
  'u.info': 'it holds only the size of the data',
  'u.occupation': 'Freshet does not need the list of occupations',
};
/** `u1.base`, `ua.test` and so on: parts of u.data for cross-validation. */
const SPLIT = /^u[1-5ab]\.(?:base|test)$/;

const TAB_RATING = /^\d+\t\d+\t[0-5](?:\.5)?\t\d{9,10}$/;
const COLON_RATING = /^\d+::\d+::[0-5](?:\.5)?::\d{9,10}$/;

/** Folders and files of MovieLens: 100K, 1M, 10M, 20M, 25M, 32M, latest. Ratings become `user.rated.v1`. */
export const movielens: Format = {
  name: 'movielens',
  open(file, options) {
    const name = file.name.toLowerCase();
    if (Object.hasOwn(IGNORED, name)) return ignored(IGNORED[name] as string);
    const first = file.head[0] ?? '';
    if (SPLIT.test(name) && !options.forced) return ignored('a part of u.data, for cross-validation');
    const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name]?.(options) : byContent(first);
    const header = CSV_HEADERS[name];
    if (shape && (header === undefined || first.toLowerCase().replace(/"/g, '') === header)) return read(file, shape);
    if (!options.forced) return undefined;
    throw new ImportFormatError(
      header === undefined
        ? `${file.path} is not a file of MovieLens.`
        : `${file.path} does not begin with ${header}, as the file of MovieLens does.`,
      {
        next: `import one of ${Object.keys(SHAPES).join(', ')}; import another CSV file with --format csv --map FILE`,
        details: { path: file.path },
      },
    );
  },
  // The name of the file does not help: many data sets have a ratings.csv.
  nameOf: (names) => (names.some((name) => /^u\./i.test(name)) ? 'ml-100k' : nameOfData([], 'movielens')),
};

function byContent(first: string): Shape | undefined {
  if (TAB_RATING.test(first)) return { map: RATINGS, columns: RATING_COLUMNS, separator: '\t' };
  if (COLON_RATING.test(first)) return { map: RATINGS, columns: RATING_COLUMNS, separator: '::' };
  return undefined;
}

function read(file: SourceFile, shape: Shape): Reading {
  const { map, columns, separator, fields = (parts) => parts } = shape;
  const options = shape.yearInTitle ? { yearInTitle: true } : {};
  const { draftOf } = compileTable(map, { path: file.path, header: columns, rows: [] }, options);
  const expected = separator === '|' && roleOf(map) === 'items' ? 5 + GENRES.length : columns.length;
  const draftOfLine = (text: string, line: number): Draft => {
    const parts = text.split(separator);
    const row = fields(parts);
    return row?.length === columns.length ? draftOf(row, line) : rejectColumns(line, parts.length, expected);
  };
  const csv = separator === 'csv';
  return {
    role: roleOf(map),
    note: describeMap(map, columns),
    headerLines: csv ? 1 : 0,
    drafts: (lineOptions) => {
      // The older data sets are Latin-1, the newer ones UTF-8.
      const lines = readLines(file.path, { ...lineOptions, compressed: file.compressed, otherwise: 'latin1' });
      return csv
        ? draftsByRecord(lines, 2, { delimiter: ',', columns: columns.length, draftOf })
        : draftsByLine(lines, 1, draftOfLine);
    },
  };
}
