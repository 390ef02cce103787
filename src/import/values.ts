/** Parses cells as numbers and times. */
import { isSecond } from '../bus/event/time.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A finite decimal number. Undefined for any other text, such as `NaN`, `Infinity`, `0x10` and the empty text. */
export function parseNumber(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export const TIME_UNITS = ['s', 'ms', 'iso'] as const;
/** Seconds or milliseconds since 1970, or a date. */
export type TimeUnit = (typeof TIME_UNITS)[number];

/** The range of RFC 3339: the years 1 to 9999. */
export const TIME_RANGE = { min: -62_135_596_800_000, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) } as const;

/** Milliseconds since 1970, or undefined if `text` is not a time of this unit. */
export function parseTime(text: string, unit: TimeUnit): number | undefined {
  if (unit === 'iso') return parseDate(text);
  const value = parseNumber(text);
  if (value === undefined) return undefined;
  const time = Math.round(unit === 's' ? value * 1000 : value);
  return time >= TIME_RANGE.min && time <= TIME_RANGE.max ? time : undefined;
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|z|UTC|[+-]\d\d:?\d\d)?)?$/;

/**
 * Parses ISO 8601 and RFC 3339 in the variants of exports: also without a time, with a space for the `T`, or without a
 * zone. A date without a zone is UTC, and never in the zone of this machine: a file must give the same events everywhere.
 */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const exists = date.getUTCDate() === Number(day) && date.getUTCMonth() === Number(month) - 1;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)));
  if (!exists || Number(hour) > 23 || Number(minute) > 59) return undefined;
  const ahead = offset(zone);
  if (!isSecond(Number(second), Number(hour) * 60 + Number(minute) - ahead / 60_000)) return undefined;
  const time = date.getTime() - ahead;
  return time >= TIME_RANGE.min && time <= TIME_RANGE.max ? time : undefined;
}

function offset(zone: string): number {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000 : 0;
}

/** 1e11 is the year 5138 in seconds and 1973 in milliseconds. */
const MILLISECONDS_FROM = 1e11;

/** The unit of most samples. Undefined if no sample is a time. */
export function guessTimeUnit(samples: readonly string[]): TimeUnit | undefined {
  const votes = new Map<TimeUnit, number>();
  for (const sample of samples) {
    const value = parseNumber(sample);
    const unit =
      value !== undefined
        ? Math.abs(value) >= MILLISECONDS_FROM
          ? 'ms'
          : 's'
        : parseDate(sample) !== undefined
          ? 'iso'
          : undefined;
    if (unit) votes.set(unit, (votes.get(unit) ?? 0) + 1);
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** A time of publication, RFC 3339, from a year, a date, or `01-Jan-1995` (MovieLens). Undefined for any other text. */
export function parsePublished(text: string): string | undefined {
  const year = /^\d{4}(?:\.0)?$/.test(text) ? text.slice(0, 4) : undefined;
  const spelled = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const month = spelled ? MONTHS.indexOf((spelled[2] as string).toLowerCase()) + 1 : 0;
  const date = year
    ? `${year}-01-01`
    : month > 0
      ? `${spelled?.[3]}-${String(month).padStart(2, '0')}-${spelled?.[1]?.padStart(2, '0')}`
      : text;
  const time = parseDate(date);
  return time === undefined ? undefined : new Date(time).toISOString();
}
