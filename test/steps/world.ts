/** A nats-server, a data folder and services for one stop of a protocol, as a copy of a folder that was prepared before. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import { call, type Json } from '../../src/bus/nats/micro.ts';
import { createPublisher, type Publisher } from '../../src/bus/nats/publisher.ts';
import type { ServiceName } from '../../src/bus/projection/definition.ts';
import type { RunningService } from '../../src/bus/service/description.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { silent } from '../support/counting.ts';
import { publishAll } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { QUICK_LOOP } from '../support/settings.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const CHILD = fileURLToPath(new URL('./verb.child.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

/** Settings under which each protocol begins soon, and takes each of its steps. */
export const SETTINGS = {
  projection: { ...QUICK_LOOP, batch_max: 40, rebuild_retry_ms: 100 },
  erasure: { rebuild_after_ms: 100, server_index_ms: 0 },
  engine: {
    training_content: false,
    snapshot_events: 20,
    snapshot_interval_ms: 60_000,
    snapshots_kept: 1,
    snapshots_older: 0,
  },
};

const START = { user: startUser, content: startContent, feedback: startFeedback, engine: startEngine };

export interface World {
  readonly data: string;
  readonly config: Config;
  readonly server: TestNatsServer;
  readonly nc: NatsConnection;
  readonly publisher: Publisher;
  /** Starts services in this process. */
  start(...services: ServiceName[]): Promise<void>;
  running(service: ServiceName): RunningService;
  stop(): Promise<void>;
  publish(...events: unknown[]): Promise<number>;
  ask<T = Json>(endpoint: string, request?: Json): Promise<T>;
  /** A verb as a process; with a step it kills itself there. Its standard error goes to `said`. */
  verb(words: readonly string[], step?: { name: string; nth?: number }): Verb;
  /** Ends everything, and copies what is on disk to a folder. */
  keep(folder: string): Promise<void>;
  close(): Promise<void>;
}

export interface Verb {
  readonly child: ChildProcess;
  said(): string;
  /** Resolves with the exit code or the signal. */
  ended(): Promise<number | string>;
}

/** Opens a copy of a prepared folder, or an empty one. */
export async function openWorld(prepared?: string): Promise<World> {
  const folder = makeTempDir('steps');
  const data = join(folder, 'data');
  if (prepared) cpSync(prepared, folder, { recursive: true });
  mkdirSync(data, { recursive: true });
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify(SETTINGS));
  const config = completeConfig(SETTINGS);
  const server = await startNatsServer({ dir: join(folder, 'jetstream') });
  const nc = await server.connect();
  const publisher = createPublisher(nc);
  await applyStreams(nc, { onlyMissing: true });
  const services = new Map<ServiceName, RunningService>();
  const children = new Set<ChildProcess>();

  async function stop(): Promise<void> {
    for (const one of services.values()) await one.stop();
    services.clear();
  }
  async function close(): Promise<void> {
    try {
      for (const child of children) child.kill('SIGKILL');
      await stop();
    } finally {
      await publisher.close();
      await server.stop();
      removeTempDir(folder);
    }
  }
  return {
    data,
    config,
    server,
    nc,
    publisher,
    start: async (...names) => {
      for (const name of names) {
        const one = await START[name]({ config, natsUrl: server.url, data, healthPort: 0, logger: silent });
        services.set(name, one);
      }
    },
    running: (service) => services.get(service) as RunningService,
    stop,
    publish: (...events) => publishAll(publisher, events),
    ask: (endpoint, request = {}) => call(nc, `freshet.${endpoint}`, request, { timeoutMs: 5_000 }),
    verb: (words, { name, nth = 1 } = { name: 'none' }) => {
      const common = ['--data', data, '--nats', server.url];
      const config = words.includes('--config') ? [] : ['--config', file];
      const args = ['--import', TSX, CHILD, name, String(nth), ...words, ...common, ...config];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      children.add(child);
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += String(chunk);
      });
      const exit = once(child, 'close').then(([code, signal]) => {
        children.delete(child);
        return (code ?? signal) as number | string;
      });
      return { child, said: () => said, ended: () => exit };
    },
    keep: async (target) => {
      await stop();
      await server.kill();
      cpSync(join(folder, 'data'), join(target, 'data'), { recursive: true });
      cpSync(join(folder, 'jetstream'), join(target, 'jetstream'), { recursive: true });
      await server.restart();
    },
    close,
  };
}

/** Resolves when a verb killed itself at its step; throws with what it wrote if it ended otherwise. */
export async function killed(verb: Verb, step: string): Promise<void> {
  const end = await until(() => verb.child.exitCode ?? verb.child.signalCode, {
    within: 20_000,
    what: `the process takes the step ${step}`,
  }).catch((cause: unknown) => {
    verb.child.kill('SIGKILL');
    throw new Error(`The process did not take the step ${step}. It wrote:\n${verb.said().slice(-2_000)}`, { cause });
  });
  if (end !== 'SIGKILL')
    throw new Error(
      `The process ended with ${end} and not at the step ${step}. It wrote:\n${verb.said().slice(-2_000)}`,
    );
}
