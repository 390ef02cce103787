/** A running system with a small demo, started by the command that the documentation starts it with. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../scripts/setup.mjs';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';

export interface DocsSystem {
  http: string;
  nats: string;
  data: string;
  /** What became of it and what it said last, for the message of a failure. */
  state(): string;
  stop(): Promise<number | null>;
}

export const ENTRY = join(ROOT, 'bin', 'freshet.mjs');

/** Milliseconds after which a start counts as hanging. */
const START_MS = 480_000;

export async function startDocsSystem(): Promise<DocsSystem> {
  const data = makeTempDir('docs');
  const { NATS_URL: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [ENTRY, 'up', '--http-port', '0', '--nats-port', '0', '--data', data, '--json'],
    {
      env: {
        ...env,
        // As many as the pages that look back need: they name sequences up to 1,500.
        FRESHET_DEMO_EVENTS: '1000',
        FRESHET_DEMO_READERS: '100',
        // What looks back goes on from a snapshot instead of folding the log once more.
        FRESHET_ENGINE_SNAPSHOT_EVENTS: '500',
        // Forgetting rebuilds at once.
        FRESHET_ERASURE_REBUILD_AFTER_MS: '100',
        FRESHET_ERASURE_SERVER_INDEX_MS: '0',
        FRESHET_HTTP_MIN_SEQ_TIMEOUT_MS: '20000',
        FRESHET_HTTP_REQUEST_TIMEOUT_MS: '60000',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  try {
    const { http, nats } = await readyLine(child);
    return {
      http,
      nats,
      data,
      state: () =>
        `${child.exitCode === null && child.signalCode === null ? 'The system runs.' : `The system ended: ${child.exitCode ?? child.signalCode}.`}\n${said.slice(-500)}`,
      stop: () => stop(child, data),
    };
  } catch (cause) {
    await stop(child, data);
    throw new Error(`The system did not come up: ${said.slice(-2_000)}`, { cause });
  }
}

async function readyLine(child: ChildProcess): Promise<{ http: string; nats: string }> {
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  const timer = AbortSignal.timeout(START_MS);
  const [line] = (await Promise.race([
    once(lines, 'line', { signal: timer }),
    once(child, 'exit', { signal: timer }).then(([code]) => {
      throw new Error(`it ended with code ${String(code)}`);
    }),
  ])) as [string];
  return JSON.parse(line) as { http: string; nats: string };
}

async function stop(child: ChildProcess, data: string): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  removeTempDir(data);
  return child.exitCode;
}
