import * as setup from '../../scripts/setup/nats-server.mjs';
import { fromSetupError } from './setup-error.ts';

export type { ExternalServer, FoundServer, LocateOptions } from '../../scripts/setup/nats-server.mjs';

/**
 * Finds nats-server or downloads it, by the same steps as the set-up.
 *
 * @throws {NatsServerUnavailableError} if no step succeeds
 * @throws {ChecksumMismatchError} if a download does not match its pinned checksum
 */
export const locateNatsServer = async (
  options: setup.LocateOptions = {},
): Promise<setup.FoundServer | setup.ExternalServer> => {
  try {
    return await setup.locateNatsServer(options);
  } catch (err) {
    throw fromSetupError(err);
  }
};
