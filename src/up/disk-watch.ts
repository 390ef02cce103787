/**
 * A stream of nats-server that met a full disk takes nothing more until the server is started again (seen with 2.15),
 * also when there is room. So once it has said so and the disk has room, the embedded server is started again.
 */
import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface DiskWatchOptions {
  folder: string;
  /** Bytes that have to be free before the server is started again. */
  freeBytes: number;
  /** Milliseconds between two looks at the disk. */
  intervalMs: number;
  restart: () => void;
  say: (line: string) => void;
  logger: Logger;
}

export interface DiskWatch {
  /** Each line that the server logs. */
  line(text: string): void;
  stop(): void;
}

/** What nats-server logs when a stream can't be written any more. */
const BROKEN = /critical write error|JetStream out of (space|resources)/i;

export function watchDisk({ folder, freeBytes, intervalMs, restart, say, logger }: DiskWatchOptions): DiskWatch {
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < freeBytes || !timer) return;
    clearInterval(timer);
    timer = undefined;
    say('there is room on the disk again: nats-server is started again');
    restart();
  }

  return {
    line: (text) => {
      if (timer || !BROKEN.test(text)) return;
      say(
        `the log can't be written: ${text.replace(/^.*\[ERR\] /, '')}. Next: free disk space in ${folder}; it goes on by itself`,
      );
      timer = setInterval(() => {
        look().catch((err: unknown) => logger.warn({ err }, 'the disk could not be looked at'));
      }, intervalMs);
    },
    stop: () => {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
