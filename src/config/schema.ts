/**
 * Every limit, time-out and size, by name: one source for the type, the check, the defaults and the reference page.
 * Names end in their unit.
 */
import { type Static, type TObject, Type } from 'typebox';

const whole = (value: number, description: string, minimum = 0) =>
  Type.Integer({ default: value, minimum, description });
const share = (value: number, description: string) => Type.Number({ default: value, minimum: 0, description });
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const section = <T extends TObject>(object: T, description: string): T =>
  Object.assign(object, { description, additionalProperties: false, default: {} });

export const CONFIG_SCHEMA = section(
  Type.Object({
    events: section(
      Type.Object({
        declared: Type.Array(Type.String({ pattern: '^x_[a-z0-9_]{1,60}$' }), {
          default: [],
          description: 'verbs of interactions of your own: "x_listened" makes user.x_listened.v1 an event',
        }),
        max_bytes: whole(524_288, 'bytes of one event that may be published', 1_024),
      }),
      'what may be published',
    ),
    publisher: section(
      Type.Object({
        window: whole(512, 'messages that are on the way at once', 1),
        timeout_ms: whole(5_000, 'milliseconds until an acknowledgement counts as missing', 10),
        retries: whole(5, 'times a message is sent again before its fate is called unknown'),
      }),
      'publishing to JetStream',
    ),
    projection: section(
      Type.Object({
        batch_max: whole(500, 'messages in one transaction', 1),
        batch_wait_ms: whole(20, 'milliseconds that a part of a batch waits for more'),
        batch_rest_ms: whole(
          50,
          'least milliseconds from one transaction to the next, so that what comes close together is one; min_seq does not wait for it',
        ),
        idle_check_ms: whole(1_000, 'milliseconds without a message until the server is asked what it has sent', 10),
        check_interval_ms: whole(5_000, 'milliseconds between comparisons of log and checkpoint', 10),
        ready_lag: whole(10_000, 'messages behind, above which a service says that it is catching up'),
        backoff_min_ms: whole(50, 'first pause after trouble, milliseconds', 1),
        backoff_max_ms: whole(5_000, 'longest pause after trouble, milliseconds', 1),
        pull_batch: whole(
          2_000,
          'messages that a reader asks for at once; a service that serves meanwhile asks for no more than four of its transactions',
          1,
        ),
        pull_expires_ms: whole(30_000, 'milliseconds that a request for messages stands', 1_000),
        heartbeat_ms: whole(2_000, 'milliseconds between signs of life on an idle reader', 100),
        fingerprints: whole(64, 'messages that are remembered to recognise the log by', 1),
        cache_kib: whole(65_536, 'KiB of page cache of a projection', 1_024),
        swap_look_ms: whole(500, 'milliseconds between looks for a rebuilt projection to take over', 10),
        rebuild_retry_ms: whole(5_000, 'first pause before a rebuild that failed is tried again, milliseconds', 10),
      }),
      'the loop from the log to a projection',
    ),
    erasure: section(
      Type.Object({
        look_ms: whole(250, 'milliseconds between two looks at whether the services have forgotten', 10),
        rebuild_after_ms: whole(
          10_000,
          'milliseconds after which what can’t be taken out of a state exactly is rebuilt from the log, so that several erasures are one rebuild',
        ),
        deadline_ms: whole(
          3_600_000,
          'milliseconds from the request by which everything is to be what the log gives without the user; an erasure that takes longer is overdue, which is logged, counted and shown',
          1_000,
        ),
        catch_up_ms: whole(
          30_000,
          'milliseconds that the user service waits for its own position before it takes for known which sessions are the user’s',
        ),
      }),
      'forgetting users',
    ),
    http: section(
      Type.Object({
        host: Type.String({ default: '127.0.0.1', description: 'address that the gateway listens on' }),
        allow_remote: flag(
          false,
          'whether host may be an address that other machines reach, although no keys are asked for',
        ),
        keys: Type.Enum(['auto', 'required', 'off'], {
          default: 'auto',
          description:
            'when keys are asked for: auto as soon as one has been made, required always, off never (behind a proxy that asks)',
        }),
        served_share: Type.Number({
          default: 1,
          minimum: 0,
          maximum: 1,
          description: 'share of the lists asked for with served=true that is reported as served',
        }),
        served_timeout_ms: whole(
          500,
          'milliseconds that a list waits for the log to acknowledge that it was served; then the list goes out with served: null, and the report is still published',
        ),
        token_ttl_s: whole(900, 'seconds that a token for a browser counts unless asked otherwise', 1),
        token_ttl_max_s: whole(86_400, 'most seconds that a token for a browser may be asked for', 1),
        rate_per_s: share(
          0,
          'requests a second that one key, or one user with a token, or one address without either may send; 0 for without limit',
        ),
        rate_burst_s: share(2, 'seconds of requests that may come at once'),
        cors_origins: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
          default: [],
          description: 'origins whose pages may call the gateway, such as "https://shop.example"; "*" for any',
        }),
        arrival_ms: whole(60_000, 'milliseconds that a request may take to arrive', 100),
        streams_max: whole(1_000, 'lists that may be watched at once over HTTP'),
        streams_per_user: whole(10, 'of them, of one user'),
        stream_heartbeat_ms: whole(15_000, 'milliseconds between signs of life on a list that is watched', 10),
        stream_buffer_bytes: whole(262_144, 'bytes that may wait for a slow reader before it is cut off', 1_024),
        drain_ms: whole(0, 'milliseconds that /readyz says no before the gateway stops to listen'),
        body_bytes: whole(8_388_608, 'bytes of a request body', 1_024),
        batch_events: whole(10_000, 'events in one request', 1),
        request_timeout_ms: whole(
          10_000,
          'milliseconds that a service has to answer the gateway, or the command line',
          100,
        ),
        publish_timeout_ms: whole(15_000, 'milliseconds until a request to publish is answered with 503', 100),
        min_seq_timeout_ms: whole(1_000, 'milliseconds that min_seq waits unless the request says otherwise'),
        min_seq_timeout_max_ms: whole(30_000, 'most milliseconds that a request may wait with timeout_ms'),
        list_max: whole(1_000, 'items in one list', 1),
        ready_timeout_ms: whole(1_000, 'milliseconds that a service has to say whether it is ready', 10),
        ready_cache_ms: whole(250, 'milliseconds that an answer about readiness stands'),
        stop_ms: whole(3_000, 'milliseconds that requests have to end when the gateway stops', 1),
      }),
      'the gateway',
    ),
    user: section(
      Type.Object({
        history_max: whole(1_000, 'events in one page of a history', 1),
        history_default: whole(100, 'events in a page unless asked otherwise', 1),
      }),
      'the user service',
    ),
    content: section(
      Type.Object({ list_default: whole(50, 'items in a page unless asked otherwise', 1) }),
      'the content service',
    ),
    feedback: section(
      Type.Object({
        attribution_window_ms: whole(
          86_400_000,
          'milliseconds after a list was served in which an event that names it counts',
        ),
        experiment_effect: Type.Number({
          default: 0.02,
          exclusiveMinimum: 0,
          maximum: 1,
          description: 'difference of click-through for which the test of experiments is quickest',
        }),
        experiment_alpha: Type.Number({
          default: 0.05,
          exclusiveMinimum: 0,
          maximum: 0.5,
          description: 'risk of finding a difference between arms where there is none',
        }),
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
          description: 'weight of an interaction by type, in sixteenths; 0 leaves it out of the statistics',
        }),
        declared_weight: whole(16, 'weight of a declared interaction that weights does not name, in sixteenths'),
        low_rating: share(2, 'a rating up to this counts as dislike as well'),
        serve_unpublished: flag(
          false,
          'whether items that nobody has published may be recommended; they are as long as there is no catalogue at all',
        ),
        include_seen: flag(false, 'whether items that a user has interacted with may be recommended again'),
        list_length: whole(50, 'items in a ranking that is published to KV', 1),
        similar_length: whole(20, 'items in a published list of similar items', 1),
        publish_rankings: flag(true, 'whether rankings go to KV as they change'),
        lease_ms: whole(
          5_000,
          'milliseconds without a sign of life after which another replica writes rankings in place of the one that did',
          100,
        ),
        ranking_slice_ms: whole(
          1,
          'milliseconds of computing rankings between two looks at the log and at requests',
          1,
        ),
        ranking_share: Type.Number({
          default: 0.15,
          minimum: 0.01,
          maximum: 1,
          description: 'share of the time that computing rankings takes at most while lists are asked for',
        }),
        ranking_window: whole(256, 'rankings that are on their way to KV at once', 1),
        stale_ms: whole(60_000, 'milliseconds that a list may stand while nothing of its user changed'),
        similar_interval_ms: whole(
          2_000,
          'milliseconds between publications of similar items and of the trending list',
          10,
        ),
        batch_max: whole(
          100,
          'messages in one transaction of the engine while it serves: it scores many of them first, and lists wait meanwhile',
          1,
        ),
        batch_rest_ms: whole(4, 'least milliseconds from one transaction of the engine to the next'),
        similar_batch: whole(
          50,
          'lists of similar items that are published in that time while events come; once it is quiet all that are due',
          1,
        ),
        cached_lists: whole(10_000, 'lists that are kept to be answered again', 0),
        snapshot_events: whole(50_000, 'events after which a snapshot is written', 1),
        snapshot_interval_ms: whole(
          60_000,
          'milliseconds after which a snapshot is written if anything changed',
          1_000,
        ),
        snapshots_kept: whole(
          5,
          'snapshots that are kept: the newest ones by time of writing, and the one in force',
          1,
        ),
        snapshots_older: whole(
          4,
          'older snapshots that are kept to go back to, nearest to ages of 1, 2, 4, ... hours; and the newest of so many configurations',
        ),
        snapshot_stop_ms: whole(
          2_000,
          'milliseconds that the last snapshot may take when the engine is stopped, so that the next start is immediate',
        ),
        snapshot_stall_ms: whole(
          5_000,
          'milliseconds without a part of a snapshot until it counts as unreadable, and the one before is used',
          100,
        ),
        training_content: flag(true, 'whether whitened likeness of items is trained: what new items are ranked by'),
        training_towers: flag(false, 'whether the two learned towers are trained beside it'),
        training_first_events: whole(5_000, 'position of the log at which is trained first; then at its doubles', 1),
        training_every_events: whole(250_000, 'events between trainings once doubling would take longer', 1),
        training_features: whole(1_024, 'features of items that training takes, those of most items', 1),
        training_rank: whole(128, 'numbers in a vector of whitened likeness', 1),
        training_judged_events: whole(
          500,
          'scored events on which what was trained is compared with what is in force, before it takes its place',
          1,
        ),
        training_time_limit_ms: whole(300_000, 'milliseconds after which a training is given up', 1),
        training_follow_ms: whole(
          10_000,
          'milliseconds between looks at what the first instance has trained, by a replica; and between attempts to copy a record to the object store',
          100,
        ),
        ranker_form: Type.Enum(['hidden', 'linear', 'none'], {
          default: 'hidden',
          description:
            'what is learned on top of the hand-set weights: a correction with a hidden layer, a linear one, or nothing',
        }),
        ranker_units: whole(16, 'units of the hidden layer', 1),
        ranker_rate: share(0.003, 'step size of what is learned from one example'),
        ranker_dense: whole(
          6_000,
          'lists of full histories (shorter ones count in part) up to which every event is learned from; further on a share of them, by the third power',
          1,
        ),
        ranker_per_s: share(10, 'events that are looked at to learn from them, for each second of event time'),
        ranker_share: share(0.01, 'share of all events that are looked at in any case, however fast they come'),
        ranker_burst: whole(200, 'events that are looked at after a quiet time before the two limits above hold', 1),
        shown_of_user: whole(5, 'shown lists of one user that wait for what becomes of them', 1),
        shown_kept: whole(2_000, 'shown lists of all users that wait', 1),
        shown_places: whole(50, 'places of a shown list that are learned from', 2),
        prequential_window: whole(1_000, 'scored events in the quick window of prequential quality', 10),
        prequential_every: whole(
          200,
          'one in so many events is scored before it is counted, to measure quality; the first thousand that are learned from are measured all',
          1,
        ),
        prequential_window_long: whole(10_000, 'scored events in the slow window of prequential quality', 10),
        popularity_bucket_ms: whole(86_400_000, 'milliseconds of event time in one bucket of popularity', 60_000),
      }),
      'the recommendation engine',
    ),
    lists: section(
      Type.Object({
        filter: Type.Record(Type.String(), Type.Unknown(), {
          default: {},
          description: 'what every item of every list has to match: a filter as in a request',
        }),
        boosts: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
          default: [],
          description: 'items that move up or down in every list of a user, as boosts of a request',
        }),
        quotas: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
          default: [],
          description: 'how many of a kind every list of a user may or must hold, as quotas of a request',
        }),
        diversity_lambda: Type.Number({
          default: 1,
          minimum: 0,
          maximum: 1,
          description: 'lambda of maximal marginal relevance: 1 for none, lower for more different items',
        }),
        exploration_share: Type.Number({
          default: 0,
          minimum: 0,
          maximum: 1,
          description: 'share of places that go to items of which little is known; 0: none',
        }),
        exploration_seed: whole(0, 'seed of the draws of exploration'),
        seen_for_s: whole(0, 'seconds after which an item that was seen may come back; 0: never'),
        seen_by_type_s: Type.Record(Type.String({ pattern: '^user\\.' }), Type.Integer({ minimum: -1 }), {
          default: {},
          description:
            'the same by type of event, in place of seen_for_s: { "user.viewed.v1": 86400, "user.purchased.v1": 0 }; -1: such an event keeps nothing out',
        }),
        segment_events: whole(
          10_000,
          'newest interactions that are looked through for what is trending in a segment',
          1,
        ),
        segment_ms: whole(
          5_000,
          'milliseconds that what is trending in a segment counts before it is looked for again',
        ),
        context_weight: Type.Number({
          default: 0.5,
          minimum: 0,
          maximum: 10,
          description:
            'standard deviations of the list that an item moves that is taken twice as often in the context of a request (device, place, part of the day) as elsewhere; 0: not at all',
        }),
      }),
      'rules that every list is under',
    ),
    shadow: section(
      Type.Object({
        every: whole(20, 'one in so many events is ranked by both models of a shadow before it is learned', 1),
        window: whole(20_000, 'newest events that were ranked by both, which are compared', 100),
      }),
      'a shadow engine, which tries other settings',
    ),
    up: section(
      Type.Object({
        restart_min_ms: whole(100, 'first pause before a process that died is started again, milliseconds', 1),
        restart_max_ms: whole(10_000, 'longest pause before a restart, milliseconds', 1),
        stable_ms: whole(
          30_000,
          'milliseconds after which a process counts as stable, and its pauses start small again',
          1,
        ),
        stop_ms: whole(5_000, 'milliseconds that a process has to end before it is killed', 100),
        disk_free_bytes: whole(
          33_554_432,
          'bytes that have to be free before an embedded server that met a full disk is started again',
        ),
        disk_look_ms: whole(2_000, 'milliseconds between two looks at a disk that was full', 100),
        log_bytes: whole(10_485_760, 'bytes of a log file after which it is put aside at the next start', 1_024),
        start_ms: whole(60_000, 'milliseconds that a process has to come up', 1_000),
      }),
      'freshet up',
    ),
    demo: section(
      Type.Object({
        seed: whole(7, 'seed of the simulated readers'),
        readers: whole(4_000, 'simulated readers', 1),
        events: whole(100_000, 'simulated interactions before now'),
        trickle_per_s: share(2, 'simulated events per second from now on'),
      }),
      'demo data',
    ),
    log: section(
      Type.Object({
        level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'least severe message that is written',
        }),
        redact: flag(true, 'whether ids of users are hashed in the log'),
      }),
      'what the services write about themselves',
    ),
  }),
  'settings of Freshet',
);

export type Config = Static<typeof CONFIG_SCHEMA>;
