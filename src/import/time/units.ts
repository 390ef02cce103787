/** The forms in which tables hold times, and a reader for each. */
import { isSecond } from '../../bus/event/time.ts';
import { parseNumber } from '../values.ts';
import { offsetOf, UTC, type Zone } from './zone.ts';

/** Each form as a map names it in `timeUnit`, and what it is. */
export const TIME_FORMS = {
  s: 'seconds since 1970',
  ms: 'milliseconds since 1970',
  us: 'microseconds since 1970',
  ns: 'nanoseconds since 1970',
  iso: 'a date and time such as 2020-07-05T08:30:15Z',
  'YYYY/MM/DD': 'a date such as 2020/07/05, with or without a time',
  'DD.MM.YYYY': 'a date such as 05.07.2020, with or without a time',
  'MM/DD/YYYY': 'a date such as 7/5/2020, the month first, with or without a time (8:30 AM)',
  'DD/MM/YYYY': 'a date such as 5/7/2020, the day first, with or without a time',
  'DD-Mon-YYYY': 'a date such as 05-Jul-2020',
  YYYYMMDD: 'digits such as 20200705, 202007050830 or 20200705083015',
  words: 'a time such as Sun Jul 05 08:30:15 +0000 2020, or Sun, 05 Jul 2020 08:30:15 GMT',
  excel: 'days since 1900 as Excel counts them, such as 44017.354',
  YYYYMM: 'a month such as 202007, which is its first day',
  YYYY: 'a year, which is its first day',
} as const;

export type TimeUnit = keyof typeof TIME_FORMS;
export const TIME_UNITS = Object.keys(TIME_FORMS) as TimeUnit[];

/** The range of RFC 3339: the years 1 to 9999. */
export const TIME_RANGE = { min: -62_135_596_800_000, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) } as const;

/** Milliseconds since 1970, or undefined if the text is no time of the form. */
export type TimeReader = (text: string) => number | undefined;

/** @param zone of times that name none */
export function timeReader(unit: TimeUnit, zone: Zone = UTC): TimeReader {
  switch (unit) {
    case 's':
      return (text) => scaled(text, 1000);
    case 'ms':
      return (text) => scaled(text, 1);
    case 'us':
      return (text) => scaled(text, 1e-3);
    case 'ns':
      return (text) => scaled(text, 1e-6);
    case 'excel':
      return (text) => {
        const days = parseNumber(text);
        return days === undefined ? undefined : inRange(zone(Math.round((days - EXCEL_1970) * DAY)));
      };
    case 'YYYYMMDD':
      return byPattern(/^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?$/, [1, 2, 3, 4, 5, 6], zone);
    case 'YYYYMM':
      return byPattern(/^(\d{4})(\d\d)$/, [1, 2], zone);
    case 'YYYY':
      return byPattern(/^(\d{4})(?:\.0)?$/, [1], zone);
    case 'iso':
      return (text) => parseDate(text, zone);
    case 'YYYY/MM/DD':
      return withClock(/^(\d{4})\/(\d{1,2})\/(\d{1,2})/, [1, 2, 3], zone);
    case 'DD.MM.YYYY':
      return withClock(/^(\d{1,2})\.(\d{1,2})\.(\d{4})/, [3, 2, 1], zone);
    case 'MM/DD/YYYY':
      return withClock(/^(\d{1,2})[/-](\d{1,2})[/-](\d{4})/, [3, 1, 2], zone);
    case 'DD/MM/YYYY':
      return withClock(/^(\d{1,2})[/-](\d{1,2})[/-](\d{4})/, [3, 2, 1], zone);
    case 'DD-Mon-YYYY':
      return withClock(/^(\d{1,2})[- ]([A-Za-z]{3})[- ](\d{4})/, [3, 2, 1], zone);
    case 'words':
      return (text) => spelled(text, zone);
  }
}

/** Days from 30 December 1899, from which Excel counts, to 1970. */
const EXCEL_1970 = 25_569;
const DAY = 86_400_000;

const inRange = (time: number | undefined): number | undefined =>
  time !== undefined && time >= TIME_RANGE.min && time <= TIME_RANGE.max ? time : undefined;

function scaled(text: string, factor: number): number | undefined {
  const value = parseNumber(text);
  return value === undefined ? undefined : inRange(Math.round(value * factor));
}

// --- calendar -------------------------------------------------------------------------------------------------------

interface Moment {
  year: string;
  month?: string | undefined;
  day?: string | undefined;
  hour?: string | undefined;
  minute?: string | undefined;
  second?: string | undefined;
  fraction?: string | undefined;
  /** `Z` or an offset. Undefined: the zone of the reader. */
  offset?: string | undefined;
}

function instant(moment: Moment, zone: Zone): number | undefined {
  const { year, month = '1', day = '1', hour = '0', minute = '0', second = '0', fraction = '', offset } = moment;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const exists = date.getUTCDate() === Number(day) && date.getUTCMonth() === Number(month) - 1;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  if (!exists || Number(hour) > 23 || Number(minute) > 59) return undefined;
  const local = date.getTime();
  const time = offset === undefined ? zone(local) : local - (offsetOf(offset) ?? 0);
  const ahead = (local - time) / 60_000;
  if (!isSecond(Number(second), Number(hour) * 60 + Number(minute) - ahead)) return undefined;
  return inRange(time);
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Parses ISO 8601 and RFC 3339 in the variants of exports: also without a time, with a space for the `T`, or without a
 * zone. A date without a zone is UTC unless the caller names another, and never in the zone of this machine: a file must
 * give the same events everywhere.
 */
export function parseDate(text: string, zone: Zone = UTC): number | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  return instant({ year: year as string, month, day, hour, minute, second, fraction, offset }, zone);
}

const ZONE = /[Zz]$|(?:UTC|GMT)(?: \d{4})?$|:\d\d(?:[.,]\d+)? ?[+-]\d\d(?::?\d\d)?$|[+-]\d{4} \d{4}$/;

/** Whether a text names its zone. */
export const namesZone = (text: string): boolean => ZONE.test(text);

type Parts = readonly [year: number, month?: number, day?: number, hour?: number, minute?: number, second?: number];

function byPattern(pattern: RegExp, [year, month, day, hour, minute, second]: Parts, zone: Zone): TimeReader {
  return (text) => {
    const match = pattern.exec(text);
    if (!match) return undefined;
    const part = (index: number | undefined) => (index === undefined ? undefined : match[index]);
    return instant(
      {
        year: match[year] as string,
        month: monthOf(part(month)),
        day: part(day),
        hour: part(hour),
        minute: part(minute),
        second: part(second),
      },
      zone,
    );
  };
}

const CLOCK =
  /^(?:T| |, )(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?$/;

/** A date by the pattern, and behind it nothing or a time of day, of 24 hours or with AM and PM. */
function withClock(pattern: RegExp, [year, month, day]: Parts, zone: Zone): TimeReader {
  return (text) => {
    const date = pattern.exec(text);
    if (!date) return undefined;
    const moment: Moment = {
      year: date[year] as string,
      month: monthOf(date[month as number]),
      day: date[day as number],
    };
    const rest = text.slice(date[0].length);
    if (rest === '') return instant(moment, zone);
    const clock = CLOCK.exec(rest);
    if (!clock) return undefined;
    const [, written, minute, second, fraction, half, offset] = clock;
    const hour = half === undefined ? written : hourOf(Number(written), half.toLowerCase() === 'p');
    return hour === undefined ? undefined : instant({ ...moment, hour, minute, second, fraction, offset }, zone);
  };
}

/** The hour of 24 of an hour with AM or PM: 12 AM is midnight. */
const hourOf = (hour: number, afternoon: boolean): string | undefined =>
  hour < 1 || hour > 12 ? undefined : String((hour % 12) + (afternoon ? 12 : 0));

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The number of a month, written as digits or as three letters. */
const monthOf = (text: string | undefined): string | undefined =>
  text === undefined || /^\d/.test(text) ? text : String(MONTHS.indexOf(text.toLowerCase()) + 1);

/** `date` of Unix and of Twitter: Tue Apr 03 18:00:09 +0000 2012. */
const UNIX = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (?:(UTC|GMT|[+-]\d{4}) )?(\d{4})$/;
/** Dates of mail and HTTP (RFC 5322): Tue, 03 Apr 2012 18:00:09 GMT. */
const MAIL = /^[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (UTC|GMT|[+-]\d{4})$/;

function spelled(text: string, zone: Zone): number | undefined {
  const unix = UNIX.exec(text);
  if (unix) {
    const [, month, day, hour, minute, second, offset, year] = unix;
    return instant({ year: year as string, month: monthOf(month), day, hour, minute, second, offset }, zone);
  }
  const mail = MAIL.exec(text);
  if (!mail) return undefined;
  const [, day, month, year, hour, minute, second, offset] = mail;
  return instant({ year: year as string, month: monthOf(month), day, hour, minute, second, offset }, zone);
}

const YEAR = timeReader('YYYY');
const SPELLED = timeReader('DD-Mon-YYYY');

/** A time of publication, RFC 3339, from a year, a date, or `01-Jan-1995` (MovieLens). Undefined for any other text. */
export function parsePublished(text: string, zone: Zone = UTC): string | undefined {
  const time = YEAR(text) ?? SPELLED(text) ?? parseDate(text, zone);
  return time === undefined ? undefined : new Date(time).toISOString();
}
