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

/** What each code means; one that is missing here is told by its doc comment, one that is gone stops the generator. */
const SECTIONS: readonly Section[] = [
  {
    title: 'Events',
    about:
      'Why one event is refused when it is published by Freshet, or set aside (a dead letter) when a service finds it in the log. In an answer to several events it stands under `rejected`.',
    codes: {
      FRESHET_EVENT_MALFORMED: [
        'Not JSON, not UTF-8, not an object, or nested too deeply.',
        'Send one line of CloudEvents JSON.',
      ],
      FRESHET_EVENT_TOO_LARGE: ['More bytes than `events.max_bytes`.', 'Send less, or raise the setting.'],
      FRESHET_EVENT_ENVELOPE: [
        '`specversion`, `type`, `time` or `datacontenttype` is not as CloudEvents has it.',
        'See [events](events.md).',
      ],
      FRESHET_EVENT_ID_INVALID: [
        'An id is empty, longer than 128 bytes, not printable or not in NFC.',
        'Normalise the id; publish it under a new event id.',
      ],
      FRESHET_EVENT_TYPE_UNKNOWN: [
        'No such type. In the log it is counted and passed over, not set aside.',
        'For an interaction of your own, declare it: `events.declared`.',
      ],
      FRESHET_EVENT_VERSION_UNKNOWN: [
        'A known type in a version that is not known.',
        'Upgrade Freshet, or publish v1.',
      ],
      FRESHET_EVENT_SCHEMA: [
        'The data breaks the schema of its type.',
        'See [events](events.md) and [schemas](schemas).',
      ],
      FRESHET_EVENT_SUBJECT_MISMATCH: [
        'The NATS subject does not agree with `type` and `subject`.',
        'The message names the subject to publish on.',
      ],
      FRESHET_EVENT_IDENTITY_REUSED: [
        'The same source and id as an earlier event, with another content.',
        'Publish it under an id of its own.',
      ],
      FRESHET_EVENT_USER_ERASED: [
        'An import holds events of a user who was forgotten.',
        'Leave them out. Who comes back is published, not imported.',
      ],
      FRESHET_EVENT_CONTROL_REFUSED: ['`control.*` is written by Freshet alone.', 'There is nothing to publish there.'],
      FRESHET_EVENT_FOLD_FAILED: [
        'The event is valid, but a service failed to fold it: a defect.',
        'Report it, with the dead letter.',
      ],
    },
  },
  {
    title: 'Requests',
    about: 'Answers are RFC 9457 problem details, the same over HTTP and NATS.',
    codes: {
      FRESHET_BAD_REQUEST: ['The request is wrong; `member` says where.', 'Correct it.'],
      FRESHET_KEY_MISSING: [
        'The gateway asks for a key, and none came.',
        'Add the header `authorization: Bearer KEY`.',
      ],
      FRESHET_KEY_INVALID: ['The key is none of this system, has been revoked, or has expired.', '`freshet keys list`'],
      FRESHET_TOKEN_INVALID: [
        'The token is forged, has expired (`expired` says so), or its key was revoked.',
        'Ask for another: `POST /v1/tokens`.',
      ],
      FRESHET_SCOPE_MISSING: ['The key or token does not have the scope.', '`freshet keys create NAME --scope SCOPE`'],
      FRESHET_OTHER_USER: [
        "A user's token was used for another, or for what no user may.",
        "Use that user's token, or a key.",
      ],
      FRESHET_RATE_LIMITED: ['More requests than the limit.', 'Wait as long as `Retry-After` says.'],
      FRESHET_TOO_MANY_STREAMS: [
        'As many lists are being watched as the gateway takes.',
        'Ask for the list now and then.',
      ],
      FRESHET_KEYS_UNUSED: ['A token was asked for where no keys are in use.', 'Nothing: none is needed.'],
      FRESHET_NOT_FOUND: ['No such user or item.', 'Publish one.'],
      FRESHET_SEQUENCE_NOT_REACHED: [
        'The state has not reached `min_seq` within `timeout_ms`; `reached` says how far it is.',
        'Ask again, or with a larger `timeout_ms`.',
      ],
      FRESHET_SERVICE_UNAVAILABLE: [
        'The service is not there, does not answer, or refuses its log.',
        '`freshet status`',
      ],
      FRESHET_ROUTE_UNKNOWN: ['There is nothing at this address.', 'See `/docs` of the gateway.'],
      FRESHET_METHOD_NOT_ALLOWED: ['The address is known, but not with this method.', 'The header `Allow` names them.'],
      FRESHET_MEDIA_TYPE: ['The body is of a kind that is not read here.', 'Name the content type.'],
      FRESHET_BODY_TOO_LARGE: ['More bytes than `http.body_bytes`.', 'Send smaller batches.'],
      FRESHET_BATCH_TOO_LARGE: ['More events than `http.batch_events`.', 'Send smaller batches.'],
      FRESHET_ANSWER_TOO_LARGE: [
        'The answer does not fit into one NATS message.',
        'Ask for less at once: a smaller `n`.',
      ],
      FRESHET_INTERNAL: ['A defect. What happened is in the log of the process.', 'Report it.'],
    },
  },
  {
    title: 'Publishing',
    codes: {
      FRESHET_PUBLISH_UNACKNOWLEDGED: [
        'No acknowledgement in time: whether the event is stored is unknown.',
        'Publish it again under the same id; it counts once.',
      ],
      FRESHET_PUBLISH_REFUSED: ['nats-server refused the message.', '`freshet status`; is the disk full?'],
    },
  },
  {
    title: 'The log against the checkpoint',
    about:
      'A service refuses to go on, and to answer, while its log is not the one that its projection was made from. Nothing is changed meanwhile.',
    codes: {
      FRESHET_LOG_RECREATED: [
        'The stream was created anew.',
        'Point the service to the right server, or remove the projection to rebuild it.',
      ],
      FRESHET_LOG_TRUNCATED: [
        'The stream ends before the checkpoint.',
        'Restore the stream, or remove the projection to rebuild it.',
      ],
      FRESHET_LOG_FORKED: [
        'A sequence holds another message than the one that was folded.',
        'Restore the stream, or remove the projection to rebuild it.',
      ],
      FRESHET_LOG_PRUNED: ['Messages are missing that no erasure took.', 'Restore the stream from a backup.'],
      FRESHET_CHECKPOINT_CONFLICT: [
        'Another process has written to the projection.',
        'Start one process an instance; `--replica` gives each its own.',
      ],
      FRESHET_NO_PROJECTION: [
        'There is no projection in the data folder, or it can not be read.',
        '`--data DIR`; `freshet replay SERVICE` makes it again.',
      ],
      FRESHET_FOLD_VERSION_DIFFERS: [
        'A projection was made by another release or under other settings than those of the command.',
        'Use the same settings, or `freshet replay SERVICE`.',
      ],
      FRESHET_NOT_CAUGHT_UP: [
        'A service is behind what has to be folded before it can be compared, or has yet to be rebuilt after an erasure.',
        '`freshet status`, then again.',
      ],
      FRESHET_REBUILD_WAITING: [
        'A rebuilt projection lies ready and no service has taken it over.',
        'Start the service under the settings that it was rebuilt for.',
      ],
      FRESHET_ROLLBACK_REFUSED: [
        'A snapshot that can’t be gone back to: another stream, another version of the model, or unknown settings.',
        'Choose another one: `freshet snapshots`.',
      ],
      FRESHET_POSITION_UNKNOWN: [
        'A sequence behind the end of the log, or a sequence or time before its beginning.',
        'Name one that the log holds; the message says from where to where it reaches.',
      ],
      FRESHET_DEAD_LETTER_UNREADABLE: [
        'A dead letter is wrong in itself: no fold of it can be tried again.',
        'Publish it corrected: `freshet dlq retry SERVICE SEQ --with FILE`.',
      ],
      FRESHET_SCHEMA_INCOMPATIBLE: [
        'A schema that was published refuses what it took before.',
        'Make it a new version of the type, with an upcaster for the old one.',
      ],
      FRESHET_LOG_UNREACHABLE: ['The log can not be read just now; it is tried again.', '`freshet status`'],
      FRESHET_FOLD_TROUBLE: [
        'A batch could not be committed (full disk, locked file); it is tried again.',
        'Look at the log of the service.',
      ],
    },
  },
  {
    title: 'Start and configuration',
    codes: {
      FRESHET_USAGE: ['Wrong words on the command line; exit code 2.', '`freshet VERB --help`'],
      FRESHET_CONFIG_INVALID: [
        'A setting is not as it should be; it is named.',
        'See [configuration](configuration.md).',
      ],
      FRESHET_PORT_IN_USE: ['Somebody listens on the port already.', 'Choose another; 0 takes any free one.'],
      FRESHET_INSTANCE_LOCKED: ['Another process works on the same data folder.', 'Stop it; its pid is named.'],
      FRESHET_DATA_FOLDER_UNUSABLE: ['The data folder can not be made, read or written.', '`--data DIR`'],
      FRESHET_NATS_SERVER_UNAVAILABLE: ['No way of getting nats-server led to one.', '`npx freshet doctor`'],
      FRESHET_NATS_SERVER_TOO_OLD: ['The server is older than 2.9.10.', 'Use a newer one.'],
      FRESHET_NATS_UNREACHABLE: ['Nobody answers at the address.', '`freshet up`, or check `--nats`.'],
      FRESHET_JETSTREAM_DISABLED: ['The server has no JetStream.', '`nats-server -js`'],
      FRESHET_STREAM_MISSING: ['A stream is not there.', '`freshet streams apply`'],
      FRESHET_STREAM_CONFIG_DIFFERS: [
        'The server holds something under that name with other settings.',
        '`freshet streams diff`',
      ],
      FRESHET_STREAM_CHANGE_LOSES_DATA: [
        'The change would delete messages.',
        '`freshet streams apply --lose-data --yes-lose-data`, if that is meant.',
      ],
      FRESHET_MODEL_STATE_UNREADABLE: [
        'The image of a model is damaged or of another format.',
        'Take another snapshot.',
      ],
      FRESHET_SNAPSHOT_UNREADABLE: [
        'A snapshot of the model is not there, cut short, or not what was written.',
        'Nothing: the engine uses the one before, or the log.',
      ],
      FRESHET_SNAPSHOT_UNFIT: [
        'A rebuild from a snapshot was asked for, and each one there is was made under other settings, by another release or from another log, or is newer than what was asked for.',
        'Rebuild without `--from-snapshot`, or under the settings that the snapshot was made with.',
      ],
      FRESHET_INPUT_UNREADABLE: [
        'What a training gave the model is damaged or of another format.',
        'Nothing: the model goes on with what is in force.',
      ],
      FRESHET_TRAINING_FAILED: [
        'A training came to nothing: no TensorFlow, the worker died, or it took too long.',
        'Nothing: what is in force stays; `npx freshet doctor` says whether TensorFlow loads.',
      ],
      FRESHET_TENSORFLOW_UNAVAILABLE: ['The backend that was asked for does not work here.', '`npx freshet doctor`'],
    },
  },
  {
    title: 'Import',
    about: 'Rows that are left out keep the code of the event they would have been, or have one of these.',
    codes: {
      FRESHET_IMPORT_FORMAT: ['A file can not be read as what it was said to be.', 'The message says what was seen.'],
      FRESHET_IMPORT_ROW_COLUMNS: ['The row has more or fewer columns than the header.', 'Mend the row.'],
      FRESHET_IMPORT_ROW_ENCODING: ['The row is not UTF-8.', 'Convert the file.'],
      FRESHET_IMPORT_ROW_QUOTES: ['A quote is not closed, or stands where none may.', 'Mend the row.'],
      FRESHET_IMPORT_ROW_TIME: ['The time can not be read.', 'Name the unit: `timeUnit` of the column map.'],
      FRESHET_IMPORT_ROW_VALUE: ['The value is not a number.', 'Mend the row.'],
    },
  },
  {
    title: 'Set-up',
    codes: {
      FRESHET_SETUP_NODE_TOO_OLD: ['Node is older than 20.', 'Install a newer one.'],
      FRESHET_SETUP_NPM_MISSING: ['npm is not on PATH.', 'It comes with Node.'],
      FRESHET_SETUP_PACKAGES: ['npm could not install the packages.', 'The message holds what npm said.'],
      FRESHET_SETUP_SQLITE: ['better-sqlite3 can be neither downloaded nor compiled.', 'Install a C++ compiler.'],
      FRESHET_SETUP_TENSORFLOW: [
        "TensorFlow's native library can not be installed.",
        'Training runs on WASM without it.',
      ],
      FRESHET_CHECKSUM_MISMATCH: ['A download has another checksum than the one it must have.', 'Do not use it.'],
    },
  },
];

/** Variables of the environment and parts of names, which look like codes. */
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

/** HTTP status by code, of the errors that requests are answered with. */
function statuses(): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of Object.values(errors)) {
    if (typeof one !== 'function' || !(one.prototype instanceof errors.FreshetError)) continue;
    const err = new (one as unknown as new (text: string) => errors.FreshetError)('');
    // The bases of several errors have no code of their own.
    if (err.code !== undefined) found.set(err.code, problemOf(err).status);
  }
  return found;
}

/** Sections whose codes are answers to requests. */
const ANSWERED = new Set(['Requests', 'Publishing']);

/** The doc comments of errors by code. */
function docComments(): Map<string, string> {
  const text = readFileSync(join(ROOT, 'src/errors.ts'), 'utf8');
  const classes = text.matchAll(
    /\/\*\* ((?:(?!\*\/).)*?) ?\*\/\nexport class \w+ extends \w+ \{\n {2}readonly code = '(\w+)'/g,
  );
  return new Map([...classes].map(([, comment = '', name = '']) => [name, comment]));
}

export function errorsPage(): string {
  const told = new Set(SECTIONS.flatMap(({ codes }) => Object.keys(codes)));
  const used = usedCodes();
  const stale = [...told].filter((name) => !used.has(name));
  if (stale.length > 0) throw new Error(`scripts/docs/errors.ts speaks of codes that are gone: ${stale.join(', ')}.`);
  const comments = docComments();
  const others: Record<string, Meaning> = {};
  for (const name of [...used].filter((one) => !told.has(one)).sort())
    others[name] = [comments.get(name) ?? 'See the message.', 'The message says what to run.'];
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
      table(['code', ...(answered ? ['HTTP'] : []), 'what happened', 'what next'], rows),
    ].join('\n\n');
  });
  return page(
    generatedFrom('src/errors.ts and scripts/docs/errors.ts'),
    '# Errors',
    'Every condition that a user may meet has a stable code. It is never used again for something else, so programs may decide by it; the text beside it is for people and may change. On the command line an error is `CODE: message`, then the command to run next; over HTTP and NATS it is a problem document with `code`, `detail` and `next`.',
    ...sections,
  );
}
