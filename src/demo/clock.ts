/** Simulated time: the distribution of activity over days and hours, and timestamps. Never reads the wall clock. */

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Relative activity by hour of the day (UTC): low at night, a peak at lunch, the highest in the evening. */
const HOURLY = [
  0.35, 0.22, 0.15, 0.12, 0.12, 0.18, 0.35, 0.6, 0.8, 0.9, 0.95, 1.05, 1.3, 1.15, 1, 1, 1.1, 1.25, 1.5, 1.9, 2.2, 2.1,
  1.5, 0.8,
] as const;
const WEEKEND = 1.3;

export const hourOfDay = (time: number): number => Math.floor((time % DAY) / HOUR);

/** 0 is Sunday; 1 January 1970 was a Thursday. */
export const dayOfWeek = (time: number): number => (Math.floor(time / DAY) + 4) % 7;

function activity(time: number): number {
  const day = dayOfWeek(time);
  return HOURLY[hourOfDay(time)]! * (day === 0 || day === 6 ? WEEKEND : 1);
}

/**
 * Returns a function from a share of all activity between `from` and `to` (milliseconds) to the time that reaches it. Call
 * it with ascending shares, in constant time each. For shares above 1 the time continues after `to` at an even pace.
 */
export function createRhythm(from: number, to: number): (share: number) => number {
  // The first and last hour are incomplete. Each hour contributes its activity times its length.
  const cuts: number[] = [from];
  for (let t = Math.floor(from / HOUR) * HOUR + HOUR; t < to; t += HOUR) cuts.push(t);
  cuts.push(to);
  const reached = new Float64Array(cuts.length);
  for (let i = 1; i < cuts.length; i++) {
    reached[i] = reached[i - 1]! + (cuts[i]! - cuts[i - 1]!) * activity(cuts[i - 1]!);
  }
  const total = reached.at(-1)!;
  let at = 1;
  return (share) => {
    if (share >= 1) return to + (share - 1) * (to - from);
    const wanted = share * total;
    while (at < cuts.length - 1 && reached[at]! < wanted) at++;
    const within = (wanted - reached[at - 1]!) / (reached[at]! - reached[at - 1]!);
    return cuts[at - 1]! + within * (cuts[at]! - cuts[at - 1]!);
  };
}

const TWO = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));

/** The same text as `toISOString`. It caches the minute, because events come in order, and is 4 times as fast. */
export function createTimestamps(): (time: number) => string {
  let minute = Number.NaN;
  let prefix = '';
  return (time) => {
    const whole = Math.floor(time);
    const m = Math.floor(whole / MINUTE);
    if (m !== minute) {
      minute = m;
      prefix = new Date(m * MINUTE).toISOString().slice(0, 17);
    }
    const rest = whole - m * MINUTE;
    const second = Math.floor(rest / SECOND);
    const ms = rest - second * SECOND;
    return `${prefix}${TWO[second]}.${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
  };
}
