/**
 * Explains the place of an item in a user's list, or its absence: the user's own events, counts of these items, features
 * and weights, and the terms that add up to the score. It contains only sums over other users.
 */
import { itemId, userId } from '../../bus/event/ids.ts';
import { NotFoundError } from '../../errors.ts';
import type { Filter } from '../../items/filter.ts';
import type { Circumstance } from '../fold/context.ts';
import type { RowsBeside } from '../fold/rows-beside.ts';
import type { Examined, ListSource, Model } from '../model/mod.ts';
import { joinRules } from '../rerank/request.ts';
import { createReranking, type ListCriteria, type ListReason, POOL_MOST, type RerankedItem } from '../rerank/rerank.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
import { isForGood, keptOut, SEEN_FOR_GOOD, type SeenRule } from '../rerank/seen.ts';
import { sum, wordsOf } from './why-words.ts';

/** `listed`: within the first n; `below`: further down; else the reason why it is not in the list. */
export type ItemStatus = 'listed' | 'below' | Exclude<Examined['standing'], 'candidate' | 'unknown'>;

export interface WhyTerm extends ListReason {
  /** The term in words. */
  says: string;
}

/** One of the user's own events that explains a term or the item's status. */
export interface WhyEvent {
  seq: number;
  item: string;
  /** RFC 3339; the time by which the engine counts. */
  time: string;
  /** In full interactions. */
  weight: number;
}

export interface WhyAnswer {
  user: string;
  item: string;
  standing: ItemStatus;
  /** Place in the user's list after re-ranking; null: the list does not hold the item. */
  rank: number | null;
  /** Length of the list in the request. */
  n: number;
  /** Place among the candidates by the model's score, before re-ranking; null: it was no candidate. */
  place: number | null;
  candidates: number;
  score: number | null;
  /** They add up to the score, the largest first. */
  terms: WhyTerm[];
  /** Value times weight of each feature; they add up to the score of the model, which rules may change. */
  features: Examined['features'];
  statistics: {
    /** Of the item, over all users, in full interactions. */
    item: Examined['counts'];
    /** Of the item with the items of the user, over all users. */
    pairs: Examined['pairs'];
  };
  /** The user's own events that the explanation names, in the order of the log. */
  events: WhyEvent[];
  /** The explanation in words. */
  sentences: string[];
  seq: number;
  snapshot: string;
  config: string;
  source: ListSource;
}

export interface WhyRequest {
  /** The id in the request. */
  user: string;
  /** The user that owns this id. */
  root: string;
  item: string;
  n: number;
  includeSeen: boolean;
  /** Rules beside those of the configuration: of the request, or of the user's arm. */
  rules?: Rules | undefined;
  /** Circumstances of the request. */
  circumstances?: readonly Circumstance[];
}

export interface WhyOptions {
  model: Model;
  /** Position of the model. */
  seq: () => number;
  snapshot: () => string;
  config: string;
  /** Items of a cached list; the candidates are never those of a shorter list. */
  length: number;
  rules?: () => Rules;
  /** Which seen items the list leaves out; left out: all, for good. */
  seen?: SeenRule;
  /** Facts in the engine's rows that the model does not hold. */
  rows?: RowsBeside;
  /** Standard deviations by which an item moves that users take twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  explorationSeed?: number;
}

/** Greatest difference of two sums of the same terms in another order. */
const ROUNDING = 1e-6;
/** Newest events in which the engine finds those that the explanation names. */
const RECENT_EVENTS = 10_000;

export function createWhy(options: WhyOptions): (request: WhyRequest) => WhyAnswer {
  const { model, length, rules = () => NO_RULES, seen = SEEN_FOR_GOOD, rows, contextWeight, explorationSeed } = options;
  const reranking = createReranking(model, {
    seq: options.seq,
    ...(rows ? { rows } : {}),
    ...(contextWeight === undefined ? {} : { contextWeight }),
    ...(explorationSeed === undefined ? {} : { seed: explorationSeed }),
  });

  function examine(criteria: ListCriteria, item: string, count: number, found: RerankedItem | undefined): Examined {
    const { user = '', includeSeen = false } = criteria;
    const ask = (n: number, filters: readonly Filter[]): Examined =>
      model.examine(
        {
          user: userId(user),
          n,
          exclude: keptOutOf(user, includeSeen),
          allowed: reranking.testOf(filters),
          includeSeen: includeSeen || !isForGood(seen),
        },
        itemId(item),
      );
    const { filters, quotas } = criteria.rules;
    const first = reranking.poolOf(criteria, count);
    if (found === undefined) return ask(first, filters);
    // Where quotas left places open the list had more candidates, and some for the quotas alone.
    const bounds = quotas.flatMap((quota) => (quota.kind === 'of' && quota.min > 0 ? [quota.filter] : []));
    const asked = function* (): Generator<Examined> {
      for (let pool = first; pool < POOL_MOST && quotas.length > 0; pool *= 4) yield ask(pool, filters);
      for (const filter of bounds) yield ask(first, [...filters, filter]);
      yield ask(first, filters);
    };
    let last: Examined | undefined;
    for (const examined of asked()) {
      last = examined;
      const own = (found.reasons ?? []).filter((reason) =>
        examined.reasons.some(({ signal }) => signal === reason.signal),
      );
      if (Math.abs(sum(own) - sum(examined.features)) < ROUNDING) break;
    }
    return last as Examined;
  }

  /** Items that the user saw too recently to be listed again. */
  function keptOutOf(root: string, includeSeen: boolean): ReturnType<typeof itemId>[] {
    if (includeSeen || isForGood(seen)) return [];
    const own = model.history(userId(root), RECENT_EVENTS);
    return keptOut(own, seen, model.clock, rows?.verbOf ?? (() => undefined)).map(itemId);
  }

  /** The list of the answer; longer if the item is not in it, under the same rules. */
  function listWith(item: string, criteria: ListCriteria, count: number): RerankedItem[] {
    const { items } = reranking.list(criteria, count);
    // With a longer list, quotas would choose other items.
    const further = reranking.poolOf(criteria, count);
    const all = further <= count || items.length < count || criteria.rules.quotas.length > 0;
    if (all || items.some((one) => one.item === item)) return items;
    return reranking.list(criteria, further, count).items;
  }

  return (request) => {
    const { user, root, item, n, includeSeen, circumstances = [] } = request;
    const count = Math.max(length, n + 1);
    const criteria: ListCriteria = {
      user: root,
      explain: true,
      includeSeen,
      seen,
      rules: request.rules ? joinRules(rules(), request.rules) : rules(),
      ...(circumstances.length > 0 ? { circumstances } : {}),
    };
    const list = listWith(item, criteria, count);
    const at = list.findIndex((one) => one.item === item);
    const found = list[at];
    const examined = examine(criteria, item, count, found);
    if (!examined.known)
      throw new NotFoundError(`The log has no event of ${user}, so the engine has no personal list to explain.`, {
        next: 'freshet trending, the list that an unknown user gets',
        details: { user },
      });
    if (examined.standing === 'unknown')
      throw new NotFoundError(`No event names the item ${item}.`, {
        next: `freshet recommend ${user}, to see the items of the list`,
        details: { item },
      });
    // Items that the user saw too recently are excluded by name.
    const excluded = examined.standing === 'excluded';
    const status: ItemStatus =
      at >= 0 && at < n
        ? 'listed'
        : examined.standing === 'candidate'
          ? 'below'
          : excluded
            ? 'seen'
            : (examined.standing as ItemStatus);
    const reasons: readonly ListReason[] = found?.reasons ?? examined.reasons;
    const words = wordsOf(model);
    const spoken = new Set([
      ...reasons.flatMap(({ seq }) => seq ?? []),
      ...(examined.seq === undefined ? [] : [examined.seq]),
    ]);
    if (excluded)
      for (const one of model.history(userId(root), RECENT_EVENTS)) if (one.item === item) spoken.add(one.seq);
    const events = model
      .history(userId(root), RECENT_EVENTS)
      .filter(({ seq }) => spoken.has(seq))
      .map(({ seq, item: own, time, weight }) => ({
        seq,
        item: own as string,
        time: new Date(time).toISOString(),
        weight: weight / 16,
      }))
      .reverse();
    const answer: Omit<WhyAnswer, 'sentences'> = {
      user,
      item,
      standing: status,
      rank: at < 0 ? null : at + 1,
      n,
      place: examined.place ?? null,
      candidates: examined.candidates,
      score: found?.score ?? examined.score ?? null,
      terms: reasons.map((reason) => ({ ...reason, says: words.term(reason, examined) })),
      features: examined.features,
      statistics: { item: examined.counts, pairs: examined.pairs },
      events,
      seq: options.seq(),
      snapshot: options.snapshot(),
      config: options.config,
      source: examined.source,
    };
    return { ...answer, sentences: words.sentences(answer, examined.seq, list) };
  };
}
