/** Whatever ends the command, the npm that started it, or the terminal: no process of the system stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SECURE_ARGS } from '../support/secure-run.ts';
import { ENTRY, upArgs } from '../support/system.ts';
import { tempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const ROOT = join(ENTRY, '../..');
/** Longer than the services take to stop without a server. */
const GONE = { within: 30_000, what: 'no process of the system is left' };

/** Process ids whose command line names the folder. */
const processesOf = (data: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data);
      } catch {
        return false;
      }
    })
    .map(Number);

/** Starts the system, and resolves when it is ready. */
async function started(data: string, command: string, args: readonly string[]): Promise<ChildProcess> {
  const { NATS_URL: _external, npm_command: _npm, ...env } = process.env;
  const options = [...upArgs(data), '--only', 'user', ...SECURE_ARGS];
  const child = spawn(command, [...args, ...options], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let ready = false;
  child.stdout?.on('data', (chunk) => {
    ready ||= String(chunk).includes('"ready":true');
  });
  await until(() => ready, { within: 90_000, what: 'the system is ready' });
  return child;
}

const node = (data: string) => started(data, process.execPath, [ENTRY]);
/** As `npx freshet up` and `npm start` do; the shell does not replace itself by the command. */
const npm = (data: string) => started(data, 'npm', ['exec', '--offline', '--', 'freshet']);
const shell = (data: string) => {
  const path = join(tempDir('shell'), 'sh');
  writeFileSync(path, '#!/bin/sh\n/bin/sh "$@"\nexit $?\n', { mode: 0o755 });
  return started(data, 'npm', ['exec', '--offline', '--script-shell', path, '--', 'freshet']);
};

it.skipIf(process.platform !== 'linux').each([
  ['SIGHUP', 'freshet up', node],
  ['SIGKILL', 'freshet up', node],
  ['SIGTERM', 'npm', npm],
  ['SIGKILL', 'npm', npm],
  ['SIGKILL', 'npm, whose shell stays between', shell],
] as const)('%s to %s leaves no process', async (signal, _, start) => {
  const data = tempDir('orphans');
  const child = await start(data);
  expect(processesOf(data).length).toBeGreaterThan(2);
  child.kill(signal);
  await until(() => processesOf(data).length === 0, GONE);
});

it.skipIf(process.platform !== 'linux')(
  'the end of the terminal, which every process of it hears, leaves none',
  async () => {
    const data = tempDir('orphans');
    const child = await npm(data);
    process.kill(-(child.pid as number), 'SIGHUP');
    await until(() => processesOf(data).length === 0, GONE);
  },
);
