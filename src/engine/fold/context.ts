/**
 * The effect of circumstances (device, place, time of day) on an item: how much more often users take the item in them
 * than elsewhere. The engine adds up the events that name their circumstances, in tables beside the rows.
 */
import { Type } from 'typebox';
import { BadRequestError } from '../../errors.ts';
import { ln } from '../model/mod.ts';

/** Circumstances that the engine counts. A context may hold others, which stay in the log and change no list. */
export const CONTEXT_KEYS = ['device', 'place', 'hour'] as const;
export type ContextKey = (typeof CONTEXT_KEYS)[number];

/** One circumstance, as the engine counts it. */
export interface Circumstance {
  key: ContextKey;
  value: string;
}

/** Characters of a device or place that the engine counts; it ignores longer ones. */
const VALUE_MOST = 64;
/** The engine counts four parts of a day: single hours would have too few events. */
const PARTS = ['night', 'morning', 'afternoon', 'evening'] as const;

/** The valid circumstances of a context, in the order of {@link CONTEXT_KEYS}. */
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

/** The circumstances of a request, as a schema. */
export const CONTEXT = Type.Object(
  {
    device: Type.Optional(Type.String()),
    place: Type.Optional(Type.String()),
    hour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
  },
  {
    additionalProperties: true,
    description:
      'circumstances of the request: items that users take more often in them move up; with served the event contains them as well. Members with other names change no list',
    examples: [{ device: 'tv', place: 'home', hour: 20 }],
  },
);

/** Characters of a request's context, as JSON. */
const CONTEXT_MOST = 2_000;

/** Throws `BadRequestError` for a context that is too long. */
export function checkContext(context: Readonly<Record<string, unknown>> | undefined): void {
  const length = context === undefined ? 0 : JSON.stringify(context).length;
  if (length <= CONTEXT_MOST) return;
  throw new BadRequestError(
    `context has ${length} characters as JSON. It must have at most ${CONTEXT_MOST}; leave members out.`,
    { details: { member: 'context' } },
  );
}

/** Sums of weights, in sixteenths, of events with a circumstance; '' stands for all values, and for all items. */
export interface ContextCounts {
  taken(key: ContextKey, value: string, item: string): number;
}

/** Sixteenths of prior weight of an item: ten interactions, spread over the circumstances as those of all items. */
const PRIOR = 160;
/** One circumstance moves an item by at most so many doublings. */
const MOST = 2;

/**
 * How often users take an item in a circumstance, relative to chance, in doublings (log2), shrunk towards 0 for few
 * events: `log2((c + m p) / ((n + m) p))`, with c the weight of the item in the circumstance, n its weight with any value
 * of this key, p the share of the value, and m ten interactions. 0 without events.
 */
export function liftOf({ key, value }: Circumstance, item: string, counts: ContextCounts): number {
  const all = counts.taken(key, '', '');
  const share = all > 0 ? counts.taken(key, value, '') / all : 0;
  if (share <= 0) return 0;
  const own = counts.taken(key, '', item);
  const here = counts.taken(key, value, item);
  const lift = ln((here + PRIOR * share) / ((own + PRIOR) * share)) / Math.LN2;
  return Math.max(-MOST, Math.min(MOST, lift));
}
