import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemOf } from '../../src/bus/nats/problem.ts';
import * as errors from '../../src/errors.ts';
import { ROOT } from '../setup.mjs';
import { code, generatedFrom, page, table } from './markdown.ts';

type Meaning = readonly [what: string, next: string];
interface Section {
  title: string;
  about?: string;
  codes: Readonly<Record<string, Meaning>>;
}

/**
 * What each code means. A code that is missing here gets the doc comment of its class. A code that the sources no longer
 * use stops the generator.
 */
const SECTIONS: readonly Section[] = [
  {
    title: 'Events',
    about:
      'Why Freshet rejects one event when it is published, or moves it to the dead letters when a service reads it from the log. The answer to a request with several events lists the rejected ones under `rejected`.',
    codes: {
      FRESHET_EVENT_MALFORMED: [
        'The event is not JSON, not UTF-8, not an object, or nested too deeply.',
        'Send one line of CloudEvents JSON.',
      ],
      FRESHET_EVENT_TOO_LARGE: [
        'The event has more bytes than `events.max_bytes`.',
        'Send a smaller event, or raise the setting.',
      ],
      FRESHET_EVENT_ENVELOPE: [
        '`specversion`, `type`, `time` or `datacontenttype` is not valid CloudEvents.',
        'See [events](events.md).',
      ],
      FRESHET_EVENT_ID_INVALID: [
        'An id is empty, longer than 128 bytes, not printable or not in NFC.',
        'Correct the id, and publish the event under a new event id.',
      ],
      FRESHET_EVENT_TYPE_UNKNOWN: [
        'Freshet does not know the type. A service that meets such an event in the log counts it and skips it; it makes no dead letter.',
        'Correct the type. Declare interactions of your own in `events.declared`.',
      ],
      FRESHET_EVENT_VERSION_UNKNOWN: [
        'Freshet knows the type, but not this version of it.',
        'Upgrade Freshet, or publish the version that it knows.',
      ],
      FRESHET_EVENT_SCHEMA: [
        'The data does not match the schema of the type.',
        'Correct the data: see [events](events.md) and [schemas](schemas).',
      ],
      FRESHET_EVENT_SUBJECT_MISMATCH: [
        'The NATS subject does not match `type` and `subject`.',
        'Publish on the subject that the message names.',
      ],
      FRESHET_EVENT_IDENTITY_REUSED: [
        'The event has the source and id of an earlier event, and other content.',
        'Publish it under a new id.',
      ],
      FRESHET_IDENTITY_REUSED: [
        'When it was published, the log held another event with the source and id of this one: type, subject, time or data differ. The message names its sequence. Freshet did not store this event.',
        'Publish it under a new id. If it was meant as a retry, send it as it was, with the same `time`. [Identity](events.md#identity) says what is compared.',
      ],
      FRESHET_IDENTITY_PURGED: [
        'An event with this source and id was in the log, and an erasure or an operator has removed it. The nats-server still recognises the id, so it did not store this event.',
        'Leave it out if it is a retry. If it happened after the erasure, publish it under a new id.',
      ],
      FRESHET_EVENT_USER_ERASED: [
        'An import holds events of a user whom Freshet has forgotten.',
        'Leave them out. If the user comes back, publish the new events instead of importing them.',
      ],
      FRESHET_EVENT_CONTROL_REFUSED: ['Only Freshet writes `control.*` events.', 'Do not publish them.'],
      FRESHET_EVENT_FOLD_FAILED: [
        'The event is valid, and a service failed to fold it. This is a defect of Freshet.',
        'Report it with the dead letter.',
      ],
    },
  },
  {
    title: 'Requests',
    about: 'HTTP and NATS answer with the same RFC 9457 problem details.',
    codes: {
      FRESHET_BAD_REQUEST: ['The request is invalid. `member` names the place.', 'Correct the request.'],
      FRESHET_KEY_MISSING: [
        'The gateway requires an API key, and the caller sent none.',
        'Add the header `authorization: Bearer KEY`.',
      ],
      FRESHET_KEY_INVALID: [
        'The gateway does not know the API key, or the key is revoked or expired.',
        '`freshet keys list` shows the valid keys.',
      ],
      FRESHET_KEY_UNREADABLE: [
        'The gateway cannot read the record of the API key: something overwrote it, or a newer release wrote it.',
        '`freshet keys list` shows such records. Make a new key, or use the release that made this one.',
      ],
      FRESHET_TOKEN_INVALID: [
        'The token is forged or expired (`expired` tells which), or its API key is revoked.',
        'Request a new token: `POST /v1/tokens`.',
      ],
      FRESHET_SCOPE_MISSING: [
        'The API key or token lacks the scope that the request needs.',
        '`freshet keys create NAME --scope SCOPE`',
      ],
      FRESHET_REPLY_REFUSED: [
        'A request over NATS names a reply subject that is no inbox. The service drops it and sends nothing to that subject, because an answer there could write into a stream or bucket; its log and `nats micro stats` show this code.',
        'Reply to an inbox (`_INBOX.>`), or add the prefix of your inboxes to `nats.inbox_prefixes`.',
      ],
      FRESHET_OTHER_USER: [
        'The token belongs to one user, and the request concerns another user or no single user.',
        'Use a token of that user, or an API key.',
      ],
      FRESHET_OTHER_SOURCE: [
        'A token publishes events about its user, and about its session, under one source each, and the event has another source.',
        'Use `source` and `session_source` of the answer to `POST /v1/tokens`.',
      ],
      FRESHET_RATE_LIMITED: [
        'The caller sends more requests per second than the limit.',
        'Wait for the seconds in `Retry-After`.',
      ],
      FRESHET_PAST_UNDER_WAY: [
        'The gateway makes one list as of an earlier position at a time, because that takes a core for a while.',
        'Try again once the other list is there, or use `freshet at`.',
      ],
      FRESHET_TOO_MANY_STREAMS: [
        'Callers watch as many lists at once as the gateway allows.',
        'Poll the list instead, or raise `http.streams_max`.',
      ],
      FRESHET_KEYS_UNUSED: [
        'The caller requested a token, and this gateway requires no keys.',
        'Send requests without a token.',
      ],
      FRESHET_NOT_FOUND: [
        'Freshet does not know this user, item or list.',
        'Check the id, or publish the user or item first.',
      ],
      FRESHET_SEQUENCE_NOT_REACHED: [
        'The service did not reach `min_seq` within `timeout_ms`. `reached` holds its sequence.',
        'Send the request again, or with a larger `timeout_ms`.',
      ],
      FRESHET_SERVICE_UNAVAILABLE: [
        'The service is not running, does not answer, or refuses its log.',
        '`freshet status`',
      ],
      FRESHET_ROUTE_UNKNOWN: ['The gateway has no route for this path.', 'See `/docs` of the gateway.'],
      FRESHET_METHOD_NOT_ALLOWED: [
        'The path exists, but not for this method.',
        'Use a method from the header `Allow`.',
      ],
      FRESHET_MEDIA_TYPE: [
        'The gateway does not read bodies of this media type here.',
        'Set `content-type` to one that the message names.',
      ],
      FRESHET_BODY_TOO_LARGE: ['The body has more bytes than `http.body_bytes`.', 'Send smaller batches.'],
      FRESHET_BATCH_TOO_LARGE: ['The request holds more events than `http.batch_events`.', 'Send smaller batches.'],
      FRESHET_ANSWER_TOO_LARGE: [
        'The answer is larger than one NATS message may be.',
        'Request less at once: a smaller `n`.',
      ],
      FRESHET_INTERNAL: ['Freshet has a defect. The log of the process holds the details.', 'Report it.'],
    },
  },
  {
    title: 'Publishing',
    codes: {
      FRESHET_PUBLISH_UNACKNOWLEDGED: [
        'The nats-server did not acknowledge in time. The event may or may not be in the log.',
        'Publish it again under the same id. Freshet counts it once.',
      ],
      FRESHET_PUBLISH_REFUSED: [
        'The nats-server refused the message.',
        '`freshet status`. Check whether the disk of the server is full.',
      ],
    },
  },
  {
    title: 'Backups',
    about: 'See [back up and restore](../how-to/back-up-and-restore.md).',
    codes: {
      FRESHET_BACKUP_INVALID: [
        'The folder holds no complete backup, a file of it is damaged, or the archive does not hold what the manifest says.',
        'Name the folder of a complete backup, or make another one.',
      ],
      FRESHET_BACKUP_FAILED: [
        'The nats-server did not deliver a stream, or Freshet could not write it. No backup was made.',
        'Run `freshet backup` again; look at the log of nats-server and at the free disk space.',
      ],
      FRESHET_RESTORE_REFUSED: [
        'Backup and nats-server do not fit: the server is older than the one of the backup, it has streams, services run on it, its ledger of erasures belongs to another system, or the restored log is not the one that was backed up.',
        'Follow the message.',
      ],
      FRESHET_RESTORE_UNFINISHED: [
        'A restore into this nats-server began and did not finish. No service starts on it.',
        'Run the command of the message: `freshet restore DIR --replace`.',
      ],
    },
  },
  {
    title: 'The log against the checkpoint',
    about:
      'A service stops folding and answering while its log does not match its projection. It changes nothing meanwhile.',
    codes: {
      FRESHET_LOG_RECREATED: [
        'The stream was deleted and created again; or it was restored from a backup that does not hold all events of the projection.',
        'If this log is the right one, run `freshet replay SERVICE`, which rebuilds the projection. If not, connect the service to the right server, or [restore a backup](../how-to/back-up-and-restore.md).',
      ],
      FRESHET_LOG_TRUNCATED: [
        'The stream ends before the checkpoint.',
        'If this log is the right one, run `freshet replay SERVICE`, which rebuilds the projection. If not, restore the stream from a backup.',
      ],
      FRESHET_LOG_FORKED: [
        'A sequence holds another message than the one that the service folded.',
        'If this log is the right one, run `freshet replay SERVICE`, which rebuilds the projection. If not, restore the stream from a backup.',
      ],
      FRESHET_LOG_PRUNED: [
        'The log has lost messages, and neither an erasure nor the record of a restore explains that.',
        '[Restore a backup](../how-to/back-up-and-restore.md) that holds them. Without one, `freshet log check` lists the missing sequences, and `freshet log accept-loss` goes on without them ([how](../how-to/rebuild-and-verify.md#go-on-without-lost-messages)).',
      ],
      FRESHET_LOSS_ACCEPTED: [
        'An operator accepted the loss of messages that the projection has folded. The service rebuilds the projection from the log, and answers again once it has cut over.',
        'Wait. `freshet status` shows the rebuild.',
      ],
      FRESHET_LOSS_REFUSED: [
        'A sequence whose loss the operator wants to accept holds a message, or lies behind the end of the log.',
        'Name the sequences that `freshet log check` lists. If the log has lost its end, restore it, or run `freshet replay all`.',
      ],
      FRESHET_CHECKPOINT_CONFLICT: [
        'Another process has written to the projection.',
        'Run one process per instance. Give each replica its own number: `--replica N`.',
      ],
      FRESHET_NO_PROJECTION: [
        'The data folder holds no readable projection.',
        'Name the right folder with `--data DIR`, or run `freshet replay SERVICE`.',
      ],
      FRESHET_FOLD_VERSION_DIFFERS: [
        'Another release or other settings folded this projection or this model.',
        'Use the settings of the service, or run `freshet replay SERVICE`.',
      ],
      FRESHET_NOT_CAUGHT_UP: [
        'A service has not yet folded the events that the command needs, or has not finished its rebuild after an erasure.',
        'Wait until `freshet status` shows that it has caught up, then run the command again.',
      ],
      FRESHET_MODEL_FULL: [
        'The model has no room for more events: a model can have 3,750 MiB, which is enough for about 25 million interactions. The engine cannot fold the event that does not fit; the log keeps it.',
        'Forget users who have left, or begin a new log with the newest events (`freshet export`, `freshet import`).',
      ],
      FRESHET_ERASURE_UNDER_WAY: [
        'A service is removing the events of a forgotten user in steps. Until the last step its state is that of no position of the log, so it gives no hash, no earlier state, and no export of that user.',
        'Try again once `freshet forget --status` no longer shows the service as `waiting`; over HTTP, `Retry-After` says when.',
      ],
      FRESHET_REBUILD_WAITING: [
        'A rebuilt projection is ready, and no service has cut over to it yet.',
        'Start the service with the settings of the rebuild.',
      ],
      FRESHET_STATE_FOLLOWER_FAILED: [
        'The state of a service in memory could not follow the log. The service is not ready meanwhile. It builds the state again from a snapshot and the log by itself.',
        'Wait until `freshet status` shows that the service has caught up. If it fails again at the same sequence, read the log file of the service and report the event.',
      ],
      FRESHET_LOG_UNREACHABLE: ['The service cannot read the log at the moment. It retries.', '`freshet status`'],
      FRESHET_FOLD_TROUBLE: [
        'The service could not commit a batch, for example on a full disk or a locked file. It retries.',
        'Read the log file of the service.',
      ],
    },
  },
  {
    title: 'Commands',
    codes: {
      FRESHET_ROLLBACK_REFUSED: [
        'The engine cannot roll back to this snapshot: it comes from another stream or another version of the model, or its settings are unknown.',
        'Choose another snapshot: `freshet snapshots`.',
      ],
      FRESHET_POSITION_UNKNOWN: [
        'The log does not reach this sequence or this time.',
        'Name a sequence or time within the range that the message gives.',
      ],
      FRESHET_DEAD_LETTER_UNREADABLE: [
        'The event of this dead letter is invalid, so a second attempt to fold it would fail too.',
        'Publish a corrected event: `freshet dlq retry SERVICE SEQ --with FILE`.',
      ],
      FRESHET_SCHEMA_INCOMPATIBLE: [
        'A changed schema rejects events that its published version accepts.',
        'Make a new version of the type, with an upcaster for the old one.',
      ],
    },
  },
  {
    title: 'Start and configuration',
    codes: {
      FRESHET_USAGE: ['The command line is wrong. The exit code is 2.', '`freshet VERB --help`'],
      FRESHET_CONFIG_INVALID: [
        'A setting has an invalid value. The message names the setting.',
        'Correct it: see [configuration](configuration.md).',
      ],
      FRESHET_PORT_IN_USE: ['Another process listens on the port.', 'Choose another port, or 0 for any free one.'],
      FRESHET_INSTANCE_LOCKED: [
        'Another process uses the same data folder.',
        'Stop that process. The message names its pid.',
      ],
      FRESHET_DATA_FOLDER_UNUSABLE: [
        'Freshet cannot create, read or write the data folder.',
        'Name another folder: `--data DIR`.',
      ],
      FRESHET_NATS_SERVER_UNAVAILABLE: [
        'Freshet found no nats-server and could not download one.',
        '`npx freshet doctor`',
      ],
      FRESHET_NATS_SERVER_TOO_OLD: ['The nats-server is older than 2.9.10.', 'Use a newer one.'],
      FRESHET_LISTENING_REFUSED: [
        'The nats-server does not let a service subscribe to the subjects of its endpoints, so it could answer no request.',
        'Grant the identity of the service (`nats.credentials`) to subscribe to `freshet.>` and `$SRV.>`.',
      ],
      FRESHET_NATS_UNREACHABLE: ['No nats-server answers at the address.', 'Run `freshet up`, or check `--nats`.'],
      FRESHET_NATS_REFUSED: [
        'The nats-server refuses the credentials of the process, or requires some and the process has none.',
        'Name the right file: `--credentials FILE`, or `FRESHET_NATS_CREDENTIALS`.',
      ],
      FRESHET_NATS_FORBIDDEN: [
        'The identity of the process may not publish or subscribe to the subject that the message names.',
        'Use an identity with the right ([identities](identities.md)): `--credentials FILE`.',
      ],
      FRESHET_NATS_CERTIFICATE: [
        'The process does not trust the certificate of the nats-server, or expects TLS of a server without it.',
        'Name the certificate authority of the server: `FRESHET_NATS_CA`.',
      ],
      FRESHET_CREDENTIALS_UNUSABLE: [
        'A file of credentials is missing, is neither an nkey seed nor a `.creds` file, or other users can read it.',
        'Name the right file, or `chmod 600 FILE`.',
      ],
      FRESHET_SECURE_FOLDER: [
        'The folder of a secured bus holds no readable identities, or something is in the way of a new one.',
        'Name the folder: `--dir DIR`, or `freshet secure init DIR`.',
      ],
      FRESHET_LOG_HIDDEN: [
        'The nats-server would use the streams of one account and hide those of another. The message names both folders.',
        '[Carry the streams over](../how-to/guard-nats.md#an-existing-log), or move the folder that you do not need elsewhere.',
      ],
      FRESHET_ERASURE_KEY_WRONG: [
        'The key by which records of erasures name users is gone from the bucket `erasures`, damaged, or another one.',
        '[Restore](../how-to/back-up-and-restore.md) the bucket `erasures` from a backup.',
      ],
      FRESHET_JETSTREAM_DISABLED: [
        'JetStream is off on the nats-server, or for this account.',
        'Start the server with JetStream: `nats-server -js`.',
      ],
      FRESHET_STREAM_MISSING: [
        'The nats-server does not have the stream, KV bucket or object store. The message says what it held.',
        'The message names the step: some a service makes again, others you restore from a backup ([streams](streams.md#if-somebody-deletes-one)).',
      ],
      FRESHET_BUCKET_UNREADABLE: [
        'A reader of a ranking gets no answer to a direct get: the bucket is missing, it allows no direct gets, or the identity of the reader may not read it.',
        '`freshet streams apply`; an account of its own imports what [the how-to](../how-to/watch-rankings.md) lists.',
      ],
      FRESHET_STREAM_CONFIG_DIFFERS: [
        'The nats-server has a stream of this name with settings that lose messages. The message names setting, value found and value needed.',
        '`freshet streams diff` shows all differences, `freshet streams apply` removes those that the server can change ([settings](streams.md#settings-that-lose-messages)).',
      ],
      FRESHET_ERASURE_KEY_LOST: [
        'The bucket `erasures` is empty or new, and the log holds records of erasures: their key and the ledger are lost.',
        'Restore the bucket from a [backup](../how-to/back-up-and-restore.md). The message says how to go on without one.',
      ],
      FRESHET_STREAM_CHANGE_LOSES_DATA: [
        'The change would delete messages.',
        'If you want that: `freshet streams apply --lose-data --yes-lose-data`.',
      ],
      FRESHET_MODEL_STATE_UNREADABLE: [
        'The stored state of a model is damaged, or has another format.',
        'Use another snapshot.',
      ],
      FRESHET_SNAPSHOT_UNREADABLE: [
        'The object of a snapshot is missing, truncated or damaged.',
        'Nothing to do: the engine uses an older snapshot, or the log.',
      ],
      FRESHET_SNAPSHOT_UNFIT: [
        'The caller requested a rebuild from a snapshot, and no snapshot fits: each comes from other settings, another release or another log, or is newer than the requested sequence.',
        'Rebuild without `--from-snapshot`, or with the settings of the snapshot.',
      ],
      FRESHET_INPUT_UNREADABLE: [
        'The result of a training is damaged, or has another format.',
        'Nothing to do: the model keeps the result that it uses now.',
      ],
      FRESHET_TRAINING_FAILED: [
        'A training failed: TensorFlow does not load, the worker died, or the training took too long.',
        'Nothing to do: the model keeps the result that it uses now. `npx freshet doctor` shows whether TensorFlow loads.',
      ],
      FRESHET_LEARNING_THREAD: [
        'The thread that learns beside the fold died, or did not come with an example within `engine.learn_beside_ms`. The engine has folded a part of a batch in memory, so it stops; no file is affected.',
        'Start the engine again (`freshet up` does it). `engine.learn_beside_mib: 0` makes it learn in one thread.',
      ],
      FRESHET_TENSORFLOW_UNAVAILABLE: [
        'The requested TensorFlow backend does not work on this machine.',
        '`npx freshet doctor`',
      ],
    },
  },
  {
    title: 'Warnings',
    about:
      'A warning does not stop a request: the answer holds it in `warnings`, with `code`, `message`, and the `member` of the request (of events `index` and `id`).',
    codes: {
      FRESHET_ATTRIBUTE_UNKNOWN: [
        'The request names an attribute that no item of the catalogue has.',
        'Correct the name: the message names a similar one, if there is one.',
      ],
      FRESHET_ORDER_OF_TEXT: [
        'A search names a user, and the engine did not rank the items for that user. They are in the order of their texts.',
        'Search again later. `freshet status` shows the state of the engine; `content.search_rerank_ms` says how long the content service waits for it.',
      ],
      FRESHET_RATING_WITHOUT_VALUE: [
        'The log has stored a rating without `value`. It counts as an interaction, and never as a dislike.',
        'Publish ratings with `value`. To correct this one, retract it and publish it again.',
      ],
    },
  },
  {
    title: 'Import',
    about: 'A rejected row has one of these codes, or the code of the event that it would have become.',
    codes: {
      FRESHET_IMPORT_FORMAT: [
        'Freshet cannot read a file in the format that you named or in any known format, or the file leaves in doubt what it holds.',
        'The message shows what the file holds, and the option or the map that decides: `--format`, `--map`, `--time-unit`, `--in-file-order`.',
      ],
      FRESHET_IMPORT_ROW_COLUMNS: ['The row has more or fewer columns than the header.', 'Correct the row.'],
      FRESHET_IMPORT_ROW_ENCODING: ['The row is not UTF-8.', 'Convert the file to UTF-8.'],
      FRESHET_IMPORT_ROW_QUOTES: [
        'The row has an unclosed or misplaced quote.',
        'Correct the row, or name `"quote": false` in the map if quotes are text.',
      ],
      FRESHET_IMPORT_ROW_TIME: [
        'The importer cannot read the time, or a form that it found out by itself puts it before 1990 or into the future.',
        'Name the form: `--time-unit`, or `timeUnit` in the map.',
      ],
      FRESHET_IMPORT_ROW_VALUE: [
        'A cell is not the number that its column holds, or may be two numbers (`1,234`).',
        'Correct the row, or name `decimal` in the map.',
      ],
    },
  },
  {
    title: 'Set-up',
    codes: {
      FRESHET_SETUP_NODE_TOO_OLD: ['Node is older than 20.', 'Install a newer one.'],
      FRESHET_SETUP_NPM_MISSING: ['npm is not on PATH.', 'Install it. It comes with Node.'],
      FRESHET_SETUP_PACKAGES: ['npm could not install the packages.', 'Read the output of npm in the message.'],
      FRESHET_SETUP_SQLITE: [
        'The set-up could neither download nor compile better-sqlite3.',
        'Install a C++ compiler.',
      ],
      FRESHET_SETUP_TENSORFLOW: [
        "The set-up could not install TensorFlow's native library.",
        'Nothing to do: training runs on WASM without it, more slowly.',
      ],
      FRESHET_CHECKSUM_MISMATCH: [
        'A download does not match its pinned checksum.',
        'Do not use the file. Download it again, or ask its publisher.',
      ],
    },
  },
];

/** Environment variables and parts of names that look like codes. */
const NO_CODES =
  /^FRESHET_(CHILD|CONFIG|CACHE|TF_BACKEND|NATS_RELEASE_URL|EVENT_|PROJECTION_\w+|\w+_MS|CI_\w+|DEMO_\w+)?$/;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return path === join(ROOT, 'scripts/docs') ? [] : sources(path);
    return /\.(ts|mjs)$/.test(entry.name) && !/\.(test|fixture|d)\./.test(entry.name) ? [path] : [];
  });
}

/** Codes that the sources use. */
export function usedCodes(): Set<string> {
  const found = new Set<string>();
  for (const file of [...sources(join(ROOT, 'src')), ...sources(join(ROOT, 'scripts'))])
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/['"](FRESHET_[A-Z0-9_]+)['"]/g))
      if (name !== undefined && !NO_CODES.test(name)) found.add(name);
  return found;
}

/** HTTP status by code, for errors that answer a request. */
function statuses(): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of Object.values(errors)) {
    if (typeof one !== 'function' || !(one.prototype instanceof errors.FreshetError)) continue;
    const err = new (one as unknown as new (text: string) => errors.FreshetError)('');
    // Abstract base classes have no code.
    if (err.code !== undefined) found.set(err.code, problemOf(err).status);
  }
  return found;
}

/** Sections whose codes answer a request, so they have an HTTP status. */
const ANSWERED = new Set(['Requests', 'Publishing']);

/** Doc comments of the error classes, by code. */
function docComments(): Map<string, string> {
  const text = readFileSync(join(ROOT, 'src/errors.ts'), 'utf8');
  const classes = text.matchAll(
    /\/\*\* ((?:(?!\*\/).)*?) ?\*\/\nexport class \w+ extends \w+ \{\n {2}readonly code = '(\w+)'/g,
  );
  return new Map([...classes].map(([, comment = '', name = '']) => [name, comment]));
}

export function errorsPage(): string {
  const described = new Set(SECTIONS.flatMap(({ codes }) => Object.keys(codes)));
  const used = usedCodes();
  const stale = [...described].filter((name) => !used.has(name));
  if (stale.length > 0)
    throw new Error(`scripts/docs/errors.ts describes codes that the sources no longer use: ${stale.join(', ')}.`);
  const comments = docComments();
  const others: Record<string, Meaning> = {};
  for (const name of [...used].filter((one) => !described.has(one)).sort())
    others[name] = [comments.get(name) ?? 'The message describes it.', 'Run the command that the message names.'];
  const all = Object.keys(others).length === 0 ? SECTIONS : [...SECTIONS, { title: 'Others', codes: others }];
  const status = statuses();
  const sections = all.map(({ title, about, codes }: Section) => {
    const answered = ANSWERED.has(title);
    const rows = Object.entries(codes).map(([name, [what, next]]) => [
      code(name),
      ...(answered ? [String(status.get(name) ?? 500)] : []),
      what,
      next,
    ]);
    return [
      `## ${title}`,
      ...(about === undefined ? [] : [about]),
      table(['code', ...(answered ? ['HTTP'] : []), 'what is wrong', 'what to do'], rows),
    ].join('\n\n');
  });
  return page(
    generatedFrom('src/errors.ts and scripts/docs/errors.ts'),
    '# Errors',
    'Every error has a stable code. Programs can rely on the code: it never changes its meaning. The text is for people and may change. The command line prints an error as `CODE: message`, then the command to run next. HTTP and NATS answer with a problem document that has `code`, `detail` and `next`.',
    ...sections,
  );
}
