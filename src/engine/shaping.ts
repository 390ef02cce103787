/**
 * Lists under rules: the model is asked for items that pass the filters, for more of them than are shown where their
 * order or choice will change, and the rules are applied to what it gives.
 */
import { createHash } from 'node:crypto';
import { itemId, userId } from '../bus/event/ids.ts';
import type { ItemData } from '../bus/event/types.ts';
import type { Circumstance, ContextCounts } from './context.ts';
import type { ItemTest, ListSource, Model, Reason } from './model/mod.ts';
import type { Candidate, RuleTerm } from './rules/candidate.ts';
import { documentOf, type ItemDocument } from './rules/document.ts';
import { drawsOf, EXPLORATION_REACH, explore } from './rules/exploration.ts';
import type { Filter } from './rules/filter.ts';
import { applyRules, explorationOf, type Rules, reorders } from './rules/rules.ts';
import { isForGood, keptOut, SEEN_FOR_GOOD, type SeenRule } from './rules/seen.ts';
import type { TakenLately } from './segment.ts';

/** What put an item where it is: a term of the model, or of a rule. */
export type ListReason = Omit<Reason, 'signal'> & { signal: string };

export interface ShapedItem {
  item: string;
  score: number;
  reasons?: ListReason[];
  /** Where places may explore: the probability of this item at this place, given those before it. */
  propensity?: number;
  /** It is there because its place explored. */
  explored?: true;
}

export interface ShapedList {
  items: ShapedItem[];
  source: ListSource;
}

/** What a list is made of. */
export interface Shape {
  user: string | undefined;
  /** Items that somebody took, oldest first: in place of the user's own history. */
  history?: readonly string[] | undefined;
  /** Items that the list is to keep away from. */
  unlike?: readonly string[];
  /** Nothing but these. */
  candidates?: readonly string[] | undefined;
  exclude?: readonly string[];
  includeSeen?: boolean;
  /** Which items that were seen are out; left out: all, for good. */
  seen?: SeenRule;
  /** Circumstances in which it is asked for. */
  circumstances?: readonly Circumstance[] | undefined;
  explain?: boolean;
  rules: Rules;
}

export interface Shaping {
  list(shape: Shape, count: number): ShapedList;
  /** A test by filters, the same object for the same filters. */
  testOf(filters: readonly Filter[]): ItemTest | undefined;
}

/** Items asked of the model at first, and how often four times as many are tried where quotas leave places open. */
const POOL_LEAST = 100;
const POOL_MOST = 8_000;
/** Tests that are kept, with what they said of each item. */
const TESTS = 64;
/** Newest events that decide whether an item was seen lately. */
const RECENT_EVENTS = 10_000;

/** What the engine's rows know beside the model. */
export interface RowsBeside extends ContextCounts {
  /** The newest interactions, the newest first. */
  newest(count: number): Iterable<TakenLately>;
  /** Verb of the interaction at a position. */
  verbOf(seq: number): string | undefined;
}

export interface ShapingOptions {
  rows?: RowsBeside;
  /** Standard deviations that an item moves that is taken twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  seed?: number;
  /** Position of the model. */
  seq?: () => number;
}

export const NO_ROWS: RowsBeside = { newest: () => [], verbOf: () => undefined, taken: () => 0 };

export function createShaping(
  model: Model,
  { seed = 0, seq = () => 0, rows = NO_ROWS, contextWeight = 0 }: ShapingOptions = {},
): Shaping {
  const tests = new Map<string, ItemTest>();
  const documents = new WeakMap<ItemData, ItemDocument>();

  function documentFor(item: string, fields: ItemData | undefined, listed: number): ItemDocument {
    if (fields === undefined) return documentOf(item, undefined, listed);
    // A change of an item is another object.
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
    tests.delete(key);
    tests.set(key, test);
    if (tests.size > TESTS) {
      const [oldest] = tests.keys();
      if (oldest !== undefined) tests.delete(oldest);
    }
    return test;
  }

  function allowedBy({ rules, candidates }: Shape): ItemTest | undefined {
    const passes = testOf(rules.filters);
    if (candidates === undefined) return passes;
    const among = new Set(candidates);
    return { test: (item, fields, listed) => among.has(item) && (passes?.test(item, fields, listed) ?? true) };
  }

  /** What may not be in the list beside what the request excludes. */
  function kept({
    user,
    history,
    unlike = [],
    exclude = [],
    includeSeen = false,
    seen = SEEN_FOR_GOOD,
  }: Shape): string[] {
    const out = [...exclude, ...unlike];
    // The model leaves out what is in the history that it is asked with; here it may be asked with another one.
    if (user === undefined || includeSeen || (isForGood(seen) && history === undefined)) return out;
    const own = model.history(userId(user), RECENT_EVENTS);
    return [...out, ...keptOut(own, seen, model.clock, rows.verbOf)];
  }

  function against({ unlike = [] }: Shape, pool: number, allowed: ItemTest | undefined): ReadonlyMap<string, number> {
    if (unlike.length === 0) return new Map();
    const { items, source } = model.recommend({
      history: unlike.map(itemId),
      n: pool,
      allowed,
    });
    // Of items that nothing is known about, what is popular says nothing.
    return source === 'popular' ? new Map() : new Map(items.map(({ item, score }) => [item, score]));
  }

  function list(shape: Shape, count: number): ShapedList {
    const { user, history, rules, candidates, explain = false, includeSeen = false, seen = SEEN_FOR_GOOD } = shape;
    const { circumstances = [] } = shape;
    const context =
      circumstances.length > 0 && contextWeight !== 0
        ? { circumstances, counts: rows, weight: contextWeight }
        : undefined;
    const allowed = allowedBy(shape);
    const exclude = kept(shape).map(itemId);
    const most = candidates === undefined ? POOL_MOST : Math.max(candidates.length, 1);
    // Whoever names the candidates has chosen them.
    const share = candidates === undefined ? explorationOf(rules) : 0;
    const changes = (shape.unlike ?? []).length > 0 || reorders(rules, new Map()) || share > 0 || context !== undefined;
    for (
      let pool = Math.min(
        most,
        changes ? Math.max(POOL_LEAST, 4 * count, share > 0 ? count + EXPLORATION_REACH : 0) : count,
      );
      ;
      pool = Math.min(most, 4 * pool)
    ) {
      const { items, source } = model.recommend({
        ...(user === undefined ? {} : { user: userId(user) }),
        ...(history === undefined ? {} : { history: history.map(itemId) }),
        n: pool,
        exclude,
        allowed,
        explain,
        includeSeen: includeSeen || !isForGood(seen),
      });
      if (!changes) return { items, source };
      const unlike = against(shape, pool, allowed);
      const reasons = new Map(items.map((one) => [one.item as string, one.reasons]));
      const ordered = applyRules(items.map(candidateOf), rules, {
        count: share > 0 ? count + EXPLORATION_REACH : count,
        unlike,
        context,
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
      // Where quotas leave places open, there may be more that fits further down.
      if (chosen.length < count && items.length === pool && pool < most) continue;
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

  return { list, testOf };
}

/** Terms of model and rules, the largest first, as the model has them. */
function withTerms(reasons: readonly Reason[], terms: readonly RuleTerm[]): ListReason[] {
  const all: ListReason[] = [...reasons, ...terms.map(({ rule, contribution }) => ({ signal: rule, contribution }))];
  return all.sort((a, b) => b.contribution - a.contribution);
}
