/** A whole system in processes of its own, as `freshet up` starts it, with a stream of events in its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import { createBulk } from '../../src/bus/bulk/bulk.ts';
import { createCodec } from '../../src/bus/event/codec.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import { connect } from '../../src/bus/nats/connection.ts';
import { call, limitAnswers } from '../../src/bus/nats/micro.ts';
import { createPublisher, publisherLimits } from '../../src/bus/nats/publisher.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { completeConfig } from '../../src/config/load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The command line of a tree. */
export const entryOf = (root: string): string => join(root, 'bin/freshet.mjs');
const BATCH = 2_000;
/** Milliseconds between two polls. */
const LOOK_MS = 100;
/** Milliseconds without any change after which a wait fails. A training or a snapshot changes nothing for a while. */
const STUCK_MS = 300_000;
/** Longest wait for lists of similar items, milliseconds: the engine publishes those of a large catalogue slowly. */
const SIMILAR_MS = 60_000;
/** Milliseconds that a service may take to answer while it folds, on a machine with other work. */
const ANSWER_MS = 120_000;

export interface BenchSystem {
  http: string;
  nats: string;
  /** Its data folder. */
  data: string;
  nc: NatsConnection;
  /** Processes of the engine. */
  engines: number;
  stop(): Promise<void>;
}

export interface EngineStatus {
  seq: number;
  rankings: { users: number; items: number; oldestSeconds: number };
  /** `training` is null if another instance trains. */
  model: { users: number; items: number; events: number; training: { running: string | null } | null };
}

export const engineStatus = (nc: NatsConnection): Promise<EngineStatus> =>
  call<EngineStatus>(nc, 'freshet.engine.status', {});

/** The same for one instance of several. */
interface InstanceStatus extends EngineStatus {
  instance: string;
}

/** Further engines beside that of `up`: separate processes, which share the requests. */
export function startReplicas(
  count: number,
  { entry, nats, data }: { entry: string; nats: string; data: string },
): ChildProcess[] {
  return Array.from({ length: count }, (_, i) =>
    spawn(
      process.execPath,
      [entry, 'service', 'engine', '--replica', String(i + 2), '--health-port', '0', '--data', data, '--nats', nats],
      { stdio: 'ignore' },
    ),
  );
}

/** Ends a process that this one started. */
export const endOf = (child: ChildProcess): Promise<unknown> => {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return gone;
};

export interface BenchSystemOptions {
  /** Arguments of `freshet up`, beside folder and ports. */
  args?: readonly string[];
  /** Settings as variables. */
  settings?: NodeJS.ProcessEnv;
  /** Processes of the engine. */
  engines?: number;
  /** Folder of the tree that runs; left out: this one. */
  root?: string;
}

export async function startBenchSystem({
  args = ['--no-demo'],
  settings = {},
  engines = 1,
  root = ROOT,
}: BenchSystemOptions = {}): Promise<BenchSystem> {
  const data = mkdtempSync(join(tmpdir(), 'freshet-bench-'));
  const { NATS_URL: _external, ...env } = process.env;
  const entry = entryOf(root);
  const child = spawn(
    process.execPath,
    [entry, 'up', '--json', '--data', data, '--http-port', '0', '--nats-port', '0', ...args],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...env, ...settings } },
  );
  const { http, nats } = await new Promise<{ http: string; nats: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`freshet up ended with code ${code}`)));
  });
  const nc = await connect({ url: nats, name: 'bench' });
  limitAnswers(nc, ANSWER_MS);
  const replicas = startReplicas(engines - 1, { entry, nats, data });
  return {
    http,
    nats,
    data,
    nc,
    engines,
    stop: async () => {
      await nc.close();
      await Promise.all(replicas.map(endOf));
      await endOf(child);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Publishes the events, waits until every service has folded them, and returns the last position. */
export async function load(
  system: BenchSystem,
  events: AsyncIterable<CloudEvent> | Iterable<CloudEvent>,
): Promise<number> {
  const lastSeq = await publishInBulk(system, events);
  await folded(system.nc, lastSeq, system.engines);
  return lastSeq;
}

/** Publishes the events, and returns the last position. */
export async function publishInBulk(
  { nc }: Pick<BenchSystem, 'nc'>,
  events: AsyncIterable<CloudEvent> | Iterable<CloudEvent>,
): Promise<number> {
  const config = completeConfig({});
  const publisher = createPublisher(nc, publisherLimits(config));
  const log = await createJetStreamLog({ nc, publisher });
  const bulk = await createBulk({ nc, log, codec: createCodec(), publisher });
  let batch: CloudEvent[] = [];
  for await (const event of events) {
    batch.push(event);
    if (batch.length < BATCH) continue;
    await bulk.publish(batch);
    batch = [];
  }
  await bulk.publish(batch);
  const { lastSeq } = await log.info();
  await publisher.close();
  return lastSeq;
}

/**
 * Waits until every service has folded the log up to this position, and the engine has published the rankings that changed
 * and does not train. A training takes a core for itself.
 */
export async function folded(nc: NatsConnection, seq: number, engines = 1): Promise<void> {
  for (const service of SERVICES)
    await until(async () => {
      const status = await call<{ state: string; seq: number }>(nc, `freshet.${service}.status`, {});
      return status.seq >= seq || `${service} is ${status.state} at ${status.seq} of ${seq}`;
    });
  // Any engine may answer, and each of them does in the end.
  const there = new Set<string>();
  await until(async () => {
    const { instance, seq: at } = (await engineStatus(nc)) as InstanceStatus;
    if (at >= seq) there.add(instance);
    return there.size >= engines || `${instance} is at ${at} of ${seq}`;
  });
  const since = performance.now();
  await until(async () => {
    const { rankings, model } = await engineStatus(nc);
    const similar = rankings.items === 0 || performance.now() - since > SIMILAR_MS;
    const running = model.training?.running ?? null;
    return (
      (similar && rankings.users === 0 && running === null) ||
      `rankings of ${rankings.users} users and ${rankings.items} items are due, training: ${running ?? 'none'}`
    );
  });
}

/** Polls until the state is true. Rejects with the state, in words, if that stays the same for {@link STUCK_MS}. */
export async function until(look: () => Promise<boolean | string>): Promise<void> {
  let last: boolean | string | undefined;
  let changed = performance.now();
  for (;;) {
    const state = await look();
    if (state === true) return;
    if (state !== last) {
      last = state;
      changed = performance.now();
    } else if (performance.now() - changed > STUCK_MS)
      throw new Error(`Nothing has changed for ${STUCK_MS / 1_000} s: ${state || 'the system is not there yet'}.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
