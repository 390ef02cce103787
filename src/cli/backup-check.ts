/** The check of a backup on a nats-server of its own, which the command starts and ends. */
import type { TransferLimits } from '../bus/backup/archive.ts';
import { checkBackup } from '../bus/backup/check.ts';
import type { Backup, Manifest } from '../bus/backup/manifest.ts';
import type { Config } from '../config/schema.ts';
import { locateNatsServer } from '../doctor/nats-server.ts';
import { NatsServerUnavailableError } from '../errors.ts';
import { startScratchServer } from '../up/scratch-server.ts';
import { createProgress } from './progress.ts';

const MIB = 1_048_576;

export const transferLimits = ({ backup }: Config): TransferLimits => ({
  chunkBytes: backup.chunk_bytes,
  window: backup.window,
  stallMs: backup.stall_ms,
});

/** Shows the stream and its MiB while bytes move. */
export function transferProgress(what: string, quiet: boolean) {
  const progress = createProgress(what, 'MiB', quiet);
  return {
    onProgress: (_stream: string, bytes: number): void => progress.update(Math.floor(bytes / MIB)),
    end: progress.end,
  };
}

/** Restores the backup into a scratch server. Throws `NatsServerUnavailableError` without a program for it. */
export async function checkOnScratch(
  config: Config,
  backup: Backup,
  quiet: boolean,
): Promise<NonNullable<Manifest['checked']>> {
  const { NATS_URL: _theirs, ...env } = process.env;
  const found = await locateNatsServer({ env, log: () => {} });
  if (!('path' in found)) throw new NatsServerUnavailableError('No nats-server program was found.', {});
  const scratch = await startScratchServer(found.path, config.up.start_ms);
  const { onProgress, end } = transferProgress('checking the backup', quiet);
  try {
    return await checkBackup(scratch.nc, backup, transferLimits(config), onProgress);
  } finally {
    end();
    await scratch.stop();
  }
}
