/**
 * A rebuild beside a service that runs, in a process of its own, so that answering and learning keep their core: the
 * same command that an operator would give.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { ENTRY } from '../../entry.ts';
import type { ServiceName } from '../projection/definition.ts';
import { instanceName } from '../projection/swap.ts';

export interface RebuildProcessOptions {
  service: ServiceName;
  replica: number;
  data: string;
  natsUrl: string;
  config: Config;
  logger: Logger;
  /** More words of the command. */
  args?: readonly string[];
}

/** How far a rebuild is. */
export interface RebuildProgress {
  done: number;
  total: number;
  /** Messages of the log. */
  per_second: number;
}

export interface RebuildProcess {
  start(): void;
  progress(): RebuildProgress;
  stop(): Promise<void>;
}

/** Longest pause between two attempts, milliseconds. */
const RETRY_MAX_MS = 300_000;

export function createRebuildProcess(options: RebuildProcessOptions): RebuildProcess {
  const { service, replica, data, natsUrl, config, logger, args: more = [] } = options;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let pause = config.projection.rebuild_retry_ms;
  let progress: RebuildProgress = { done: 0, total: 0, per_second: 0 };

  function start(): void {
    // The settings that this process runs with, wherever they came from.
    const settings = join(data, `${instanceName(service, replica)}.rebuild.config.json`);
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
      ...more,
    ];
    const started = spawn(process.execPath, args, {
      env: { ...process.env, NATS_URL: natsUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    let said = '';
    createInterface({ input: started.stdout }).on('line', (line) => heard(line));
    started.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-2_000);
    });
    started.on('error', (err) => logger.error({ err, service }, 'a rebuild could not be started'));
    started.on('close', (code) => {
      child = undefined;
      if (stopped || code === 0) return;
      logger.error({ service, code, reason: said.trim(), pause_ms: pause }, 'a rebuild ended; it is tried again');
      timer = setTimeout(start, pause);
      pause = Math.min(2 * pause, RETRY_MAX_MS);
    });
  }

  function heard(line: string): void {
    try {
      const { done, total, per_second } = JSON.parse(line) as Partial<RebuildProgress>;
      if (done !== undefined && total !== undefined && per_second !== undefined) progress = { done, total, per_second };
    } catch {
      logger.debug({ line }, 'a rebuild said what is no JSON');
    }
  }

  return {
    start,
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
