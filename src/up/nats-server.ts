/** The embedded nats-server. It listens on loopback only, stores its files in the data folder and keeps its port. */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pollUntil } from '../bus/nats/poll-until.ts';
import { listen } from '../observability/health.ts';
import { readIdentities, pidFile as securedPidFile, serverFile, writeIdentities } from '../secure/files.ts';
import { isAlive } from './runtime-file.ts';

export interface EmbeddedServer {
  /** Arguments for the binary. */
  args: string[];
  url: string;
  /** Name by which it introduces itself; undefined for a secured one, which its keys tell apart from others. */
  serverName: string | undefined;
}

/** Folder of JetStream in the data folder. */
export const storeFolder = (data: string): string => join(data, 'nats');

const configurationFile = (data: string): string => join(data, 'nats-server.conf');
const pidFile = (data: string): string => join(data, 'nats-server.pid');

/** Ends the server that a killed `freshet up` has left running on the same port and store. */
export async function endOrphans(data: string, secured: string): Promise<void> {
  await endOrphan(pidFile(data), configurationFile(data));
  await endOrphan(securedPidFile(secured), serverFile(secured));
}

/**
 * Writes the server's configuration and finds its port. Throws `PortInUseError`.
 *
 * @param secured the folder of the secured bus, if the data folder has one
 */
export async function prepareEmbeddedServer(data: string, port: number, secured?: string): Promise<EmbeddedServer> {
  const chosen = await freePort('127.0.0.1', port, '--nats-port');
  const file = secured === undefined ? configurationFile(data) : serverFile(secured);
  // A process that starts at the same moment may choose the same port, and its server would take this one's events.
  const serverName = secured === undefined ? `freshet-${randomBytes(4).toString('hex')}` : undefined;
  if (serverName !== undefined) writeFileSync(file, withoutAccounts(data, chosen, serverName));
  else if (secured !== undefined) {
    listenOn(secured, chosen);
    // A server that somebody starts with it would hide the log.
    rmSync(configurationFile(data), { force: true });
  }
  return { args: ['-c', file], url: `nats://127.0.0.1:${chosen}`, serverName };
}

/** Writes the configuration of a secured server for the chosen port. */
const listenOn = (secured: string, port: number): void =>
  writeIdentities(secured, { ...readIdentities(secured), listen: `127.0.0.1:${port}` });

const withoutAccounts = (data: string, port: number, serverName: string): string =>
  [
    '# `freshet up` writes this file at each start.',
    `server_name: ${serverName}`,
    `listen: "127.0.0.1:${port}"`,
    `pid_file: ${JSON.stringify(pidFile(data))}`,
    `jetstream { store_dir: ${JSON.stringify(storeFolder(data))} }`,
    '',
  ].join('\n');

/** A free port: the requested one, or any for 0. Throws `PortInUseError`. */
export async function freePort(host: string, port: number, option: string): Promise<number> {
  const server = createServer();
  try {
    await listen(server as never, host, port);
  } catch (err) {
    if (err instanceof Error) err.message += ` The option ${option} sets it.`;
    throw err;
  }
  const address = server.address();
  const found = typeof address === 'object' && address ? address.port : port;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

/** Milliseconds that the server of a killed `freshet up` gets to end. */
const ORPHAN_MS = 5_000;

async function endOrphan(fileOfPid: string, configuration: string): Promise<void> {
  const pid = readPid(fileOfPid);
  if (pid === undefined || !isAlive(pid) || !commandOf(pid).includes(configuration)) return;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + ORPHAN_MS;
  await pollUntil(20, () => !isAlive(pid) || performance.now() >= deadline || undefined);
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** The command line of a process. It shows whether another process has the pid of the server now. */
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
