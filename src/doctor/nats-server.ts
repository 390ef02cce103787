import * as setup from '../../scripts/setup/nats-server.mjs';
import { fromSetupError } from './setup-error.ts';

export type { ExternalServer, FoundServer, LocateOptions } from '../../scripts/setup/nats-server.mjs';

/**
 * Finds nats-server, or gets it, in the set-up's order.
 *
 * @throws {NatsServerUnavailableError} when no way led to one
 * @throws {ChecksumMismatchError} when a download is not what was published
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
