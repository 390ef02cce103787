import { SetupError } from '../../scripts/setup/report.mjs';
import { ChecksumMismatchError, FreshetError, NatsServerUnavailableError } from '../errors.ts';

/** A condition of the set-up that the running system has no class of its own for; the code is the set-up's. */
class SetupFailedError extends FreshetError {
  readonly code: string;

  constructor(err: SetupError) {
    super(err.message, { ...(err.next === undefined ? {} : { next: err.next }), details: err.details, cause: err });
    this.code = err.code;
  }
}

/** The set-up is plain Node and has errors of its own; here they become those that every command prints. */
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
