/** The time zone of times that name none. */
import { UsageError } from '../../errors.ts';

/** Turns a local time, written as milliseconds since 1970 as if it were UTC, into milliseconds since 1970. */
export type Zone = (local: number) => number;

export const UTC: Zone = (local) => local;

const OFFSET = /^([+-])(\d\d)(?::?(\d\d))?$/;
const DAY = 86_400_000;
/** No zone changes its offset within a quarter of an hour. */
const SLOT = 900_000;

/**
 * The zone of a name such as `Europe/Berlin`, or of an offset such as `+01:00`. In the hour that clocks repeat, a time is
 * the earlier one; in the hour that they skip, it counts from before the change. Throws UsageError for an unknown name.
 */
export function zoneOf(name: string | undefined): Zone {
  if (name === undefined || /^(?:utc|z|gmt)$/i.test(name)) return UTC;
  const fixed = offsetOf(name);
  if (fixed !== undefined) return (local) => local - fixed;
  const offsetAt = offsets(name);
  return (local) => {
    const [before, after] = [offsetAt(local - DAY), offsetAt(local + DAY)];
    if (before === after) return local - before;
    const valid = [before, after].filter((offset) => offsetAt(local - offset) === offset);
    return local - (valid.length === 0 ? before : Math.max(...valid));
  };
}

/** Milliseconds ahead of UTC of `+01:00`, `-0500`, `+01`. Undefined for any other text. */
export function offsetOf(text: string): number | undefined {
  const match = OFFSET.exec(text);
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0)) * 60_000 : undefined;
}

function offsets(name: string): (utc: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (cause) {
    throw new UsageError(`Freshet does not know the time zone ${JSON.stringify(name)}.`, {
      next: 'name one such as --timezone Europe/Berlin, or an offset such as --timezone +01:00',
      cause,
    });
  }
  const known = new Map<number, number>();
  return (utc) => {
    const slot = Math.floor(utc / SLOT);
    let offset = known.get(slot);
    if (offset === undefined) {
      const at = slot * SLOT;
      const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
      offset = Date.UTC(year, month - 1, day, hour, minute, second) - at;
      known.set(slot, offset);
    }
    return offset;
  };
}
