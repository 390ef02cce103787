/**
 * How fast a service is rebuilt from the log, beside what a raw consumer and raw SQLite allow in the same run. Each
 * rebuild is a process of its own, as it is with `freshet replay`, so that its memory is its own as well.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { connect } from '../../src/bus/connection.ts';
import { createCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { loopLimits } from '../../src/bus/incarnation.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import { SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { createRebuild } from '../../src/bus/projection/rebuild.ts';
import { createPublisher } from '../../src/bus/publisher.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { rebuildable } from '../../src/cli/projections.ts';
import { completeConfig } from '../../src/config/load.ts';
import { simulate } from '../../src/demo/simulator.ts';
import { createSqliteAlone, readAll, timed } from '../pipeline/pipeline.ts';
import { startBenchServer } from '../server.ts';

export interface ReplayFigures {
  /** Messages in the log: interactions, registrations, items. */
  events: number;
  nats: string;
  /** Messages per second into a reader that counts. */
  raw: number;
  services: RebuildFigures[];
}

export interface RebuildFigures {
  service: ServiceName;
  /** Events per second. `limit` is 1/(1/raw + 1/sqlite). */
  rebuild: number;
  sqlite: number;
  limit: number;
  /** Resident MiB of the process when a quarter, a half, three quarters and all of the log were folded. */
  memory: number[];
}

export interface ReplayOptions {
  events: number;
  services: readonly ServiceName[];
  say: (line: string) => void;
}

/** What one rebuild tells whoever started it. */
export interface OneRebuild {
  messages: number;
  seconds: number;
  memory: number[];
}

const ENTRY = fileURLToPath(new URL('../../bin/bench.mjs', import.meta.url));
const config = completeConfig({});
const MIB = 1_048_576;

export async function runReplay({ events, services, say }: ReplayOptions): Promise<ReplayFigures> {
  const server = await startBenchServer();
  const nc = await connect({ url: server.url, name: 'bench' });
  try {
    await applyStreams(nc);
    const publisher = createPublisher(nc, { window: config.publisher.window });
    const log = await createJetStreamLog({ nc, publisher, pullBatch: config.projection.pull_batch });

    say('publishing');
    const codec = createCodec();
    let refused: unknown;
    const readers = Math.max(100, Math.round(events / 25));
    for (const event of simulate({ seed: 7, end: Date.UTC(2026, 0, 1), events, readers })) {
      const outcome = codec.prepare(event);
      if (!outcome.ok) continue;
      await publisher.ready();
      publisher.publish(outcome.prepared).catch((err: unknown) => {
        refused = err;
      });
    }
    while (publisher.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (refused) throw refused;
    const total = (await log.info()).lastSeq;

    say('raw consumer alone');
    await readAll(log, total, () => {});
    const raw = total / (await timed(() => readAll(log, total, () => {})));

    const figures: RebuildFigures[] = [];
    for (const service of services) {
      const folder = join(server.folder, service);
      mkdirSync(folder);
      say(`rebuild of ${service}`);
      const { messages, seconds, memory } = await rebuildInProcess(service, server.url, folder);
      if (messages !== total) throw new Error(`the rebuild of ${service} folded ${messages} of ${total}`);
      say(`SQLite alone with the statements of ${service}`);
      const alone = createSqliteAlone(service, folder);
      let batch: StoredMessage[] = [];
      let sqliteSeconds = 0;
      const fold = (): void => {
        alone.fold(batch);
        sqliteSeconds += alone.again();
        batch = [];
      };
      await readAll(log, total, (message) => {
        if (batch.push(message) === config.projection.batch_max) fold();
      });
      if (batch.length > 0) fold();
      alone.close();
      rmSync(folder, { recursive: true });
      const [rebuild, sqlite] = [messages / seconds, total / sqliteSeconds];
      figures.push({ service, rebuild, sqlite, limit: 1 / (1 / raw + 1 / sqlite), memory });
    }
    await publisher.close();
    return { events: total, nats: server.version, raw, services: figures };
  } finally {
    await nc.close();
    await server.stop();
  }
}

function rebuildInProcess(service: ServiceName, url: string, folder: string): Promise<OneRebuild> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [ENTRY, 'replay-one', service, '--nats', url, '--into', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve(JSON.parse(said) as OneRebuild);
      else reject(new Error(`the rebuild of ${service} ended with code ${code}`));
    });
  });
}

/** One rebuild in this process, as `freshet replay` carries it out. */
export async function rebuildOne(service: ServiceName, url: string, folder: string): Promise<OneRebuild> {
  const nc = await connect({ url, name: 'bench-rebuild' });
  const publisher = createPublisher(nc);
  try {
    const log = await createJetStreamLog({ nc, publisher, pullBatch: config.projection.pull_batch });
    const { definition, close } = await rebuildable(service, config, new Uint8Array());
    const rebuild = await createRebuild({
      file: join(folder, `${service}.sqlite`),
      definition,
      codec: createCodec(),
      log,
      consumer: `bench-rebuild-${service}`,
      logger: pino({ level: 'silent' }),
      limits: loopLimits(config),
      cacheKib: config.projection.cache_kib,
    });
    const memory: number[] = [];
    const started = performance.now();
    const { seq } = await rebuild.to({}, (done, total) => {
      if (done >= (total * (memory.length + 1)) / 4) memory.push(Math.round(process.memoryUsage().rss / MIB));
    });
    const seconds = (performance.now() - started) / 1000;
    // Progress is looked at now and then; a log that is folded between two looks has passed all quarters at the end.
    while (memory.length < 4) memory.push(Math.round(process.memoryUsage().rss / MIB));
    rebuild.close();
    close?.();
    return { messages: seq, seconds, memory };
  } finally {
    await publisher.close();
    await nc.close();
  }
}

export { SERVICES };
