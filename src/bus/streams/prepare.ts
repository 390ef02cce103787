/** Checks a server, and creates what it lacks, before a process uses it. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { type Definition, LEASES, type Needer, STREAMS } from '../../../streams.config.ts';
import { StreamMissingError } from '../../errors.ts';
import { checkServer } from '../nats/connection.ts';
import { isBlocking, missingStreams } from './missing.ts';
import { type Applied, applyStreams } from './plan.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';

/**
 * Creates what is missing. On a server that Freshet has used before, something that only a backup brings back was deleted:
 * a new one would hide the loss. Throws `StreamMissingError` if the process needs it, and else leaves it missing.
 */
export async function createMissing(
  nc: NatsConnection,
  needer: Needer,
  definitions: readonly Definition[] = STREAMS,
): Promise<Applied[]> {
  const missing = await missingStreams(await nc.jetstreamManager({ checkAPI: false }));
  // Created behind all that only a backup brings back, also by a process that starts beside this one. No command creates it
  // alone, and no backup holds it.
  const isUsed = missing.every(({ name }) => name !== LEASES.name);
  const lost = isUsed ? missing.filter(isBlocking) : [];
  const own = lost.find(
    ({ name, needed_by }) => needed_by.includes(needer) && definitions.some((one) => one.name === name),
  );
  if (own) throw new StreamMissingError(own.message, { next: own.next, details: { name: own.name } });
  const kept = definitions.filter(({ name }) => lost.every((one) => one.name !== name));
  return applyStreams(nc, { onlyMissing: true }, kept);
}

/** Creates what is missing on the server, and logs the features that the server lacks. Throws `StreamMissingError` and `RestoreUnfinishedError`. */
export async function prepareServer(nc: NatsConnection, logger: Logger, needer: Needer): Promise<void> {
  const { version, missing } = await checkServer(nc);
  if (missing.length > 0)
    logger.info({ version, missing }, 'this nats-server lacks features that Freshet does not need');
  await refuseUnfinishedRestore(nc);
  const applied = await createMissing(nc, needer);
  for (const { kind, name, done } of applied) {
    if (done === 'created') logger.info({ kind, name }, 'Freshet has created this in JetStream');
    else if (done === 'left' && kind !== 'consumer')
      logger.warn(
        { kind, name, next: 'freshet streams diff' },
        'the nats-server has this with other settings than streams.config.ts',
      );
  }
}
