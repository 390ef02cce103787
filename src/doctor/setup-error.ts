import { SetupError } from '../../scripts/setup/report.mjs';
import { ChecksumMismatchError, FreshetError, NatsServerUnavailableError } from '../errors.ts';

/** A set-up error without a class of its own. It keeps the code of the set-up. */
class SetupFailedError extends FreshetError {
  readonly code: string;

  constructor(err: SetupError) {
    super(err.message, { ...(err.next === undefined ? {} : { next: err.next }), details: err.details, cause: err });
    this.code = err.code;
  }
}

/** Converts an error of the set-up, which is plain JavaScript, to one that every command prints. */
export const fromSetupError = (err: unknown): unknown => {
  if (!(err instanceof SetupError)) return err;
  const context = { ...(err.next === undefined ? {} : { next: err.next }), details: err.details, cause: err };
  switch (err.code) {
    case 'FRESHET_CHECKSUM_MISMATCH':
      return new ChecksumMismatchError(err.message, context);
    case 'FRESHET_NATS_SERVER_UNAVAILABLE':
      return new NatsServerUnavailableError(err.message, context);
    default:
      return new SetupFailedError(err);
  }
};
