/**
 * What requests hold and answers say: one source for validation and for the OpenAPI document. Answers are not cut to
 * their schema: what a service adds comes through.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { MAX_ID_BYTES } from '../bus/event/ids.ts';
import { EVENT_DATA } from '../bus/event/types.ts';
import type { Config } from '../config/schema.ts';
import { FILTER_LIMITS, FILTER_OPERATORS } from '../engine/rerank/filter.ts';
import { RULE_LIMITS } from '../engine/rerank/request.ts';
import { SEEN_FOR_MOST_S } from '../engine/serve/endpoints.ts';
import { TOKEN_SCOPES } from './access/scopes.ts';
import { PROBLEM_MEDIA } from './problems.ts';

const Id = (description: string, example: string) =>
  Type.String({
    minLength: 1,
    maxLength: MAX_ID_BYTES,
    description: `${description}: 1 to ${MAX_ID_BYTES} bytes of printable UTF-8`,
    examples: [example],
  });
const Seq = (description: string, example = 4711) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description, examples: [example] });
const Time = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-11-23T10:00:00.000Z'] });
const OrNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const Attribute = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String())]);
/** Answers may grow. */
const open = { additionalProperties: true } as const;

// --- shared, by name in the document ---------------------------------------------------------------------------------

const Problem = Type.Object(
  {
    type: Type.String({ description: 'URN of the condition', examples: ['urn:freshet:problem:bad-request'] }),
    title: Type.String({ examples: ['Bad request'] }),
    status: Type.Integer({ minimum: 400, maximum: 599, examples: [400] }),
    code: Type.String({ description: 'stable, for programs', examples: ['FRESHET_BAD_REQUEST'] }),
    detail: Type.String({
      description: 'what is wrong, for people',
      examples: ['n takes a whole number from 1 to 1000.'],
    }),
    next: Type.Optional(Type.String({ description: 'what to run or change', examples: ['freshet status'] })),
    member: Type.Optional(Type.String({ description: 'member of the request that is wrong', examples: ['n'] })),
    reached: Type.Optional(
      Type.Integer({ description: 'of FRESHET_SEQUENCE_NOT_REACHED: the sequence that has been reached' }),
    ),
  },
  { $id: 'Problem', ...open, description: 'What went wrong (RFC 9457); other members hold the values that matter' },
);

/** The example that all of the documentation uses. */
export const EVENT_EXAMPLE = {
  specversion: '1.0',
  id: '01JDA8Z7Q5',
  type: 'user.viewed.v1',
  source: 'shop-web',
  subject: 'u42',
  time: '2026-11-23T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { item: 'i7' },
} as const;

const refusedTypes = /^control\./;
const Event = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Id(
      'with the source: the identity of the event, under which it counts once however often it is sent',
      '01JDA8Z7Q5',
    ),
    source: Id('who publishes', 'shop-web'),
    type: Type.String({
      description: `one of ${Object.keys(EVENT_DATA)
        .filter((type) => !refusedTypes.test(type))
        .join(', ')}, or user.x_<verb>.v1 as declared in the configuration`,
      examples: ['user.viewed.v1'],
    }),
    subject: Id('user id, or item id of content events', 'u42'),
    time: Type.Optional(Time('when it happened; the time of arrival where it is left out')),
    datacontenttype: Type.Optional(Type.Literal('application/json')),
    data: Type.Object(
      {},
      { ...open, description: 'as the type has it, e.g. item and value of an interaction', examples: [{ item: 'i7' }] },
    ),
  },
  {
    $id: 'Event',
    ...open,
    description: 'CloudEvents 1.0, structured JSON',
    examples: [EVENT_EXAMPLE],
  },
);

const rejected = Type.Array(
  Type.Object({
    index: Type.Integer({ minimum: 0, description: 'place in the request, from 0' }),
    id: OrNull(Type.String(), 'id of the event; null where none can be told'),
    code: Type.String({ examples: ['FRESHET_EVENT_SCHEMA'] }),
    message: Type.String(),
  }),
  { description: 'events that are not stored, and why' },
);
const published = {
  accepted: Type.Integer({ minimum: 0, description: 'events that were stored' }),
  duplicates: Type.Integer({ minimum: 0, description: 'events that the log held already' }),
  rejected,
  seq: Type.Optional(Seq('highest sequence of these events in the log, to be given as min_seq')),
};
const Published = Type.Object(published, {
  $id: 'Published',
  ...open,
  description: 'What became of the events, after JetStream has acknowledged',
  examples: [{ accepted: 1, duplicates: 0, rejected: [], seq: 4711 }],
});

const Ranking = Type.Object(
  {
    user: Type.Optional(Type.String({ examples: ['u42'] })),
    item: Type.Optional(Type.String({ description: 'of similar items: the item asked about' })),
    list: Type.String({
      description: 'id of this answer, to be named in feedback and interactions',
      examples: ['l_Zm9vYmFyYmF6cXV4'],
    }),
    items: Type.Array(
      Type.Object(
        {
          item: Type.String({ examples: ['i7'] }),
          score: Type.Number({ examples: [1.25] }),
          propensity: Type.Optional(
            Type.Number({ description: 'where places may explore: the probability of this item at its place' }),
          ),
          explored: Type.Optional(Type.Boolean({ description: 'true where it is there because its place explored' })),
          reasons: Type.Optional(
            Type.Array(Type.Object({ signal: Type.String(), contribution: Type.Number() }, open), {
              description: 'with explain: the terms that the score is made of',
            }),
          ),
        },
        open,
      ),
      { description: 'best first' },
    ),
    snapshot: Type.String({ description: 'snapshot in force, or none' }),
    seq: Seq('log position that it was computed at'),
    config: Type.String({ description: 'hash of the engine’s settings' }),
    source: Type.String({ description: 'what carried it', examples: ['model', 'content', 'popular'] }),
    arm: Type.Optional(
      Type.String({ description: 'EXPERIMENT/ARM of the experiment that runs, or main', examples: ['main'] }),
    ),
    next: OrNull(Type.String(), 'cursor of the page after it; null after the last one'),
    served: Type.Optional(
      OrNull(
        Type.Integer(),
        'with served: log position of the event that reports the list; null if sampling left the list out, or if the log did not acknowledge the event within http.served_timeout_ms',
      ),
    ),
  },
  { $id: 'Ranking', ...open, description: 'A ranked list' },
);

const User = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    registered: OrNull(Time('when'), 'null for a user who acted without registering'),
    traits: Type.Record(Type.String(), Attribute),
    events: Type.Integer({ minimum: 0, description: 'interactions in the history' }),
    last_seen: OrNull(Time('when'), 'time of the newest interaction'),
    sessions: Type.Array(Type.String(), { description: 'anonymous ids that became this user' }),
  },
  { $id: 'User', ...open, description: 'What is known of a user' },
);

const History = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    events: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          type: Type.String({ examples: ['user.viewed.v1'] }),
          item: Type.String({ examples: ['i7'] }),
          value: Type.Optional(Type.Number()),
          time: Time('when it happened'),
          seq: Seq('position in the log'),
        },
        open,
      ),
      { description: 'newest first' },
    ),
    next: OrNull(Type.Integer(), 'before of the page after it; null after the last one'),
  },
  { $id: 'History', ...open, description: 'Interactions of a user' },
);

const HeldRecords = Type.Array(Type.Object({}, open), { description: 'records of one kind, as they are stored' });

const Export = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    ids: Type.Array(Type.String(), {
      description: 'the user’s id, then those of the sessions that became this user',
      examples: [['u42']],
    }),
    exported: Time('when it was asked for'),
    services: Type.Record(Type.String(), Type.Record(Type.String(), Type.Union([Type.Integer(), HeldRecords])), {
      description:
        'by service: seq, the position of the log at which it was, then a list of records for each kind that it holds',
      examples: [{ user: { seq: 5, profile: [{ user: 'u42', traits: {} }] } }],
    }),
    events: Type.Array(
      Type.Object(
        {
          seq: Seq('position in the log'),
          subject: Type.String({ examples: ['ev.user.u42.viewed'] }),
          taken: Time('when the log took it'),
          event: Type.Optional(Type.Unknown({ description: 'the event' })),
          bytes: Type.Optional(
            Type.Integer({ description: 'in place of event, where it is no JSON or very large: its length' }),
          ),
          offset: Type.Optional(Type.Integer({ description: 'where this piece of it begins' })),
          payload: Type.Optional(Type.String({ description: 'the piece, base64' })),
        },
        open,
      ),
      { description: 'every message of the log under these ids, in its order for each of them' },
    ),
  },
  { $id: 'Export', ...open, description: 'Everything that is held on a user' },
);

const Erasure = Type.Object(
  {
    erasure: Type.String({ description: 'id of the erasure', examples: ['5f1c0a9be4d2738806aa41c7'] }),
    requested: Time('when it was asked for'),
    state: Type.Enum(['recording', 'purging', 'folding', 'rebuilding', 'done'], {
      description:
        'recording and purging: the log; folding: until every service has taken its rows out; rebuilding: until what can’t be taken out exactly is made again; done',
    }),
    deadline: Time('by when everything has to be what the log gives without the user, rebuilds included'),
    overdue: Type.Boolean({ description: 'it was not complete by then, or is not yet' }),
    done: OrNull(Time('when it was complete'), 'null until it is complete'),
    services: Type.Array(
      Type.Object(
        {
          service: Type.String({ examples: ['engine'] }),
          state: Type.Enum(['waiting', 'rows', 'trained', 'exact'], {
            description:
              'rows: what was theirs is gone; trained (engine): what was trained with their part is trained anew; exact: the state is what the log gives without them',
          }),
          at: OrNull(Time('since when'), 'null while waiting'),
          down: Type.Optional(
            Type.Array(Type.String(), {
              description: 'instances that hold the log and do not answer: it goes on when they come back',
              examples: [['engine-2']],
            }),
          ),
        },
        open,
      ),
    ),
  },
  { $id: 'Erasure', ...open, description: 'A user who is being forgotten; it does not say who' },
);

const Item = Type.Object(
  {
    item: Type.String({ examples: ['i7'] }),
    available: Type.Boolean({ description: 'false while it is withdrawn' }),
    title: Type.String({ examples: ['Treasure Island'] }),
    description: Type.Optional(Type.String()),
    tags: Type.Optional(Type.Array(Type.String())),
    attributes: Type.Optional(Type.Record(Type.String(), Attribute)),
    published: Type.Optional(Time('when it came out')),
    embedding: Type.Optional(Type.Array(Type.Number())),
  },
  { $id: 'Item', ...open, description: 'An item of the catalogue' },
);

const Items = Type.Object(
  {
    items: Type.Array(Type.Ref('Item#'), { description: 'in order of id' }),
    next: OrNull(Type.String(), 'cursor of the page after it; null after the last one'),
  },
  { $id: 'Items', ...open, description: 'A page of the catalogue' },
);

const rate = {
  impressions: Type.Integer({ minimum: 0 }),
  clicks: Type.Integer({ minimum: 0 }),
  dismissals: Type.Integer({ minimum: 0 }),
  conversions: Type.Integer({ minimum: 0 }),
  ctr: Type.Number({ description: 'clicked impressions per impression' }),
  ctr_interval: Type.Array(Type.Number(), { minItems: 2, maxItems: 2, description: '95 % interval of it' }),
  conversion_rate: Type.Number({ description: 'converted impressions per impression' }),
};
const shown = Type.Object(
  {
    items: Type.Integer({ minimum: 0, description: 'different items that were shown' }),
    gini: Type.Number({ description: '0 where all are shown alike, towards 1 where few are shown all the time' }),
    coverage: OrNull(Type.Number(), 'share of the items ever published that was shown; null without a catalogue'),
    diversity: Type.Number({ description: 'probability that two impressions are of different items' }),
    novelty: Type.Number({ description: 'mean self-information of impressions, bits' }),
  },
  { ...open, description: 'how impressions spread over items' },
);
/** A part of what was shown. */
const part = { ...rate, shown };
const FeedbackSummary = Type.Object(
  {
    lists: Type.Integer({ minimum: 0, description: 'lists that were served' }),
    total: Type.Object(rate, open),
    by_snapshot: Type.Array(Type.Object({ ...part, snapshot: Type.String() }, open)),
    by_arm: Type.Array(Type.Object({ ...part, arm: Type.String() }, open)),
    by_position: Type.Array(Type.Object({ ...part, position: Type.Integer() }, open)),
    by_day: Type.Array(Type.Object({ ...part, day: Type.String() }, open), {
      description: 'by day of serving, UTC, newest first',
    }),
    shown,
    without_exploration: Type.Object(
      {
        lists: Type.Integer({ minimum: 0 }),
        impressions: Type.Integer({ minimum: 0 }),
        ips: OrNull(Type.Number(), 'by inverse propensity scores'),
        snips: OrNull(Type.Number(), 'by self-normalized ones'),
      },
      {
        ...open,
        description:
          'click-through that the lists whose items have known probabilities would have had without exploration, with 95 % intervals',
      },
    ),
    experiments: Type.Array(
      Type.Object({ experiment: Type.String(), arms: Type.Array(Type.Object({ arm: Type.String() }, open)) }, open),
      {
        description:
          'the newest first: click-through by arm, and what each arm differs by from the first, with p-values and intervals that may be looked at at any time',
      },
    ),
    unattributed: Type.Object({}, { ...open, description: 'reactions that no list within the window accounts for' }),
    prequential: OrNull(
      Type.Object({ snapshot: Type.String(), seq: Type.Integer(), scored: Type.Integer() }, open),
      'quality on the newest events, each asked for before it was learned, up to the snapshot in force: hr, ndcg and mrr at 10 of the model, of decayed popularity and of item kNN; null before the first snapshot',
    ),
  },
  { $id: 'FeedbackSummary', ...open, description: 'What came of what was shown' },
);

const Ready = Type.Object(
  {
    ready: Type.Boolean(),
    waiting: Type.Array(
      Type.Object({
        service: Type.String({ examples: ['engine'] }),
        state: Type.String({ description: 'catching-up, rebuilding, refusing or down', examples: ['down'] }),
        detail: Type.Optional(Type.String()),
      }),
      { description: 'what isn’t ready' },
    ),
  },
  { $id: 'Ready', description: 'Whether requests are served' },
);

const Nothing = Type.Object({}, { $id: 'Nothing', ...open, description: 'Nothing' });

const Shelves = Type.Object(
  {
    user: Type.String({ examples: ['u42'] }),
    shelves: Type.Array(
      Type.Object(
        {
          kind: Type.String({ description: 'for-you, because, new or trending', examples: ['because'] }),
          of: Type.Optional(Type.String({ description: 'of because: the item it goes with' })),
          title: Type.String({ examples: ['Because of Treasure Island'] }),
          list: Type.String({ description: 'id of this row, to be named in feedback and interactions' }),
          items: Type.Array(Type.Object({ item: Type.String(), score: Type.Number() }, open)),
          source: Type.String({ description: 'what carried it' }),
        },
        open,
      ),
    ),
    snapshot: Type.String(),
    seq: Seq('log position that it was computed at'),
    config: Type.String(),
  },
  { $id: 'Shelves', ...open, description: 'Titled rows with no item twice' },
);

const Token = Type.Object(
  {
    token: Type.String({ description: 'to be sent as `Authorization: Bearer TOKEN`' }),
    user: Type.String({ examples: ['u42'] }),
    session: Type.Optional(Type.String({ description: 'anonymous id that it may join to the user' })),
    scopes: Type.Array(Type.String({ examples: ['recommend'] })),
    expires: Time('when it ends'),
  },
  { $id: 'Token', ...open, description: 'A token for one user’s browser' },
);

const RankingStream = Type.String({
  $id: 'RankingStream',
  description: 'Server-sent events named `ranking`, each with a list as data and its place in the stream as id',
  examples: ['id: 4711.Zm9vYmFyYmF6\nevent: ranking\ndata: {"user":"u42","items":[]}\n\n'],
});

/** Schemas that the document names; answers refer to them. */
export const SHARED = {
  Problem,
  Event,
  Published,
  Ranking,
  User,
  Erasure,
  Export,
  History,
  Item,
  Items,
  FeedbackSummary,
  Ready,
  Nothing,
  Shelves,
  Token,
  RankingStream,
} as const;
export type SharedName = keyof typeof SHARED;

// --- answers ----------------------------------------------------------------------------------------------------------

const PROBLEMS = {
  400: 'The request is wrong: member says where',
  401: 'A key is asked for and is missing, wrong, revoked or expired',
  403: 'The key or token is not for this',
  404: 'There is none',
  409: 'No keys are in use here',
  413: 'Larger than http.body_bytes, or more events than http.batch_events',
  415: 'A media type that isn’t read here',
  429: 'More than the limit; Retry-After says when to ask again',
  503: 'The service or the log is away; Retry-After says when to ask again',
  504: 'min_seq has not been reached within timeout_ms; reached says how far it is',
} as const;
type ProblemStatus = keyof typeof PROBLEMS;

const problemAnswer = (status: ProblemStatus) => ({
  description: PROBLEMS[status],
  content: { [PROBLEM_MEDIA]: { schema: Type.Ref('Problem#') } },
});

/** Media types of answers that are no JSON. */
const MEDIA: Partial<Record<SharedName, string>> = { RankingStream: 'text/event-stream' };

/** Answers of a route for its documentation. */
export function answers(
  name: SharedName,
  description: string,
  problems: readonly ProblemStatus[],
  success: 200 | 202 = 200,
): Record<string, object> {
  return {
    [success]: { description, content: { [MEDIA[name] ?? 'application/json']: { schema: Type.Ref(`${name}#`) } } },
    ...Object.fromEntries(problems.map((status) => [status, problemAnswer(status)])),
  };
}

/** Problems of every read. */
export const READ_PROBLEMS = [400, 401, 403, 429, 503, 504] as const;

// --- requests ---------------------------------------------------------------------------------------------------------

/** The members of each request, with the limits of the configuration. */
export function createRequestSchemas({ http, engine, user, content }: Config) {
  const strict = { additionalProperties: false } as const;
  const fresh = {
    min_seq: Type.Optional(
      Seq('answer only from a state that holds the event with this sequence (seq of a publish answer)'),
    ),
    timeout_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: http.min_seq_timeout_max_ms,
        default: http.min_seq_timeout_ms,
        description: 'milliseconds that min_seq waits, then 504',
        examples: [http.min_seq_timeout_ms],
      }),
    ),
  };
  const page = (most: number, otherwise: number, what: string) =>
    Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: most,
        default: otherwise,
        description: `how many ${what}`,
        examples: [otherwise],
      }),
    );
  const explain = Type.Optional(Type.Boolean({ default: false, description: 'say why each item is in the list' }));
  const cursor = (what: string) =>
    Type.Optional(Type.String({ minLength: 1, maxLength: 1_000, description: `next of the page before: ${what}` }));
  const idList = (description: string, example: string[]) =>
    Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_ID_BYTES }), {
        maxItems: http.list_max,
        description,
        examples: [example],
      }),
    );
  const Filter = Type.Record(Type.String(), Type.Unknown(), {
    description: `a part of MongoDB's query language: fields item, title, tags, published, listed, attributes.NAME; operators ${FILTER_OPERATORS.join(', ')}`,
    examples: [{ tags: 'sea', 'attributes.price': { $lt: 20 } }],
  });
  const served = Type.Optional(
    Type.Boolean({
      default: false,
      description: 'whether it will be shown as it is, so that the gateway reports it as feedback.served',
    }),
  );
  const filterText = Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: FILTER_LIMITS.length,
      description: 'only items that match: JSON, as filter in a body',
      examples: ['{"tags":"sea"}'],
    }),
  );
  const rules = {
    filter: Type.Optional(Filter),
    filters: Type.Optional(
      Type.Array(Filter, { maxItems: RULE_LIMITS.each, description: 'filters that all have to match' }),
    ),
    boosts: Type.Optional(
      Type.Array(
        Type.Object({
          filter: Filter,
          by: Type.Number({
            minimum: -RULE_LIMITS.by,
            maximum: RULE_LIMITS.by,
            description: "standard deviations of the list's scores; negative moves down",
          }),
        }),
        { maxItems: RULE_LIMITS.each, description: 'items that move up or down' },
      ),
    ),
    diversity: Type.Optional(
      Type.Object(
        { lambda: Type.Number({ minimum: 0, maximum: 1 }) },
        {
          description:
            'maximal marginal relevance: lambda 1 leaves the order as it is, lower puts different items before more of the same',
          examples: [{ lambda: 0.7 }],
        },
      ),
    ),
    quotas: Type.Optional(
      Type.Array(
        Type.Object({
          per: Type.Optional(
            Type.String({ maxLength: 1_000, description: 'a field: at most max items for each of its values' }),
          ),
          filter: Type.Optional(Filter),
          min: Type.Optional(Type.Integer({ minimum: 0 })),
          max: Type.Optional(Type.Integer({ minimum: 0 })),
        }),
        {
          maxItems: RULE_LIMITS.each,
          description:
            'at most max for each value of a field, or at least min and at most max of what a filter matches',
          examples: [[{ per: 'attributes.author', max: 2 }]],
        },
      ),
    ),
    new: Type.Optional(
      Type.Object(
        { share: Type.Number({ minimum: 0, maximum: 1 }), days: Type.Optional(Type.Number({ minimum: 0 })) },
        {
          description: 'least share of items that came into the catalogue within so many days (30)',
          examples: [{ share: 0.2, days: 30 }],
        },
      ),
    ),
  };
  const recommend = {
    n: page(http.list_max, 10, 'items'),
    exclude: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_ID_BYTES }), {
        maxItems: http.list_max,
        description: 'items that may not be in the list',
        examples: [['i1', 'i2']],
      }),
    ),
    explain,
    include_seen: Type.Optional(
      Type.Boolean({
        default: engine.include_seen,
        description: 'whether items that the user has interacted with may come back',
      }),
    ),
    max_age_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        default: engine.stale_ms,
        description: 'milliseconds that a list may be old; 0 computes it afresh',
        examples: [0],
      }),
    ),
    cursor: cursor('the list goes on there'),
    exploration: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'share of places that go to items of which little is known; 0: none; as configured unless said',
        examples: [0],
      }),
    ),
    seen_for_s: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: SEEN_FOR_MOST_S,
        description: 'seconds after which an item that was seen may come back; 0: never',
        examples: [2_592_000],
      }),
    ),
  };
  return {
    userPath: Type.Object({ id: Id('the user, percent-encoded', 'u42') }),
    erasurePath: Type.Object({ erasure: Id('the erasure', '5f1c0a9be4d2738806aa41c7') }),
    itemPath: Type.Object({ id: Id('the item, percent-encoded', 'i7') }),
    recommend: Type.Object({ ...recommend, filter: filterText, served, ...fresh }, strict),
    recommendBody: Type.Object(
      {
        user: Type.Optional(Id('whose list; may be left out where there is a history', 'u42')),
        history: idList('items that somebody took, oldest first, in place of a history of their own', ['i7', 'i8']),
        like: idList('items that the list is to go with, in place of the history of the user', ['i7']),
        unlike: idList('items that the list is to keep away from', ['i9']),
        unlike_weight: Type.Optional(
          Type.Number({
            minimum: 0,
            maximum: RULE_LIMITS.by,
            default: 1,
            description: 'how far, in ranges of the scores',
          }),
        ),
        candidates: idList('nothing but these, in the order in which they suit', ['i1', 'i2']),
        ...rules,
        ...recommend,
        seen_for_s: Type.Optional(
          Type.Union(
            [
              Type.Integer({ minimum: 0, maximum: SEEN_FOR_MOST_S }),
              Type.Record(Type.String({ maxLength: 80 }), Type.Integer({ minimum: -1, maximum: SEEN_FOR_MOST_S })),
            ],
            {
              description:
                'seconds after which an item that was seen may come back, 0: never; or the same by type of event, where -1 says that such an event keeps nothing out',
              examples: [{ 'user.viewed.v1': 86_400, 'user.purchased.v1': 0 }],
            },
          ),
        ),
        context: Type.Optional(
          Type.Object(
            {
              device: Type.Optional(Type.String({ maxLength: 1_000 })),
              place: Type.Optional(Type.String({ maxLength: 1_000 })),
              hour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
            },
            {
              additionalProperties: true,
              description:
                'circumstances: what is taken more in them moves up; with served it stands in the event as well. Members of other names change nothing',
              examples: [{ device: 'tv', place: 'home', hour: 20 }],
            },
          ),
        ),
        served,
        ...fresh,
      },
      strict,
    ),
    shelves: Type.Object(
      {
        n: page(http.list_max, 10, 'items in a row'),
        rows: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 20, default: 5, description: 'how many rows at most', examples: [5] }),
        ),
        exclude: recommend.exclude,
        filter: filterText,
        ...fresh,
      },
      strict,
    ),
    stream: Type.Object(
      {
        n: recommend.n,
        exclude: recommend.exclude,
        explain,
        include_seen: recommend.include_seen,
        filter: filterText,
        ...fresh,
        access_token: Type.Optional(
          Type.String({ maxLength: 2_048, description: 'token, for those who can’t set a header' }),
        ),
      },
      strict,
    ),
    token: Type.Object(
      {
        user: Id('whose browser', 'u42'),
        session: Type.Optional(Id('anonymous id that the token may join to the user', 'anonymous-7')),
        scopes: Type.Optional(
          Type.Array(Type.Enum([...TOKEN_SCOPES]), {
            minItems: 1,
            maxItems: TOKEN_SCOPES.length,
            description: `what it opens: ${TOKEN_SCOPES.join(', ')}; as much of it as the key may unless said`,
            examples: [['recommend']],
          }),
        ),
        ttl_s: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: http.token_ttl_max_s,
            default: http.token_ttl_s,
            description: 'seconds that it counts',
            examples: [http.token_ttl_s],
          }),
        ),
      },
      strict,
    ),
    similar: Type.Object({ n: recommend.n, explain, filter: filterText, ...fresh }, strict),
    trending: Type.Object(
      {
        n: recommend.n,
        filter: filterText,
        segment: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 8_192,
            description: 'only what users with these traits take: JSON such as {"country":"de"}',
            examples: ['{"country":"de"}'],
          }),
        ),
        ...fresh,
      },
      strict,
    ),
    history: Type.Object(
      {
        n: page(user.history_max, user.history_default, 'events'),
        before: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: Number.MAX_SAFE_INTEGER,
            description: 'only events before this sequence: next of the page before',
          }),
        ),
        ...fresh,
      },
      strict,
    ),
    items: Type.Object(
      {
        tag: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 1_000,
            description: 'only items with this tag',
            examples: ['adventure'],
          }),
        ),
        n: page(1_000, content.list_default, 'items'),
        cursor: cursor('items after it'),
        ...fresh,
      },
      strict,
    ),
    fresh: Type.Object(fresh, strict),
  };
}

export type RequestSchemas = ReturnType<typeof createRequestSchemas>;
export type RequestOf<Name extends keyof RequestSchemas> = Static<RequestSchemas[Name]>;
