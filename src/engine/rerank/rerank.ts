/**
 * Re-ranking: the model ranks the items that pass the filters, more of them than the list shows if rules change the
 * order or the choice, and the rules apply to these candidates.
 */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { itemId, userId } from '../../bus/event/ids.ts';
import type { ItemData } from '../../bus/event/types.ts';
import { documentOf, type ItemDocument } from '../../items/document.ts';
import type { Filter } from '../../items/filter.ts';
import type { Circumstance } from '../fold/context.ts';
import { NO_ROWS, type RowsBeside } from '../fold/rows-beside.ts';
import type { ItemTest, ListSource, Model, Reason, Recommended, RecommendRequest } from '../model/mod.ts';
import type { Candidate, RuleTerm } from './candidate.ts';
import type { InContext } from './context.ts';
import { drawsOf, EXPLORATION_REACH, explore } from './exploration.ts';
import { applyRules, explorationOf, type Rules, reorders } from './rules.ts';
import { isForGood, keptOut, SEEN_FOR_GOOD, type SeenRule } from './seen.ts';

/** A term of an item's score, from the model or from a re-ranking rule. */
export type ListReason = Omit<Reason, 'signal'> & { signal: string };

export interface RerankedItem {
  item: string;
  score: number;
  reasons?: ListReason[];
  /** Under exploration: the probability of this item at this place, given those before it. */
  propensity?: number;
  /** Exploration chose the item for its place. */
  explored?: true;
}

export interface RerankedList {
  items: RerankedItem[];
  source: ListSource;
}

/** The inputs of a list. */
export interface ListCriteria {
  user: string | undefined;
  /** Items, oldest first, in place of the user's own history. */
  history?: readonly string[] | undefined;
  /** Items that the list avoids, and items like them. */
  unlike?: readonly string[];
  /** The list holds these items alone. */
  candidates?: readonly string[] | undefined;
  exclude?: readonly string[];
  includeSeen?: boolean;
  /** Which seen items the list leaves out; left out: all, for good. */
  seen?: SeenRule;
  /** Circumstances of the request. */
  circumstances?: readonly Circumstance[] | undefined;
  explain?: boolean;
  rules: Rules;
}

export interface Reranking {
  /**
   * At most `count` items. Rules measure their terms by the scores of the candidates, and a longer list has more of
   * them; with `as` the candidates are those of a list of that length.
   */
  list(criteria: ListCriteria, count: number, as?: number): RerankedList;
  /** Number of candidates under rules; only quotas reach items beyond them. */
  poolOf(criteria: ListCriteria, count: number): number;
  /** A test by filters, the same object for the same filters. */
  testOf(filters: readonly Filter[]): ItemTest | undefined;
}

/**
 * Candidates at first, and at most: four times as many each time that quotas leave places open. The first number is the
 * same for all usual lengths, so that a boost has the same weight at any length, explained or not.
 */
const POOL_LEAST = 200;
export const POOL_MOST = 8_000;
/** Most cached tests; each keeps its results by item. */
const TESTS = 64;
/** Newest events of a user in which the engine finds recently seen items. */
const RECENT_EVENTS = 10_000;

export interface RerankingOptions {
  rows?: RowsBeside;
  /** Standard deviations by which an item moves that users take twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  seed?: number;
  /** Position of the model. */
  seq?: () => number;
}

export function createReranking(
  model: Model,
  { seed = 0, seq = () => 0, rows = NO_ROWS, contextWeight = 0 }: RerankingOptions = {},
): Reranking {
  const tests = new LRUCache<string, ItemTest>({ max: TESTS });
  const documents = new WeakMap<ItemData, ItemDocument>();

  function documentFor(item: string, fields: ItemData | undefined, listed: number): ItemDocument {
    if (fields === undefined) return documentOf(item, undefined, listed);
    // A changed item is another object, so its result is not in the cache.
    const known = documents.get(fields);
    if (known) return known;
    const document = documentOf(item, fields, listed);
    documents.set(fields, document);
    return document;
  }

  function testOf(filters: readonly Filter[]): ItemTest | undefined {
    if (filters.length === 0) return undefined;
    const key = createHash('sha256')
      .update(filters.map((filter) => filter.key).join('\n'))
      .digest('base64');
    const known = tests.get(key);
    const test: ItemTest = known ?? {
      test: (item, fields, listed) => {
        const document = documentFor(item, fields, listed);
        return filters.every((filter) => filter.test(document));
      },
    };
    if (!known) tests.set(key, test);
    return test;
  }

  function allowedBy({ rules, candidates }: ListCriteria, also: readonly Filter[] = []): ItemTest | undefined {
    const passes = testOf([...rules.filters, ...also]);
    if (candidates === undefined) return passes;
    const among = new Set(candidates);
    return { test: (item, fields, listed) => among.has(item) && (passes?.test(item, fields, listed) ?? true) };
  }

  /** Items that the list leaves out, those that the request excludes included. */
  function kept({
    user,
    history,
    unlike = [],
    exclude = [],
    includeSeen = false,
    seen = SEEN_FOR_GOOD,
  }: ListCriteria): string[] {
    const out = [...exclude, ...unlike];
    // The model leaves out the items of the history in its request, which may be another one than the user's.
    if (user === undefined || includeSeen || (isForGood(seen) && history === undefined)) return out;
    const own = model.history(userId(user), RECENT_EVENTS);
    return [...out, ...keptOut(own, seen, model.clock, rows.verbOf)];
  }

  function against(
    { unlike = [] }: ListCriteria,
    pool: number,
    allowed: ItemTest | undefined,
  ): ReadonlyMap<string, number> {
    if (unlike.length === 0) return new Map();
    const { items, source } = model.recommend({
      history: unlike.map(itemId),
      n: pool,
      allowed,
    });
    // For unknown items the model answers with popular ones, which say nothing about them.
    return source === 'popular' ? new Map() : new Map(items.map(({ item, score }) => [item, score]));
  }

  const contextOf = ({ circumstances = [] }: ListCriteria): InContext | undefined =>
    circumstances.length > 0 && contextWeight !== 0
      ? { circumstances, counts: rows, weight: contextWeight }
      : undefined;

  /** Probability that a place explores; 0 if the caller names the candidates. */
  const shareOf = ({ rules, candidates }: ListCriteria): number =>
    candidates === undefined ? explorationOf(rules) : 0;

  /** Whether the order or the choice depends on more than the model's scores. */
  const changes = (criteria: ListCriteria): boolean =>
    (criteria.unlike ?? []).length > 0 ||
    reorders(criteria.rules, new Map()) ||
    shareOf(criteria) > 0 ||
    contextOf(criteria) !== undefined;

  const mostOf = ({ candidates }: ListCriteria): number =>
    candidates === undefined ? POOL_MOST : Math.max(candidates.length, 1);

  const poolOf = (criteria: ListCriteria, count: number): number =>
    Math.min(
      mostOf(criteria),
      changes(criteria)
        ? Math.max(POOL_LEAST, 4 * count, shareOf(criteria) > 0 ? count + EXPLORATION_REACH : 0)
        : count,
    );

  /** Items for lower bounds that the pool cannot meet, best first for each bound. */
  function spares(
    criteria: ListCriteria,
    ask: RecommendRequest,
    pool: readonly Recommended[],
    count: number,
  ): Recommended[] {
    const found: Recommended[] = [];
    const known = new Set<string>(pool.map(({ item }) => item));
    for (const quota of criteria.rules.quotas) {
      if (quota.kind !== 'of' || quota.min === 0) continue;
      const wanted = Math.min(quota.min, count);
      const there = [...pool, ...found].filter((one) => quota.filter.test(candidateOf(one).document)).length;
      if (there >= wanted) continue;
      const { items } = model.recommend({ ...ask, n: POOL_LEAST, allowed: allowedBy(criteria, [quota.filter]) });
      for (const one of items) {
        if (known.has(one.item)) continue;
        known.add(one.item);
        found.push(one);
      }
    }
    return found;
  }

  function list(criteria: ListCriteria, count: number, as = count): RerankedList {
    const { user, history, rules, explain = false, includeSeen = false, seen = SEEN_FOR_GOOD } = criteria;
    const context = contextOf(criteria);
    const most = mostOf(criteria);
    const share = shareOf(criteria);
    const changed = changes(criteria);
    const ask: Omit<RecommendRequest, 'n'> = {
      ...(user === undefined ? {} : { user: userId(user) }),
      ...(history === undefined ? {} : { history: history.map(itemId) }),
      exclude: kept(criteria).map(itemId),
      allowed: allowedBy(criteria),
      explain,
      includeSeen: includeSeen || !isForGood(seen),
    };
    for (let pool = poolOf(criteria, as); ; pool = Math.min(most, 4 * pool)) {
      const { items, source } = model.recommend({ ...ask, n: changed ? pool : count });
      if (!changed) return { items, source };
      const unlike = against(criteria, pool, ask.allowed);
      const spare = spares(criteria, { ...ask, n: pool }, items, count);
      const reasons = new Map([...items, ...spare].map((one) => [one.item as string, one.reasons]));
      const ordered = applyRules(items.map(candidateOf), rules, {
        count: share > 0 ? count + EXPLORATION_REACH : count,
        unlike,
        context,
        spare: spare.map(candidateOf),
      });
      const places =
        share > 0
          ? explore(ordered, {
              share,
              count,
              draw: drawsOf({ user: user ?? '', seq: seq(), seed }),
              taken: (item) => model.taken(itemId(item)),
            })
          : undefined;
      const chosen = places ? places.map(({ candidate }) => candidate) : ordered;
      // Quotas left places open, and items further down may fit.
      if (chosen.length < Math.min(count, as) && items.length === pool && pool < most) continue;
      return {
        source,
        items: chosen.map(({ item, score, terms }, place) => ({
          item,
          score,
          ...(explain ? { reasons: withTerms(reasons.get(item) ?? [], terms) } : {}),
          ...(places ? { propensity: places[place]?.propensity as number } : {}),
          ...(places?.[place]?.explored ? { explored: true as const } : {}),
        })),
      };
    }
  }

  function candidateOf({ item, score }: { item: string; score: number }): Candidate {
    const known = model.item(itemId(item));
    return { item, score, document: documentFor(item, known?.fields, known?.listed ?? 0), terms: [] };
  }

  return { list, poolOf, testOf };
}

/** Terms of the model and of rules, the largest first. */
function withTerms(reasons: readonly Reason[], terms: readonly RuleTerm[]): ListReason[] {
  const all: ListReason[] = [...reasons, ...terms.map(({ rule, contribution }) => ({ signal: rule, contribution }))];
  return all.sort((a, b) => b.contribution - a.contribution);
}
