/**
 * Services in the process of the test: `const services = useServices('forget')`. Each test has a server and a folder of its
 * own, so a test reads `services.nc` when it needs it; it may destructure the functions at once. A hook that a file
 * registers after this call runs inside of these: its `beforeEach` finds the server, and so does its `afterEach`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NatsConnection } from 'nats';
import pino, { type Logger } from 'pino';
import { afterEach, beforeEach } from 'vitest';
import { type CallOptions, call, type Json } from '../../src/bus/nats/micro.ts';
import { createPublisher, type Publisher, type PublisherOptions } from '../../src/bus/nats/publisher.ts';
import type { ServiceName } from '../../src/bus/projection/definition.ts';
import { instanceName } from '../../src/bus/projection/files.ts';
import type { RunningService, ServiceEnvironment } from '../../src/bus/service/description.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { publishAll } from './events.ts';
import { startNatsServer, type TestNatsServer } from './nats.ts';
import { SECURE } from './secure-run.ts';
import { startSecured } from './secured.ts';
import { QUICK_LOOP } from './settings.ts';
import { ENTRY } from './system.ts';
import { makeTempDir, removeTempDir } from './tempdir.ts';
import { until } from './wait.ts';

/** Settings that differ from the defaults. */
export type Settings = { [Section in keyof Config]?: Partial<Config[Section]> };
/** Starts a service that the test describes. */
export type Start = (environment: ServiceEnvironment) => Promise<RunningService>;
export type StartOptions = Partial<Omit<ServiceEnvironment, 'config'>> & { settings?: Settings };
export type LogLine = Record<string, unknown>;

export interface UseServicesOptions {
  /** For all services of these tests, on top of {@link QUICK_LOOP}. */
  settings?: Settings;
  publisher?: PublisherOptions;
  /** Whether the streams exist before a service starts; true unless given. */
  streams?: boolean;
}

export interface Services {
  readonly server: TestNatsServer;
  readonly nc: NatsConnection;
  readonly publisher: Publisher;
  /** Folder of the projections. */
  readonly data: string;
  /** The file of the settings in `data`, for processes. */
  readonly settingsFile: string;
  /** The services that run in this process, in order of their start. */
  readonly running: readonly RunningService[];
  /** The lines that the services of this test logged, from level `info` on; a test may empty it. */
  readonly logged: LogLine[];
  readonly logger: Logger;
  /** The complete settings, with these changes of sections. */
  config(changes?: Settings): Config;
  /** Starts a service that ends with the test. */
  start(service: ServiceName | Start, options?: StartOptions): Promise<RunningService>;
  /** Stops a service; an instance by its name: `user`, `engine-2`. */
  stop(service: RunningService | string): Promise<void>;
  /** Starts a service as a process that is killed with the test. */
  launch(service: ServiceName, options?: { replica?: number; settings?: Settings }): ChildProcess;
  /** Sends a signal, SIGKILL unless given; resolves when the process has ended. */
  end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void>;
  /** Runs a verb with the settings, the data and the server of the test; rejects if it fails, with `stdout` and `stderr`. */
  runFreshet(...args: string[]): Promise<{ stdout: string; stderr: string }>;
  /** Publishes events at once; the sequence of the last one in the log. */
  publish(...events: unknown[]): Promise<number>;
  /** Resolves when these services, all unless given, are ready at this sequence or later. */
  caughtUp(seq: number, ...which: RunningService[]): Promise<boolean>;
  /** What an endpoint answers: `ask('user.get', { user: 'u1' })`. */
  ask<T = Json>(endpoint: string, request?: Json, options?: CallOptions): Promise<T>;
  /** The JSON of a key in a bucket; undefined if it has no value. */
  kvValue<T>(bucket: string, key: string): Promise<T | undefined>;
  /** Subjects of the log that match, in order. */
  subjects(filter: string): Promise<string[]>;
}

const START: Record<ServiceName, Start> = {
  user: startUser,
  content: startContent,
  feedback: startFeedback,
  engine: startEngine,
};

/** Registers the hooks that start the server before each test, and that stop and remove everything after it. */
export function useServices(
  name: string,
  { settings = {}, publisher: limits, streams = true }: UseServicesOptions = {},
): Services {
  let base = withChanges({ projection: QUICK_LOOP }, settings);
  let server: TestNatsServer;
  let nc: NatsConnection;
  let publisher: Publisher;
  let data: string;
  const running = new Map<string, RunningService>();
  const children = new Set<ChildProcess>();
  const logged: LogLine[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line) as LogLine) });

  beforeEach(async () => {
    if (SECURE) {
      const bus = await startSecured({ apps: [] });
      server = bus.server;
      base = withChanges(base, { nats: bus.config().nats });
    } else server = await startNatsServer();
    data = makeTempDir(name);
    writeSettings('settings', base);
    nc = await server.connect();
    publisher = createPublisher(nc, limits);
    if (streams) await applyStreams(nc);
    logged.length = 0;
  });
  afterEach(async () => {
    try {
      await Promise.all([...[...children].map((child) => end(child)), ...[...running.keys()].map(stop)]);
    } finally {
      await publisher.close();
      await server.stop();
      removeTempDir(data);
    }
  });

  function writeSettings(file: string, given: Settings): string {
    const path = join(data, `${file}.json`);
    writeFileSync(path, JSON.stringify(given));
    return path;
  }
  const config = (changes: Settings = {}): Config => completeConfig(withChanges(base, changes));

  async function start(
    service: ServiceName | Start,
    { settings: changes, ...environment }: StartOptions = {},
  ): Promise<RunningService> {
    const starts = typeof service === 'string' ? START[service] : service;
    const defaults = { config: config(changes), natsUrl: server.url, data, healthPort: 0, logger };
    const one = await starts({ ...defaults, ...environment });
    running.set(instanceName(one.service, environment.replica), one);
    return one;
  }
  async function stop(service: RunningService | string): Promise<void> {
    const [found] = [...running].filter((entry) => entry.includes(service));
    if (!found) throw new Error(`the test does not run ${typeof service === 'string' ? service : service.service}`);
    running.delete(found[0]);
    await found[1].stop();
  }

  function launch(
    service: ServiceName,
    { replica = 1, settings: changes = {} }: { replica?: number; settings?: Settings } = {},
  ): ChildProcess {
    const file = writeSettings(`${instanceName(service, replica)}.settings`, withChanges(base, changes));
    const args = [
      'service',
      service,
      '--replica',
      `${replica}`,
      '--data',
      data,
      '--nats',
      server.url,
      '--config',
      file,
    ];
    const child = spawn(process.execPath, [ENTRY, ...args], { stdio: 'ignore' });
    children.add(child);
    return child;
  }
  async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    children.delete(child);
  }

  return {
    get server() {
      return server;
    },
    get nc() {
      return nc;
    },
    get publisher() {
      return publisher;
    },
    get data() {
      return data;
    },
    get settingsFile() {
      return join(data, 'settings.json');
    },
    get running() {
      return [...running.values()];
    },
    logged,
    logger,
    config,
    start,
    stop,
    launch,
    end,
    runFreshet: (...args) =>
      promisify(execFile)(process.execPath, [
        ENTRY,
        ...args,
        ...['--data', data, '--config', join(data, 'settings.json'), '--nats', server.url],
      ]),
    publish: (...events) => publishAll(publisher, events),
    caughtUp: (seq, ...which) =>
      until(
        () =>
          (which.length > 0 ? which : [...running.values()]).every((one) => {
            const { state, seq: at } = one.status();
            return state === 'ready' && at >= seq;
          }),
        { within: 30_000, what: `services at ${seq}` },
      ),
    ask: (endpoint, request = {}, options) => call(nc, `freshet.${endpoint}`, request, options),
    kvValue: async <T>(bucket: string, key: string) => {
      const entry = await (await nc.jetstream().views.kv(bucket, { bindOnly: true })).get(key);
      return entry?.operation === 'PUT' ? entry.json<T>() : undefined;
    },
    subjects: async (filter) => {
      const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS', { subjects_filter: filter });
      return Object.keys(state.subjects ?? {}).sort();
    },
  };
}

/** The value of a metric of a service; NaN if the service does not have the metric. */
export async function metric({ healthUrl }: RunningService, name: string): Promise<number> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Settings with the members of some sections changed. */
const withChanges = (settings: Settings, changes: Settings): Settings =>
  Object.fromEntries(
    Object.entries({ ...settings, ...changes }).map(([section, members]) => [
      section,
      { ...settings[section as keyof Config], ...members },
    ]),
  );
