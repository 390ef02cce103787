/** Guesses the form of the times in a column from some of them. */
import { parseNumber } from '../values.ts';
import { TIME_FORMS, type TimeUnit, timeReader } from './units.ts';

/** No history of a recommender begins earlier. A guess that says so is wrong. */
export const EARLIEST = Date.UTC(1990, 0, 1);
/** Clocks of other machines and zones may be ahead. */
const AHEAD = 2 * 86_400_000;
export const latest = (now: number): number => now + AHEAD;

/** So many of the samples have to agree: exports hold a few empty and odd values. */
const NEARLY_ALL = 0.95;

export type TimeGuess =
  | { unit: TimeUnit /** Undefined: the form leaves no doubt. */; within?: { from: number; to: number } }
  /** Why no form fits. `units` are those to choose from. */
  | { doubt: string; units: TimeUnit[] };

const WRITTEN = ['iso', 'YYYY/MM/DD', 'DD.MM.YYYY', 'words', 'DD-Mon-YYYY'] as const satisfies TimeUnit[];
const COUNTED = ['s', 'ms', 'us', 'ns'] as const satisfies TimeUnit[];

/**
 * @param samples trimmed, not empty
 * @param now milliseconds since 1970: later times are in the future
 * @param datesFrom the earliest calendar date that digits may make
 */
export function guessTime(samples: readonly string[], now: number, datesFrom = EARLIEST): TimeGuess | undefined {
  const numbers = samples.filter((text) => parseNumber(text) !== undefined);
  return numbers.length * 2 > samples.length ? guessNumbers(numbers, now, datesFrom) : guessDates(samples);
}

function guessNumbers(samples: readonly string[], now: number, datesFrom: number): TimeGuess {
  const within = { from: EARLIEST, to: latest(now) };
  const dates = { from: datesFrom, to: within.to };
  const share = (unit: TimeUnit, { from, to } = within): number => {
    const read = timeReader(unit);
    const fit = samples.filter((text) => {
      const time = read(text);
      return time !== undefined && time >= from && time <= to;
    });
    return fit.length / samples.length;
  };
  if (share('YYYYMMDD', dates) >= NEARLY_ALL) return { unit: 'YYYYMMDD', within: dates };
  const unit = COUNTED.find((one) => share(one) >= 0.5);
  if (unit) return { unit, within };
  const example = samples[0] as string;
  const readings = (['s', 'ms', 'excel', 'YYYYMM', 'YYYYMMDD'] as const).flatMap((one) => {
    const time = timeReader(one)(example);
    return time === undefined ? [] : [{ one, time, text: `${new Date(time).toISOString().slice(0, 10)} as ${one}` }];
  });
  const likely = readings.filter(({ time }) => time >= within.from && time <= within.to).map(({ one }) => one);
  return {
    doubt: `${example} would be ${readings.map(({ text }) => text).join(', ')}; no unit puts nearly all times between 1990 and today`,
    units: likely.length > 0 ? likely : ['s', 'ms'],
  };
}

function guessDates(samples: readonly string[]): TimeGuess | undefined {
  const count = (unit: TimeUnit): number => {
    const read = timeReader(unit);
    return samples.filter((text) => read(text) !== undefined).length;
  };
  const votes = WRITTEN.map((unit) => ({ unit, count: count(unit) }));
  const [months, days] = [count('MM/DD/YYYY'), count('DD/MM/YYYY')];
  const best = votes.reduce((a, b) => (b.count > a.count ? b : a));
  if (Math.max(months, days) <= best.count) return best.count === 0 ? undefined : { unit: best.unit };
  const units: TimeUnit[] = ['DD/MM/YYYY', 'MM/DD/YYYY'];
  const parts = samples.flatMap((text) => {
    const match = /^(\d{1,2})[/-](\d{1,2})[/-]\d{4}/.exec(text);
    return match ? [{ text, first: Number(match[1]), second: Number(match[2]) }] : [];
  });
  const dayFirst = parts.find(({ first }) => first > 12);
  const monthFirst = parts.find(({ second }) => second > 12);
  if (dayFirst && monthFirst) {
    return { doubt: `in ${dayFirst.text} the day comes first, and in ${monthFirst.text} the month`, units };
  }
  if (dayFirst) return { unit: 'DD/MM/YYYY' };
  if (monthFirst) return { unit: 'MM/DD/YYYY' };
  return { doubt: `${parts[0]?.text} may have the day first or the month first, and no day above 12 decides`, units };
}

/** The forms of times for a message: `s (seconds since 1970)`. */
export const formsOf = (units: readonly TimeUnit[]): string =>
  units.map((unit) => `${unit} (${TIME_FORMS[unit]})`).join(' or ');
