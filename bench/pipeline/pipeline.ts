/** Throughput of the pipeline, beside the throughput that its parts allow in the same run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Database from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { pino } from 'pino';
import { createCodec, type PreparedEvent, type StoredMessage } from '../../src/bus/event/codec.ts';
import { encodeToken, type StreamSeq, streamSeq } from '../../src/bus/event/ids.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import type { Log } from '../../src/bus/log/port.ts';
import { connect } from '../../src/bus/nats/connection.ts';
import { call } from '../../src/bus/nats/micro.ts';
import { createPublisher, type Publisher } from '../../src/bus/nats/publisher.ts';
import { type StateFollower, withState } from '../../src/bus/projection/after-commit.ts';
import { type ProjectionDefinition, SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { createProjectionLoop } from '../../src/bus/projection/loop.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import { contentProjection } from '../../src/content/projection.ts';
import { simulate } from '../../src/demo/simulator.ts';
import { emptyModel, learn } from '../../src/engine/fold/model-fold.ts';
import { type EngineTables, engineProjection, prepareTables, weightsOf } from '../../src/engine/fold/projection.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userProjection } from '../../src/user/projection.ts';
import { RANKINGS } from '../../streams.config.ts';
import { startBenchServer } from '../server.ts';
import { createRecording } from './recorder.ts';

export interface PipelineFigures {
  /** Messages in the log: interactions, registrations, items. */
  events: number;
  nats: string;
  /** Acknowledged events per second. */
  publisher: number;
  /** Messages per second of a reader that only counts them. */
  raw: number;
  /** Events per second. `limit` is 1/(1/raw + 1/sqlite). */
  services: { service: ServiceName; loop: number; sqlite: number; limit: number }[];
  /** Events per second until the slowest of four processes has committed. */
  together: number;
  /** Milliseconds. */
  freshness: { samples: number; ranking: Quantiles; recommend: Quantiles; ping: Quantiles };
}

interface Quantiles {
  p50: number;
  p99: number;
}

export interface PipelineOptions {
  events: number;
  fresh: number;
  say: (line: string) => void;
}

const ENTRY = fileURLToPath(new URL('../../bin/freshet.mjs', import.meta.url));
const silent = pino({ level: 'silent' });
const config = completeConfig({});

export async function runPipeline({ events, fresh, say }: PipelineOptions): Promise<PipelineFigures> {
  const server = await startBenchServer();
  const nc = await connect({ url: server.url, name: 'bench' });
  try {
    await applyStreams(nc);
    const codec = createCodec();
    const publisher = createPublisher(nc, { window: config.publisher.window });
    const log = await createJetStreamLog({ nc, publisher, pull: { burst: config.projection.pull_batch } });

    say('preparing events');
    const prepared: PreparedEvent[] = [];
    for (const event of simulate({
      seed: 7,
      end: Date.UTC(2026, 0, 1),
      events,
      readers: Math.max(100, Math.round(events / 25)),
    })) {
      const outcome = codec.prepare(event);
      if (outcome.ok) prepared.push(outcome.prepared);
    }

    say('publisher alone');
    const publishing = await timed(() => publishAll(publisher, prepared));
    const total = (await log.info()).lastSeq;

    say('raw consumer alone');
    const messages: StoredMessage[] = [];
    await readAll(log, total, () => {});
    const reading = await timed(() => readAll(log, total, () => {}));
    await readAll(log, total, (message) => messages.push(message));
    const raw = total / reading;

    const services: PipelineFigures['services'] = [];
    for (const service of SERVICES) {
      say(`loop of ${service}`);
      const loop = total / (await timeLoop(service, log, total, join(server.folder, `${service}-loop.sqlite`)));
      say(`SQLite alone with the statements of ${service}`);
      const sqlite = total / timeSqlite(service, messages, server.folder);
      services.push({ service, loop, sqlite, limit: 1 / (1 / raw + 1 / sqlite) });
    }

    say('four processes at once');
    const processes = await startProcesses(server.url, join(server.folder, 'data'));
    const together = total / (await timeCatchUp(nc, total, processes.startedAt));

    say('freshness');
    const freshness = await measureFreshness(nc, publisher, fresh);
    await processes.stop();
    await publisher.close();
    return {
      events: total,
      nats: server.version,
      publisher: prepared.length / publishing,
      raw,
      services,
      together,
      freshness,
    };
  } finally {
    await nc.close();
    await server.stop();
  }
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Publishes the events and waits until nats-server has acknowledged all of them. */
export async function publishAll(publisher: Publisher, prepared: Iterable<PreparedEvent>): Promise<void> {
  const acks: Promise<unknown>[] = [];
  for (const event of prepared) {
    await publisher.ready();
    acks.push(publisher.publish(event));
  }
  await Promise.all(acks);
}

export function readAll(log: Log, until: StreamSeq, take: (message: StoredMessage) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let open: { close(): Promise<void> } | undefined;
    log
      .read('bench-raw', streamSeq(1), {
        message: ({ seq, subject, payload, timestamp }) => {
          take({ seq, subject, payload, timestamp });
          if (seq === until) void open?.close().then(resolve);
        },
        interrupted: (reason) => reject(new Error(reason)),
      })
      .then((reader) => {
        open = reader;
      }, reject);
  });
}

/** The projection of a service as the service runs it: the engine's has its model in memory. */
function foldOf(
  service: ServiceName,
  settings = config,
): { definition: ProjectionDefinition<unknown>; state?: StateFollower } {
  switch (service) {
    case 'user':
      return { definition: userProjection(config) as ProjectionDefinition<unknown> };
    case 'content':
      return { definition: contentProjection() as ProjectionDefinition<unknown> };
    case 'feedback':
      return { definition: feedbackProjection(config) as ProjectionDefinition<unknown> };
    case 'engine': {
      const model = emptyModel(settings);
      const weights = weightsOf(settings);
      let tables: EngineTables;
      let at = streamSeq(0);
      const definition = {
        ...engineProjection({ config: settings }),
        tables: (db) => {
          tables = prepareTables(db);
          return tables;
        },
      } as ProjectionDefinition<unknown>;
      return {
        definition,
        state: {
          position: () => at,
          fold: (events, seq) => {
            learn(model, events, tables, weights);
            at = seq;
          },
        },
      };
    }
  }
}

async function timeLoop(service: ServiceName, log: Log, total: StreamSeq, file: string): Promise<number> {
  const { definition, state } = foldOf(service);
  const store = openStore({ file, definition, codec: createCodec() });
  const loop = createProjectionLoop({
    service,
    log,
    store,
    logger: silent,
    consumer: `bench-${service}`,
    followers: { state },
  });
  const seconds = await timed(async () => {
    loop.start();
    await loop.reached(total, 600_000);
  });
  await loop.stop();
  store.close();
  return seconds;
}

/** The same statements with the same values in the same transactions, without log, codec and fold. */
export function createSqliteAlone(service: ServiceName, folder: string) {
  const recording = createRecording();
  const open = (kind: string, wrap?: typeof recording.record) => {
    // The ranker's learning does not use SQLite.
    const { definition, state } = foldOf(service, completeConfig({ engine: { ranker_form: 'none' } }));
    const file = join(folder, `${service}-${kind}.sqlite`);
    return withState(openStore({ file, definition, codec: createCodec(), ...(wrap ? { wrap } : {}) }), () => state);
  };
  const store = open('record', recording.record);
  const empty = open('replay');
  const again = recording.onto(empty.db as Database.Database);
  return {
    /** Folds a batch and records the statements. */
    fold: (batch: readonly StoredMessage[]): void => {
      store.commit(batch, 'bench');
      recording.cut();
    },
    /** Seconds that SQLite alone takes for the statements since the last call. */
    again,
    close: (): void => {
      store.close();
      empty.close();
    },
  };
}

function timeSqlite(service: ServiceName, messages: readonly StoredMessage[], folder: string): number {
  const alone = createSqliteAlone(service, folder);
  for (let at = 0; at < messages.length; at += config.projection.batch_max)
    alone.fold(messages.slice(at, at + config.projection.batch_max));
  const seconds = alone.again();
  alone.close();
  return seconds;
}

interface Processes {
  startedAt: number;
  stop(): Promise<void>;
}

/** The four services as `up` runs them. The measurement starts when all of them have connected. */
async function startProcesses(url: string, data: string): Promise<Processes> {
  const children: ChildProcess[] = SERVICES.map((service) =>
    spawn(process.execPath, [ENTRY, 'service', service, '--data', data, '--nats', url], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }),
  );
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve, reject) => {
          child.on('message', (message: { type: string }) => message.type === 'started' && resolve());
          child.once('exit', (code) => reject(new Error(`a service ended with code ${code}`)));
        }),
    ),
  );
  return {
    startedAt: performance.now(),
    stop: async () => {
      await Promise.all(
        children.map((child) => {
          const gone = new Promise((resolve) => child.once('exit', resolve));
          child.kill('SIGTERM');
          return gone;
        }),
      );
    },
  };
}

/** Seconds until every service has folded the whole log. */
async function timeCatchUp(nc: NatsConnection, total: StreamSeq, startedAt: number): Promise<number> {
  const waits = SERVICES.map(async (service) => {
    for (;;) {
      const { seq } = await call<{ seq: number }>(nc, `freshet.${service}.status`, {}, { timeoutMs: 30_000 });
      if (seq >= total) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  await Promise.all(waits);
  return (performance.now() - startedAt) / 1000;
}

async function measureFreshness(
  nc: NatsConnection,
  publisher: Publisher,
  samples: number,
): Promise<PipelineFigures['freshness']> {
  await untilIdle(nc);
  const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
  const users = Array.from({ length: samples }, (_, i) => `reader-${i + 1}`);
  const items = (await call<{ items: { item: string }[] }>(nc, 'freshet.content.list', { n: 500 })).items.map(
    ({ item }) => item,
  );
  const codec = createCodec();
  const ranking: number[] = [];
  const recommend: number[] = [];
  const ping: number[] = [];
  for (const [i, user] of users.entries()) {
    const event = codec.prepare({
      specversion: '1.0',
      id: `fresh-${i}`,
      source: 'bench',
      type: 'user.viewed.v1',
      subject: user,
      time: new Date().toISOString(),
      data: { item: items[(i * 7) % items.length] },
    });
    if (!event.ok) throw new Error(event.problem.message);
    // Watches the key itself, like a client that shows the ranking.
    const seen = await watchOnce(kv, `user.${encodeToken(user)}`);
    const { seq } = await publisher.publish(event.prepared);
    const acknowledged = performance.now();
    const asked = call(nc, 'freshet.engine.recommend', { user, n: 10, min_seq: seq }).then(
      () => performance.now() - acknowledged,
    );
    ranking.push(Math.max(0, (await seen.until(seq)) - acknowledged));
    recommend.push(await asked);
    const before = performance.now();
    await nc.request('freshet.engine.trending', '{"n":1}', { timeout: 5_000 });
    ping.push(performance.now() - before);
    await seen.stop();
  }
  return { samples, ranking: quantiles(ranking), recommend: quantiles(recommend), ping: quantiles(ping) };
}

async function watchOnce(kv: Awaited<ReturnType<ReturnType<NatsConnection['jetstream']>['views']['kv']>>, key: string) {
  const watch = await kv.watch({ key, initializedFn: () => {} });
  return {
    /** Time at which the ranking with this event was in KV, monotonic milliseconds. */
    until: async (seq: StreamSeq): Promise<number> => {
      for await (const entry of watch)
        if (entry.operation === 'PUT' && entry.json<{ seq: number }>().seq >= seq) return performance.now();
      throw new Error('the watch ended');
    },
    stop: async () => watch.stop(),
  };
}

/** Waits until the engine has published the pending rankings that the rebuild left. */
async function untilIdle(nc: NatsConnection): Promise<void> {
  for (;;) {
    const { rankings } = await call<{ rankings: { users: number; items: number } }>(
      nc,
      'freshet.engine.status',
      {},
      { timeoutMs: 30_000 },
    );
    if (rankings.users === 0 && rankings.items === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function quantiles(values: number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
