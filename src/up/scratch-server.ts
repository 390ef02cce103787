/** A nats-server of its own in a temporary folder, on loopback, into which Freshet restores a backup to look at it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { connect } from '../bus/nats/connection.ts';
import { pollUntil } from '../bus/nats/poll-until.ts';
import { NatsUnreachableError } from '../errors.ts';
import { freePort } from './nats-server.ts';

export interface ScratchServer {
  nc: NatsConnection;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** Starts the program at a path. Throws `NatsUnreachableError` if it does not answer in time. */
export async function startScratchServer(program: string, withinMs: number): Promise<ScratchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-scratch-'));
  const port = await freePort('127.0.0.1', 0, '--nats-port');
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], { stdio: 'ignore' });
  // It must not outlive this process.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let failed: unknown;
  child.once('error', (err) => {
    failed = err;
  });
  async function end(): Promise<void> {
    process.off('exit', kill);
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  }
  try {
    const url = `nats://127.0.0.1:${port}`;
    const deadline = performance.now() + withinMs;
    const nc = await pollUntil(50, async () => {
      if (failed !== undefined) throw failed;
      try {
        return await connect({ url, name: 'freshet-scratch', timeoutMs: 2_000 });
      } catch (err) {
        if (!(err instanceof NatsUnreachableError) || performance.now() > deadline) throw err;
        return undefined;
      }
    });
    return {
      nc,
      stop: async () => {
        await nc.close();
        await end();
      },
    };
  } catch (err) {
    await end();
    throw err;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}
