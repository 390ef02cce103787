/** `freshet up`: nats-server, the services, the gateway and the demo, each a process of its own that is kept alive. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Logger } from 'pino';
import { checkServer, connect } from '../bus/nats/connection.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import { ensureFolder } from '../bus/service/folder.ts';
import { acquireLock, type InstanceLock } from '../bus/service/lock.ts';
import type { Config } from '../config/schema.ts';
import { locateNatsServer } from '../doctor/nats-server.ts';
import { ENTRY } from '../entry.ts';
import { DataFolderUnusableError, NatsUnreachableError } from '../errors.ts';
import { watchDisk } from './disk-watch.ts';
import { freePort, prepareEmbeddedServer } from './nats-server.ts';
import { type Runtime, removeRuntime, writeRuntime } from './runtime-file.ts';
import { type Supervised, supervise } from './supervisor.ts';

export const PARTS = [...SERVICES, 'gateway'] as const;
export type Part = (typeof PARTS)[number];

/** Whatever publishes: the gateway and the demo. */
const isOuter = (name: string): boolean => name === 'gateway' || name === 'demo';
const isServer = (name: string): boolean => name === 'nats-server';
/**
 * Who is stopped after whom: first whoever publishes, so that services answer what the gateway has taken; the server
 * last, so that what is committed can still be acknowledged.
 */
const TURNS: readonly ((name: string) => boolean)[] = [isOuter, (name) => !isOuter(name) && !isServer(name), isServer];

export interface UpOptions {
  config: Config;
  /** Path of the configuration's file, for the processes. */
  configFile?: string | undefined;
  data: string;
  httpPort: number;
  natsPort: number;
  /** An external server; nothing is embedded then. */
  natsUrl?: string | undefined;
  only: readonly Part[];
  demo: boolean;
  logger: Logger;
  /** Told in words of what goes on. */
  say: (line: string) => void;
  /** Each line that a process logs. */
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
  /** Resolves when all services are ready and the demo data is in; rejects when a part can't come up. */
  ready: Promise<Ready>;
  stop(): Promise<void>;
}

/** What the processes tell us over IPC. */
export type ChildMessage =
  | { type: 'started'; health: string }
  | { type: 'state'; state: string; seq: number; lag: number }
  | { type: 'demo'; published: number; total: number; done: boolean; perSecond: number }
  | { type: 'failed'; code: string; message: string; next?: string };

export async function startUp(options: UpOptions): Promise<RunningUp> {
  const { config, httpPort, only, logger, say } = options;
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
        // A full disk: what other commands know of us is old until the next change.
        logger.warn({ err }, 'up.json could not be written');
      }
    };

    runtime.nats = options.natsUrl ?? (await startServer(folder, started, limits, runtime, save));
    await waitForServer(runtime.nats, config.up.start_ms);

    const waiting = new Set<string>([...only, ...(options.demo ? ['demo'] : [])]);
    let demoSeen = !options.demo;
    let settle!: { resolve: (ready: Ready) => void; reject: (err: unknown) => void };
    const ready = new Promise<Ready>((yes, no) => {
      settle = { resolve: yes, reject: no };
    });
    // Whoever only stops never looks at it.
    ready.catch(() => {});

    const httpBase = only.includes('gateway') ? await freePort(config.http.host, httpPort, '--http-port') : httpPort;
    if (only.includes('gateway')) runtime.http = `http://${config.http.host}:${httpBase}`;
    const healthPorts = await chooseHealthPorts(only, httpPort, say);

    function launch(name: string, args: string[]): void {
      const one = supervise({
        ...limits,
        // It may go on taking requests before it ends.
        stopMs: config.up.stop_ms + (name === 'gateway' ? config.http.drain_ms : 0),
        name,
        command: process.execPath,
        args: [ENTRY, ...args, '--data', folder, '--nats', runtime.nats],
        env: {
          ...process.env,
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
        onMessage: (message) => heard(name, message as ChildMessage),
      });
      started.push(one);
      one.start();
    }

    function heard(name: string, message: ChildMessage): void {
      switch (message.type) {
        case 'started': {
          const known = runtime.processes[name];
          if (known) runtime.processes[name] = { ...known, health: message.health };
          save();
          return;
        }
        case 'state':
          // While the demo is being loaded, a service that has caught up has not yet seen it all.
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
      if (part === 'gateway') launch('gateway', ['service', 'gateway', '--port', String(httpBase)]);
      else launch(part, ['service', part, '--health-port', String(healthPorts.get(part) ?? 0)]);
    }
    if (options.demo) launch('demo', ['service', 'demo']);
    // Nothing but the server was asked for.
    if (waiting.size === 0) allReady();

    return {
      ready,
      stop: async () => {
        for (const turn of TURNS) await Promise.all(started.filter(({ name }) => turn(name)).map((one) => one.stop()));
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
  ): Promise<string> {
    const found = await locateNatsServer({ log: say });
    if ('url' in found) return found.url;
    say(`nats-server ${found.version} from ${found.origin}: ${found.path}`);
    logger.info({ version: found.version, origin: found.origin, path: found.path }, 'nats-server found');
    const { args, url } = await prepareEmbeddedServer(folder, options.natsPort);
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
      args,
      logFile: join(folder, 'logs', 'nats-server.log'),
      ipc: false,
      // Ctrl-C reaches all processes of a terminal at once; services leave it to us, and this one is to go last.
      detached: true,
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
    return url;
  }
}

/** Conditions that no restart mends. */
const PERMANENT = new Set([
  'FRESHET_NATS_SERVER_TOO_OLD',
  'FRESHET_JETSTREAM_DISABLED',
  'FRESHET_STREAM_CONFIG_DIFFERS',
  'FRESHET_CONFIG_INVALID',
  'FRESHET_DATA_FOLDER_UNUSABLE',
]);

/** Services have their own doors next to the gateway's: its port + 1 and so on, or any free one. */
async function chooseHealthPorts(
  only: readonly Part[],
  httpPort: number,
  say: (line: string) => void,
): Promise<Map<Part, number>> {
  const ports = new Map<Part, number>();
  for (const part of only) {
    if (part === 'gateway') continue;
    const wanted = httpPort === 0 ? 0 : httpPort + 1 + SERVICES.indexOf(part as ServiceName);
    const port = await freePort('127.0.0.1', wanted, '--http-port').catch(() => 0);
    if (port === 0)
      say(`port ${wanted}, for health and metrics of ${part}, is in use: it gets another one (freshet status)`);
    ports.set(part, port);
  }
  return ports;
}

function assertWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new DataFolderUnusableError(`The data folder ${folder} can't be written to.`, {
      next: 'freshet up --data DIR, with a folder that can be written to',
      details: { folder },
      cause,
    });
  }
}

/** Waits until the server answers and has JetStream. */
async function waitForServer(url: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      const nc = await connect({ url, name: 'freshet-up', timeoutMs: 2_000 });
      try {
        await checkServer(nc);
        return;
      } finally {
        await nc.close();
      }
    } catch (err) {
      if (!(err instanceof NatsUnreachableError) || performance.now() > deadline) throw err;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function demoLine({ published, total, done, perSecond }: ChildMessage & { type: 'demo' }): string {
  const part = `${published.toLocaleString('en')} of ${total.toLocaleString('en')} events`;
  return done
    ? `demo data: ${part} are in the log`
    : `demo data: ${part}, ${Math.round(perSecond).toLocaleString('en')} a second`;
}
