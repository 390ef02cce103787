/** Reads and checks the re-ranking rules of requests and of the configuration. */
import type { Json } from '../../bus/nats/micro.ts';
import { BadRequestError } from '../../errors.ts';
import type { Boost } from './boosts.ts';
import { fieldKey } from './document.ts';
import { parseFilter } from './filter.ts';
import type { Quota } from './quotas.ts';
import { NO_RULES, type Rules } from './rules.ts';

export const RULE_LIMITS = {
  /** Filters, boosts, quotas of one request, each. */
  each: 20,
  /** Standard deviations of a boost. */
  by: 10,
} as const;

/** Members of a request that hold rules. */
export const RULE_MEMBERS = [
  'filter',
  'filters',
  'boosts',
  'diversity',
  'quotas',
  'new',
  'unlike_weight',
  'exploration',
] as const;

/** `now` in a filter is the current minute, so that requests share the results of a test by item. */
const MINUTE_MS = 60_000;

/**
 * Rules of a request with length `n`; undefined where it has none. Throws `BadRequestError`, which names the member.
 *
 * @param at now, milliseconds since 1970
 */
export function parseRules(request: Json, { n, at }: { n: number; at: number }): Rules | undefined {
  if (!RULE_MEMBERS.some((name) => request[name] !== undefined && request[name] !== null)) return undefined;
  const now = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const filters = listOf(request, 'filters').map((one, i) => parseFilter(one, { member: `filters[${i}]`, now }));
  if (request.filter !== undefined && request.filter !== null)
    filters.push(parseFilter(request.filter, { member: 'filter', now }));
  const quotas = listOf(request, 'quotas').map((one, i) => quotaOf(one, `quotas[${i}]`, now));
  const fresh = newQuota(request.new, n, now);
  return {
    filters,
    boosts: listOf(request, 'boosts').map((one, i) => boostOf(one, `boosts[${i}]`, now)),
    lambda: lambdaOf(request.diversity),
    quotas: fresh ? [...quotas, fresh] : quotas,
    exploration: numberOf(request, 'exploration', 0, 1),
    unlikeWeight: numberOf(request, 'unlike_weight', 0, RULE_LIMITS.by) ?? NO_RULES.unlikeWeight,
  };
}

/** Both together: all filters, boosts and quotas; diversity and exploration of the second where it sets them. */
export const joinRules = (first: Rules, second: Rules): Rules => ({
  filters: [...first.filters, ...second.filters],
  boosts: [...first.boosts, ...second.boosts],
  lambda: second.lambda < 1 ? second.lambda : first.lambda,
  quotas: [...first.quotas, ...second.quotas],
  exploration: second.exploration ?? first.exploration,
  unlikeWeight: second.unlikeWeight,
});

function boostOf(value: unknown, member: string, now: number): Boost {
  const boost = objectOf(value, member, ['filter', 'by']);
  const by = numberOf(boost, 'by', -RULE_LIMITS.by, RULE_LIMITS.by, member);
  if (by === undefined) throw wrong(member, 'by is missing');
  return { filter: parseFilter(boost.filter, { member: `${member}.filter`, now }), by };
}

function quotaOf(value: unknown, member: string, now: number): Quota {
  const quota = objectOf(value, member, ['per', 'filter', 'min', 'max']);
  const max = wholeOf(quota, 'max', member);
  if (quota.per !== undefined) {
    if (quota.filter !== undefined || quota.min !== undefined)
      throw wrong(member, 'must hold either per and max, or filter with min or max');
    const key = typeof quota.per === 'string' ? fieldKey(quota.per) : undefined;
    if (key === undefined) throw wrong(member, 'per must be a field: tags or attributes.NAME');
    if (max === undefined || max === 0) throw wrong(member, 'max must be a whole number of at least 1');
    return { kind: 'per', key, max };
  }
  const min = wholeOf(quota, 'min', member) ?? 0;
  if (min === 0 && max === undefined) throw wrong(member, 'must hold per and max, or filter with min or max');
  if (max !== undefined && max < min) throw wrong(member, 'has a max below its min');
  const filter = parseFilter(quota.filter, { member: `${member}.filter`, now });
  return { kind: 'of', filter, min, max: max ?? Number.POSITIVE_INFINITY };
}

/** A minimum share of items that came into the catalogue lately. */
function newQuota(value: unknown, n: number, now: number): Quota | undefined {
  if (value === undefined || value === null) return undefined;
  const fresh = objectOf(value, 'new', ['share', 'days']);
  const share = numberOf(fresh, 'share', 0, 1, 'new');
  if (share === undefined) throw wrong('new', 'share is missing');
  const days = numberOf(fresh, 'days', 0, 36_500, 'new') ?? 30;
  const since = new Date(now - days * 86_400_000).toISOString();
  const filter = parseFilter({ listed: { $gte: since } }, { member: 'new', now });
  return { kind: 'of', filter, min: Math.ceil(share * n), max: Number.POSITIVE_INFINITY };
}

function lambdaOf(value: unknown): number {
  if (value === undefined || value === null) return NO_RULES.lambda;
  const lambda = numberOf(objectOf(value, 'diversity', ['lambda']), 'lambda', 0, 1, 'diversity');
  if (lambda === undefined) throw wrong('diversity', 'lambda is missing');
  return lambda;
}

function listOf(request: Json, member: string): unknown[] {
  const value = request[member];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > RULE_LIMITS.each)
    throw wrong(member, `must be a list of at most ${RULE_LIMITS.each}`);
  return value;
}

function objectOf(value: unknown, member: string, names: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(member, `must be an object with ${names.join(', ')}`);
  const stranger = Object.keys(value).find((name) => !names.includes(name));
  if (stranger !== undefined)
    throw wrong(member, `has no member ${JSON.stringify(stranger.slice(0, 60))}; it takes ${names.join(', ')}`);
  return value as Json;
}

function numberOf(of: Json, name: string, min: number, max: number, member = name): number | undefined {
  const value = of[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw wrong(member, `${member === name ? '' : `${name} `}must be a number from ${min} to ${max}`);
  return value;
}

function wholeOf(of: Json, name: string, member: string): number | undefined {
  const value = numberOf(of, name, 0, 10_000, member);
  if (value !== undefined && !Number.isInteger(value)) throw wrong(member, `${name} must be a whole number`);
  return value;
}

const wrong = (member: string, what: string): BadRequestError =>
  new BadRequestError(`${member}${what.startsWith(' ') ? '' : ' '}${what}.`, {
    next: 'see docs/how-to/shape-lists.md',
    details: { member },
  });
