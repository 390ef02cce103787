/** Errors as answers: RFC 9457 problem details with a stable code, the same over HTTP and NATS. */
import { FreshetError, messageOf, ServiceUnavailableError } from '../../errors.ts';
import { isAway } from './connection.ts';

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  /** What to run or change next. */
  next?: string;
  [extension: string]: unknown;
}

const STATUS: Readonly<Record<string, [status: number, title: string]>> = {
  FRESHET_BAD_REQUEST: [400, 'Bad request'],
  FRESHET_USAGE: [400, 'Bad request'],
  FRESHET_KEY_MISSING: [401, 'Key missing'],
  FRESHET_KEY_INVALID: [401, 'Key refused'],
  FRESHET_KEY_UNREADABLE: [401, 'Key unreadable'],
  FRESHET_TOKEN_INVALID: [401, 'Token refused'],
  FRESHET_SCOPE_MISSING: [403, 'Scope missing'],
  FRESHET_OTHER_USER: [403, 'Not for this user'],
  FRESHET_REPLY_REFUSED: [403, 'Reply refused'],
  FRESHET_RATE_LIMITED: [429, 'Too many requests'],
  FRESHET_TOO_MANY_STREAMS: [429, 'Too many streams'],
  FRESHET_PAST_UNDER_WAY: [409, 'Earlier list under way'],
  FRESHET_DEAD_LETTER_UNREADABLE: [409, 'Event unreadable'],
  FRESHET_ROLLBACK_REFUSED: [409, 'Snapshot unfit'],
  FRESHET_IDENTITY_REUSED: [409, 'Identity in use'],
  FRESHET_IDENTITY_PURGED: [409, 'Identity in use'],
  FRESHET_KEYS_UNUSED: [409, 'No keys in use'],
  FRESHET_NOT_FOUND: [404, 'Not found'],
  FRESHET_POSITION_UNKNOWN: [404, 'Position unknown'],
  FRESHET_EVENT_TOO_LARGE: [413, 'Event too large'],
  FRESHET_BODY_TOO_LARGE: [413, 'Body too large'],
  FRESHET_BATCH_TOO_LARGE: [413, 'Batch too large'],
  FRESHET_MEDIA_TYPE: [415, 'Unsupported media type'],
  FRESHET_ROUTE_UNKNOWN: [404, 'Unknown address'],
  FRESHET_METHOD_NOT_ALLOWED: [405, 'Method not allowed'],
  FRESHET_ANSWER_TOO_LARGE: [400, 'Answer too large'],
  FRESHET_SEQUENCE_NOT_REACHED: [504, 'Sequence not reached'],
  FRESHET_SERVICE_UNAVAILABLE: [503, 'Service unavailable'],
  FRESHET_ERASURE_UNDER_WAY: [503, 'Erasure under way'],
  FRESHET_MODEL_FULL: [503, 'Model full'],
  FRESHET_STREAM_MISSING: [503, 'Stream missing'],
  FRESHET_PUBLISH_UNACKNOWLEDGED: [503, 'Not acknowledged'],
  FRESHET_PUBLISH_REFUSED: [503, 'Refused by the log'],
  FRESHET_NATS_UNREACHABLE: [503, 'Log unreachable'],
  FRESHET_NATS_REFUSED: [503, 'Refused by the log'],
  FRESHET_NATS_FORBIDDEN: [503, 'Refused by the log'],
  FRESHET_NATS_CERTIFICATE: [503, 'Log not trusted'],
};

/** The problem document of an error. An error that is not a `FreshetError` becomes a 500 without its text. */
export function problemOf(err: unknown): Problem {
  if (err instanceof RemoteProblemError) return err.problem;
  if (isAway(err))
    return problemOf(
      new ServiceUnavailableError(`The nats-server did not answer (${err.code}).`, {
        next: 'freshet status; send the request again once the server answers',
        cause: err,
      }),
    );
  if (!(err instanceof FreshetError))
    return {
      type: 'about:blank',
      title: 'Internal error',
      status: 500,
      code: 'FRESHET_INTERNAL',
      detail: 'The service failed. Its log holds the error.',
    };
  return { ...problemOfCode(err.code, messageOf(err), err.next), ...err.details };
}

/** The problem document of a code, for an error that came as text from another process. */
export function problemOfCode(code: string, detail: string, next?: string): Problem {
  const [status, title] =
    STATUS[code] ?? (code.startsWith('FRESHET_EVENT_') ? [400, 'Event refused'] : [500, 'Internal error']);
  return {
    type: `urn:freshet:problem:${code.slice('FRESHET_'.length).toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code,
    detail,
    ...(next ? { next } : {}),
  };
}

/** The error answer of another service, which the receiver passes on unchanged. */
export class RemoteProblemError extends FreshetError {
  readonly code: string;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail, problem.next === undefined ? {} : { next: problem.next });
    this.code = problem.code;
    this.problem = problem;
  }
}
