/**
 * The items that the users of a segment take most at present. A segment names traits and their values. The engine counts the newest
 * interactions when a caller requests the segment; an older interaction counts less.
 */

import { BadRequestError } from '../../errors.ts';
import type { TakenLately } from '../fold/rows-beside.ts';
import { exp, type Traits } from '../model/mod.ts';

export interface Segment {
  /** Equal segments have equal keys. */
  key: string;
  matches(traits: Traits | undefined): boolean;
}

type Value = string | number | boolean;

/** Most traits in one segment, most values of one trait, and most characters of a value. */
const TRAITS_MOST = 5;
const VALUES_MOST = 50;
const TEXT_MOST = 200;

/** A segment contains the users that have, for each of its traits, one of the values. Throws `BadRequestError`. */
export function parseSegment(value: unknown): Segment | undefined {
  if (value === undefined || value === null) return undefined;
  const wrong = (): BadRequestError =>
    new BadRequestError(
      `segment must hold 1 to ${TRAITS_MOST} traits, each with a value or a list of values: {"country": "de", "plan": ["pro", "team"]}.`,
      { next: 'see docs/how-to/shape-lists.md', details: { member: 'segment' } },
    );
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong();
  const wanted = Object.entries(value).map(([trait, given]): [string, Set<Value>] => {
    const values: unknown[] = Array.isArray(given) ? given : [given];
    if (values.length === 0 || values.length > VALUES_MOST || trait.length > TEXT_MOST || !values.every(isValue))
      throw wrong();
    return [trait, new Set(values as Value[])];
  });
  if (wanted.length === 0 || wanted.length > TRAITS_MOST) throw wrong();
  wanted.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key: JSON.stringify(wanted.map(([trait, values]) => [trait, [...values].sort()])),
    matches: (traits) =>
      traits !== undefined &&
      wanted.every(([trait, values]) => {
        // Own members only: the prototype of an object holds no trait.
        const own = Object.hasOwn(traits, trait) ? traits[trait] : undefined;
        return Array.isArray(own) ? own.some((one) => values.has(one)) : own !== undefined && values.has(own as Value);
      }),
  };
}

const isValue = (value: unknown): boolean =>
  (typeof value === 'string' && value.length <= TEXT_MOST) || typeof value === 'number' || typeof value === 'boolean';

const DAY_MS = 86_400_000;
/** Half-life of an interaction, as in the popularity among all users. */
export const HALF_LIFE_MS = 3 * DAY_MS;
/** Half-lives after which an interaction fades no further: the exponential takes no longer ones. */
const MOST_FADES = 1_000;

/** By item, decayed full interactions of the users in a segment; `traits` returns those of the user that owns an id. */
export function takenIn(
  segment: Segment,
  events: Iterable<TakenLately>,
  { now, traits }: { now: number; traits: (user: string) => Traits | undefined },
): Map<string, number> {
  const inside = new Map<string, boolean>();
  const taken = new Map<string, number>();
  for (const { user, item, weight, time } of events) {
    let is = inside.get(user);
    if (is === undefined) {
      is = segment.matches(traits(user));
      inside.set(user, is);
    }
    if (!is) continue;
    const fades = Math.min(Math.max(0, now - time) / HALF_LIFE_MS, MOST_FADES);
    taken.set(item, (taken.get(item) ?? 0) + (weight / 16) * exp(-Math.LN2 * fades));
  }
  return taken;
}
