/** The embedded nats-server: loopback only, file storage in the data folder, the same port through restarts. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { listen } from '../observability/health.ts';
import { isAlive } from './runtime-file.ts';

export interface EmbeddedServer {
  /** Arguments for the binary. */
  args: string[];
  url: string;
}

/** Writes the server's configuration and finds its port. Throws `PortInUseError`. */
export async function prepareEmbeddedServer(data: string, port: number): Promise<EmbeddedServer> {
  await endOrphan(data);
  const chosen = await freePort('127.0.0.1', port, '--nats-port');
  const file = join(data, 'nats-server.conf');
  writeFileSync(
    file,
    [
      '# Written at each start of `freshet up`.',
      'server_name: freshet',
      `listen: "127.0.0.1:${chosen}"`,
      `pid_file: ${JSON.stringify(pidFile(data))}`,
      `jetstream { store_dir: ${JSON.stringify(join(data, 'nats'))} }`,
      '',
    ].join('\n'),
  );
  return { args: ['-c', file], url: `nats://127.0.0.1:${chosen}` };
}

/** A port that is free now: the one asked for, or for 0 any. */
export async function freePort(host: string, port: number, option: string): Promise<number> {
  const server = createServer();
  try {
    await listen(server as never, host, port);
  } catch (err) {
    if (err instanceof Error) err.message += ` It was asked for with ${option}.`;
    throw err;
  }
  const address = server.address();
  const found = typeof address === 'object' && address ? address.port : port;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

const pidFile = (data: string): string => join(data, 'nats-server.pid');

/** Milliseconds that a server left over from an `up` that was killed has to end. */
const ORPHAN_MS = 5_000;

/** An `up` that was killed leaves its server behind, on the same port and store; it is asked to end. */
async function endOrphan(data: string): Promise<void> {
  const pid = readPid(pidFile(data));
  if (pid === undefined || !isAlive(pid) || !commandOf(pid).includes(join(data, 'nats-server.conf'))) return;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + ORPHAN_MS;
  while (isAlive(pid) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** The command line of a process, so that a pid that was given out again is not taken for the server. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    try {
      return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
    } catch {
      return '';
    }
  }
}
