/**
 * Restarts the embedded nats-server after a full disk. A stream that met a full disk accepts no more messages until the
 * server restarts, even when the disk has room again (seen with nats-server 2.15).
 */
import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import { createPoller, type Poller } from '../bus/nats/poller.ts';

export interface DiskWatchOptions {
  folder: string;
  /** Bytes that must be free before the restart. */
  freeBytes: number;
  /** Milliseconds between two polls of the disk. */
  intervalMs: number;
  restart: () => void;
  say: (line: string) => void;
  logger: Logger;
}

export interface DiskWatch {
  /** Takes each line that the server logs. */
  line(text: string): void;
  stop(): void;
}

/** What nats-server logs when it can no longer write a stream. */
const BROKEN = /critical write error|JetStream out of (space|resources)/i;

export function watchDisk({ folder, freeBytes, intervalMs, restart, say, logger }: DiskWatchOptions): DiskWatch {
  /** Polls while the server can't write. */
  let poller: Poller | undefined;

  async function poll(): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < freeBytes || !poller) return;
    stop();
    say('The disk has room again: freshet restarts nats-server.');
    restart();
  }

  function stop(): void {
    void poller?.stop();
    poller = undefined;
  }

  return {
    line: (text) => {
      if (poller || !BROKEN.test(text)) return;
      say(
        `nats-server cannot write the log: ${text.replace(/^.*\[ERR\] /, '')}. Next: free disk space in ${folder}; freshet then restarts nats-server`,
      );
      poller = createPoller({
        everyMs: intervalMs,
        run: poll,
        onError: (err) => logger.warn({ err }, 'freshet up could not read the free space of the disk'),
      });
      poller.start();
    },
    stop,
  };
}
