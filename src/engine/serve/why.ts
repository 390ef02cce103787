/**
 * Why an item stands where it does in a user's list, or why it is not in it: the user's own events, what people did with
 * these items, features and weights, and the terms that add up to the score. Of other people it tells sums alone.
 */
import { itemId, userId } from '../../bus/event/ids.ts';
import { defineEndpoint, type Endpoint } from '../../bus/nats/micro.ts';
import type { Config } from '../../config/schema.ts';
import { NotFoundError } from '../../errors.ts';
import { type Circumstance, checkContext, circumstancesOf } from '../fold/context.ts';
import type { RowsBeside } from '../fold/rows-beside.ts';
import type { Examined, ListSource, Model } from '../model/mod.ts';
import type { Filter } from '../rerank/filter.ts';
import { joinRules, rulesIn } from '../rerank/request.ts';
import { NO_RULES, type Rules } from '../rerank/rules.ts';
import { isForGood, keptOut, SEEN_FOR_GOOD, type SeenRule } from '../rerank/seen.ts';
import { createShaping, type ListReason, POOL_MOST, type Shape, type ShapedItem } from '../rerank/shaping.ts';
import type { Experiments } from './experiments.ts';
import { engineRequests, LIST_DEFAULT } from './requests.ts';

/** `listed`: within the first n; `below`: further down; else why it can't be in the list. */
export type WhyStanding = 'listed' | 'below' | Exclude<Examined['standing'], 'candidate' | 'unknown'>;

export interface WhyTerm extends ListReason {
  /** The term in words. */
  says: string;
}

/** One event of the user's own that a term or a standing goes back to. */
export interface WhyEvent {
  seq: number;
  item: string;
  /** RFC 3339; what the engine counts by. */
  time: string;
  /** In full interactions. */
  weight: number;
}

export interface WhyAnswer {
  user: string;
  item: string;
  standing: WhyStanding;
  /** Place in the user's list, rules included; null: it is not in it. */
  rank: number | null;
  /** Length that was asked for. */
  n: number;
  /** Place among the candidates by the model's score, before any rule; null: it was none. */
  place: number | null;
  candidates: number;
  score: number | null;
  /** They add up to the score, the largest first. */
  terms: WhyTerm[];
  /** Value times weight of each feature; they add up to what the model says, which rules may change. */
  features: Examined['features'];
  statistics: {
    /** Of the item, over all people, in full interactions. */
    item: Examined['counts'];
    /** Of the item with those of the user's own, over all people. */
    pairs: Examined['pairs'];
  };
  /** The user's own events that are spoken of, in the order of the log. */
  events: WhyEvent[];
  /** All of it in words. */
  sentences: string[];
  seq: number;
  snapshot: string;
  config: string;
  source: ListSource;
}

export interface WhyRequest {
  /** As it was asked for. */
  user: string;
  /** Whose list it is. */
  root: string;
  item: string;
  n: number;
  includeSeen: boolean;
  /** Rules beside those of the configuration: of the request, or of the user's arm. */
  rules?: Rules | undefined;
  /** Circumstances in which the list is asked for. */
  circumstances?: readonly Circumstance[];
}

export interface WhyOptions {
  model: Model;
  /** Position of the model. */
  seq: () => number;
  snapshot: () => string;
  config: string;
  /** Items of a list that stands; a list is never chosen from for fewer. */
  length: number;
  rules?: () => Rules;
  /** Which items that were seen are out; left out: all, for good. */
  seen?: SeenRule;
  /** What the engine's rows know beside the model. */
  rows?: RowsBeside;
  /** Standard deviations that an item moves that is taken twice as often in a circumstance. */
  contextWeight?: number;
  /** Seed of the draws of exploration. */
  explorationSeed?: number;
}

/** By so much two sums of the same terms in another order may differ. */
const ROUNDING = 1e-6;
/** Newest events that are looked through for those that are spoken of. */
const RECENT_EVENTS = 10_000;

export function createWhy(options: WhyOptions): (request: WhyRequest) => WhyAnswer {
  const { model, length, rules = () => NO_RULES, seen = SEEN_FOR_GOOD, rows, contextWeight, explorationSeed } = options;
  const shaping = createShaping(model, {
    seq: options.seq,
    ...(rows ? { rows } : {}),
    ...(contextWeight === undefined ? {} : { contextWeight }),
    ...(explorationSeed === undefined ? {} : { seed: explorationSeed }),
  });

  function examine(shape: Shape, item: string, count: number, found: ShapedItem | undefined): Examined {
    const { user = '', includeSeen = false } = shape;
    const ask = (n: number, filters: readonly Filter[]): Examined =>
      model.examine(
        {
          user: userId(user),
          n,
          exclude: keptOutOf(user, includeSeen),
          allowed: shaping.testOf(filters),
          includeSeen: includeSeen || !isForGood(seen),
        },
        itemId(item),
      );
    const { filters, quotas } = shape.rules;
    const first = shaping.poolOf(shape, count);
    if (found === undefined) return ask(first, filters);
    // Where quotas left places open the list was chosen from more, and what they ask for was looked for by itself.
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

  /** Items that were seen too lately to come back. */
  function keptOutOf(root: string, includeSeen: boolean): ReturnType<typeof itemId>[] {
    if (includeSeen || isForGood(seen)) return [];
    const own = model.history(userId(root), RECENT_EVENTS);
    return keptOut(own, seen, model.clock, rows?.verbOf ?? (() => undefined)).map(itemId);
  }

  /** The list as it is answered; further down, where the item is not in it, in the same terms. */
  function listWith(item: string, shape: Shape, count: number): ShapedItem[] {
    const { items } = shaping.list(shape, count);
    // Quotas choose for so many places: of more, they would choose others.
    const further = shaping.poolOf(shape, count);
    const all = further <= count || items.length < count || shape.rules.quotas.length > 0;
    if (all || items.some((one) => one.item === item)) return items;
    return shaping.list(shape, further, count).items;
  }

  return (request) => {
    const { user, root, item, n, includeSeen, circumstances = [] } = request;
    const count = Math.max(length, n + 1);
    const shape: Shape = {
      user: root,
      explain: true,
      includeSeen,
      seen,
      rules: request.rules ? joinRules(rules(), request.rules) : rules(),
      ...(circumstances.length > 0 ? { circumstances } : {}),
    };
    const list = listWith(item, shape, count);
    const at = list.findIndex((one) => one.item === item);
    const found = list[at];
    const examined = examine(shape, item, count, found);
    if (!examined.known)
      throw new NotFoundError(`No event of ${user} is known, so there is no list of their own.`, {
        next: 'freshet trending, which is what somebody unknown gets',
        details: { user },
      });
    if (examined.standing === 'unknown')
      throw new NotFoundError(`No event speaks of the item ${item}.`, {
        next: `freshet recommend ${user}, to see what is there`,
        details: { item },
      });
    // What was seen too lately to come back is left out by name.
    const excluded = examined.standing === 'excluded';
    const standing: WhyStanding =
      at >= 0 && at < n
        ? 'listed'
        : examined.standing === 'candidate'
          ? 'below'
          : excluded
            ? 'seen'
            : (examined.standing as WhyStanding);
    const reasons: readonly ListReason[] = found?.reasons ?? examined.reasons;
    const told = tell(model);
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
      standing,
      rank: at < 0 ? null : at + 1,
      n,
      place: examined.place ?? null,
      candidates: examined.candidates,
      score: found?.score ?? examined.score ?? null,
      terms: reasons.map((reason) => ({ ...reason, says: told.term(reason, examined) })),
      features: examined.features,
      statistics: { item: examined.counts, pairs: examined.pairs },
      events,
      seq: options.seq(),
      snapshot: options.snapshot(),
      config: options.config,
      source: examined.source,
    };
    return { ...answer, sentences: told.sentences(answer, examined.seq, list) };
  };
}

const sum = (terms: readonly { contribution: number }[]): number =>
  terms.reduce((all, { contribution }) => all + contribution, 0);

/** Terms that are told one by one; the rest are told by their sum. */
const TOLD = 8;

/** Words for what is told. */
function tell(model: Model) {
  const name = (item: string): string => {
    const title = model.item(itemId(item))?.fields.title;
    return title === undefined || title === item ? item : `${item} (${title})`;
  };
  const own = ({ item, seq }: { item?: string; seq?: number }): string =>
    item === undefined ? 'the history' : `${name(item)}${seq === undefined ? '' : `, taken at sequence ${seq}`}`;

  function term(reason: ListReason, { pairs, counts }: Examined): string {
    const pair = pairs.find(({ item }) => item === reason.item);
    switch (reason.signal) {
      case 'directed':
        return `people who took ${own(reason)}, took it soon after or before${pair ? ` (after ${short(pair.after)}, before ${short(pair.before)})` : ''}`;
      case 'together':
        return `people take it together with ${own(reason)}${pair ? ` (${short(pair.together)} times)` : ''}`;
      case 'evidence':
        return `it follows ${own(reason)}, more often than how much it is taken would make it`;
      case 'neighbours':
        return 'people with a similar history took it next';
      case 'content': {
        const common = (reason.terms ?? []).map((word) => word.replace(/^=/, '')).join(', ');
        return `it is like ${reason.item === undefined ? 'what is known of the user' : own(reason)}${common ? `: ${common}` : ''}`;
      }
      case 'whitened':
      case 'towers':
        return 'its features go with those of the history, by what was trained on many people';
      case 'popular':
        return `how much, and how lately, people take it (${short(counts.taken)} interactions in all)`;
      case 'new':
        return 'it is new';
      case 'context:device':
      case 'context:place':
      case 'context:hour':
        return `it is taken ${reason.contribution < 0 ? 'less' : 'more'} than elsewhere in these circumstances (${reason.signal.slice('context:'.length)})`;
      case 'boost':
        return `a boost ${reason.contribution < 0 ? 'moves it down' : 'moves it up'}`;
      case 'unlike':
        return 'it is like what the list is to keep away from';
      case 'disliked':
        return `people rated it low or put it away (${short(counts.negative)} and ${counts.dismissed} times)`;
      default:
        return `the rule ${reason.signal}`;
    }
  }

  function head(answer: Omit<WhyAnswer, 'sentences'>, seq: number | undefined, list: readonly ShapedItem[]): string {
    const { user, item, n, rank, place, candidates, score } = answer;
    const it = name(item);
    const when = seq === undefined ? '' : ` at sequence ${seq}`;
    switch (answer.standing) {
      case 'listed':
        return `${it} stands at place ${rank} in the list of ${user}, chosen from ${candidates} candidates, with a score of ${fixed(score)}.`;
      case 'below': {
        const last = list[Math.min(n, list.length) - 1];
        if (rank === null && place !== null && place <= list.length)
          return `${it} is not in the list of ${user}: it stands at place ${place} of ${candidates} candidates with a score of ${fixed(score)}, and the rules after ranking chose others.`;
        return `${it} is not among the first ${n} of ${user}: it stands at place ${rank ?? place}${rank === null ? ` of ${candidates} candidates` : ''} with a score of ${fixed(score)}${last ? `; the last of the ${Math.min(n, list.length)} has ${fixed(last.score)}` : ''}.`;
      }
      case 'seen':
        return `${it} is not in the list of ${user}: they took it already${when}, and what was taken is left out.`;
      case 'dismissed':
        return `${it} is not in the list of ${user}: they put it away${when}.`;
      case 'withdrawn':
        return `${it} is in nobody's list: it is withdrawn.`;
      case 'unpublished':
        return `${it} is in nobody's list: it is not in the catalogue, and engine.serve_unpublished is off.`;
      case 'filtered':
        return `${it} is not in the list: a filter (lists.filter, or one that was asked with) does not let it pass.`;
      case 'excluded':
        return `${it} was left out by name.`;
      case 'not-found':
        return `${it} was not among the ${candidates} candidates of ${user}: of what people did with the user's items, of likeness, popularity and newness nothing put it there.`;
    }
  }

  return {
    term,
    sentences: (
      answer: Omit<WhyAnswer, 'sentences'>,
      seq: number | undefined,
      list: readonly ShapedItem[],
    ): string[] => {
      const said = [head(answer, seq, list)];
      for (const { contribution, says } of answer.terms.slice(0, TOLD)) said.push(`${signed(contribution)}: ${says}.`);
      const rest = answer.terms.slice(TOLD);
      if (rest.length > 0) said.push(`${signed(sum(rest))}: ${rest.length} further terms.`);
      const { pairs } = answer.statistics;
      if (answer.standing === 'not-found' && pairs.length > 0)
        said.push(
          `It was taken by people who took ${pairs
            .map(({ item }) => name(item))
            .slice(0, 3)
            .join(', ')}, but too seldom.`,
        );
      return said;
    },
  };
}

const short = (value: number): string => String(Math.round(value * 100) / 100);
const fixed = (value: number | null): string => (value ?? 0).toFixed(3);
const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;

/** The endpoint as it is documented. */
export const EXPLAIN = {
  description:
    'Why an item stands where it does in a user’s list, or why it is not in it: events, statistics, weights, and the terms that add up to the score',
  example: { user: 'u42', item: 'i7', n: 10 },
} as const;

export const explainEndpoint = (
  why: (request: WhyRequest) => WhyAnswer,
  resolve: (user: string) => string,
  { http, engine }: Config,
  {
    experiments = { arm: () => undefined },
    now = Date.now,
  }: { experiments?: Pick<Experiments, 'arm'>; now?: () => number } = {},
): Endpoint =>
  defineEndpoint({
    ...EXPLAIN,
    request: engineRequests({ http, engine }).explain,
    handle: (said) => {
      const { user, item, context } = said;
      const root = resolve(user);
      // The list of a user who is in an experiment is the one of their arm.
      const request: typeof said = { ...(experiments.arm(root)?.settings as typeof said), ...said };
      const n = request.n ?? LIST_DEFAULT;
      checkContext(context);
      return why({
        user,
        root,
        item,
        n,
        includeSeen: request.include_seen ?? engine.include_seen,
        rules: rulesIn(request, { n, at: now() }),
        circumstances: circumstancesOf(context),
      });
    },
  });
