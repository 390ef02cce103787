/**
 * Requests over HTTP, made from the schemas that the services' endpoints own: the members of an endpoint, without those
 * that the path holds. A query holds texts, so a filter or a segment in it is JSON.
 */
import { type Static, Type } from 'typebox';
import { count, id, ids, request } from '../../bus/nats/request-members.ts';
import { SERVICES } from '../../bus/projection/definition.ts';
import type { Config } from '../../config/schema.ts';
import { contentRequests } from '../../content/requests.ts';
import { engineRequests, SEEN_FOR_S } from '../../engine/serve/requests.ts';
import { feedbackRequests } from '../../feedback/requests.ts';
import { FILTER_LIMITS } from '../../items/filter.ts';
import { userRequests } from '../../user/requests.ts';
import { tokenRequest } from './token.ts';

const jsonText = (description: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: FILTER_LIMITS.length, description, examples: [example] }));

const filter = jsonText('the list holds only items that match: JSON, as filter in a body', '{"tags":"sea"}');
const segment = jsonText(
  'the list counts only what users with these traits take: JSON such as {"country":"de"}',
  '{"country":"de"}',
);

/** Of the gateway alone: it reports the list, whatever the engine answers. */
const served = Type.Optional(
  Type.Boolean({
    default: false,
    description: 'whether the caller shows the list as it is; the gateway then publishes a feedback.served event',
  }),
);

const accessToken = Type.Optional(
  Type.String({ maxLength: 2_048, description: 'a token, for callers that can not set a header' }),
);

/** The path of a resource; errors name the parameter by the title. */
const path = (title: string, example: string) =>
  Type.Object({ id: id(`the ${title}, percent-encoded`, example) }, { title });

const sequence = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description, examples: [4711] });

const reason = Type.Optional(
  Type.String({ maxLength: 1_000, description: 'why, for the log', examples: ['worse lists since this morning'] }),
);

/** Which events of the log. */
const logFilter = {
  type: Type.Optional(
    Type.String({
      pattern: '^(user|content|feedback|control)(\\.[a-z0-9_]{1,64}(\\.v[0-9]{1,4})?)?$',
      description: 'only events of this type, such as user.viewed.v1, or of this verb (user.viewed) or context (user)',
      examples: ['user.viewed'],
    }),
  ),
  user: Type.Optional(id('only events of this user', 'u42')),
  item: Type.Optional(id('only events about this item: of the catalogue, and those of users that name it', 'i7')),
};

/** Characters of a text that may be a user's id. The engine refuses what is not one, for this user alone. */
const USER_LENGTH = 1_000;

export function createRequestSchemas(config: Config) {
  const users = userRequests(config);
  const content = contentRequests(config);
  const engine = engineRequests(config);
  const { summary, items: shownItems } = feedbackRequests(config);
  const { min_seq, timeout_ms } = summary.properties;
  const fresh = { min_seq, timeout_ms };
  const { n, exclude, explain, include_seen, max_age_ms, cursor, exploration, fields } = engine.recommend.properties;
  const { rows, n: perRow } = engine.shelves.properties;
  const { user: _one, cursor: _cursor, ...ofMany } = engine.recommend.properties;
  const { user: _user, ...history } = users.history.properties;
  const { q, user, withdrawn, fields: fieldsOfFound } = content.search.properties;
  return {
    userPath: path('user', 'u42'),
    itemPath: path('item', 'i7'),
    erasurePath: Type.Object({ erasure: id('the erasure', '5f1c0a9be4d2738806aa41c7') }),
    recommend: request({
      n,
      exclude,
      explain,
      include_seen,
      max_age_ms,
      cursor,
      exploration,
      seen_for_s: Type.Optional(SEEN_FOR_S),
      filter,
      fields,
      served,
      ...fresh,
    }),
    recommendBody: request({ ...engine.recommend.properties, served }),
    batchBody: request({
      users: Type.Array(Type.String({ maxLength: USER_LENGTH }), {
        minItems: 1,
        maxItems: config.http.batch_users,
        description: 'the users; each gets a list or a problem of its own',
        examples: [['u42', 'u43']],
      }),
      ...ofMany,
      served,
    }),
    past: request({ seq: sequence('position of the log'), n, fields }),
    whatIf: request({
      user: id('the user', 'u42'),
      add: Type.Optional(
        ids(config.http.list_max, 'items that the history has in addition, the last one as the newest', ['i7', 'i8']),
      ),
      leave_out: Type.Optional(ids(config.http.list_max, 'items whose interactions the history lacks', ['i1'])),
      leave_out_seqs: Type.Optional(
        Type.Array(sequence('a sequence'), {
          maxItems: config.http.list_max,
          description: 'sequences of the interactions that the history lacks; the history of the user names them',
          examples: [[4711]],
        }),
      ),
      n,
      exclude,
      explain,
      include_seen,
      filter: engine.recommend.properties.filter,
      context: engine.recommend.properties.context,
      fields,
      ...fresh,
    }),
    shelves: request({ n: perRow, rows, exclude, filter, fields, ...fresh }),
    stream: request({ n, exclude, explain, include_seen, filter, fields, ...fresh, access_token: accessToken }),
    similar: request({ n, explain, filter, fields, ...fresh }),
    trending: request({ n, filter, segment, fields, ...fresh }),
    history: request(history),
    foundUsers: users.search,
    // The services refuse a member that does not go with the others.
    items: request({
      ...content.list.properties,
      q: Type.Optional(q),
      user,
      filter,
      withdrawn,
      fields: fieldsOfFound,
    }),
    log: request({
      before: Type.Optional(sequence('only events before this sequence; next of the previous page names it')),
      n: Type.Optional(count(config.http.log_max, config.http.log_default, 'events')),
      ...logFilter,
    }),
    logStream: request({
      after: Type.Optional(sequence('begin after this sequence; without it the stream begins with the next event')),
      ...logFilter,
    }),
    logSeqPath: Type.Object({ seq: sequence('sequence of the event in the log') }, { title: 'seq' }),
    erasures: request({ n: users.erasure.properties.n }),
    deadLetters: request({
      service: Type.Optional(Type.Enum([...SERVICES], { description: 'only those of this service' })),
      code: Type.Optional(
        Type.String({ maxLength: 100, description: 'only those with this reason', examples: ['FRESHET_EVENT_SCHEMA'] }),
      ),
      all: Type.Optional(
        Type.Boolean({ default: false, description: 'also those that an operator has discarded or corrected' }),
      ),
      before: Type.Optional(sequence('only dead letters before this sequence; next of the previous page names it')),
      n: Type.Optional(count(config.http.log_max, config.http.log_default, 'dead letters')),
    }),
    publishers: request({
      n: Type.Optional(
        count(config.http.log_search_events, config.http.log_search_events, 'newest sequences of the log'),
      ),
    }),
    startExperiment: request({
      experiment: Type.String({ maxLength: 64, description: 'name of the experiment', examples: ['diverse'] }),
      arms: Type.Array(
        Type.Object(
          {
            arm: Type.String({ maxLength: 64, description: 'name of the arm', examples: ['as-is'] }),
            share: Type.Number({ description: 'share of the users, above 0 and at most 1', examples: [0.5] }),
            settings: Type.Optional(
              Type.Record(Type.String(), Type.Unknown(), {
                description: 'members of a request for a list that the arm changes; left out: none',
                examples: [{ diversity: { lambda: 0.7 } }],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        { minItems: 2, maxItems: 10, description: 'the arms, with the baseline first' },
      ),
    }),
    experimentPath: Type.Object(
      { experiment: Type.String({ maxLength: 64, description: 'name of the experiment' }) },
      { title: 'experiment' },
    ),
    act: request({ reason }),
    rollback: request({
      snapshot: Type.Optional(
        Type.String({
          maxLength: 128,
          description: '`object` of a snapshot',
          examples: ['model-000000012345-0f1e2d3c'],
        }),
      ),
      reason,
      end: Type.Optional(
        Type.Boolean({ default: false, description: 'ends the rollback: the settings of the file come into force' }),
      ),
    }),
    /** A request without members. */
    nothing: request({}),
    fresh: summary,
    shownItems,
    catalogue: content.facets,
    token: tokenRequest(config),
  };
}

export type RequestSchemas = ReturnType<typeof createRequestSchemas>;
export type RequestOf<Name extends keyof RequestSchemas> = Static<RequestSchemas[Name]>;
