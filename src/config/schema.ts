/**
 * Every limit, time-out and size. The type, the validation, the defaults and the reference page all come from here.
 * The name of a setting ends in its unit.
 */
import { type Static, type TObject, Type } from 'typebox';

const whole = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description });
const share = (value: number, description: string) => Type.Number({ default: value, minimum: 0, description });
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const file = (description: string) => Type.String({ default: '', description });
const section = <T extends TObject>(object: T, description: string): T =>
  Object.assign(object, { description, additionalProperties: false, default: {} });

/** First tokens of subjects of streams, services and the server. Those of JetStream begin with `$`, which no prefix does. */
export const RESERVED_TOKENS: readonly string[] = ['ev', 'dlq', 'out', 'freshet', '_GR_'];

export const CONFIG_SCHEMA = section(
  Type.Object({
    events: section(
      Type.Object({
        declared: Type.Array(Type.String({ pattern: '^x_[a-z0-9_]{1,60}$' }), {
          default: [],
          description: 'verbs of your own interactions: "x_listened" declares the event user.x_listened.v1',
        }),
        max_bytes: whole(524_288, 'largest event that Freshet publishes, bytes', 1_024),
      }),
      'which events Freshet accepts',
    ),
    nats: section(
      Type.Object({
        credentials: file(
          'file of the nkey seed, or the .creds file, by which a process proves its identity to nats-server',
        ),
        answer_credentials: file(
          'the same for the connection by which services answer requests; empty: that of credentials',
        ),
        ca: file('file of the certificate authority that signed the certificate of nats-server; requires TLS'),
        inbox_prefixes: Type.Array(
          Type.String({
            pattern: `^(?!(${RESERVED_TOKENS.join('|')})(\\.|$))[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$`,
            maxLength: 100,
          }),
          {
            default: [],
            description:
              'prefixes of reply subjects that services answer on, beside _INBOX, every first token that begins with _INBOX_, and _R_ (requests of other accounts)',
          },
        ),
        refusal_log_ms: whole(
          10_000,
          'least milliseconds between two log messages about requests that a service dropped for their reply subject, or about answers that nats-server does not let it send',
        ),
      }),
      'the connection to nats-server',
    ),
    publisher: section(
      Type.Object({
        window: whole(512, 'most messages that wait for an acknowledgement at once', 1),
        timeout_ms: whole(5_000, 'milliseconds that the publisher waits for an acknowledgement', 10),
        retries: whole(
          5,
          'how often the publisher sends a message again before it reports FRESHET_PUBLISH_UNACKNOWLEDGED',
        ),
        compare_window: whole(
          64,
          'most events that nats-server called duplicates and that the publisher compares with the log at once',
          1,
        ),
      }),
      'publishing to JetStream',
    ),
    streams: section(
      Type.Object({
        look_ms: whole(
          2_000,
          'milliseconds between two looks of a service whether the streams, buckets and stores that it needs are on the server',
          10,
        ),
      }),
      'what Freshet keeps in JetStream',
    ),
    projection: section(
      Type.Object({
        batch_max: whole(500, 'most messages in one transaction', 1),
        catch_up_max: whole(
          10,
          'most messages that the state in memory folds at once while it is behind the rows and callers request something',
          1,
        ),
        batch_wait_ms: whole(20, 'milliseconds that an incomplete batch waits for more messages'),
        batch_rest_ms: whole(
          50,
          'least milliseconds between two transactions, so that messages that arrive close together share one; a request with min_seq ends the pause',
        ),
        idle_check_ms: whole(
          1_000,
          'milliseconds without a message after which the service checks with the server that no delivery is missing',
          10,
        ),
        check_interval_ms: whole(5_000, 'milliseconds between two comparisons of the log with the checkpoint', 10),
        ready_lag: whole(
          10_000,
          'most messages that a ready service may be behind; above it the service reports that it catches up',
        ),
        backoff_min_ms: whole(50, 'milliseconds of the first pause after a failure', 1),
        backoff_max_ms: whole(5_000, 'milliseconds of the longest pause after repeated failures', 1),
        pull_batch: whole(
          2_000,
          'messages that a reader requests at once; the engine requests at most 4 times engine.batch_max',
          1,
        ),
        pull_waiting: whole(
          32,
          'messages that a reader awaits one by one at the head of the log; if as many come within projection.batch_rest_ms (engine.batch_rest_ms for the engine), it requests all that came after each such pause',
          1,
        ),
        pull_expires_ms: whole(30_000, 'milliseconds after which a request for messages expires', 1_000),
        heartbeat_ms: whole(2_000, 'milliseconds between two heartbeats on an idle reader', 100),
        fingerprints: whole(64, 'how many folded messages a service remembers, to recognise a different log', 1),
        cache_kib: whole(65_536, 'page cache of a projection, KiB', 1_024),
        wal_bytes: whole(
          16_777_216,
          'bytes to which a service cuts the write-ahead log of its projection after a long read or a large transaction; below about 5 MB every checkpoint cuts it',
          0,
        ),
        swap_look_ms: whole(500, 'milliseconds between two polls for a rebuilt projection to cut over to', 10),
        rebuild_retry_ms: whole(5_000, 'milliseconds before the first retry of a failed rebuild', 10),
      }),
      'how a service folds the log into a projection',
    ),
    erasure: section(
      Type.Object({
        look_ms: whole(250, 'milliseconds between two polls of the services that still have to forget a user', 10),
        rebuild_after_ms: whole(
          10_000,
          'milliseconds that a service waits before it rebuilds a state that it cannot correct exactly, so that several erasures share one rebuild',
        ),
        deadline_ms: whole(
          3_600_000,
          'milliseconds from the request to the deadline of an erasure; Freshet logs, counts and shows an erasure that is overdue',
          1_000,
        ),
        slice_events: whole(
          500,
          'most events of forgotten users that a service removes in one step; it folds and answers between two steps',
          1,
        ),
        slice_rest: share(
          3,
          'pause after a step of an erasure, as a multiple of the processor time that the step took: 3 leaves three quarters of the time to other work',
        ),
        catch_up_ms: whole(
          30_000,
          'milliseconds that the user service waits until it has caught up, to know all sessions of the user',
        ),
        overwrite: flag(
          true,
          "whether nats-server overwrites each message of a forgotten user; false: it only removes them, and their bytes stay in its files. Choose false if the server encrypts its files, or if somebody else's server keeps the log",
        ),
        server_index_ms: whole(
          155_000,
          'milliseconds from the removal of the last message until an erasure may be done: nats-server writes its index of subjects, which holds ids, every 120 to 150 s',
        ),
      }),
      'how Freshet forgets users',
    ),
    http: section(
      Type.Object({
        host: Type.String({ default: '127.0.0.1', description: 'address that the gateway listens on' }),
        allow_remote: flag(
          false,
          'whether host may be an address that other machines reach even if the gateway requires no keys',
        ),
        keys: Type.Enum(['auto', 'required', 'off'], {
          default: 'auto',
          description:
            'when the gateway requires an API key: auto once an operator has made one; required always; off never (for a gateway behind a proxy that authenticates)',
        }),
        keys_poll_ms: whole(
          1_000,
          'milliseconds between two polls whether the bucket of the API keys is still the same one',
          50,
        ),
        trust_proxy: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
          default: [],
          description:
            'addresses or networks (192.0.2.0/24) of proxies whose header X-Forwarded-For names the caller, for limits by address; http.keys must then be required, or off if the proxy authenticates',
        }),
        served_share: Type.Number({
          default: 1,
          minimum: 0,
          maximum: 1,
          description: 'share of the lists requested with served=true that the gateway reports as impressions',
        }),
        served_timeout_ms: whole(
          500,
          'milliseconds that the gateway waits for the log to acknowledge an impression; after that it sends the list with served: null, and still publishes the impression',
        ),
        token_ttl_s: whole(900, 'seconds that a browser token is valid, unless its request names another time', 1),
        token_ttl_max_s: whole(86_400, 'most seconds that a request for a browser token may name', 1),
        rate_per_s: share(
          0,
          'requests per second that the gateway takes from one key, from one user with a token, or from one address without either; 0: no limit',
        ),
        rate_burst_s: share(2, 'how many seconds’ worth of requests a caller may send at once'),
        cors_origins: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
          default: [],
          description: 'origins whose pages may call the gateway, such as "https://shop.example"; "*" for any',
        }),
        arrival_ms: whole(60_000, 'milliseconds that a request may take to arrive', 100),
        streams_max: whole(1_000, 'most lists that callers may watch at once over HTTP'),
        streams_per_user: whole(10, 'most lists of one user that callers may watch at once'),
        stream_heartbeat_ms: whole(15_000, 'milliseconds between two heartbeats on a watched list', 10),
        stream_buffer_bytes: whole(
          262_144,
          'bytes that may wait for a slow reader of a watched list before the gateway closes its connection',
          1_024,
        ),
        streams_buffer_bytes: whole(
          33_554_432,
          'bytes that may wait for the readers of all watched lists; beyond it the gateway closes the connection for which the most bytes wait',
          1_024,
        ),
        drain_ms: whole(0, 'milliseconds that /readyz answers "not ready" before the gateway stops listening'),
        body_bytes: whole(8_388_608, 'largest request body, bytes', 1_024),
        batch_events: whole(10_000, 'most events in one request', 1),
        request_timeout_ms: whole(
          10_000,
          'milliseconds that the gateway and the command line wait for the answer of a service',
          100,
        ),
        publish_timeout_ms: whole(
          15_000,
          'milliseconds after which the gateway answers a request to publish with 503',
          100,
        ),
        stored_after_ms: whole(
          1_000,
          'milliseconds without an answer of an engine after which the gateway answers with the stored list, if there is one that fits the request; 0: it waits for request_timeout_ms',
        ),
        stored_silent_ms: whole(
          20,
          'the same while engines listen but are silent: a request got no answer within stored_after_ms, and none was answered since',
          1,
        ),
        stored_timeout_ms: whole(50, 'milliseconds that the gateway takes to read a stored list and its items', 1),
        min_seq_timeout_ms: whole(1_000, 'milliseconds that a request with min_seq waits, unless it names timeout_ms'),
        min_seq_timeout_max_ms: whole(30_000, 'largest timeout_ms that a request may name'),
        min_seq_waiting_bytes: whole(
          16_777_216,
          'bytes of requests with min_seq that wait in one service; beyond it the service answers a further one with 503',
          1,
        ),
        list_max: whole(1_000, 'most items in one list', 1),
        batch_users: whole(100, 'most users in one request for the lists of many users', 1),
        batch_window: whole(8, 'most lists of one such request that the gateway requests at once', 1),
        ready_timeout_ms: whole(1_000, 'milliseconds that /readyz waits for the answer of a service', 10),
        ready_cache_ms: whole(250, 'milliseconds for which /readyz repeats its last answer'),
        system_sample_ms: whole(
          5_000,
          'milliseconds between two samples of the system that the gateway keeps for /v1/system/recent, one small request per service and one about the log; 0: it keeps none',
        ),
        system_cache_ms: whole(
          1_000,
          'milliseconds for which /v1/system and /v1/system/recent repeat their last answer, so that many open consoles cost as much as one',
        ),
        system_samples_s: whole(3_600, 'seconds for which the gateway keeps a sample', 1),
        act_timeout_ms: whole(
          60_000,
          'milliseconds that the gateway waits for an act of an operator (an experiment, a rollback, a promotion) and for the list of snapshots',
          100,
        ),
        past_timeout_ms: whole(
          600_000,
          'milliseconds that an earlier list over HTTP may take; after that the gateway ends the work',
          100,
        ),
        log_default: whole(
          50,
          'events in a page of the log, and dead letters in a page, unless the request names n',
          1,
        ),
        log_max: whole(500, 'most events in a page of the log, and dead letters in a page', 1),
        log_page_bytes: whole(
          4_194_304,
          'bytes of events after which a page of the log ends, though at least one event is in it',
          1,
        ),
        log_search_events: whole(
          10_000,
          'events that one request to the log reads before it answers with what it has found',
          1,
        ),
        log_streams_max: whole(10, 'most callers that may follow the log at once over HTTP'),
        dead_letters_max: whole(
          10_000,
          'most dead letters of all services that one request over HTTP reads to count the open ones',
          1,
        ),
        stop_ms: whole(3_000, 'milliseconds that open requests get when the gateway stops', 1),
      }),
      'the gateway',
    ),
    user: section(
      Type.Object({
        history_max: whole(1_000, 'most events in one page of a history', 1),
        history_default: whole(100, 'events in a page, unless the request names n', 1),
        erasures_max: whole(200, 'most erasures in one list of erasures over HTTP', 1),
        search_max: whole(100, 'most users in an answer to the beginning of an id', 1),
        search_default: whole(10, 'users in such an answer, unless the request names n', 1),
      }),
      'the user service',
    ),
    content: section(
      Type.Object({
        list_default: whole(50, 'items in a page, unless the request names n', 1),
        ids_max: whole(1_000, 'most ids in one request for items by their ids', 1),
        page_bytes: whole(
          524_288,
          'bytes of fields after which a page ends, though at least one item is in it; less than max_payload of the nats-server',
          1,
        ),
        facets_default: whole(
          30,
          'tags, attributes and items with a title alone in an answer on what the catalogue holds',
          1,
        ),
        facets_max: whole(500, 'most of each in such an answer', 1),
        facets_cache_ms: whole(
          10_000,
          'milliseconds for which the service repeats such an answer: it reads the whole catalogue for it',
        ),
        search_default: whole(20, 'items in the answer to a search, unless the request names n', 1),
        search_max: whole(200, 'most items in the answer to a search', 1),
        search_length: whole(200, 'most characters of the words of a search', 1),
        search_ranked: whole(
          1_000,
          'most items whose texts one search ranks; if more match, it ranks the newest of those with the words in the title, half of this number, and then as many of the newest others',
          1,
        ),
        search_reranked: whole(
          200,
          'how many of the best items of a search the engine ranks for the user that the request names; at most http.list_max',
          1,
        ),
        search_rerank_ms: whole(
          500,
          'milliseconds that the engine has to rank them; after that the answer keeps the order of the texts and says so in a warning',
          1,
        ),
        search_waiting: whole(
          200,
          'most searches that wait for the thread that reads the index; the service answers a further one with 503',
          1,
        ),
        search_start_ms: whole(
          2_000,
          'milliseconds after the start of the service at which that thread starts, unless a search came before; the first search would otherwise wait for it',
        ),
        search_cache_kib: whole(16_384, 'page cache of that thread, KiB', 64),
      }),
      'the content service',
    ),
    feedback: section(
      Type.Object({
        attribution_window_ms: whole(
          86_400_000,
          'most milliseconds between the time of a shown list and the time of a reaction that the feedback service attributes to it',
        ),
        experiment_effect: Type.Number({
          default: 0.02,
          exclusiveMinimum: 0,
          maximum: 1,
          description: 'difference of click-through rates that the test of an experiment detects soonest',
        }),
        experiment_alpha: Type.Number({
          default: 0.05,
          exclusiveMinimum: 0,
          maximum: 0.5,
          description: 'probability that the test reports a difference between equal arms',
        }),
        items_default: whole(50, 'items in a page of impressions by item, if the request does not say how many', 1),
        items_max: whole(1_000, 'most items in such a page', 1),
      }),
      'the feedback service',
    ),
    engine: section(
      Type.Object({
        weights: Type.Record(Type.String({ pattern: '^user\\.' }), Type.Integer({ minimum: 0, maximum: 1_600 }), {
          default: {
            'user.viewed.v1': 16,
            'user.played.v1': 16,
            'user.added.v1': 24,
            'user.purchased.v1': 48,
            'user.rated.v1': 16,
          },
          description: 'weight of an interaction by type, in sixteenths; 0 excludes the type from the statistics',
        }),
        declared_weight: whole(16, 'weight of a declared interaction that weights does not name, in sixteenths'),
        low_rating: share(2, 'a rating up to this value also counts as a dislike'),
        serve_unpublished: flag(
          false,
          'whether the engine recommends items that are not in the catalogue; without any catalogue it always does',
        ),
        include_seen: flag(false, 'whether the engine recommends items that the user has already interacted with'),
        follow_low_ratings: flag(
          true,
          'whether an item that a user rated low (engine.low_rating) brings what is like it, as any other item of the history: who rates a film has chosen to see it. Lists that leave such items out hit fewer of the items that users choose',
        ),
        traits_match: Type.Enum(['declared', 'any'], {
          default: 'declared',
          description:
            'which items the texts of traits match, for users without a history: declared: items with a tag of this text, or with an attribute of the name of the trait; any: items with the text in any tag or attribute, so that country DE matches language de',
        }),
        list_length: whole(
          50,
          'items in a ranking in KV; an engine that publishes rankings refuses a length whose lists might exceed the max_payload of the nats-server',
          1,
        ),
        similar_length: whole(20, 'items in a list of similar items in KV, with the same limit', 1),
        publish_rankings: flag(true, 'whether the engine writes rankings to KV when they change'),
        lease_ms: whole(
          5_000,
          'milliseconds without a renewal after which another replica takes the lease to write rankings',
          100,
        ),
        ranking_slice_ms: whole(
          1,
          'milliseconds for which the engine computes rankings before it turns to the log and to requests',
          1,
        ),
        ranking_share: Type.Number({
          default: 0.15,
          minimum: 0.01,
          maximum: 1,
          description: 'largest share of time for which the engine computes rankings while callers request lists',
        }),
        ranking_window: whole(256, 'most rankings that wait for an acknowledgement of KV at once', 1),
        cut_over_slice_ms: whole(
          2,
          'milliseconds for which the engine reads the model of a rebuild before it turns to the log and to requests, or writes a snapshot before it turns to requests',
          1,
        ),
        ranking_window_bytes: whole(
          16_777_216,
          'bytes of rankings that wait for an acknowledgement of KV; beyond it the engine computes no further ranking',
          1,
        ),
        stale_ms: whole(
          60_000,
          'milliseconds after which the engine computes a cached list again even if nothing of its user has changed',
        ),
        similar_interval_ms: whole(
          2_000,
          'milliseconds between two times at which the engine publishes similar items and the trending list',
          10,
        ),
        batch_max: whole(100, 'most messages in one transaction of an engine that serves', 1),
        batch_ms: whole(
          10,
          'milliseconds that a transaction of the engine should take while callers request something, scoring and learning included; they wait no longer than one',
          1,
        ),
        batch_rest_ms: whole(4, 'least milliseconds between two transactions of the engine'),
        similar_batch: whole(
          50,
          'most lists of similar items that the engine publishes each time while events arrive; without new events it publishes all that are due',
          1,
        ),
        cached_lists: whole(10_000, 'most lists that the engine caches', 0),
        cached_list_bytes: whole(
          67_108_864,
          'bytes of the lists that the engine caches; beyond it the engine drops the list that callers requested least recently',
          1,
        ),
        cursor_bytes: whole(
          33_554_432,
          'bytes that the engine keeps of answers whose next page a caller may request; beyond it the engine drops the oldest, and the next page continues by position',
          1,
        ),
        start_from_snapshot: flag(
          true,
          'whether the engine starts from the newest snapshot that fits, and folds its rows alone if they are behind it; false: it reads the log from the first event',
        ),
        snapshot_events: whole(50_000, 'events after which the engine writes a snapshot', 1),
        snapshot_interval_ms: whole(
          60_000,
          'milliseconds after which the engine writes a snapshot if the model has changed',
          1_000,
        ),
        snapshots_kept: whole(
          5,
          'how many of the newest snapshots the engine keeps; it also keeps the one in force',
          1,
        ),
        snapshots_older: whole(
          4,
          'how many older snapshots the engine keeps for a rollback, nearest to ages of 1, 2, 4, ... hours; and of how many configurations it keeps the newest',
        ),
        snapshot_stop_ms: whole(
          2_000,
          'milliseconds that the engine may spend on a last snapshot when it stops, so that its next start is fast',
        ),
        snapshot_stall_ms: whole(
          5_000,
          'milliseconds without new data after which the engine gives up reading a snapshot and uses the one before',
          100,
        ),
        training_content: flag(true, 'whether the engine trains whitened likeness, by which it ranks new items'),
        training_towers: flag(
          false,
          'no longer used: the engine trained a two-tower model; if this is true, the engine logs a warning',
        ),
        training_first_events: whole(
          5_000,
          'sequence of the log at which the engine trains first; it trains again whenever the sequence has doubled',
          1,
        ),
        training_every_events: whole(250_000, 'most events between two trainings', 1),
        training_features: whole(1_024, 'how many item features training uses: the most frequent ones', 1),
        training_rank: whole(128, 'dimensions of a whitened item vector', 1),
        training_judged_events: whole(
          500,
          'scored events on which the engine compares a new training result with the current one before it replaces it',
          1,
        ),
        training_time_limit_ms: whole(300_000, 'milliseconds after which the engine gives up a training', 1),
        training_follow_ms: whole(
          10_000,
          'milliseconds between two polls of a replica for results that replica 1 has trained; also between two attempts to copy a result to the object store',
          100,
        ),
        learn_beside_mib: whole(
          32,
          'size of the model, in MiB, up to which a second thread with a copy of it makes examples for the ranker while the engine folds from the first event; 0: the engine learns in one thread. The state is the same',
        ),
        learn_beside_ms: whole(
          120_000,
          'milliseconds after which the engine gives up that thread if it does not come with an example',
          1,
        ),
        ranker_form: Type.Enum(['hidden', 'linear', 'none'], {
          default: 'hidden',
          description:
            'what the ranker learns on top of the fixed weights: a correction with a hidden layer, a linear correction, or nothing',
        }),
        ranker_units: whole(16, 'units of the hidden layer', 1),
        ranker_rate: share(0.003, 'learning rate of the ranker'),
        ranker_dense: whole(
          6_000,
          'full lists (of 30 items of history; shorter ones count in part) up to which the ranker learns from every event; then from a share of (ranker_dense / learned)^3',
          1,
        ),
        ranker_per_s: share(10, 'events from which the ranker may learn per second of event time'),
        ranker_share: share(0.01, 'share of all events from which the ranker may always learn, at any rate of events'),
        ranker_burst: whole(
          200,
          'events from which the ranker may learn after a pause before the two limits above apply',
          1,
        ),
        shown_of_user: whole(5, 'most reported lists of one user that the engine keeps until a reaction', 1),
        shown_kept: whole(2_000, 'most reported lists of all users that the engine keeps until a reaction', 1),
        shown_places: whole(50, 'how many places of a shown list the ranker learns from', 2),
        prequential_window: whole(1_000, 'scored events in the short window of prequential quality', 10),
        prequential_every: whole(
          200,
          'the engine scores one in so many events before it learns from it, to measure quality; it also scores every event that trains the ranker, up to the first thousand',
          1,
        ),
        prequential_window_long: whole(10_000, 'scored events in the long window of prequential quality', 10),
        popularity_bucket_ms: whole(86_400_000, 'milliseconds of event time in one bucket of popularity', 60_000),
      }),
      'the recommendation engine',
    ),
    lists: section(
      Type.Object({
        filter: Type.Record(Type.String(), Type.Unknown(), {
          default: {},
          description: 'a filter, as in a request, that every item of every list must match',
        }),
        boosts: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
          default: [],
          description: 'boosts, as in a request, that move items up or down in every list of a user',
        }),
        quotas: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
          default: [],
          description: 'quotas, as in a request: how many items of a kind every list of a user may or must hold',
        }),
        diversity_lambda: Type.Number({
          default: 1,
          minimum: 0,
          maximum: 1,
          description:
            'lambda of maximal marginal relevance: 1 leaves the list as it is, a lower value makes it more diverse',
        }),
        exploration_share: Type.Number({
          default: 0,
          minimum: 0,
          maximum: 1,
          description: 'share of places for exploration: items with few interactions; 0: none',
        }),
        exploration_seed: whole(0, 'random seed of exploration'),
        seen_for_s: whole(
          0,
          'seconds after an interaction after which the engine may recommend the item again; 0: never',
        ),
        seen_by_type_s: Type.Record(Type.String({ pattern: '^user\\.' }), Type.Integer({ minimum: -1 }), {
          default: {},
          description:
            'seen_for_s by type of event, which overrides it: { "user.viewed.v1": 86400, "user.purchased.v1": 0 }; -1: an event of this type excludes nothing',
        }),
        fields_bytes: whole(
          524_288,
          'bytes of fields in one answer with lists; less than max_payload of the nats-server',
          1,
        ),
        segment_events: whole(
          10_000,
          'how many of the newest interactions the engine reads to find the trending items of a segment',
          1,
        ),
        segment_bytes: whole(
          16_777_216,
          'bytes of the cached trending items of segments; beyond it the engine drops the segment that callers requested least recently',
          1,
        ),
        segment_ms: whole(5_000, 'milliseconds for which the engine caches the trending items of a segment'),
        context_weight: Type.Number({
          default: 0.5,
          minimum: 0,
          maximum: 10,
          description:
            'by how many standard deviations of the scores an item moves up if users take it twice as often in the context of the request (device, place, part of the day) as elsewhere; 0: not at all',
        }),
      }),
      're-ranking of every list',
    ),
    shadow: section(
      Type.Object({
        every: whole(20, 'the shadow ranks one in so many events with both models before they learn from it', 1),
        window: whole(20_000, 'how many of the newest such events the comparison covers', 100),
      }),
      'a shadow engine, which tries other settings on live events',
    ),
    backup: section(
      Type.Object({
        chunk_bytes: whole(131_072, 'bytes of a stream in one message of a backup or restore', 1_024),
        window: whole(16, 'messages of a restore that wait for their acknowledgement at once', 1),
        stall_ms: whole(
          60_000,
          'milliseconds without an answer of nats-server after which a backup or restore counts as failed',
          100,
        ),
        fingerprints: whole(16, 'newest messages of the log whose fingerprints a backup records', 1),
      }),
      '`freshet backup` and `freshet restore`',
    ),
    up: section(
      Type.Object({
        restart_min_ms: whole(100, 'milliseconds of the first pause before Freshet restarts a process that ended', 1),
        restart_max_ms: whole(10_000, 'milliseconds of the longest pause before a restart', 1),
        stable_ms: whole(
          30_000,
          'milliseconds that a process must run before its next restart begins with the first pause again',
          1,
        ),
        stop_ms: whole(5_000, 'milliseconds that a process gets to end before Freshet kills it', 100),
        disk_free_bytes: whole(
          33_554_432,
          'bytes that must be free on a full disk before Freshet restarts the embedded nats-server',
        ),
        disk_look_ms: whole(2_000, 'milliseconds between two polls of a full disk', 100),
        log_bytes: whole(10_485_760, 'size in bytes above which Freshet rotates a log file at the next start', 1_024),
        start_ms: whole(60_000, 'milliseconds that Freshet waits for nats-server to answer', 1_000),
      }),
      'how `freshet up` supervises its processes',
    ),
    secure: section(
      Type.Object({
        certificate_days: whole(397, 'days that a certificate of nats-server that Freshet makes is valid', 1),
        authority_days: whole(3_650, 'days that the authority that signs it is valid', 1),
        tls_timeout_s: whole(
          10,
          'seconds that nats-server gives a client for the TLS handshake (2 by its own default, which may be short on a busy machine)',
          1,
        ),
        warn_days: whole(
          30,
          'days before a certificate expires from which `freshet secure check` reports it and `freshet up` renews its own',
        ),
      }),
      'a secured bus',
    ),
    import: section(
      Type.Object({
        lease_ms: whole(
          10_000,
          'milliseconds without a renewal after which another import of the same catalogue may begin; an import that was killed delays the next one by so much',
          100,
        ),
        catch_up_ms: whole(
          60_000,
          'milliseconds that the content service has to answer and to fold the log, before an import of a catalogue fails',
        ),
        page_items: Type.Integer({
          default: 1_000,
          minimum: 1,
          maximum: 1_000,
          description: 'items in one request by which an import reads what the content service holds',
        }),
        withdraw_share: Type.Number({
          default: 0.1,
          minimum: 0,
          maximum: 1,
          description:
            'largest share of the items of its source that `freshet import --withdraw-missing` withdraws without --yes',
        }),
      }),
      '`freshet import` of a catalogue',
    ),
    demo: section(
      Type.Object({
        seed: whole(7, 'random seed of the simulation'),
        readers: whole(1_000, 'simulated readers', 1),
        events: whole(30_000, 'simulated interactions that the demo publishes at its first start'),
        trickle_per_s: share(2, 'simulated events per second that the demo publishes from then on; 0: none'),
      }),
      'the simulated bookshop of `freshet up`',
    ),
    log: section(
      Type.Object({
        level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'lowest level of messages that a process logs',
        }),
        redact: flag(true, 'whether log messages hold hashes instead of user ids'),
      }),
      'log messages of the processes',
    ),
    tracing: section(
      Type.Object({
        otlp_url: Type.String({
          default: '',
          pattern: '^(https?://.+)?$',
          description:
            'address to which the processes send traces by OTLP over HTTP, such as "http://127.0.0.1:4318/v1/traces"; empty: no traces. The variable OTEL_EXPORTER_OTLP_HEADERS adds headers, such as for a key',
        }),
        otlp_protocol: Type.Enum(['http/protobuf', 'http/json'], {
          default: 'http/protobuf',
          description: 'encoding of the spans',
        }),
        share: Type.Number({
          default: 0.1,
          minimum: 0,
          maximum: 1,
          description:
            'share of the requests without a trace of their own for which the gateway begins one; the flag of a trace that a caller sends decides for itself',
        }),
        recent_ms: whole(
          60_000,
          'age of an event, milliseconds, beyond which its fold makes no span: a replay is not part of the traces that it meets',
        ),
        interval_ms: whole(1_000, 'milliseconds between two exports', 10),
        timeout_ms: whole(10_000, 'milliseconds that an export may take', 10),
        stop_ms: whole(1_000, 'milliseconds that a stop waits for the last export'),
        queue_max: whole(8_192, 'most spans that wait for their export; a process drops more', 1),
        batch_max: whole(512, 'most spans of an export', 1),
      }),
      'traces by OpenTelemetry',
    ),
  }),
  'settings of Freshet',
);

export type Config = Static<typeof CONFIG_SCHEMA>;
