/** The engine's endpoints for lists. */
import type { Static } from 'typebox';
import { EVENT_DATA } from '../../bus/event/types.ts';
import { defineEndpoint, type Endpoint, type Json } from '../../bus/nats/micro.ts';
import { type Warning, withWarnings } from '../../bus/nats/warning.ts';
import type { Config } from '../../config/schema.ts';
import { BadRequestError, NotFoundError } from '../../errors.ts';
import { MAIN } from '../../experiment/arms.ts';
import type { AttributeNames } from '../../items/attribute-names.ts';
import { type NamedFields, parseFields } from '../../items/fields.ts';
import type { Filter } from '../../items/filter.ts';
import { namedAttributes } from '../../items/named-attributes.ts';
import { checkContext, circumstancesOf } from '../fold/context.ts';
import type { Model } from '../model/mod.ts';
import { rulesIn } from '../rerank/request.ts';
import { type SeenRule, seenRule } from '../rerank/seen.ts';
import { parseSegment } from '../rerank/segment.ts';
import type { Experiments } from './experiments.ts';
import { type Explain, type Explained, explaining } from './explanation.ts';
import type { Lists, RankingAnswer, RequestCriteria } from './lists.ts';
import { engineRequests, LIST_DEFAULT, SHELVES_DEFAULT } from './requests.ts';

type Requests = ReturnType<typeof engineRequests>;
type RecommendRequest = Static<Requests['recommend']>;

export function engineEndpoints(
  lists: Lists,
  resolve: (user: string) => string,
  { http, engine, events, lists: listed }: Config,
  {
    attributes,
    model,
    experiments = { arm: () => undefined },
    now = Date.now,
  }: {
    attributes: Pick<AttributeNames, 'warningsFor'>;
    /** Titles for explanations. */
    model: Pick<Model, 'item'>;
    experiments?: Pick<Experiments, 'arm'>;
    now?: () => number;
  },
): Record<string, Endpoint> {
  const requests = engineRequests({ http, engine });

  const filtersOf = (filter: Json | undefined): readonly Filter[] =>
    filter === undefined ? [] : (rulesIn({ filter }, { n: LIST_DEFAULT, at: now() })?.filters ?? []);

  /** Types of interactions whose items a list may leave out. */
  const types = new Set([
    ...Object.keys(EVENT_DATA).filter((type) => type.startsWith('user.')),
    ...events.declared.map((verb) => `user.${verb}.v1`),
  ]);

  /** Undefined: as the configuration says. */
  function seenOf(setting: RecommendRequest['seen_for_s']): SeenRule | undefined {
    if (setting === undefined) return undefined;
    if (typeof setting === 'number') return seenRule(setting, {});
    for (const type of Object.keys(setting))
      if (!types.has(type))
        throw new BadRequestError(
          `seen_for_s names the type ${JSON.stringify(type)}, which no interaction has. Name types such as user.viewed.v1, or declare the type in events.declared.`,
          { details: { member: 'seen_for_s' } },
        );
    return seenRule(listed.seen_for_s, setting, seenRule(listed.seen_for_s, listed.seen_by_type_s));
  }

  /** The criteria of a request beside user and length; undefined if it has none. */
  function criteriaOf(request: RecommendRequest, length: number): RequestCriteria | undefined {
    const { candidates, like, unlike, history, context } = request;
    const rules = rulesIn(request, { n: length, at: now() });
    if (like && history)
      throw new BadRequestError(
        'The request has both like and history. The list goes with one of them: leave the other one out.',
        { details: { member: 'like' } },
      );
    const seen = seenOf(request.seen_for_s);
    checkContext(context);
    const circumstances = circumstancesOf(context);
    const plain = !rules && !candidates && !like && !unlike && !history && !seen && circumstances.length === 0;
    if (plain) return undefined;
    return {
      rules,
      candidates,
      history: history ?? like,
      ...(unlike ? { unlike } : {}),
      seen,
      ...(circumstances.length > 0 ? { circumstances } : {}),
    };
  }

  const fieldsOf = (names: readonly string[] | undefined): NamedFields | undefined =>
    names === undefined ? undefined : parseFields(names);

  /** The answer, with warnings about names of attributes in the request. */
  function warned<T extends object>(
    answer: T,
    request: Parameters<typeof namedAttributes>[0],
    fields: NamedFields | undefined,
  ): T | Promise<T> {
    const found = namedAttributes(request).map(({ names, member }) => attributes.warningsFor(names, member));
    if (fields !== undefined && fields.attributes.length > 0)
      found.push(attributes.warningsFor(fields.attributes, 'fields'));
    if (found.length === 0) return answer;
    const add = (warnings: readonly Warning[][]): T =>
      warnings.every((some) => some.length === 0) ? answer : { ...answer, ...withWarnings(warnings.flat()) };
    return found.some((one) => one instanceof Promise) ? Promise.all(found).then(add) : add(found as Warning[][]);
  }

  const condensed = explaining(model);
  /** The answer with the explanation that the request asks for. */
  const explained = (answer: RankingAnswer, explain: Explain = false): Explained =>
    explain === true
      ? {
          ...answer,
          items: answer.items.map((item) => (item.reasons ? { ...item, reasons: condensed(item.reasons) } : item)),
        }
      : answer;

  return {
    recommend: defineEndpoint({
      description: 'A ranking for a user at the head of the log; an unknown user gets popular items',
      example: { user: 'u42', n: 10 },
      request: requests.recommend,
      handle: (said) => {
        const arm = said.user === undefined ? undefined : experiments.arm(resolve(said.user));
        // A member of the request takes precedence over the arm's.
        const request: RecommendRequest = arm ? { ...(arm.settings as RecommendRequest), ...said } : said;
        const { n = LIST_DEFAULT, candidates } = request;
        const criteria = criteriaOf(request, n);
        const fields = fieldsOf(request.fields);
        const user = criteria?.history && request.user === undefined ? undefined : known(request.user);
        const answer = lists.recommend({
          user: user === undefined ? undefined : resolve(user),
          criteria,
          // A request that names candidates gets them all, unless it says how many.
          n: request.n ?? (candidates === undefined ? n : Math.max(1, candidates.length)),
          exclude: request.exclude ?? [],
          explain: (request.explain ?? false) !== false,
          includeSeen: request.include_seen ?? engine.include_seen,
          maxAgeMs: request.max_age_ms ?? engine.stale_ms,
          minSeq: request.min_seq ?? 0,
          cursor: request.cursor,
          fields,
        });
        // Not by a spread, which takes long for an object of so many members.
        answer.arm = arm?.label ?? MAIN;
        if (user !== undefined) answer.user = user;
        return warned(explained(answer, request.explain), request, fields);
      },
    }),
    similar: defineEndpoint({
      description: 'Items that go with an item',
      example: { item: 'i7', n: 10 },
      request: requests.similar,
      handle: ({ item, n = LIST_DEFAULT, explain = false, filter, fields: names }) => {
        const fields = fieldsOf(names);
        const answer = lists.similar(item, n, { explain: explain !== false, filters: filtersOf(filter), fields });
        if (answer.items.length === 0 && !lists.knows(item))
          throw new NotFoundError(`The item ${JSON.stringify(item)} is neither published nor in any event.`, {
            next: 'check the id, or publish a content.published.v1 for the item',
            details: { item },
          });
        return warned(explained(answer, explain), { filter }, fields);
      },
    }),
    trending: defineEndpoint({
      description: 'Items that all users, or those of a segment, take most at present',
      example: { n: 10 },
      request: requests.trending,
      handle: ({ n = LIST_DEFAULT, filter, segment, fields: names }) => {
        const fields = fieldsOf(names);
        const options = { filters: filtersOf(filter), segment: parseSegment(segment), fields };
        return warned(lists.trending(n, options), { filter }, fields);
      },
    }),
    ping: {
      description: 'Answers with an empty object, to measure the time to the engine and back',
      example: {},
      handle: () => ({}),
    },
    shelves: defineEndpoint({
      description: 'Several titled rows for a user; no item is in two rows',
      example: { user: 'u42', rows: 5, n: 10 },
      request: requests.shelves,
      handle: ({ user, n = LIST_DEFAULT, rows = SHELVES_DEFAULT, exclude = [], fields: names, ...rules }) => {
        const fields = fieldsOf(names);
        const answer = lists.shelves({
          user: resolve(user),
          rows,
          n,
          exclude,
          rules: rulesIn(rules, { n, at: now() }),
          fields,
        });
        return warned({ ...answer, user }, rules, fields);
      },
    }),
  };
}

/** The user of a request without a history. Throws `BadRequestError` if it names none. */
function known(user: string | undefined): string {
  if (user !== undefined) return user;
  throw new BadRequestError('user is missing. Name the user, or give a history of items.', {
    details: { member: 'user' },
  });
}
