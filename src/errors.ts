/**
 * Every condition that a user may meet, one small class each: a stable code, the values that matter, and the command
 * to run next. A code is never used again for something else.
 */

export interface ErrorContext {
  /** The command, or the change, that leads out of it. */
  next?: string;
  /** The values that matter, for logs and problem documents. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** Base of all errors that are meant for a user; anything else that is thrown is a defect of ours. */
export abstract class FreshetError extends Error {
  abstract readonly code: string;
  readonly next: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(message: string, { next, details = {}, cause }: ErrorContext = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.next = next;
    this.details = details;
  }
}

export const isFreshetError = (err: unknown): err is FreshetError => err instanceof FreshetError;

/** Text of whatever was thrown. */
export const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

// --- set-up and start ---------------------------------------------------------------------------------------------

/** No way of getting nats-server led to one. */
export class NatsServerUnavailableError extends FreshetError {
  readonly code = 'FRESHET_NATS_SERVER_UNAVAILABLE';
}

/** A download does not have the checksum that is pinned for it; never skipped over. */
export class ChecksumMismatchError extends FreshetError {
  readonly code = 'FRESHET_CHECKSUM_MISMATCH';
}

/** The server is older than what the streams and consumers need. */
export class NatsServerTooOldError extends FreshetError {
  readonly code = 'FRESHET_NATS_SERVER_TOO_OLD';
}

/** Nobody answers at the address. */
export class NatsUnreachableError extends FreshetError {
  readonly code = 'FRESHET_NATS_UNREACHABLE';
}

/** The server has no JetStream, or it is off for this account. */
export class JetStreamDisabledError extends FreshetError {
  readonly code = 'FRESHET_JETSTREAM_DISABLED';
}

export class PortInUseError extends FreshetError {
  readonly code = 'FRESHET_PORT_IN_USE';
}

/** Another process holds the instance; it is named with its pid. */
export class InstanceLockedError extends FreshetError {
  readonly code = 'FRESHET_INSTANCE_LOCKED';
}

export class DataFolderUnusableError extends FreshetError {
  readonly code = 'FRESHET_DATA_FOLDER_UNUSABLE';
}

export class ConfigInvalidError extends FreshetError {
  readonly code = 'FRESHET_CONFIG_INVALID';
}

/** Wrong words on the command line; exit code 2. */
export class UsageError extends FreshetError {
  readonly code = 'FRESHET_USAGE';
}

// --- streams ------------------------------------------------------------------------------------------------------

export class StreamMissingError extends FreshetError {
  readonly code = 'FRESHET_STREAM_MISSING';
}
/** The server holds something under that name with settings other than those of streams.config.ts. */
export class StreamConfigDiffersError extends FreshetError {
  readonly code = 'FRESHET_STREAM_CONFIG_DIFFERS';
}
/** The server can't make a stream: its disk is too small, or a limit of the account is reached. */
export class StreamRefusedError extends FreshetError {
  readonly code = 'FRESHET_STREAM_REFUSED';
}
/** A change to a stream would lose messages. */
export class StreamChangeLosesDataError extends FreshetError {
  readonly code = 'FRESHET_STREAM_CHANGE_LOSES_DATA';
}

export const isStreamMissing = (err: unknown): err is StreamMissingError => err instanceof StreamMissingError;

// --- the log against the checkpoint -------------------------------------------------------------------------------

/** A projection refuses to go on: the log is not the one that its checkpoint was made from. */
export abstract class LogRefusedError extends FreshetError {}

export class LogRecreatedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_RECREATED';
}
export class LogTruncatedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_TRUNCATED';
}
export class LogForkedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_FORKED';
}
/** Messages are missing that no erasure took. */
export class LogPrunedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_PRUNED';
}

/** A snapshot's object is not there, cut short, or not what was written. */
export class SnapshotUnreadableError extends FreshetError {
  readonly code = 'FRESHET_SNAPSHOT_UNREADABLE';
}
/** A snapshot was asked for, and there is none of this engine and these settings. */
export class SnapshotUnfitError extends FreshetError {
  readonly code = 'FRESHET_SNAPSHOT_UNFIT';
}

/** The checkpoint in the file is not the one this process wrote last. */
export class CheckpointConflictError extends FreshetError {
  readonly code = 'FRESHET_CHECKPOINT_CONFLICT';
}

/** There is no projection in the data folder, or it can't be read. */
export class ProjectionMissingError extends FreshetError {
  readonly code = 'FRESHET_NO_PROJECTION';
}
/** A projection, or the model in memory, was made by another fold than the one of this program and these settings. */
export class FoldVersionDiffersError extends FreshetError {
  readonly code = 'FRESHET_FOLD_VERSION_DIFFERS';
}
/** A service has not yet folded what has to be folded first. */
export class NotCaughtUpError extends FreshetError {
  readonly code = 'FRESHET_NOT_CAUGHT_UP';
}
/** A rebuilt projection lies ready and no service has taken it over yet. */
export class RebuildWaitingError extends FreshetError {
  readonly code = 'FRESHET_REBUILD_WAITING';
}

/** A snapshot that can't be gone back to. */
export class RollbackRefusedError extends FreshetError {
  readonly code = 'FRESHET_ROLLBACK_REFUSED';
}

/** A sequence or a time that the log does not hold. */
export class PositionUnknownError extends FreshetError {
  readonly code = 'FRESHET_POSITION_UNKNOWN';
}

/** A dead letter that can't be read now either. */
export class DeadLetterUnreadableError extends FreshetError {
  readonly code = 'FRESHET_DEAD_LETTER_UNREADABLE';
}
/** A published schema was changed in a way that refuses what it took before. */
export class SchemaIncompatibleError extends FreshetError {
  readonly code = 'FRESHET_SCHEMA_INCOMPATIBLE';
}

// --- publishing ---------------------------------------------------------------------------------------------------

/** The server did not acknowledge in time: whether the event is stored is unknown, and a retry with the same id is safe. */
export class PublishUnacknowledgedError extends FreshetError {
  readonly code = 'FRESHET_PUBLISH_UNACKNOWLEDGED';
}
/** The server refused the message. */
export class PublishRefusedError extends FreshetError {
  readonly code = 'FRESHET_PUBLISH_REFUSED';
}

// --- requests -----------------------------------------------------------------------------------------------------

export class BadRequestError extends FreshetError {
  readonly code = 'FRESHET_BAD_REQUEST';
}
export class NotFoundError extends FreshetError {
  readonly code = 'FRESHET_NOT_FOUND';
}
/** The state has not reached the sequence asked for within the time given. */
export class SequenceNotReachedError extends FreshetError {
  readonly code = 'FRESHET_SEQUENCE_NOT_REACHED';
}
/** State in memory could not follow the log: it is made anew from a snapshot and the log. */
export class StateFollowerFailedError extends FreshetError {
  readonly code = 'FRESHET_STATE_FOLLOWER_FAILED';
}
/** The service is not there, or does not answer. */
export class ServiceUnavailableError extends FreshetError {
  readonly code = 'FRESHET_SERVICE_UNAVAILABLE';
}

/** The answer does not fit into one message. */
export class AnswerTooLargeError extends FreshetError {
  readonly code = 'FRESHET_ANSWER_TOO_LARGE';
}

/** The gateway asks for a key, and none was given. */
export class KeyMissingError extends FreshetError {
  readonly code = 'FRESHET_KEY_MISSING';
}
/** The key is none of this system, has been revoked, or has expired. */
export class KeyInvalidError extends FreshetError {
  readonly code = 'FRESHET_KEY_INVALID';
}
/** The token is forged, has expired, or its key has been revoked. */
export class TokenInvalidError extends FreshetError {
  readonly code = 'FRESHET_TOKEN_INVALID';
}
/** The key or token does not have the scope. */
export class ScopeMissingError extends FreshetError {
  readonly code = 'FRESHET_SCOPE_MISSING';
}
/** The token is bound to one user, and the request is about another or about nobody in particular. */
export class ForbiddenUserError extends FreshetError {
  readonly code = 'FRESHET_OTHER_USER';
}
/** More requests than the limit. */
export class RateLimitedError extends FreshetError {
  readonly code = 'FRESHET_RATE_LIMITED';
}
/** More lists are being watched at once than the gateway takes. */
export class TooManyStreamsError extends FreshetError {
  readonly code = 'FRESHET_TOO_MANY_STREAMS';
}
/** Tokens are made with a key, and the request came with none because none is asked for. */
export class KeysUnusedError extends FreshetError {
  readonly code = 'FRESHET_KEYS_UNUSED';
}

/** There is nothing at this address. */
export class RouteUnknownError extends FreshetError {
  readonly code = 'FRESHET_ROUTE_UNKNOWN';
}
/** The address is known, but not with this method. */
export class MethodNotAllowedError extends FreshetError {
  readonly code = 'FRESHET_METHOD_NOT_ALLOWED';
}
/** The body is of a kind that is not read here. */
export class MediaTypeError extends FreshetError {
  readonly code = 'FRESHET_MEDIA_TYPE';
}
export class BodyTooLargeError extends FreshetError {
  readonly code = 'FRESHET_BODY_TOO_LARGE';
}
export class BatchTooLargeError extends FreshetError {
  readonly code = 'FRESHET_BATCH_TOO_LARGE';
}

// --- files --------------------------------------------------------------------------------------------------------

/** A file cannot be read as what it was said to be. */
export class ImportFormatError extends FreshetError {
  readonly code = 'FRESHET_IMPORT_FORMAT';
}

// --- events -------------------------------------------------------------------------------------------------------

/** Why one event is refused (publishing) or set aside (log). A value rather than an exception: bad events are expected. */
export interface EventProblem {
  code:
    | 'FRESHET_EVENT_MALFORMED'
    | 'FRESHET_EVENT_TOO_LARGE'
    | 'FRESHET_EVENT_ENVELOPE'
    | 'FRESHET_EVENT_ID_INVALID'
    | 'FRESHET_EVENT_TYPE_UNKNOWN'
    | 'FRESHET_EVENT_VERSION_UNKNOWN'
    | 'FRESHET_EVENT_SCHEMA'
    | 'FRESHET_EVENT_SUBJECT_MISMATCH'
    | 'FRESHET_EVENT_IDENTITY_REUSED'
    | 'FRESHET_EVENT_CONTROL_REFUSED'
    | 'FRESHET_EVENT_USER_ERASED'
    | 'FRESHET_EVENT_FOLD_FAILED'
    | 'FRESHET_SCOPE_MISSING'
    | 'FRESHET_OTHER_USER';
  message: string;
}
