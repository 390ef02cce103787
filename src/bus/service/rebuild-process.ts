/**
 * A rebuild beside a running service, in a process of its own, so that answering and learning keep their core. It runs the
 * same command as an operator would. The end of the process tells the service that the rebuild is complete.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { ENTRY } from '../../entry.ts';
import { messageOf } from '../../errors.ts';
import type { ServiceName } from '../projection/definition.ts';
import { instanceName } from '../projection/files.ts';

export interface RebuildProcessOptions {
  service: ServiceName;
  replica: number;
  data: string;
  natsUrl: string;
  config: Config;
  logger: Logger;
  /** More arguments of the command. */
  args?: readonly string[];
  /** Called when the process has ended and the rebuild is complete. It must not throw. */
  onComplete?: () => void;
}

/** How far a rebuild is. */
export interface RebuildProgress {
  done: number;
  total: number;
  /** Messages of the log. */
  per_second: number;
}

export interface RebuildProcess {
  /** Starts it, and again after a pause each time it fails, until it is complete or stopped. Never throws. */
  start(): void;
  /** Starts it once more after the pause, because the complete rebuild was of no use. */
  retry(): void;
  /** Whether the process runs. */
  runs(): boolean;
  progress(): RebuildProgress;
  stop(): Promise<void>;
}

/** Priority of the process: a rebuild has time, and the services that answer beside it have not. */
const PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL;

/** Longest pause between two attempts, milliseconds. */
const RETRY_MAX_MS = 300_000;

export function createRebuildProcess(options: RebuildProcessOptions): RebuildProcess {
  const { service, replica, data, natsUrl, config, logger, args: more = [] } = options;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let pause = config.projection.rebuild_retry_ms;
  let progress: RebuildProgress = { done: 0, total: 0, per_second: 0 };

  const settings = join(data, `${instanceName(service, replica)}.rebuild.config.json`);

  /** Timers call it as well, so it must not throw: an uncaught exception would end the service. */
  function start(): void {
    if (child) return;
    try {
      child = launch();
    } catch (err) {
      // The disk is full, the folder is not writable, or there is no memory for another process.
      logger.error(
        { service, file: settings, reason: messageOf(err), pause_ms: pause },
        'The service could not start a rebuild. It tries again after the pause.',
      );
      startLater();
    }
  }

  function startLater(): void {
    clearTimeout(timer);
    timer = setTimeout(start, pause);
    pause = Math.min(2 * pause, RETRY_MAX_MS);
  }

  function launch(): ChildProcess {
    // The settings that this process runs with, wherever they came from.
    writeFileSync(settings, JSON.stringify(config));
    const args = [
      ENTRY,
      'replay',
      service,
      '--data',
      data,
      '--replica',
      String(replica),
      '--config',
      settings,
      '--json',
      '--hand-over',
      ...more,
    ];
    const started = spawn(process.execPath, args, {
      env: { ...process.env, NATS_URL: natsUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    lowerPriority(started.pid);
    let stderr = '';
    createInterface({ input: started.stdout }).on('line', (line) => heard(line));
    started.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-2_000);
    });
    started.on('error', (err) => logger.error({ err, service }, 'The process of a rebuild reported an error.'));
    started.on('close', (code) => {
      child = undefined;
      if (stopped) return;
      if (code === 0) {
        options.onComplete?.();
        return;
      }
      logger.error(
        { service, code, reason: stderr.trim(), pause_ms: pause },
        'A rebuild ended before it was complete. The service starts it again after the pause.',
      );
      startLater();
    });
    return started;
  }

  function lowerPriority(pid: number | undefined): void {
    if (pid === undefined) return;
    try {
      setPriority(pid, PRIORITY);
    } catch (err) {
      // The process has ended, or the system does not allow it: the rebuild is right at any priority.
      logger.debug({ service, reason: messageOf(err) }, 'The priority of a rebuild could not be lowered.');
    }
  }

  function heard(line: string): void {
    try {
      const { done, total, per_second } = JSON.parse(line) as Partial<RebuildProgress>;
      if (done !== undefined && total !== undefined && per_second !== undefined) progress = { done, total, per_second };
    } catch {
      logger.debug({ line }, 'A rebuild wrote a line that is not JSON.');
    }
  }

  return {
    start,
    retry: () => {
      if (!stopped && !child) startLater();
    },
    runs: () => child !== undefined,
    progress: () => progress,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      const ending = child;
      if (!ending || ending.exitCode !== null) return;
      const gone = new Promise<void>((resolve) => ending.once('close', () => resolve()));
      ending.kill('SIGTERM');
      await gone;
    },
  };
}
