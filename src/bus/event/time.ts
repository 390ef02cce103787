/**
 * RFC 3339 time stamps to milliseconds since 1970. This is not `Date.parse`, because JavaScript engines differ in the
 * texts that they accept (30 February, missing zones), and a fold must read the same log in the same way everywhere.
 */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * The time by which all services count an event: the event time, but no later than the log time, because a publisher's
 * clock may be wrong ([decision 0030](../../../docs/decisions/0030-one-idea-of-time.md)). Milliseconds since 1970.
 */
export const countedTime = ({ time, timestamp }: { time: number; timestamp: number }): number =>
  Math.min(time, timestamp);

/** Milliseconds since 1970-01-01T00:00:00Z (fractions of a millisecond are cut), or undefined. */
export function parseTimestamp(text: string): number | undefined {
  return text.length === 24 && text.charCodeAt(23) === 0x5a
    ? (parseMilliseconds(text) ?? parseAny(text))
    : parseAny(text);
}

/** Reads `2026-11-23T10:00:00.000Z`, the form of nearly every publisher, digit by digit: five times as fast. */
function parseMilliseconds(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const ms = digits(text, 20, 23);
  if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || minute < 0 || second < 0 || ms < 0)
    return undefined;
  if (day > daysInMonth(year, month) || hour > 23 || minute > 59 || !isSecond(second, hour * 60 + minute))
    return undefined;
  if (
    text[4] !== '-' ||
    text[7] !== '-' ||
    text[10] !== 'T' ||
    text[13] !== ':' ||
    text[16] !== ':' ||
    text[19] !== '.'
  )
    return undefined;
  return (((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
}

/** The number that the digits from `start` to before `end` make; negative if one of the characters is not a digit. */
function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function parseAny(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = match;
  const y = Number(year);
  const m = Number(month);
  const d = Number(day);
  if (m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59) return undefined;
  if (sign && (Number(zoneHour) > 23 || Number(zoneMinute) > 59)) return undefined;
  const offset = (sign === '-' ? -1 : 1) * (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0));
  if (!isSecond(Number(second), Number(hour) * 60 + Number(minute) - offset)) return undefined;
  const ms = fraction ? Number(fraction.slice(0, 3).padEnd(3, '0')) : 0;
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, d);
  date.setUTCHours(Number(hour), Number(minute), Number(second), ms);
  return date.getTime() - offset * 60_000;
}

const DAY_MINUTES = 1_440;

/**
 * Whether a minute has this second: 60 is the leap second, which only the minute 23:59 of UTC has. As in POSIX time it is
 * the same instant as the second after it.
 * @param minute minutes since a midnight in UTC; may be negative or beyond a day
 */
export function isSecond(second: number, minute: number): boolean {
  if (second !== 60) return second < 60;
  return (((minute + 1) % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES === 0;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
