/** The engine as a service: model, lists, rankings in KV, snapshots. */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../bus/event/canonical.ts';
import { isInteraction, type LoggedEvent } from '../bus/event/codec.ts';
import {
  type RunningService,
  runService,
  type ServiceContext,
  type ServiceEnvironment,
  type ServiceParts,
} from '../bus/service.ts';
import type { Config } from '../config/schema.ts';
import { createLogger } from '../observability/log.ts';
import { engineEndpoints } from './api.ts';
import { createLists, type Lists } from './lists.ts';
import { emptyModel, learn, loadModel } from './memory.ts';
import { engineMetrics } from './metrics.ts';
import { type EngineTables, engineProjection, prepareTables, resolveUser, weightsOf } from './projection.ts';
import { createRankings, type Rankings, settledSeq } from './rankings.ts';
import { createSnapshots, type Snapshots } from './snapshots/snapshots.ts';

/** What computes scores; TensorFlow trains nothing that is in force yet. */
const BACKEND = 'typed-arrays';
/** Said where there is no snapshot yet. */
const NO_SNAPSHOT = 'none';
/** Milliseconds that a marked user waits at most while the fold is behind. */
const MAX_WAIT_MS = 5_000;
const SNAPSHOT_LOOK_MS = 1_000;

/** Hash of what the engine's answers depend on beside the log, 12 hex digits. */
export const configHash = ({ engine }: Config): string =>
  createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(engine))))
    .digest('hex')
    .slice(0, 12);

/** Starts the engine in this process. */
export async function startEngine(environment: ServiceEnvironment): Promise<RunningService> {
  const { config } = environment;
  const logger =
    environment.logger ?? createLogger({ service: 'engine', level: config.log.level, redact: config.log.redact });
  const model = emptyModel(config);
  const weights = weightsOf(config);
  let tables: EngineTables | undefined;
  const definition = engineProjection({
    config,
    committed: (events, clock) => {
      try {
        learn(model, events, tables as EngineTables, weights);
        model.clock = clock.now;
      } catch (err) {
        // Rows and memory would disagree from here on; a new process folds its memory from the rows.
        logger.fatal({ err }, 'the model could not follow the log');
        process.exit(70);
      }
    },
  });

  const parts = async (context: ServiceContext): Promise<ServiceParts> => {
    const { nc, store, loop, publisher, registry } = context;
    tables = prepareTables(store.db);
    const started = performance.now();
    loadModel(model, store.db, tables, store.checkpoint().clock);
    logger.info(
      { events: model.stats().events, seconds: (performance.now() - started) / 1000 },
      'model folded from the engine’s rows',
    );

    const metrics = engineMetrics(registry);
    const hash = configHash(config);
    const snapshots = await createSnapshots({
      nc,
      publisher,
      logger,
      config: hash,
      backend: BACKEND,
      keep: config.engine.snapshots_kept,
      onWritten: (seconds, bytes) => {
        metrics.snapshots.inc();
        metrics.snapshotSeconds.observe(seconds);
        metrics.snapshotBytes.set(bytes);
      },
    });
    await snapshots.load();
    const inForce = (): string => snapshots.current()?.object ?? NO_SNAPSHOT;
    const lists = createLists({
      model,
      seq: () => store.checkpoint().seq,
      snapshot: inForce,
      config: hash,
      length: config.engine.list_length,
      capacity: config.engine.cached_lists,
      depth: config.http.list_max,
      onAnswer: (kind, age) => {
        metrics.answers.inc({ kind });
        metrics.staleness.observe(age);
      },
      onCompute: (seconds) => metrics.compute.observe(seconds),
    });
    for (const { item } of store.db.prepare<[], { item: string }>('SELECT item FROM withdrawal').iterate())
      lists.withdrawn(item, true);

    const { engine } = config;
    // A replica answers as well; rankings and snapshots are the first instance's.
    const writes = engine.publish_rankings && (environment.replica ?? 1) === 1;
    const settled = writes ? await settledSeq(nc) : 0;
    const rankings = createRankings({
      lists,
      publisher,
      logger,
      caughtUp: () => loop.caughtUp(),
      settled,
      seq: () => store.checkpoint().seq,
      batch: engine.ranking_batch,
      window: engine.ranking_window,
      maxWaitMs: MAX_WAIT_MS,
      similarIntervalMs: engine.similar_interval_ms,
      similarBatch: engine.similar_batch,
      similarLength: engine.similar_length,
      trendingLength: engine.list_length,
      snapshot: inForce,
      config: hash,
      onPublished: (kind, seconds) => {
        metrics.published.inc({ kind });
        if (kind === 'user') metrics.delay.observe(seconds);
      },
    });
    const keeper = keepSnapshots({ context, snapshots, model, engine, enabled: writes });
    const resolve = (user: string): string => resolveUser(user, tables as EngineTables);

    return {
      endpoints: engineEndpoints(lists, resolve, config),
      onApplied: (events) => {
        keeper.count(events.length);
        follow(events, { lists, resolve, rankings: writes ? rankings : undefined });
      },
      status: () => {
        const { users, items, events } = model.stats();
        const current = snapshots.current();
        return {
          model: {
            snapshot: current?.object ?? null,
            seq: current?.seq ?? null,
            config: hash,
            backend: BACKEND,
            prequential: null,
            users,
            items,
            events,
          },
          rankings: rankings.backlog(),
        };
      },
      refreshMetrics: () => {
        const { users, items, pairs, bytes } = model.stats();
        metrics.users.set(users);
        metrics.items.set(items);
        metrics.pairs.set(pairs);
        metrics.bytes.set(bytes.pairs + bytes.buckets + bytes.postings + bytes.histories);
        const { users: waiting, oldestSeconds } = rankings.backlog();
        metrics.backlog.set(waiting);
        metrics.backlogAge.set(oldestSeconds);
      },
      start: () => {
        if (!writes) return;
        rankings.start();
        // Who was marked when the engine before this one ended is known from the rows only.
        rankings.mark(actedSince(store.db, settled, resolve), []);
        keeper.start();
      },
      stop: async () => {
        await rankings.stop();
        await keeper.stop();
      },
    };
  };

  return runService(
    { description: 'The model: recommendations, similar items, what is trending', definition, parts },
    { ...environment, logger },
  );
}

/** Users of whom anything is newer than a position. */
function actedSince(db: Database, seq: number, resolve: (user: string) => string): Set<string> {
  const ids = db.prepare<[number, number, number], { id: string }>(
    `SELECT user AS id FROM interaction WHERE seq > ? UNION SELECT user FROM traits WHERE seq > ?
     UNION SELECT claimant FROM claim WHERE seq > ?`,
  );
  return new Set(ids.all(seq, seq, seq).map(({ id }) => resolve(id)));
}

/** Tells lists and rankings whom and what these events moved. */
function follow(
  events: readonly LoggedEvent[],
  to: { lists: Lists; resolve: (user: string) => string; rankings: Rankings | undefined },
): void {
  const users = new Set<string>();
  const items = new Set<string>();
  for (const event of events) {
    if (event.context === 'user') users.add(to.resolve(event.subject));
    if (isInteraction(event)) items.add(event.data.item);
    if (event.context !== 'content') continue;
    items.add(event.subject);
    if (event.type === 'content.withdrawn.v1') to.lists.withdrawn(event.subject, true);
    if (event.type === 'content.restored.v1') to.lists.withdrawn(event.subject, false);
  }
  for (const user of users) to.lists.moved(user);
  to.rankings?.mark(users, items);
}

interface KeeperOptions {
  context: ServiceContext;
  snapshots: Snapshots;
  model: ReturnType<typeof emptyModel>;
  engine: Config['engine'];
  enabled: boolean;
}

/** Writes a snapshot after so many events or so much time, whichever comes first, while there is anything new. */
function keepSnapshots({ context, snapshots, model, engine, enabled }: KeeperOptions) {
  const { loop, store, logger } = context;
  let events = 0;
  let last = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let busy = false;

  async function write(): Promise<void> {
    const { seq, clock } = store.checkpoint();
    if (seq <= (snapshots.current()?.seq ?? 0)) {
      events = 0;
      return;
    }
    const taken = events;
    const { users, items, events: learnt } = model.stats();
    const manifest = await snapshots.write({ seq, clock, state: model.exportState(), users, items, events: learnt });
    events -= taken;
    last = performance.now();
    if (manifest) logger.info({ object: manifest.object, seq, bytes: manifest.bytes }, 'snapshot in force');
  }

  function look(): void {
    const due =
      events >= engine.snapshot_events || (events > 0 && performance.now() - last >= engine.snapshot_interval_ms);
    const first = !snapshots.current() && events > 0 && loop.caughtUp();
    if (busy || !(due || first)) return;
    busy = true;
    writing = write()
      .catch((err: unknown) => logger.warn({ err }, 'the snapshot could not be written; it is tried again'))
      .finally(() => {
        busy = false;
      });
  }

  return {
    count: (n: number) => {
      events += n;
    },
    start: () => {
      if (enabled) timer = setInterval(look, SNAPSHOT_LOOK_MS);
    },
    stop: async () => {
      clearInterval(timer);
      await writing;
    },
  };
}
