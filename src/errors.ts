/**
 * One small class for each condition that a user may meet. It carries a stable code, the values that matter, and the
 * command to run next. No code is ever given a second meaning.
 */

export interface ErrorContext {
  /** The command or the change that solves the problem. */
  next?: string;
  /** The values that matter, for logs and problem documents. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** Base of all errors that a user can act on. Any other exception is a defect of Freshet. */
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

/** The message of anything that code can throw. */
export const messageOf = (err: unknown): string => (err instanceof Error ? err.message : String(err));

// --- set-up and start ---------------------------------------------------------------------------------------------

/** Freshet found no nats-server and could not download one. */
export class NatsServerUnavailableError extends FreshetError {
  readonly code = 'FRESHET_NATS_SERVER_UNAVAILABLE';
}

/** A download does not match its pinned checksum. Freshet never uses such a file. */
export class ChecksumMismatchError extends FreshetError {
  readonly code = 'FRESHET_CHECKSUM_MISMATCH';
}

/** The nats-server is older than the streams and consumers need. */
export class NatsServerTooOldError extends FreshetError {
  readonly code = 'FRESHET_NATS_SERVER_TOO_OLD';
}

/** No nats-server answers at the address. */
export class NatsUnreachableError extends FreshetError {
  readonly code = 'FRESHET_NATS_UNREACHABLE';
}

/** The nats-server refuses the credentials of the process, or requires some and the process has none. */
export class NatsRefusedError extends FreshetError {
  readonly code = 'FRESHET_NATS_REFUSED';
}

/** The identity of the process may not do this on the bus. */
export class NatsForbiddenError extends FreshetError {
  readonly code = 'FRESHET_NATS_FORBIDDEN';
}

/** The process does not trust the certificate of the nats-server, or the server has none. */
export class NatsCertificateError extends FreshetError {
  readonly code = 'FRESHET_NATS_CERTIFICATE';
}

/** Freshet cannot use a file of credentials: it is missing, readable by others, or something else. */
export class CredentialsUnusableError extends FreshetError {
  readonly code = 'FRESHET_CREDENTIALS_UNUSABLE';
}

/** Freshet cannot read or make the folder of a secured bus. */
export class SecureFolderError extends FreshetError {
  readonly code = 'FRESHET_SECURE_FOLDER';
}

/** The nats-server would use the streams of one account and hide those of another. */
export class LogHiddenError extends FreshetError {
  readonly code = 'FRESHET_LOG_HIDDEN';
}

/** JetStream is off on the nats-server, or for this account. */
export class JetStreamDisabledError extends FreshetError {
  readonly code = 'FRESHET_JETSTREAM_DISABLED';
}

/** Another process listens on the port. */
export class PortInUseError extends FreshetError {
  readonly code = 'FRESHET_PORT_IN_USE';
}

/** Another process holds the lock of the instance. The message names its pid. */
export class InstanceLockedError extends FreshetError {
  readonly code = 'FRESHET_INSTANCE_LOCKED';
}

/** A command would remove a replica that runs. */
export class ReplicaRunningError extends FreshetError {
  readonly code = 'FRESHET_REPLICA_RUNNING';
}

/** Freshet cannot create, read or write the data folder. */
export class DataFolderUnusableError extends FreshetError {
  readonly code = 'FRESHET_DATA_FOLDER_UNUSABLE';
}

/** A setting has an invalid value. The message names it. */
export class ConfigInvalidError extends FreshetError {
  readonly code = 'FRESHET_CONFIG_INVALID';
}

/** The command line is wrong. The exit code is 2. */
export class UsageError extends FreshetError {
  readonly code = 'FRESHET_USAGE';
}

// --- streams ------------------------------------------------------------------------------------------------------

/** A process cannot read a KV bucket by direct gets: the bucket, its setting or the right to read it is missing. */
export class BucketUnreadableError extends FreshetError {
  readonly code = 'FRESHET_BUCKET_UNREADABLE';
}

/** The nats-server does not have the stream. */
export class StreamMissingError extends FreshetError {
  readonly code = 'FRESHET_STREAM_MISSING';
}
/** The nats-server has a stream of this name with other settings than streams.config.ts. */
export class StreamConfigDiffersError extends FreshetError {
  readonly code = 'FRESHET_STREAM_CONFIG_DIFFERS';
}
/** The log holds records of erasures, and the key by which they name users is gone. */
export class ErasureKeyLostError extends FreshetError {
  readonly code = 'FRESHET_ERASURE_KEY_LOST';
}
/** The nats-server cannot create a stream: its disk is too small, or the account has reached a limit. */
export class StreamRefusedError extends FreshetError {
  readonly code = 'FRESHET_STREAM_REFUSED';
}
/** A change to a stream would lose messages. */
export class StreamChangeLosesDataError extends FreshetError {
  readonly code = 'FRESHET_STREAM_CHANGE_LOSES_DATA';
}

export const isStreamMissing = (err: unknown): err is StreamMissingError => err instanceof StreamMissingError;

// --- backups ------------------------------------------------------------------------------------------------------

/** The folder holds no complete backup, or a file of it is damaged. */
export class BackupInvalidError extends FreshetError {
  readonly code = 'FRESHET_BACKUP_INVALID';
}
/** The nats-server could not deliver the contents of a stream, or Freshet could not write them. */
export class BackupFailedError extends FreshetError {
  readonly code = 'FRESHET_BACKUP_FAILED';
}
/** Freshet does not restore this backup into this nats-server. */
export class RestoreRefusedError extends FreshetError {
  readonly code = 'FRESHET_RESTORE_REFUSED';
}
/** A restore into this nats-server began and did not finish, so no service starts. */
export class RestoreUnfinishedError extends FreshetError {
  readonly code = 'FRESHET_RESTORE_UNFINISHED';
}

// --- the log against the checkpoint -------------------------------------------------------------------------------

/** The log does not match the checkpoint of a projection, so the service refuses to continue. */
export abstract class LogRefusedError extends FreshetError {}

/** The stream was deleted and created again, or restored from a backup. */
export class LogRecreatedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_RECREATED';
}
/** The stream ends before the checkpoint. */
export class LogTruncatedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_TRUNCATED';
}
/** A sequence holds another message than the one that the service folded. */
export class LogForkedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_FORKED';
}
/** The log has lost messages that no erasure removed. */
export class LogPrunedError extends LogRefusedError {
  readonly code = 'FRESHET_LOG_PRUNED';
}

/** An operator accepted the loss of messages that the projection has folded. A rebuild replaces the projection. */
export class LossAcceptedError extends LogRefusedError {
  readonly code = 'FRESHET_LOSS_ACCEPTED';
}
/** An operator cannot accept the loss of a sequence that is not missing. */
export class LossRefusedError extends FreshetError {
  readonly code = 'FRESHET_LOSS_REFUSED';
}

/** The object of a snapshot is missing, truncated or damaged. */
export class SnapshotUnreadableError extends FreshetError {
  readonly code = 'FRESHET_SNAPSHOT_UNREADABLE';
}
/** The caller requested a snapshot, and no snapshot fits this engine and these settings. */
export class SnapshotUnfitError extends FreshetError {
  readonly code = 'FRESHET_SNAPSHOT_UNFIT';
}

/** The checkpoint in the file is not the one that this process wrote last: another process has written to it. */
export class CheckpointConflictError extends FreshetError {
  readonly code = 'FRESHET_CHECKPOINT_CONFLICT';
}

/** The data folder holds no readable projection. */
export class ProjectionMissingError extends FreshetError {
  readonly code = 'FRESHET_NO_PROJECTION';
}
/** Another release or other settings folded this projection or this model. */
export class FoldVersionDiffersError extends FreshetError {
  readonly code = 'FRESHET_FOLD_VERSION_DIFFERS';
}
/** A service has not yet folded the events that the command needs. */
export class NotCaughtUpError extends FreshetError {
  readonly code = 'FRESHET_NOT_CAUGHT_UP';
}
/** The model of the engine needs more memory than a WebAssembly memory can have. */
export class ModelFullError extends FreshetError {
  readonly code = 'FRESHET_MODEL_FULL';
}

/** A service is removing a user in slices, so that its state is between two folds. */
export class ErasureUnderWayError extends FreshetError {
  readonly code = 'FRESHET_ERASURE_UNDER_WAY';
}
/** A rebuilt projection is ready, and no service has cut over to it yet. */
export class RebuildWaitingError extends FreshetError {
  readonly code = 'FRESHET_REBUILD_WAITING';
}

/** The engine cannot roll back to this snapshot. */
export class RollbackRefusedError extends FreshetError {
  readonly code = 'FRESHET_ROLLBACK_REFUSED';
}

/** The log does not reach this sequence or this time. */
export class PositionUnknownError extends FreshetError {
  readonly code = 'FRESHET_POSITION_UNKNOWN';
}

/** A service still cannot read this dead letter. */
export class DeadLetterUnreadableError extends FreshetError {
  readonly code = 'FRESHET_DEAD_LETTER_UNREADABLE';
}
/** A changed schema rejects events that its published version accepts. */
export class SchemaIncompatibleError extends FreshetError {
  readonly code = 'FRESHET_SCHEMA_INCOMPATIBLE';
}

// --- publishing ---------------------------------------------------------------------------------------------------

/**
 * The nats-server did not acknowledge in time. The event may or may not be in the log, so a retry with the same id is
 * safe.
 */
export class PublishUnacknowledgedError extends FreshetError {
  readonly code = 'FRESHET_PUBLISH_UNACKNOWLEDGED';
}
/** The log holds another event with the source and id of this one. */
export class IdentityReusedError extends FreshetError {
  readonly code = 'FRESHET_IDENTITY_REUSED';
}
/** An erasure removed the event that had this source and id, and the nats-server still recognises the id. */
export class IdentityPurgedError extends FreshetError {
  readonly code = 'FRESHET_IDENTITY_PURGED';
}
/** The nats-server refused the message. */
export class PublishRefusedError extends FreshetError {
  readonly code = 'FRESHET_PUBLISH_REFUSED';
}

// --- requests -----------------------------------------------------------------------------------------------------

/** The request is invalid. The message names the member. */
export class BadRequestError extends FreshetError {
  readonly code = 'FRESHET_BAD_REQUEST';
}
/** Freshet does not know this user, item or list. */
export class NotFoundError extends FreshetError {
  readonly code = 'FRESHET_NOT_FOUND';
}
/** The service did not reach the requested sequence in the time that the caller allowed. */
export class SequenceNotReachedError extends FreshetError {
  readonly code = 'FRESHET_SEQUENCE_NOT_REACHED';
}
/** The model in memory could not follow the log. The engine folds it again, from a snapshot and the log. */
export class StateFollowerFailedError extends FreshetError {
  readonly code = 'FRESHET_STATE_FOLLOWER_FAILED';
}
/** The service is not running, or does not answer. */
export class ServiceUnavailableError extends FreshetError {
  readonly code = 'FRESHET_SERVICE_UNAVAILABLE';
}

/** The answer is larger than one NATS message may be. */
export class AnswerTooLargeError extends FreshetError {
  readonly code = 'FRESHET_ANSWER_TOO_LARGE';
}

/** A request names a reply subject that is no inbox. The service drops it, because an answer there could write into a stream. */
export class ReplyRefusedError extends FreshetError {
  readonly code = 'FRESHET_REPLY_REFUSED';
}

/** The nats-server does not let a service listen for its requests. */
export class ListeningRefusedError extends FreshetError {
  readonly code = 'FRESHET_LISTENING_REFUSED';
}

/** The gateway requires an API key, and the caller sent none. */
export class KeyMissingError extends FreshetError {
  readonly code = 'FRESHET_KEY_MISSING';
}
/** The gateway does not know the API key, or the key is revoked or expired. */
export class KeyInvalidError extends FreshetError {
  readonly code = 'FRESHET_KEY_INVALID';
}
/** The key by which records of erasures name users is gone, damaged or another one. */
export class ErasureKeyWrongError extends FreshetError {
  readonly code = 'FRESHET_ERASURE_KEY_WRONG';
}
/** The gateway cannot read the record of the API key: something overwrote it, or a newer release wrote it. */
export class KeyUnreadableError extends FreshetError {
  readonly code = 'FRESHET_KEY_UNREADABLE';
}
/** The token is forged or expired, or its API key is revoked. */
export class TokenInvalidError extends FreshetError {
  readonly code = 'FRESHET_TOKEN_INVALID';
}
/** The API key or token lacks the scope. */
export class ScopeMissingError extends FreshetError {
  readonly code = 'FRESHET_SCOPE_MISSING';
}
/** The token belongs to one user, and the request concerns another user or no single user. */
export class ForbiddenUserError extends FreshetError {
  readonly code = 'FRESHET_OTHER_USER';
}
/** The caller sends more requests per second than the limit. */
export class RateLimitedError extends FreshetError {
  readonly code = 'FRESHET_RATE_LIMITED';
}
/** Callers watch as many lists at once as the gateway allows. */
export class TooManyStreamsError extends FreshetError {
  readonly code = 'FRESHET_TOO_MANY_STREAMS';
}
/** The gateway makes one earlier list at a time, because it takes a core for a while. */
export class PastUnderWayError extends FreshetError {
  readonly code = 'FRESHET_PAST_UNDER_WAY';
}
/** Only an API key can make tokens, and this gateway requires no keys. */
export class KeysUnusedError extends FreshetError {
  readonly code = 'FRESHET_KEYS_UNUSED';
}

/** The gateway has no route for this path. */
export class RouteUnknownError extends FreshetError {
  readonly code = 'FRESHET_ROUTE_UNKNOWN';
}
/** The path exists, but not for this method. */
export class MethodNotAllowedError extends FreshetError {
  readonly code = 'FRESHET_METHOD_NOT_ALLOWED';
}
/** The gateway does not read bodies of this media type here. */
export class MediaTypeError extends FreshetError {
  readonly code = 'FRESHET_MEDIA_TYPE';
}
/** The body is larger than the limit. */
export class BodyTooLargeError extends FreshetError {
  readonly code = 'FRESHET_BODY_TOO_LARGE';
}
/** The request holds more events than the limit. */
export class BatchTooLargeError extends FreshetError {
  readonly code = 'FRESHET_BATCH_TOO_LARGE';
}

// --- files --------------------------------------------------------------------------------------------------------

/** Freshet cannot read a file in the format that the user named, or in any known format. */
export class ImportFormatError extends FreshetError {
  readonly code = 'FRESHET_IMPORT_FORMAT';
}
/** Another process imports the catalogue of the same source. */
export class SyncUnderWayError extends FreshetError {
  readonly code = 'FRESHET_SYNC_UNDER_WAY';
}
/** The import would withdraw more items than it may, or items whose rows it could not read. */
export class WithdrawalRefusedError extends FreshetError {
  readonly code = 'FRESHET_WITHDRAWAL_REFUSED';
}

// --- warnings ----------------------------------------------------------------------------------------------------

/** Codes of warnings in answers: see `Warning` in bus/nats/warning.ts. */
export type WarningCode = 'FRESHET_ATTRIBUTE_UNKNOWN' | 'FRESHET_ORDER_OF_TEXT' | 'FRESHET_RATING_WITHOUT_VALUE';

// --- events -------------------------------------------------------------------------------------------------------

/**
 * Why Freshet rejects one event when it is published, or moves it to the dead letters when a service reads it from the
 * log. It is a value and not an exception, because bad events are expected.
 */
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
    | 'FRESHET_IDENTITY_REUSED'
    | 'FRESHET_IDENTITY_PURGED'
    | 'FRESHET_SCOPE_MISSING'
    | 'FRESHET_OTHER_USER'
    | 'FRESHET_OTHER_SOURCE';
  message: string;
}
