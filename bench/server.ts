/** A nats-server for one benchmark: a real process with its own folder, on any free port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateNatsServer } from '../scripts/setup/nats-server.mjs';
import { connect } from '../src/bus/nats/connection.ts';
import { prepareEmbeddedServer } from '../src/up/nats-server.ts';

export interface BenchServer {
  url: string;
  /** Folder of this benchmark. It is removed at the end. */
  folder: string;
  version: string;
  stop(): Promise<void>;
}

export async function startBenchServer(): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-bench-'));
  const found = await locateNatsServer({ env: { ...process.env, NATS_URL: '' } });
  if ('url' in found) throw new Error('a benchmark runs its own nats-server');
  const { args, url } = await prepareEmbeddedServer(folder, 0);
  const child: ChildProcess = spawn(found.path, args, { stdio: 'ignore' });
  const nc = await connect({ url, name: 'bench-wait', waitOnFirstConnect: true });
  await nc.close();
  return {
    url,
    folder,
    version: found.version,
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
