/** Restores the log of a backup into an empty nats-server, and looks at what it holds. */
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { BackupInvalidError } from '../../errors.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import { createPublisher } from '../nats/publisher.ts';
import { restoreStream, type TransferLimits } from './archive.ts';
import { inspectLog } from './inspect.ts';
import type { Backup, Manifest } from './manifest.ts';
import { refuseOlderServer } from './target.ts';

/** Checks every archive of a backup on a server that nobody else uses. Throws `BackupInvalidError`. */
export async function checkBackup(
  nc: NatsConnection,
  { folder, manifest }: Backup,
  limits: TransferLimits,
  onProgress: (stream: string, bytes: number) => void = () => {},
): Promise<NonNullable<Manifest['checked']>> {
  const server = nc.info?.version ?? '0.0.0';
  refuseOlderServer(server, manifest.server.version);
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  let before = 0;
  for (const { stream, file, config, state, bytes } of manifest.streams) {
    // One server holds one copy, wherever the operator keeps more.
    const { placement: _, ...settings } = { ...config, num_replicas: 1 } as typeof config;
    try {
      await restoreStream(nc, stream, {
        file: join(folder, file),
        config: settings as typeof config,
        state,
        limits,
        onBytes: (n) => onProgress(stream, before + n),
      });
      const info = await jsm.streams.info(stream);
      if (stream !== EVENTS.name && info.state.last_seq < state.last_seq)
        throw new Error(`${stream} ends at sequence ${info.state.last_seq} instead of ${state.last_seq}`);
    } catch (cause) {
      throw unusable(folder, cause);
    }
    before += bytes;
  }
  const { log: archived } = manifest;
  if (!archived) return { server, messages: 0, last: 0, hole: null };
  const publisher = createPublisher(nc);
  try {
    return { server, ...(await inspectLog(await createJetStreamLog({ nc, publisher }), archived)) };
  } catch (cause) {
    throw unusable(folder, cause);
  } finally {
    await publisher.close();
  }
}

const unusable = (folder: string, cause: unknown): BackupInvalidError =>
  new BackupInvalidError(
    `The backup in ${folder} cannot be restored: ${cause instanceof Error ? cause.message : String(cause)}`,
    { next: 'make another backup: freshet backup DIR', details: { folder }, cause },
  );
