/** Numbers and times as people read them, each with its unit. */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export const count = (n: number): string => whole.format(n);

/** `12`, `3.4`, `0.05` */
export const number = (n: number): string => short.format(n);

/** A term of a score, with its sign and three decimals. */
export const signed = (n: number): string => `${n < 0 ? '−' : '+'}${Math.abs(n).toFixed(3)}`;

export const score = (n: number): string => (n < 0 ? `−${Math.abs(n).toFixed(3)}` : n.toFixed(3));

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;

/** A difference of two shares, in percentage points. */
export const points = (difference: number): string =>
  `${difference < 0 ? '−' : '+'}${(Math.abs(difference) * 100).toFixed(2)} pp`;

const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** `250 ms`, `4 s`, `3 min`, `2.5 h`, `7 d` */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  for (const [size, unit] of UNITS)
    if (seconds >= size) return `${short.format(Number((seconds / size).toPrecision(2)))} ${unit}`;
  return `${Math.round(seconds)} s`;
}

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Time of day of a number of seconds since 1970, in the zone of the reader. */
export const clockTime = (seconds: number): string => clock.format(seconds * 1_000);

/** Day of a number of seconds since 1970, in the zone of the reader. */
export const dayOf = (seconds: number): string => day.format(seconds * 1_000);

/** A point in time in the zone of the reader. */
export function time(text: string | number | undefined | null): string {
  if (text === undefined || text === null) return '–';
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return String(text);
  return `${day.format(date)}, ${clock.format(date)}`;
}

export const ago = (text: string, now = Date.now()): string => {
  const seconds = (now - Date.parse(text)) / 1_000;
  if (Math.abs(seconds) < 1) return 'just now';
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
};

/** `user.viewed.v1` as `viewed`, other types as they are without their version. */
export const verb = (type: string): string => type.replace(/\.v\d+$/, '').replace(/^user\.(x_)?/, '');
