/** `freshet up`: runs and supervises nats-server, the services, the gateway and the demo, each in its own process. */

import { accessSync, constants, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { accessOf, accessVariables, type NatsAccess } from '../bus/nats/access.ts';
import { checkServer, connect, withoutCredentials } from '../bus/nats/connection.ts';
import { pollUntil } from '../bus/nats/poll-until.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import { ensureFolder } from '../bus/service/folder.ts';
import { acquireLock, type InstanceLock } from '../bus/service/lock.ts';
import type { Config } from '../config/schema.ts';
import { locateNatsServer } from '../doctor/nats-server.ts';
import { ENTRY } from '../entry.ts';
import {
  DataFolderUnusableError,
  NatsCertificateError,
  NatsRefusedError,
  NatsUnreachableError,
  PortInUseError,
} from '../errors.ts';
import { watchDisk } from './disk-watch.ts';
import { type EmbeddedServer, endOrphans, freePort, prepareEmbeddedServer } from './nats-server.ts';
import { type Runtime, removeRuntime, writeRuntime } from './runtime-file.ts';
import { SECURE_FOLDER, secureData } from './secured.ts';
import { type Supervised, supervise } from './supervisor.ts';

export const PARTS = [...SERVICES, 'gateway'] as const;
export type Part = (typeof PARTS)[number];

/** Whether the process publishes events: the gateway and the demo. */
const isOuter = (name: string): boolean => name === 'gateway' || name === 'demo';
const isServer = (name: string): boolean => name === 'nats-server';
/**
 * The order in which processes stop. Publishers stop first, so that the services can still answer requests that the
 * gateway has accepted. The server stops last, so that the services can still commit.
 */
const STOP_ORDER: readonly ((name: string) => boolean)[] = [
  isOuter,
  (name) => !isOuter(name) && !isServer(name),
  isServer,
];

export interface UpOptions {
  config: Config;
  /** Path of the file of settings, for the processes. */
  configFile?: string | undefined;
  data: string;
  httpPort: number;
  natsPort: number;
  /** Address of an external nats-server. Without it, an embedded one starts. */
  natsUrl?: string | undefined;
  /** Give the embedded server accounts and identities. A data folder that has them keeps them. */
  secure?: boolean;
  only: readonly Part[];
  demo: boolean;
  logger: Logger;
  /** Called with each line of progress, for people. */
  say: (line: string) => void;
  /** Called with each line that a process logs. */
  onLog?: (name: string, line: string) => void;
}

export interface Ready {
  ready: true;
  http: string | null;
  nats: string;
  data: string;
  pid: number;
}

export interface RunningUp {
  /** Resolves when all services are ready and have folded the demo data. Rejects if a part cannot start. */
  ready: Promise<Ready>;
  stop(): Promise<void>;
}

/** Messages of the processes over IPC. */
export type ChildMessage =
  | { type: 'started'; health: string }
  | { type: 'state'; state: string; seq: number; lag: number }
  | { type: 'demo'; published: number; total: number; done: boolean; perSecond: number }
  | { type: 'failed'; code: string; message: string; next?: string };

export async function startUp(options: UpOptions): Promise<RunningUp> {
  const { httpPort, only, logger, say } = options;
  let { config } = options;
  const data = resolve(options.data);
  ensureFolder(data);
  assertWritable(data);
  const lock = acquireLock(join(data, 'up'), `The data folder ${data}`);
  const processes: Supervised[] = [];
  try {
    return await startProcesses(data, lock, processes);
  } catch (err) {
    for (const one of processes.reverse()) await one.stop();
    lock.release();
    throw err;
  }

  async function startProcesses(folder: string, held: InstanceLock, started: Supervised[]): Promise<RunningUp> {
    mkdirSync(join(folder, 'logs'), { recursive: true });
    const limits = {
      logBytes: config.up.log_bytes,
      restartMinMs: config.up.restart_min_ms,
      restartMaxMs: config.up.restart_max_ms,
      stableMs: config.up.stable_ms,
      stopMs: config.up.stop_ms,
      logger,
    };
    const runtime: Runtime = { pid: process.pid, nats: '', data: folder, processes: {} };
    const save = (): void => {
      try {
        writeRuntime(folder, runtime);
      } catch (err) {
        // On a full disk, other commands read the old file until the next change.
        logger.warn({ err }, 'freshet up could not write up.json');
      }
    };

    const server =
      options.natsUrl === undefined
        ? await startServer(folder, started, limits, runtime, save)
        : { url: options.natsUrl };
    const natsUrl = await reach(server, accessOf(config), config.up.start_ms);
    runtime.nats = withoutCredentials(natsUrl);
    if (config.nats.credentials) runtime.credentials ??= resolve(config.nats.credentials);
    if (config.nats.ca) runtime.ca = resolve(config.nats.ca);
    // Verbs find the server by this file, also if no other process follows.
    save();

    const waiting = new Set<string>([...only, ...(options.demo ? ['demo'] : [])]);
    let demoSeen = !options.demo;
    let settle!: { resolve: (ready: Ready) => void; reject: (err: unknown) => void };
    const ready = new Promise<Ready>((yes, no) => {
      settle = { resolve: yes, reject: no };
    });
    // A caller that only stops never awaits it.
    ready.catch(() => {});

    // For 0 the gateway chooses by itself, at its first start: another process may take a port that is chosen here and not
    // yet used.
    let gatewayPort = httpPort;
    if (only.includes('gateway') && httpPort !== 0) {
      await freePort(config.http.host, httpPort, '--http-port');
      runtime.http = `http://${config.http.host}:${httpPort}`;
    }
    const healthPorts = await chooseHealthPorts(only, httpPort, say);

    function launch(name: string, args: () => readonly string[]): void {
      const one = supervise({
        ...limits,
        // The gateway accepts requests for drain_ms before it stops.
        stopMs: config.up.stop_ms + (name === 'gateway' ? config.http.drain_ms : 0),
        name,
        command: process.execPath,
        args: () => [ENTRY, ...args(), '--data', folder],
        env: {
          ...process.env,
          // The address may hold a password, which must not be in the arguments of a process.
          NATS_URL: natsUrl,
          ...accessVariables(config),
          FRESHET_CHILD: '1',
          ...(options.configFile ? { FRESHET_CONFIG: resolve(options.configFile) } : {}),
        },
        logFile: join(folder, 'logs', `${name}.log`),
        ipc: true,
        onStart: (pid) => {
          runtime.processes[name] = { ...runtime.processes[name], pid, restarts: one.restarts };
          save();
        },
        onLine: (line) => options.onLog?.(name, line),
        onMessage: (message) => onMessage(name, message as ChildMessage),
      });
      started.push(one);
      one.start();
    }

    function onMessage(name: string, message: ChildMessage): void {
      switch (message.type) {
        case 'started': {
          const known = runtime.processes[name];
          if (known) runtime.processes[name] = { ...known, health: message.health };
          if (name === 'gateway') {
            gatewayPort = Number(new URL(message.health).port);
            runtime.http ??= message.health;
          }
          save();
          return;
        }
        case 'state':
          // While the demo still publishes, a service that has caught up has not folded all of it.
          if (message.state === 'ready' && demoSeen) done(name);
          return;
        case 'demo':
          say(demoLine(message));
          if (!message.done) return;
          demoSeen = true;
          done('demo');
          return;
        case 'failed':
          say(`${name}: ${message.code}: ${message.message}${message.next ? ` Next: ${message.next}` : ''}`);
          if (waiting.has(name) && PERMANENT.has(message.code))
            settle.reject(Object.assign(new Error(message.message), message));
          return;
      }
    }

    function done(name: string): void {
      if (!waiting.delete(name)) return;
      if (name !== 'demo') say(`${name} is ready`);
      if (waiting.size === 0) allReady();
    }

    const allReady = (): void =>
      settle.resolve({ ready: true, http: runtime.http ?? null, nats: runtime.nats, data: folder, pid: process.pid });

    for (const part of only) {
      if (part === 'gateway') launch('gateway', () => ['service', 'gateway', '--port', String(gatewayPort)]);
      else launch(part, () => ['service', part, '--health-port', String(healthPorts.get(part) ?? 0)]);
    }
    if (options.demo) launch('demo', () => ['service', 'demo']);
    // The user requested nats-server only.
    if (waiting.size === 0) allReady();

    return {
      ready,
      stop: async () => {
        for (const group of STOP_ORDER)
          await Promise.all(started.filter(({ name }) => group(name)).map((one) => one.stop()));
        removeRuntime(folder);
        held.release();
      },
    };
  }

  async function startServer(
    folder: string,
    started: Supervised[],
    limits: Omit<Parameters<typeof supervise>[0], 'name' | 'command' | 'args' | 'logFile' | 'ipc'>,
    runtime: Runtime,
    save: () => void,
  ): Promise<StartedServer> {
    const found = await locateNatsServer({ log: say });
    if ('url' in found) return { url: found.url };
    say(`nats-server ${found.version} from ${found.origin}: ${found.path}`);
    logger.info({ version: found.version, origin: found.origin, path: found.path }, 'nats-server found');
    const dir = join(folder, SECURE_FOLDER);
    await endOrphans(folder, dir);
    const secured = await secureData({ data: folder, wanted: options.secure === true, config, say });
    if (secured) {
      const { services, answers, ca = '' } = secured;
      const inboxes = [...new Set([...config.nats.inbox_prefixes, ...secured.inboxPrefixes])];
      config = {
        ...config,
        nats: { ...config.nats, credentials: services, answer_credentials: answers, ca, inbox_prefixes: inboxes },
      };
      runtime.credentials = secured.operator;
    }
    const prepare = () => prepareEmbeddedServer(folder, options.natsPort, secured?.dir);
    const { args, url, serverName } = await prepare();
    const disk = watchDisk({
      folder,
      freeBytes: config.up.disk_free_bytes,
      intervalMs: config.up.disk_look_ms,
      restart: () => server.pid !== undefined && process.kill(server.pid, 'SIGTERM'),
      say,
      logger,
    });
    const server = supervise({
      ...limits,
      name: 'nats-server',
      command: found.path,
      args: () => args,
      logFile: join(folder, 'logs', 'nats-server.log'),
      ipc: false,
      // Ctrl-C reaches all processes of a terminal at once. The services ignore it, and nats-server must stop last.
      detached: true,
      tie: true,
      onLine: (line) => {
        disk.line(line);
        options.onLog?.('nats-server', line);
      },
      onStop: () => disk.stop(),
      onStart: (pid) => {
        runtime.nats_pid = pid;
        runtime.processes['nats-server'] = { pid, restarts: server.restarts };
        if (runtime.nats) save();
      },
    });
    started.push(server);
    server.start();
    return { url, serverName, move: prepare };
  }
}

/** Errors that a restart does not solve. */
const PERMANENT = new Set([
  'FRESHET_NATS_SERVER_TOO_OLD',
  'FRESHET_JETSTREAM_DISABLED',
  'FRESHET_NATS_REFUSED',
  'FRESHET_NATS_CERTIFICATE',
  'FRESHET_CREDENTIALS_UNUSABLE',
  'FRESHET_STREAM_CONFIG_DIFFERS',
  'FRESHET_CONFIG_INVALID',
  'FRESHET_DATA_FOLDER_UNUSABLE',
  'FRESHET_RESTORE_UNFINISHED',
]);

/** Each service serves health and metrics on its own port: the gateway's port + 1 and so on, or any free one. */
async function chooseHealthPorts(
  only: readonly Part[],
  httpPort: number,
  say: (line: string) => void,
): Promise<Map<Part, number>> {
  const ports = new Map<Part, number>();
  for (const part of only) {
    if (part === 'gateway') continue;
    // The service chooses by itself: another process may take a port that is chosen here and not yet used.
    if (httpPort === 0) continue;
    const wanted = httpPort + 1 + SERVICES.indexOf(part as ServiceName);
    const port = await freePort('127.0.0.1', wanted, '--http-port').catch(() => 0);
    if (port === 0)
      say(`Port ${wanted}, for health and metrics of the ${part} service, is in use: the service takes a free one.`);
    ports.set(part, port);
  }
  return ports;
}

function assertWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new DataFolderUnusableError(`Freshet cannot write to the data folder ${folder}.`, {
      next: 'freshet up --data DIR, with a writable folder',
      details: { folder },
      cause,
    });
  }
}

interface StartedServer extends Pick<EmbeddedServer, 'url'>, Partial<Pick<EmbeddedServer, 'serverName'>> {
  /** Writes another port into the configuration of the embedded server, which reads it at its next start. */
  move?: () => Promise<EmbeddedServer>;
}

/** Ports that an embedded server tries while other servers take them. */
const PORT_ATTEMPTS = 5;

/** Resolves with the address of the server once it answers. */
async function reach(server: StartedServer, access: NatsAccess, withinMs: number): Promise<string> {
  let { url, serverName } = server;
  for (let attempt = 1; ; attempt++) {
    try {
      await waitForServer(url, serverName, access, withinMs);
      return url;
    } catch (err) {
      // Another server took the port between the choice and the start. The embedded one could not listen, and starts again.
      const isOther =
        err instanceof OtherServerError || err instanceof NatsRefusedError || err instanceof NatsCertificateError;
      if (!server.move || !isOther || attempt === PORT_ATTEMPTS) throw err;
      ({ url, serverName } = await server.move());
    }
  }
}

/** A server answers that is not the embedded one. */
class OtherServerError extends PortInUseError {}

/** Waits until the server answers and has JetStream. */
async function waitForServer(
  url: string,
  serverName: string | undefined,
  access: NatsAccess,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  await pollUntil(50, async () => {
    try {
      const nc = await connect({ url, name: 'freshet-up', timeoutMs: 2_000, access });
      try {
        const found = nc.info?.server_name;
        if (serverName !== undefined && found !== serverName)
          throw new OtherServerError(
            `The server ${JSON.stringify(found)} answers at ${url}, where the embedded nats-server was to listen.`,
            { next: 'freshet up --nats-port 0', details: { found, url } },
          );
        await checkServer(nc);
        return true;
      } finally {
        await nc.close();
      }
    } catch (err) {
      if (!(err instanceof NatsUnreachableError) || performance.now() > deadline) throw err;
      return undefined;
    }
  });
}

function demoLine({ published, total, done, perSecond }: ChildMessage & { type: 'demo' }): string {
  const part = `${published.toLocaleString('en')} of ${total.toLocaleString('en')} events`;
  return done ? `demo: published ${part}` : `demo: published ${part}, ${Math.round(perSecond).toLocaleString('en')}/s`;
}
