/**
 * Speed of the rebuild of a service from the log, beside that of a raw consumer and of SQLite alone in the same run. Each
 * rebuild runs in a process of its own, as with `freshet replay`, so that the measured memory is only its own.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { createCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { createJetStreamLog } from '../../src/bus/log/jetstream.ts';
import { connect } from '../../src/bus/nats/connection.ts';
import { createPublisher } from '../../src/bus/nats/publisher.ts';
import { SERVICES, type ServiceName } from '../../src/bus/projection/definition.ts';
import { createRebuild } from '../../src/bus/projection/rebuild.ts';
import { loopLimits } from '../../src/bus/service/runtime.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { rebuildable } from '../../src/cli/projections.ts';
import { completeConfig } from '../../src/config/load.ts';
import { simulate } from '../../src/demo/simulator.ts';
import { jsonOf } from '../child.ts';
import { cpuClock } from '../cpu-clock.ts';
import { createSqliteAlone, readAll, timed } from '../pipeline/pipeline.ts';
import { startBenchServer } from '../server.ts';
import { type MemoryParts, memoryParts } from './memory.ts';

export interface ReplayFigures {
  /** Messages in the log: interactions, registrations, items. */
  events: number;
  nats: string;
  services: RebuildFigures[];
}

export interface RebuildFigures {
  service: ServiceName;
  /** Events per second; `raw` is that of the raw consumer just before this rebuild. `limit` is 1/(1/raw + 1/sqlite). */
  rebuild: number;
  raw: number;
  sqlite: number;
  limit: number;
  /**
   * Processor seconds of both together divided by those of the rebuild: the ratio of speeds on a machine without other
   * work.
   */
  cpuRatio: number;
  /** Engine only: share of the rebuild's processor time for the learning and the scoring of the ranker. */
  learning?: number;
  /** Memory of the process after a quarter, a half, three quarters and all of the log. */
  memory: MemoryParts[];
}

export interface ReplayOptions {
  events: number;
  services: readonly ServiceName[];
  /** `projection.cache_kib`; undefined: the default. */
  cacheKib?: number;
  say: (line: string) => void;
  /** Called with the figures of each service right after its measurement. */
  measured?: (figures: RebuildFigures, of: Omit<ReplayFigures, 'services'>) => void;
}

/** The report of one rebuild to its parent process. */
export interface OneRebuild {
  messages: number;
  seconds: number;
  /** Processor seconds of the whole process in that time. */
  cpu: number;
  memory: MemoryParts[];
}

export interface RebuildOneOptions {
  service: ServiceName;
  /** Of nats-server. */
  url: string;
  /** Folder of the database. */
  folder: string;
  ranker: boolean;
  cacheKib?: number;
}

const ENTRY = fileURLToPath(new URL('../../bin/bench.mjs', import.meta.url));
const config = completeConfig({});

export async function runReplay({ events, services, cacheKib, say, measured }: ReplayOptions): Promise<ReplayFigures> {
  const server = await startBenchServer();
  const nc = await connect({ url: server.url, name: 'bench' });
  try {
    await applyStreams(nc);
    const publisher = createPublisher(nc, { window: config.publisher.window });
    const log = await createJetStreamLog({ nc, publisher, pull: { burst: config.projection.pull_batch } });

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

    // The first rebuild warms up the code that all of them use.
    await readAll(log, total, () => {});
    const run = { events: total, nats: server.version };
    const cache = cacheKib === undefined ? [] : ['--cache-kib', String(cacheKib)];
    const figures: RebuildFigures[] = [];
    for (const service of services) {
      const folder = join(server.folder, service);
      mkdirSync(folder);
      say(`raw consumer before the rebuild of ${service}`);
      const reading = cpuClock();
      const raw = total / (await timed(() => readAll(log, total, () => {})));
      const rawCpu = reading();
      say(`rebuild of ${service}`);
      const { messages, seconds, cpu, memory } = await rebuildInProcess(service, server.url, folder, cache);
      if (messages !== total) throw new Error(`the rebuild of ${service} folded ${messages} of ${total}`);
      let learning: number | undefined;
      if (service === 'engine') {
        say('rebuild of engine without what the ranker learns');
        const plain = join(server.folder, 'plain');
        mkdirSync(plain);
        const without = await rebuildInProcess(service, server.url, plain, [...cache, '--no-ranker']);
        rmSync(plain, { recursive: true });
        learning = 1 - without.cpu / cpu;
      }
      say(`SQLite alone with the statements of ${service}`);
      const alone = createSqliteAlone(service, folder);
      let batch: StoredMessage[] = [];
      let sqliteSeconds = 0;
      let sqliteCpu = 0;
      const fold = (): void => {
        alone.fold(batch);
        const writing = cpuClock();
        sqliteSeconds += alone.again();
        sqliteCpu += writing();
        batch = [];
      };
      await readAll(log, total, (message) => {
        if (batch.push(message) === config.projection.batch_max) fold();
      });
      if (batch.length > 0) fold();
      alone.close();
      rmSync(folder, { recursive: true });
      const [rebuild, sqlite] = [messages / seconds, total / sqliteSeconds];
      const limit = 1 / (1 / raw + 1 / sqlite);
      const cpuRatio = (rawCpu + sqliteCpu) / cpu;
      const one: RebuildFigures = {
        service,
        rebuild,
        raw,
        sqlite,
        limit,
        cpuRatio,
        memory,
        ...(learning === undefined ? {} : { learning }),
      };
      figures.push(one);
      measured?.(one, run);
    }
    await publisher.close();
    return { ...run, services: figures };
  } finally {
    await nc.close();
    await server.stop();
  }
}

const rebuildInProcess = (
  service: ServiceName,
  url: string,
  folder: string,
  more: readonly string[] = [],
): Promise<OneRebuild> =>
  jsonOf([ENTRY, 'replay-one', service, '--nats', url, '--into', folder, ...more], `the rebuild of ${service}`);

/** One rebuild in this process, as `freshet replay` carries it out. */
export async function rebuildOne({ service, url, folder, ranker, cacheKib }: RebuildOneOptions): Promise<OneRebuild> {
  const config = completeConfig({
    ...(ranker ? {} : { engine: { ranker_form: 'none' } }),
    ...(cacheKib === undefined ? {} : { projection: { cache_kib: cacheKib } }),
  });
  const nc = await connect({ url, name: 'bench-rebuild' });
  const publisher = createPublisher(nc);
  try {
    const log = await createJetStreamLog({ nc, publisher, pull: { burst: config.projection.pull_batch } });
    const { definition, state, close } = await rebuildable(service, config, new Uint8Array());
    const rebuild = await createRebuild({
      file: join(folder, `${service}.sqlite`),
      definition,
      state,
      codec: createCodec(),
      log,
      consumer: `bench-rebuild-${service}`,
      logger: pino({ level: 'silent' }),
      limits: loopLimits(config),
      cacheKib: config.projection.cache_kib,
    });
    const memory: MemoryParts[] = [];
    // The time of this measurement does not count as rebuild.
    let looking = { seconds: 0, cpu: 0 };
    const look = (): void => {
      const [before, working] = [performance.now(), cpuClock()];
      memory.push(memoryParts(rebuild.store.db));
      looking = {
        seconds: looking.seconds + (performance.now() - before) / 1000,
        cpu: looking.cpu + working(),
      };
    };
    const started = performance.now();
    const working = cpuClock();
    const { seq } = await rebuild.to({}, (done, total) => {
      if (done >= (total * (memory.length + 1)) / 4) look();
    });
    const seconds = (performance.now() - started) / 1000 - looking.seconds;
    const cpu = working() - looking.cpu;
    // The loop reports progress now and then. A log that it folds between two reports passes all quarters at the end.
    while (memory.length < 4) look();
    rebuild.close();
    close?.();
    return { messages: seq, seconds, cpu, memory };
  } finally {
    await publisher.close();
    await nc.close();
  }
}

export { SERVICES };
