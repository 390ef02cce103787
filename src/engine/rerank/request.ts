/** The re-ranking rules of requests and of the configuration: their schema, and its conversion to rules. */
import { type Static, Type } from 'typebox';
import type { Json } from '../../bus/nats/micro.ts';
import { createRequestCheck } from '../../bus/nats/request-check.ts';
import { request } from '../../bus/nats/request-members.ts';
import { BadRequestError } from '../../errors.ts';
import { FIELDS, fieldKey } from '../../items/document.ts';
import { parseFilter } from '../../items/filter.ts';
import { filterSchema } from '../../items/filter-schema.ts';
import type { Boost } from './boosts.ts';
import type { Quota } from './quotas.ts';
import { NO_RULES, type Rules } from './rules.ts';

const RULE_LIMITS = {
  /** Most filters, boosts and quotas of one request, each. */
  each: 20,
  /** Most standard deviations of a boost. */
  by: 10,
} as const;

/** A filter as JSON; {@link parseFilter} checks its fields and operators. */
export const FILTER = filterSchema(FIELDS);

const bound = Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }));

/** Schemas of the members of a request that hold rules. */
export const RULES = {
  filter: Type.Optional(FILTER),
  filters: Type.Optional(
    Type.Array(FILTER, { maxItems: RULE_LIMITS.each, description: 'filters; an item of the list matches all of them' }),
  ),
  boosts: Type.Optional(
    Type.Array(
      request({
        filter: FILTER,
        by: Type.Number({
          minimum: -RULE_LIMITS.by,
          maximum: RULE_LIMITS.by,
          description: "standard deviations of the list's scores; a negative number moves items down",
        }),
      }),
      { maxItems: RULE_LIMITS.each, description: 'items that move up or down' },
    ),
  ),
  diversity: Type.Optional(
    Type.Object(
      { lambda: Type.Number({ minimum: 0, maximum: 1 }) },
      {
        additionalProperties: false,
        description:
          'maximal marginal relevance: lambda 1 leaves the order as it is; a lower lambda puts different items before similar ones',
        examples: [{ lambda: 0.7 }],
      },
    ),
  ),
  quotas: Type.Optional(
    Type.Array(
      request({
        per: Type.Optional(
          Type.String({ maxLength: 1_000, description: 'a field: at most max items for each of its values' }),
        ),
        filter: Type.Optional(FILTER),
        min: bound,
        max: bound,
      }),
      {
        maxItems: RULE_LIMITS.each,
        description:
          'at most max items for each value of a field; or at least min and at most max items that match a filter',
        examples: [[{ per: 'attributes.author', max: 2 }]],
      },
    ),
  ),
  new: Type.Optional(
    Type.Object(
      {
        share: Type.Number({ minimum: 0, maximum: 1 }),
        days: Type.Optional(Type.Number({ minimum: 0, maximum: 36_500 })),
      },
      {
        additionalProperties: false,
        description: 'least share of items that came into the catalogue within so many days (30)',
        examples: [{ share: 0.2, days: 30 }],
      },
    ),
  ),
  unlike_weight: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: RULE_LIMITS.by,
      default: NO_RULES.unlikeWeight,
      description: 'how far the items that are most like those of unlike move down, in ranges of the scores',
    }),
  ),
  exploration: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'share of places for items with few interactions; 0: none; if left out, lists.exploration_share applies',
      examples: [0],
    }),
  ),
} as const;

const RULES_SCHEMA = Type.Object(RULES);
type RuleRequest = Static<typeof RULES_SCHEMA>;
const checkRules = createRequestCheck(RULES_SCHEMA);

/** Names of the members that hold rules. */
export const RULE_MEMBERS: readonly string[] = Object.keys(RULES);

/** `now` in a filter is the current minute, so that requests share the results of a test by item. */
const MINUTE_MS = 60_000;

/**
 * Rules of a request with length `n`; undefined if it has none. Throws `BadRequestError`, which names the member.
 *
 * @param at now, milliseconds since 1970
 */
export const parseRules = (request: Json, moment: { n: number; at: number }): Rules | undefined =>
  rulesIn(checkRules(request), moment);

/** As {@link parseRules}, for a request whose schema is checked. */
export function rulesIn(checked: RuleRequest, { n, at }: { n: number; at: number }): Rules | undefined {
  if (!RULE_MEMBERS.some((name) => checked[name as keyof RuleRequest] !== undefined)) return undefined;
  const now = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const { filter, filters = [], boosts = [], quotas = [], diversity, exploration, unlike_weight } = checked;
  const parsed = filters.map((one, i) => parseFilter(one, { member: `filters[${i}]`, now }));
  if (filter !== undefined) parsed.push(parseFilter(filter, { member: 'filter', now }));
  const counted = quotas.map((one, i) => quotaOf(one, `quotas[${i}]`, now));
  return {
    filters: parsed,
    boosts: boosts.map(
      ({ filter: which, by }, i): Boost => ({
        filter: parseFilter(which, { member: `boosts[${i}].filter`, now }),
        by,
      }),
    ),
    lambda: diversity?.lambda ?? NO_RULES.lambda,
    quotas: checked.new ? [...counted, newQuota(checked.new, n, now)] : counted,
    exploration,
    unlikeWeight: unlike_weight ?? NO_RULES.unlikeWeight,
  };
}

/** Both together: all filters, boosts and quotas; diversity and exploration of the second if it sets them. */
export const joinRules = (first: Rules, second: Rules): Rules => ({
  filters: [...first.filters, ...second.filters],
  boosts: [...first.boosts, ...second.boosts],
  lambda: second.lambda < 1 ? second.lambda : first.lambda,
  quotas: [...first.quotas, ...second.quotas],
  exploration: second.exploration ?? first.exploration,
  unlikeWeight: second.unlikeWeight,
});

function quotaOf(quota: NonNullable<RuleRequest['quotas']>[number], member: string, now: number): Quota {
  const { per, filter, min = 0, max } = quota;
  if (per !== undefined) {
    if (filter !== undefined || quota.min !== undefined)
      throw wrong(
        member,
        'has per together with filter or min. It takes either per and max, or filter with min or max',
      );
    const key = fieldKey(per);
    if (key === undefined)
      throw wrong(member, `has ${JSON.stringify(per.slice(0, 60))} as per. It takes a field: tags or attributes.NAME`);
    if (max === undefined || max === 0)
      throw wrong(member, `has ${max === undefined ? 'no max' : 'a max of 0'}. With per it takes a max from 1 on`);
    return { kind: 'per', key, max };
  }
  if (min === 0 && max === undefined)
    throw wrong(member, 'has neither min nor max. It takes per and max, or filter with min or max');
  if (max !== undefined && max < min)
    throw wrong(member, `has a max of ${max}, which is below its min of ${min}. Raise max or lower min`);
  const parsed = parseFilter(filter, { member: `${member}.filter`, now });
  return { kind: 'of', filter: parsed, min, max: max ?? Number.POSITIVE_INFINITY };
}

/** The quota for a minimum share of new items. */
function newQuota({ share, days = 30 }: NonNullable<RuleRequest['new']>, n: number, now: number): Quota {
  const since = new Date(now - days * 86_400_000).toISOString();
  const filter = parseFilter({ listed: { $gte: since } }, { member: 'new', now });
  return { kind: 'of', filter, min: Math.ceil(share * n), max: Number.POSITIVE_INFINITY };
}

const wrong = (member: string, what: string): BadRequestError =>
  new BadRequestError(`${member} ${what}.`, {
    next: 'see docs/how-to/shape-lists.md',
    details: { member },
  });
