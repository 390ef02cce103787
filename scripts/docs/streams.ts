import { STORED } from '../../src/bus/streams/missing.ts';
import { SETTINGS } from '../../src/bus/streams/settings.ts';
import { BACKUP, type Definition, STREAMS } from '../../streams.config.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

const time = (ms: number): string =>
  ms === 0
    ? 'for good'
    : ms % 86_400_000 === 0
      ? `${ms / 86_400_000} days`
      : ms % 60_000 === 0
        ? `${ms / 60_000} minutes`
        : `${ms} ms`;
const bytes = (n: number): string => (n < 0 ? 'without limit' : `${n / 1024 / 1024} MiB`);

const ofKind = <K extends Definition['kind']>(kind: K): Extract<Definition, { kind: K }>[] =>
  STREAMS.filter((one): one is Extract<Definition, { kind: K }> => one.kind === kind);

/** What is lost, or what the maker writes, by name. Throws for a definition without a text. */
function afterDeletion(name: string): string {
  const text = AFTER[name];
  if (text === undefined) throw new Error(`say in scripts/docs/streams.ts what happens if somebody deletes ${name}`);
  return text;
}

const AFTER: Readonly<Record<string, string>> = {
  EVENTS:
    'Callers get 503, the services keep the state of their last commit. [Restore it](../how-to/back-up-and-restore.md), or begin a new log with `freshet streams apply`: the services refuse that one until `freshet replay SERVICE`',
  DEAD_LETTERS: 'Each service copies its dead letters again',
  ENGINE_OUTPUT: 'Announcements go on; those of the last 30 days are gone',
  rankings: 'The engine publishes all lists again',
  engine: 'The engine writes a snapshot and points to it; the history of the pointer is gone',
  keys: 'The gateways go on with the keys that they know, and accept none once they have to read them again. They go on requiring keys. [Restore it](../how-to/back-up-and-restore.md), or `freshet streams apply` and create new keys',
  dead_letters:
    'The system stays ready. `freshet dlq list` shows resolved dead letters again; the next `freshet dlq discard` or `retry` makes the bucket',
  erasures:
    'Freshet can forget nobody. [Restore it](../how-to/back-up-and-restore.md). After `freshet streams apply` a service that still runs writes the key again, and the ledger starts anew: it no longer knows whom to forget again after a restore of the log',
  leases: 'The engine takes its lease again',
  snapshots:
    'The engine writes a snapshot and copies the results of trainings again. Older snapshots are gone; `freshet replay engine` makes a model of an earlier position',
};

/** Settings that lose messages, with the value and the reason as `freshet streams diff` gives it. */
const HAZARDS: readonly (readonly [setting: string, value: string, why: string])[] = [
  [
    'persist_mode',
    '`async`',
    'the server acknowledges messages before they are on the disk, and a power cut loses them',
  ],
  ['storage', '`memory`', 'a stop of the server loses all messages'],
  ['retention', 'not `limits`', 'the server deletes what a reader has read'],
  ['max_age', 'a limit', 'the server deletes older messages'],
  ['max_bytes, max_msgs', 'a limit with `discard: old`', 'the server deletes the oldest messages'],
  ['max_msgs_per_subject', 'a lower limit', 'the server deletes older messages of a subject'],
  [
    'discard_new_per_subject',
    '`true` with `max_msgs_per_subject`',
    'the server refuses messages on a subject at its limit',
  ],
  ['subjects', 'one is missing', 'the stream does not store those messages'],
  ['subject_transform', 'any', 'the stream stores messages under other subjects'],
  ['mirror', 'any', 'the stream takes no messages of publishers'],
  ['no_ack', '`true`', 'no publisher learns whether its message is stored'],
  ['sealed', '`true`', 'the stream takes no messages'],
  ['deny_delete, deny_purge', '`true` on a stream', 'an erasure cannot remove messages'],
  ['allow_msg_counter', '`true`', 'the stream takes counters only'],
  ['allow_msg_ttl', '`true` on a stream', 'a publisher can let the server delete its message (`Nats-TTL`)'],
  ['subject_delete_marker_ttl', 'a time, on a stream', 'the server writes messages of its own'],
  ['allow_msg_schedules', '`true` on a stream', 'the server deletes messages that a publisher scheduled'],
  [
    'allow_rollup_hdrs',
    '`true` on a stream',
    'a publisher can remove all earlier messages of a subject (`Nats-Rollup`)',
  ],
];

for (const [setting, { hazard }] of Object.entries(SETTINGS))
  if (hazard && !HAZARDS.some(([names]) => names.split(', ').includes(setting)))
    throw new Error(`say in scripts/docs/streams.ts why ${setting} loses messages`);

function changeable(settings: string): string {
  const [first = ''] = settings.split(', ');
  const { fixed } = SETTINGS[first] as { fixed?: string };
  return fixed === undefined ? 'yes' : fixed === 'always' ? 'no' : 'not once it is on';
}

export function streamsPage(): string {
  return page(
    generatedFrom('streams.config.ts'),
    '# Streams, buckets and consumers',
    'Everything that Freshet keeps in JetStream. A service that starts on a new server creates all of it, and later what it can fill again; it changes nothing that exists. It refuses to start without something that it needs and that only a backup brings back (`FRESHET_STREAM_MISSING`). It refuses to start on [settings that lose messages](#settings-that-lose-messages), and logs other differences. `freshet streams diff` compares these definitions with the server. `freshet streams apply` changes the server to match them; it makes a change that would lose messages only with `--lose-data --yes-lose-data`. `freshet streams export` writes the streams in the form that `nats stream add --config` reads.',
    '## Streams',
    table(
      ['stream', 'subjects', 'purpose', 'kept', 'size', 'storage', 'when full', 'de-duplication window'],
      ofKind('stream').map((one) => [
        code(one.name),
        one.subjects.map(code).join(', '),
        one.description,
        time(one.maxAgeMs),
        bytes(one.maxBytes),
        one.storage,
        one.discard === 'new' ? 'refuses' : 'drops the oldest',
        time(one.duplicateWindowMs),
      ]),
    ),
    '## KV buckets',
    table(
      ['bucket', 'purpose', 'values kept per key', 'kept', 'storage'],
      ofKind('kv').map((one) => [code(one.name), one.description, String(one.history), time(one.ttlMs), one.storage]),
    ),
    '## Object stores',
    table(
      ['store', 'purpose', 'storage'],
      ofKind('object-store').map((one) => [code(one.name), one.description, one.storage]),
    ),
    '## If somebody deletes one',
    'While it runs, each service looks every `streams.look_ms` milliseconds whether what it needs is there. `/readyz` of the gateway and `freshet status` name what is missing, with the code `FRESHET_STREAM_MISSING` and the next step; the metric `freshet_streams_missing` counts it. A service makes again what it can fill again. The rest is lost with what it held, so only an operator makes it again, and the system is not ready meanwhile.',
    table(
      ['deleted', 'made again by', 'what happens'],
      STORED.map((one) => [code(one.name), one.madeAgainBy.join(', ') || 'an operator', afterDeletion(one.name)]),
    ),
    'A service makes the key of erasures only while the log holds no record of an erasure. Otherwise the key is lost, and the service refuses to start with `FRESHET_ERASURE_KEY_LOST`.',
    '## Settings that lose messages',
    [
      '`freshet streams diff` shows every setting in which a stream of the server differs from these definitions, also those that only a newer server has. Freshet shows the choices of the operator (`num_replicas`, `placement`, `compression`, `metadata`, `first_seq`) and settings that this release does not know, and leaves them alone.',
      'A service refuses to start with `FRESHET_STREAM_CONFIG_DIFFERS` if a stream, bucket or store other than `rankings` and `leases` has one of the settings in this table. The error names the setting, the value on the server and the value that Freshet needs. If the server can change the setting, `freshet streams apply` does.',
      'Where it cannot, somebody must make the stream again: `freshet streams apply --lose-data --yes-lose-data` deletes it with all its messages. A backup holds the old settings too.',
    ].join(' '),
    table(
      ['setting', 'on the server', 'why', 'the server can change it'],
      HAZARDS.map(([setting, value, why]) => [code(setting), value, why, changeable(setting)]),
    ),
    '## In a backup',
    'What [`freshet backup`](../how-to/back-up-and-restore.md) reads, in this order, and what it leaves out.',
    table(
      ['stream', 'in a backup', 'why'],
      BACKUP.map(({ stream, backedUp, why }) => [code(stream), backedUp ? 'yes' : 'no', why]),
    ),
    '## Consumers',
    'Each service creates its consumer when it opens its reader: without acknowledgements, starting after the checkpoint. When a delivery is missing, the service deletes the consumer and creates it again. The name of a consumer of a replica ends in `-2`, `-3` and so on.',
    table(
      ['consumer', 'stream', 'purpose'],
      ofKind('consumer').map((one) => [code(one.name), code(one.stream), one.description]),
    ),
  );
}
