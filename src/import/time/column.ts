/** The column of times of a table: its form, named or guessed, and a reader for its cells. */
import { ImportFormatError } from '../../errors.ts';
import { type Rejection, reject, shown } from '../drafts.ts';
import type { Sample } from '../table.ts';
import { formsOf, guessTime } from './guess.ts';
import { namesZone, parsePublished, TIME_FORMS, type TimeUnit, timeReader } from './units.ts';
import { zoneOf } from './zone.ts';

export interface TimeOptions {
  /** The form of times, for a map that names none. */
  timeUnit?: TimeUnit | undefined;
  /** Name of the zone of times that name none. Default: UTC. */
  timezone?: string | undefined;
  /** Milliseconds since 1970: a guess that puts times behind it is wrong. Default: the clock. */
  now?: number | undefined;
  /** Imports interactions without a column of times, in the order of the file and without a time. */
  inFileOrder?: boolean | undefined;
}

/** How a user imports interactions without times, for messages. */
export const IN_FILE_ORDER =
  'if the rows have no times, --in-file-order publishes them in the order of the file, at the time of the import';

export interface TimeColumn {
  /** Milliseconds since 1970, or the rejection of the row. */
  read(text: string, line: number): number | Rejection;
  /** The form of the times, for people. */
  said: string;
}

/** @param unit the form that the map names. Throws ImportFormatError if the form is in doubt. */
export function timeColumn(
  column: string,
  unit: TimeUnit | undefined,
  sample: Sample,
  { timeUnit, timezone, now = Date.now() }: TimeOptions,
): TimeColumn {
  const index = sample.header.indexOf(column);
  const texts = sample.rows.map((row) => (row[index] ?? '').trim()).filter((text) => text !== '');
  const named = unit ?? timeUnit;
  const zone = zoneOf(timezone);
  if (named === undefined && sample.rows.length === 0) return { read: () => fail(unknown(column, sample)), said: '' };
  const guess = named === undefined ? guessTime(texts, now) : { unit: named };
  if (guess === undefined) throw noTimes(column, sample);
  if ('doubt' in guess) throw doubtful(column, sample, guess.doubt, guess.units);
  const read = timeReader(guess.unit, zone);
  const { from, to } = ('within' in guess && guess.within) || {
    from: Number.NEGATIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
  };
  return {
    read(text, line) {
      const time = read(text);
      if (time === undefined) return rejectTime(line, text, guess.unit);
      return time >= from && time <= to
        ? time
        : reject(line, 'FRESHET_IMPORT_ROW_TIME', unlikely(text, time, guess.unit));
    },
    said: `${TIME_FORMS[guess.unit]}${named === undefined ? ', as the first rows show' : ''}${zoneWords(guess.unit, texts, timezone)}`,
  };
}

/**
 * The column of the day on which items came out: years, and dates by the rules of times.
 *
 * @param unit the form that the map names
 * Throws ImportFormatError if the form is in doubt.
 */
export function publishedColumn(
  column: string | undefined,
  unit: TimeUnit | undefined,
  sample: Sample,
  { timeUnit, timezone, now = Date.now(), own = false }: TimeOptions & { own?: boolean },
): { read: (text: string) => string | undefined; said: string[] } {
  const zone = zoneOf(timezone);
  const index = column === undefined ? -1 : sample.header.indexOf(column);
  const texts = sample.rows.map((row) => (row[index] ?? '').trim()).filter((text) => text !== '');
  const usual = (text: string) => parsePublished(text, zone);
  if (column === undefined || (unit === undefined && texts.length === 0)) return { read: usual, said: [] };
  if (unit === undefined && texts.filter((text) => usual(text) !== undefined).length * 2 >= texts.length) {
    return { read: usual, said: [] };
  }
  const found = unit === undefined ? guessTime(texts, now, PUBLISHED_FROM) : { unit };
  const decided = found !== undefined && 'doubt' in found && timeUnit !== undefined && found.units.includes(timeUnit);
  const guess = decided ? { unit: timeUnit } : found;
  // In a guessed table a number that is no date is no reason to refuse the catalogue; a date that may be two is.
  if (guess === undefined || ('doubt' in guess && !own && !guess.units.includes('DD/MM/YYYY'))) {
    return {
      read: usual,
      said: [`published: the column ${shown(column)} holds no dates, but ${shown(texts[0] as string)}`],
    };
  }
  if ('doubt' in guess)
    throw doubtful(column, sample, guess.doubt, guess.units, '--time-unit (in a map: "publishedUnit")');
  const read = timeReader(guess.unit, zone);
  return {
    read: (text) => {
      const time = read(text);
      return time === undefined ? undefined : new Date(time).toISOString();
    },
    said: unit === undefined ? [`published: ${TIME_FORMS[guess.unit]}, as the first rows show`] : [],
  };
}

/** Works of a catalogue may be old. */
const PUBLISHED_FROM = Date.UTC(1000, 0, 1);

/** Forms that are moments everywhere. */
const ABSOLUTE: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];

function zoneWords(unit: TimeUnit, texts: readonly string[], timezone: string | undefined): string {
  if (ABSOLUTE.includes(unit) || texts.every(namesZone)) return '';
  return timezone === undefined
    ? '; times that name no zone are UTC (--timezone names another)'
    : `; times that name no zone are those of ${timezone}`;
}

const rejectTime = (line: number, text: string, unit: TimeUnit): Rejection =>
  reject(
    line,
    'FRESHET_IMPORT_ROW_TIME',
    text === '' ? 'the time is empty' : `the time ${shown(text)} is not ${TIME_FORMS[unit]}`,
  );

const unlikely = (text: string, time: number, unit: TimeUnit): string =>
  `the time ${shown(text)} would be ${new Date(time).toISOString()}; if it is, name the form: --time-unit ${unit}`;

const fail = (error: ImportFormatError): never => {
  throw error;
};

const HOW = '--time-unit (in a map: "timeUnit")';

function noTimes(column: string, sample: Sample): ImportFormatError {
  const index = sample.header.indexOf(column);
  const seen = sample.rows.slice(0, 3).map((row) => shown(row[index] ?? ''));
  return new ImportFormatError(
    `The column ${shown(column)} of ${sample.path} does not hold times, but ${seen.join(', ')}.`,
    {
      next: 'name the column of the time in a map (--map), or the form of its times with --time-unit; docs/reference/imports.md lists the forms',
      details: { path: sample.path, column },
    },
  );
}

function doubtful(
  column: string,
  sample: Sample,
  doubt: string,
  units: readonly TimeUnit[],
  how = HOW,
): ImportFormatError {
  return new ImportFormatError(
    `Freshet cannot tell the times in the column ${shown(column)} of ${sample.path}: ${doubt}.`,
    {
      next: `name the form with ${how}: ${formsOf(units)}`,
      details: { path: sample.path, column, units },
    },
  );
}

const unknown = (column: string, sample: Sample): ImportFormatError =>
  new ImportFormatError(
    `The first lines of ${sample.path} hold no complete row, so Freshet cannot tell the times in the column ${shown(column)}.`,
    {
      next: `name their form with ${HOW}, and check the delimiter`,
      details: { path: sample.path, column },
    },
  );
