/** A nats-server for one test: a real process on a free port, with JetStream in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { connect, type NatsConnection } from 'nats';
import { locateNatsServer, serverVersion } from '../../scripts/setup/nats-server.mjs';
import { makeTempDir, removeTempDir } from './folder.ts';

export interface StartNatsServerOptions {
  /** Folder of JetStream. Default: a new folder, which `stop` removes. */
  dir?: string;
  /** Path of the program. Default: the one that `npm start` finds. */
  program?: string;
  /** Default: a free port. */
  port?: number;
  /** Further arguments of its command line. */
  args?: readonly string[];
  /** False: without JetStream. */
  jetstream?: boolean;
}

export interface TestNatsServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** The version that the server reports: `2.15.1`. */
  readonly version: string;
  /** Pid of the running process; undefined while it does not run. */
  readonly pid: number | undefined;
  /** Sends SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** Ends the process if it runs, by SIGKILL unless given, and starts it on the same port and store. Resolves when it is ready. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process, and removes the folder if this helper created it. */
  stop(): Promise<void>;
  /** A client that reconnects at once. `stop` closes it. */
  connect(): Promise<NatsConnection>;
}

const running = new Set<ChildProcess>();
// An interrupted runner leaves no servers running.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let located: Promise<{ path: string; version: string }> | undefined;

/** Path of the program, as `npm start` finds it. NATS_URL does not matter. */
export function natsServerProgram(): Promise<{ path: string; version: string }> {
  located ??= (async () => {
    const { NATS_URL: _external, ...env } = process.env;
    const found = await locateNatsServer({ env });
    if (!('path' in found)) throw new Error('an external nats-server cannot be killed by tests');
    return found;
  })();
  return located;
}

/** A port on which no process listens at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

export async function startNatsServer(options: StartNatsServerOptions = {}): Promise<TestNatsServer> {
  const { args = [], jetstream = true } = options;
  const { path, version } = options.program
    ? { path: options.program, version: await serverVersion(options.program) }
    : await natsServerProgram();
  const dir = options.dir ?? makeTempDir('nats');
  let port = options.port ?? (await freePort());
  let child: ChildProcess | undefined;
  const clients: NatsConnection[] = [];

  async function launch(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        child = await launchOnce(path, [
          ...['-a', '127.0.0.1', '-p', String(port)],
          ...(jetstream ? ['-js', '-sd', dir] : []),
          ...args,
        ]);
        return;
      } catch (err) {
        // Another process took the port between the probe and the start.
        if (options.port !== undefined || attempt === 5 || !String(err).includes('address already in use')) throw err;
        port = await freePort();
      }
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      ending.once('close', () => resolve());
      ending.kill(signal);
    });
  }

  await launch();
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    dir,
    version,
    get pid() {
      return child?.pid;
    },
    kill: () => end('SIGKILL'),
    restart: async (signal = 'SIGKILL') => {
      await end(signal);
      await launch();
    },
    stop: async () => {
      for (const nc of clients.splice(0)) await nc.close();
      await end('SIGKILL');
      if (options.dir === undefined) removeTempDir(dir);
    },
    connect: async () => {
      const nc = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
      clients.push(nc);
      return nc;
    },
  };
}

/** Resolves when the server reports that it is ready, after the recovery of JetStream. */
function launchOnce(path: string, args: readonly string[]): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    running.add(child);
    let said = '';
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`nats-server is not ready after 20 s: ${said.slice(-2_000)}`));
    }, 20_000);
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      // It reads on after the server is ready, because a full pipe would stop the server.
      if (said.length > 100_000) return;
      said += text;
      if (!said.includes('Server is ready')) return;
      clearTimeout(limit);
      resolve(child);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      clearTimeout(limit);
      reject(new Error(`nats-server ended with ${code}: ${said.slice(-2_000)}`));
    });
  });
}
