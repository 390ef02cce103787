/** Checks a server, and creates what it lacks, before a process uses it. */
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { checkServer } from '../nats/connection.ts';
import { applyStreams } from './plan.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';

/**
 * Creates what is missing on the server, and logs the features that the server lacks. Throws `RestoreUnfinishedError`
 * before it creates anything.
 */
export async function prepareServer(nc: NatsConnection, logger: Logger): Promise<void> {
  const { version, missing } = await checkServer(nc);
  if (missing.length > 0)
    logger.info({ version, missing }, 'this nats-server lacks features that Freshet does not need');
  await refuseUnfinishedRestore(nc);
  const applied = await applyStreams(nc, { onlyMissing: true });
  for (const { kind, name, done } of applied) {
    if (done === 'created') logger.info({ kind, name }, 'Freshet has created this in JetStream');
    else if (done === 'left' && kind !== 'consumer')
      logger.warn(
        { kind, name, next: 'freshet streams diff' },
        'the nats-server has this with other settings than streams.config.ts',
      );
  }
}
