/**
 * What circumstances (device, place, time of day) say of an item: how much more of what is taken in them is this item
 * than of what is taken at all. Sums over events that said their circumstances, kept beside the rows.
 */
import type { Json } from '../../bus/nats/micro.ts';
import { BadRequestError } from '../../errors.ts';

/** Circumstances that are counted; a context may hold others, which are kept in the log and change nothing. */
export const CONTEXT_KEYS = ['device', 'place', 'hour'] as const;
export type ContextKey = (typeof CONTEXT_KEYS)[number];

/** One circumstance, as it is counted. */
export interface Circumstance {
  key: ContextKey;
  value: string;
}

/** Characters of a device or place that are counted. */
const VALUE_MOST = 64;
/** Hours of a day fall into four parts: a day's worth of events an hour would be too few. */
const PARTS = ['night', 'morning', 'afternoon', 'evening'] as const;

/** Circumstances that a context holds, in the order of {@link CONTEXT_KEYS}; those that are none are left out. */
export function circumstancesOf(context: Readonly<Record<string, unknown>> | undefined): Circumstance[] {
  if (context === undefined) return [];
  return CONTEXT_KEYS.flatMap((key): Circumstance[] => {
    const value = context[key];
    if (key === 'hour') return isHour(value) ? [{ key, value: PARTS[Math.floor(value / 6)] as string }] : [];
    return typeof value === 'string' && value.length > 0 && value.length <= VALUE_MOST ? [{ key, value }] : [];
  });
}

export const isHour = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 24;

/** Characters of a request's context, as JSON. */
export const CONTEXT_MOST = 2_000;

/** The context of a request; undefined where it says none. Throws `BadRequestError`. */
export function contextOf({ context }: Json): Record<string, unknown> | undefined {
  if (context === undefined || context === null) return undefined;
  const wrong = (what: string): BadRequestError => new BadRequestError(what, { details: { member: 'context' } });
  if (typeof context !== 'object' || Array.isArray(context) || JSON.stringify(context).length > CONTEXT_MOST)
    throw wrong(
      `context must be an object of at most ${CONTEXT_MOST} characters: {"device": ..., "place": ..., "hour": ...}.`,
    );
  const { device, place, hour } = context as Record<string, unknown>;
  for (const [name, value] of Object.entries({ device, place }))
    if (value !== undefined && typeof value !== 'string') throw wrong(`context.${name} must be a text.`);
  if (hour !== undefined && !isHour(hour)) throw wrong('context.hour must be a whole number from 0 to 23.');
  return context as Record<string, unknown>;
}

/** Sums of weights, in sixteenths, of events with a circumstance; '' stands for all values, and for all items. */
export interface ContextCounts {
  taken(key: ContextKey, value: string, item: string): number;
}

/** Sixteenths that an item is taken to have been taken beside: ten interactions as everybody's are spread. */
const PRIOR = 160;
/** An item is moved by no more than so many doublings by one circumstance. */
const MOST = 2;

/**
 * How many times an item is taken in a circumstance for once that it would be by chance, in doublings (log2), drawn
 * towards 0 where little is known: `log2((c + m p) / ((n + m) p))` with c the item's in it, n the item's with any value
 * of this key, p the share of the value, m ten interactions. 0 where nothing is known.
 */
export function liftOf({ key, value }: Circumstance, item: string, counts: ContextCounts): number {
  const all = counts.taken(key, '', '');
  const share = all > 0 ? counts.taken(key, value, '') / all : 0;
  if (share <= 0) return 0;
  const own = counts.taken(key, '', item);
  const here = counts.taken(key, value, item);
  const lift = Math.log2((here + PRIOR * share) / ((own + PRIOR) * share));
  return Math.max(-MOST, Math.min(MOST, lift));
}
