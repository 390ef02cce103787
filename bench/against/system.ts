/** A system of one tree, measured from outside: by its command line, its HTTP and its endpoints. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type BenchSystem,
  type BenchSystemOptions,
  engineStatus,
  entryOf,
  startBenchSystem,
  until,
} from '../serving/system.ts';
import type { Measurement } from './row.ts';

/** Runs the work on a system of the tree with an empty data folder, and stops the system. */
export async function withSystem<T>(
  { tree, say }: Measurement,
  options: Omit<BenchSystemOptions, 'root'>,
  work: (system: BenchSystem) => Promise<T>,
): Promise<T> {
  say('starting a system');
  const system = await startBenchSystem({ ...options, root: tree.root });
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}

/** A verb of the tree's command line. Returns the last line that it prints with --json. Rejects if it fails. */
export async function runVerb<T>(
  { tree }: Pick<Measurement, 'tree'>,
  { nats, data }: Pick<BenchSystem, 'nats' | 'data'>,
  args: readonly string[],
): Promise<T> {
  const child: ChildProcess = spawn(process.execPath, [entryOf(tree.root), ...args, '--json', '--nats', nats], {
    cwd: data,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = '';
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    last = line;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`freshet ${args.join(' ')} of ${tree.root} ended with exit code ${code}`);
  return JSON.parse(last) as T;
}

/** Last sequence of the log. */
export async function headOf({ nc }: Pick<BenchSystem, 'nc'>): Promise<number> {
  const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS');
  return state.last_seq;
}

/** Waits until the engine has folded the log up to a sequence: the status endpoint that `freshet status` reads. */
export const current = ({ nc }: Pick<BenchSystem, 'nc'>, seq: number): Promise<void> =>
  until(async () => {
    const { seq: at } = await engineStatus(nc);
    return at >= seq || `the engine is at ${at} of ${seq}`;
  });

/** The metrics of the engine that `up` started, in the text format of Prometheus. */
export async function engineMetrics({ data }: Pick<BenchSystem, 'data'>): Promise<string> {
  const { processes } = JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as {
    processes: Record<string, { health?: string }>;
  };
  return (await fetch(`${processes.engine?.health}/metrics`)).text();
}

export const secondsSince = (started: number): number => (performance.now() - started) / 1_000;
