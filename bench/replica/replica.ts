/**
 * How long a new replica of the engine takes from its start until it answers with the leader's lists at the same position:
 * from a snapshot, beside a fold of the log from its first event in the same run. Leader and replicas are real processes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import { createCodec } from '../../src/bus/event/codec.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import { connect } from '../../src/bus/nats/connection.ts';
import { call, type Json } from '../../src/bus/nats/micro.ts';
import { createPublisher } from '../../src/bus/nats/publisher.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import { simulate } from '../../src/demo/simulator.ts';
import type { CatchUpStatus } from '../../src/engine/fold/catch-up.ts';
import { startBenchServer } from '../server.ts';

export interface ReplicaOptions {
  /** Simulated interactions. */
  events: number;
  /** How many of them come after the leader's snapshot. */
  behind: number;
  /** Users whose lists are compared. */
  users: number;
  say: (line: string) => void;
}

/** One replica, from the start of its process. */
export interface ReplicaStart {
  /** Seconds until the replica answered with the leader's lists. */
  seconds: number;
  /** Position of the snapshot that its model came from; 0: the log alone. */
  from: number;
  /** Seconds in which it folded its rows alone. */
  rowsAlone: number;
  /** Lists that were those of the leader, of so many. */
  equal: number;
  asked: number;
}

export interface ReplicaFigures {
  /** Messages in the log: interactions, registrations, items. */
  events: number;
  nats: string;
  /** Position of the leader's snapshot. */
  snapshot: number;
  /** Seconds in which the leader folded the log up to its snapshot. */
  leader: number;
  fromSnapshot: ReplicaStart;
  fromFirstEvent: ReplicaStart;
}

const ENTRY = fileURLToPath(new URL('../../bin/freshet.mjs', import.meta.url));
const LOOK_MS = 20;
/** Milliseconds that a caller waits for a position in one request. */
const WAIT_MS = 5_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface EngineStatus {
  pid: number;
  state: string;
  seq: number;
  started_from: CatchUpStatus;
}

export async function runReplica({ events, behind, users, say }: ReplicaOptions): Promise<ReplicaFigures> {
  const server = await startBenchServer();
  const nc = await connect({ url: server.url, name: 'bench' });
  const config = completeConfig({});
  const publisher = createPublisher(nc, { window: config.publisher.window });
  const children = new Set<ChildProcess>();

  function start(replica: number, data: string, settings: NodeJS.ProcessEnv): ChildProcess {
    const at = ['--replica', String(replica), '--health-port', '0', '--data', data, '--nats', server.url];
    const child = spawn(process.execPath, [ENTRY, 'service', 'engine', ...at], {
      stdio: 'ignore',
      env: { ...process.env, ...settings },
    });
    children.add(child);
    return child;
  }
  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  try {
    await applyStreams(nc);
    const log = await createJetStreamLog({ nc, publisher, pull: { burst: config.projection.pull_batch } });
    const head = async (): Promise<number> => (await log.info()).lastSeq;
    const codec = createCodec();
    const history = simulate({ seed: 7, end: Date.UTC(2026, 0, 1), events, readers: Math.max(100, events / 25) });
    let refused: unknown;
    /** Publishes the history up to so many interactions more. */
    async function publish(interactions: number): Promise<void> {
      for (let left = interactions; left > 0; ) {
        const { done, value } = history.next();
        if (done) break;
        if (value.type.startsWith('user.') && value.type !== 'user.registered.v1') left--;
        const outcome = codec.prepare(value);
        if (!outcome.ok) continue;
        await publisher.ready();
        publisher.publish(outcome.prepared).catch((err: unknown) => {
          refused = err;
        });
      }
      while (publisher.pending > 0) await sleep(5);
      if (refused) throw refused;
    }

    say('publishing');
    await publish(Math.max(1, events - behind));
    const snapshot = await head();
    const data = join(server.folder, 'leader');
    mkdirSync(data);
    say(`the leader folds ${snapshot} messages`);
    const began = performance.now();
    let leader = start(1, data, {});
    await readyAt(nc, 'engine', snapshot, leader);
    const leaderSeconds = (performance.now() - began) / 1000;
    // It writes a snapshot when it stops.
    await end(leader, 'SIGTERM');
    await publish(Number.POSITIVE_INFINITY);
    const seq = await head();
    leader = start(1, data, {});
    await readyAt(nc, 'engine', seq, leader);
    const asked = await someUsers(nc, users);
    const lists = await listsOf(nc, asked, seq);
    // Its next snapshot would be newer, and it would answer instead of the replica.
    await end(leader, 'SIGKILL');

    async function measure(replica: number, what: string, settings: NodeJS.ProcessEnv): Promise<ReplicaStart> {
      say(`a replica starts from ${what}`);
      const folder = join(server.folder, `replica-${replica}`);
      mkdirSync(folder);
      const started = performance.now();
      const child = start(replica, folder, { FRESHET_ENGINE_PUBLISH_RANKINGS: 'false', ...settings });
      const theirs = await listsOf(nc, asked, seq, child);
      const seconds = (performance.now() - started) / 1000;
      const { started_from } = await call<EngineStatus & Json>(nc, `freshet.engine.status.engine-${replica}`, {});
      await end(child, 'SIGKILL');
      rmSync(folder, { recursive: true });
      const equal = theirs.filter((list, at) => list === lists[at]).length;
      return {
        seconds,
        from: started_from.from,
        rowsAlone: started_from.rows?.seconds ?? 0,
        equal,
        asked: asked.length,
      };
    }
    const fromSnapshot = await measure(2, 'the snapshot', {});
    const fromFirstEvent = await measure(3, 'the first event', { FRESHET_ENGINE_START_FROM_SNAPSHOT: 'false' });
    return { events: seq, nats: server.version, snapshot, leader: leaderSeconds, fromSnapshot, fromFirstEvent };
  } finally {
    for (const child of children) await end(child, 'SIGKILL');
    await publisher.close();
    await nc.close();
    await server.stop();
  }
}

/** Tries until the process answers; throws if it has ended. */
async function insist<T>(child: ChildProcess | undefined, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    if (child && child.exitCode !== null)
      throw new Error(`an engine of the benchmark ended with code ${child.exitCode}`);
    await sleep(LOOK_MS);
  }
}

const readyAt = (nc: NatsConnection, instance: string, seq: number, child: ChildProcess): Promise<EngineStatus> =>
  insist(child, async () => {
    const status = await call<EngineStatus & Json>(nc, `freshet.engine.status.${instance}`, {});
    return status.pid === child.pid && status.state === 'ready' && status.seq >= seq ? status : undefined;
  });

/** Lists of these users at a position or later, each as text. */
async function listsOf(
  nc: NatsConnection,
  users: readonly string[],
  seq: number,
  child?: ChildProcess,
): Promise<string[]> {
  const lists: string[] = [];
  for (const user of users) {
    const request = { user, min_seq: seq, timeout_ms: WAIT_MS, max_age_ms: 0 };
    const { items } = await insist(child, () =>
      call<{ items: unknown[] } & Json>(nc, 'freshet.engine.recommend', request, { timeoutMs: 2 * WAIT_MS }),
    );
    lists.push(JSON.stringify(items));
  }
  return lists;
}

/** Users of the history, by the ids that the simulator gives them. */
async function someUsers(nc: NatsConnection, count: number): Promise<string[]> {
  const jsm = await nc.jetstreamManager();
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: 'ev.user.*.registered' });
  const users = Object.keys(state.subjects ?? {}).map((subject) => subject.split('.')[2] as string);
  const step = Math.max(1, Math.floor(users.length / count));
  return users.filter((_, at) => at % step === 0).slice(0, count);
}
