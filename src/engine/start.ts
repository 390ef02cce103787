/** The engine as a service: model, lists, rankings in KV, snapshots. */
import type { Database } from 'better-sqlite3';
import { isInteraction, type LoggedEvent } from '../bus/event/codec.ts';
import { streamSeq } from '../bus/event/ids.ts';
import type { Fingerprint } from '../bus/projection/store.ts';
import { instanceName } from '../bus/projection/swap.ts';
import type { RunningService, ServiceContext, ServiceEnvironment, ServiceParts } from '../bus/service/description.ts';
import { createLease } from '../bus/service/lease.ts';
import { runService } from '../bus/service/service.ts';
import { isExperimentEvent } from '../experiment/rows.ts';
import { createLogger } from '../observability/log.ts';
import { type Act, actOf, type InForce, inForce, readActs } from './acts.ts';
import { engineEndpoints } from './api.ts';
import { changedItems } from './changed-items.ts';
import { configuredLists } from './configured-lists.ts';
import { contentsEndpoint } from './contents.ts';
import { createExperiments, experimentEndpoints } from './experiments.ts';
import { heldByModel } from './held.ts';
import { createCopies, createFollower } from './inputs/copies.ts';
import { createInputObjects, gatherRecords } from './inputs/objects.ts';
import { createRecords } from './inputs/records.ts';
import { createRenewal } from './inputs/renewal.ts';
import { createTrainings } from './inputs/trainings.ts';
import { createLists, type Lists } from './lists.ts';
import { createMemory, emptyModel, type Memory } from './memory.ts';
import { type EngineMetrics, engineMetrics, showQuality } from './metrics.ts';
import type { PrequentialReport } from './model/mod.ts';
import { createPins } from './pins.ts';
import { engineProjection, prepareTables, resolveUser, rowsBeside } from './projection.ts';
import { createRankings, type Rankings, readSettled } from './rankings.ts';
import { hashModel, type LiveModelHash, readImage, removeImage } from './rebuild.ts';
import { createRecallProgress } from './recall.ts';
import { rollbackEndpoints, told } from './rollback.ts';
import { configHash, originOf, settingsOf } from './settings.ts';
import { imageOf, marksUpTo, qualityOf } from './snapshots/image.ts';
import type { Origin } from './snapshots/manifest.ts';
import { type Restored, restoreModel } from './snapshots/restore.ts';
import { createSnapshotScheduler } from './snapshots/scheduler.ts';
import { createSnapshots, type ModelImage } from './snapshots/snapshots.ts';
import { scheduleOf, trainedKinds, trainerOptionsOf } from './train/settings.ts';
import { createTrainer } from './train/trainer.ts';
import { createWhy, explainEndpoint } from './why.ts';

/** What computes scores while nothing that TensorFlow trained is in force. */
const PLAIN = 'typed-arrays';
/** Said where there is no snapshot yet. */
const NO_SNAPSHOT = 'none';
/** Milliseconds that a marked user waits at most while the fold is behind. */
const MAX_WAIT_MS = 5_000;
/** Milliseconds after an answer in which more requests are to be expected. */
const ASKED_MS = 250;
/** Said where rows hold nothing of a forgotten user any more, and the model still does. */
const LEARNED_FROM_FORGOTTEN = 'the model was read from a state that has learned from somebody who was forgotten';

/** The endpoint that `freshet verify` asks. */
export const MODEL_HASH = {
  description:
    'SHA-256 of the model’s statistics and of its whole state, with the position that they are of and the configuration',
  example: {},
} as const;

/** Starts the engine in this process. */
export async function startEngine(environment: ServiceEnvironment): Promise<RunningService> {
  const { log: said } = environment.config;
  const logger = environment.logger ?? createLogger({ service: 'engine', level: said.level, redact: said.redact });
  let memory: Memory | undefined;
  const fold: Memory['fold'] = (events, seq) => {
    try {
      memory?.fold(events, seq);
    } catch (err) {
      // Rows and memory would disagree from here on; a new process reads the log from a snapshot on.
      logger.fatal({ err }, 'the model could not follow the log');
      process.exit(70);
    }
  };
  /** Users whom the batch forgets, with the position of the record. */
  const forgotten = new Map<string, number>();
  // What puts settings in force, and by what is folded under them.
  let acts: Act[] = [];
  const folded = new Map<unknown, InForce>();
  const foldUnder = (now: InForce) => {
    const definition = engineProjection({
      config: now.config,
      committed: (events, _clock, seq) => fold(events, seq),
      forgotten: (user, seq) => void forgotten.set(user, seq),
    });
    folded.set(definition, now);
    return definition;
  };
  const nowInForce = (): InForce => inForce(environment.config, acts, (text) => logger.warn(text));

  // Once a process, however often a rebuilt projection takes over.
  let registered: EngineMetrics | undefined;

  const parts = async (context: ServiceContext): Promise<ServiceParts> => {
    const { nc, log, store, loop, publisher, registry, files, erasureKey } = context;
    const under = folded.get(context.definition) as InForce;
    const { config } = under;
    const { engine } = config;
    const tables = prepareTables(store.db);
    registered ??= engineMetrics(registry);
    const metrics = registered;
    const hash = configHash(config);
    const configured = configuredLists(config);
    const found = store.checkpoint().created || (await log.info()).created;
    const origin = (): Origin => originOf(config, store.version, store.checkpoint().created || found);
    const snapshots = await createSnapshots({
      nc,
      publisher,
      logger,
      origin,
      settings: settingsOf(config),
      keep: engine.snapshots_kept,
      older: engine.snapshots_older,
      stallMs: engine.snapshot_stall_ms,
      onWritten: (seconds, bytes) => {
        metrics.snapshots.inc();
        metrics.snapshotSeconds.observe(seconds);
        metrics.snapshotBytes.set(bytes);
      },
    });
    await snapshots.load();
    const started = performance.now();
    const first = (environment.replica ?? 1) === 1;
    const records = createRecords(store.db);
    const objects = await createInputObjects({ nc, log, logger, stallMs: engine.snapshot_stall_ms });
    const uncopied = await gatherRecords({ records, objects, checkpoint: store.checkpoint().seq, follows: !first });
    // What was rebuilt from the log alone goes before any snapshot, which may be what was to be mended.
    const rebuilt = readImage(files.image, {
      config,
      origin: origin(),
      checkpoint: store.checkpoint().seq,
      inputs: records.digest,
    });
    const restored: Restored = rebuilt
      ? { ...rebuilt, manifest: undefined }
      : await restoreModel({
          snapshots,
          log,
          logger,
          origin: origin(),
          checkpoint: store.checkpoint().seq,
          inputs: records.digest,
          empty: () => emptyModel(config),
          onBad: () => metrics.snapshotsBad.inc(),
        });
    const { model } = restored;
    const held = createMemory({
      config,
      tables,
      model,
      seq: streamSeq(restored.seq),
      inputs: records,
      erasureKey,
      stops: {
        next: (after) => (first ? trainings.next(after) : Number.POSITIVE_INFINITY),
        reached: (seq) => trainings.reached(seq),
      },
    });
    memory = held;
    let mark: Fingerprint | undefined;
    const recall = createRecallProgress({
      logger,
      from: restored.seq,
      to: store.checkpoint().seq,
      snapshot: restored.manifest?.object,
      readMs: performance.now() - started,
    });
    const follower = createFollower({ records, objects, next: () => store.checkpoint().seq + 1, logger });
    const copies = createCopies({ records, objects, uncopied, logger });
    const rows = () => {
      const { seq } = store.checkpoint();
      return { seq, marks: marksUpTo(seq, store.fingerprints()) };
    };
    const trainings = createTrainings({
      kinds: trainedKinds(config),
      schedule: scheduleOf(config),
      trainer: createTrainer({
        logger: { info: logger.info.bind(logger), warn: () => {} },
        ...trainerOptionsOf(config),
      }),
      model,
      records,
      position: held.position,
      rows,
      recalling: () => recall.running(),
      logger,
      onRecorded: (input) => {
        metrics.trained.inc({ kind: input.kind });
        metrics.trainingSeconds.observe(input.seconds);
        copies.add(input);
      },
      onFailed: (kind) => metrics.trainingsFailed.inc({ kind }),
    });
    const pins = createPins({
      records,
      snapshots: { list: snapshots.list, read: snapshots.read, point: (manifest) => snapshotScheduler.point(manifest) },
      config: hash,
      rows,
      logger,
      onRecorded: (input) => copies.add(input),
    });
    /** Hash of the settings that are on their way; undefined: those that are folded under are in force. */
    let coming: string | undefined;
    const settlePins = (act: Act): void => {
      if (!first) return;
      pins.settle(act).catch((err: unknown) => logger.warn({ err, act: act.act }, 'a pin could not be recorded'));
    };
    /** What an act that was folded asks for. */
    function enact(act: Act): void {
      if (!acts.some(({ seq }) => seq === act.seq)) acts.push(act);
      if (acts.at(-1)?.seq !== act.seq) return;
      const next = nowInForce();
      const wanted = configHash(next.config);
      if (wanted === (coming ?? hash)) {
        if (coming === undefined) settlePins(act);
        return;
      }
      coming = wanted === hash ? undefined : wanted;
      logger.info({ act: act.act, verb: act.verb, from: hash, to: wanted }, 'other settings come into force');
      context.refold(foldUnder(next), ['--beside']);
    }
    const renewal = createRenewal({
      db: store.db,
      records,
      trainings,
      objects,
      follows: !first,
      needRebuild: store.needRebuild,
      logger,
      lookMs: engine.training_follow_ms,
    });
    const inForce = (): string => snapshots.current()?.object ?? NO_SNAPSHOT;
    let answeredAt = Number.NEGATIVE_INFINITY;
    const shown = {
      model,
      seq: loop.position,
      snapshot: inForce,
      rows: rowsBeside(tables),
      ...configured,
    };
    const lists = createLists({
      ...shown,
      capacity: config.engine.cached_lists,
      onAnswer: (kind, age) => {
        answeredAt = performance.now();
        metrics.answers.inc({ kind });
        metrics.staleness.observe(age);
      },
      onCompute: (seconds) => metrics.compute.observe(seconds),
    });
    for (const { item } of store.db.prepare<[], { item: string }>('SELECT item FROM withdrawal').iterate())
      lists.withdrawn(item, true);

    // All replicas answer; snapshots and what is trained are the first instance's.
    const writes = engine.publish_rankings && first;
    // The replica that holds the lease publishes rankings.
    const rankings: Rankings | undefined = engine.publish_rankings
      ? createRankings({
          nc,
          lists,
          publisher,
          logger,
          caughtUp: loop.caughtUp,
          paused: () => recall.running() || lease?.held() !== true,
          seq: loop.position,
          changedItems: (between) => changedItems({ db: store.db, nc }, between),
          sliceMs: engine.ranking_slice_ms,
          share: engine.ranking_share,
          asked: () => performance.now() - answeredAt < ASKED_MS,
          window: engine.ranking_window,
          maxWaitMs: MAX_WAIT_MS,
          similarIntervalMs: engine.similar_interval_ms,
          similarBatch: engine.similar_batch,
          similarLength: engine.similar_length,
          trendingLength: engine.list_length,
          snapshot: inForce,
          config: configured.config,
          onPublished: (kind, seconds) => {
            metrics.published.inc({ kind });
            if (kind === 'user') metrics.delay.observe(seconds);
          },
        })
      : undefined;
    const lease = engine.publish_rankings
      ? createLease({
          nc,
          key: 'rankings',
          holder: instanceName('engine', environment.replica),
          lapseMs: engine.lease_ms,
          logger,
          ready: () => loop.status().state === 'ready',
          refuses: () => loop.status().state === 'refusing',
          onGained: async () => {
            const settled = await readSettled(nc);
            rankings?.start(settled);
            // Which users the replica before had pending is known from the rows only.
            rankings?.mark(actedSince(store.db, settled.users, resolve), []);
          },
          onLost: () => rankings?.stop(),
        })
      : undefined;
    const quality = (): PrequentialReport | null => qualityOf(model);
    let pinnedThen: string | undefined;
    /** As known last while a rebuilt file takes this one's place. */
    const pinnedNow = (): string | undefined => {
      if (store.db.open) pinnedThen = model.pinned ? pins.pinned() : undefined;
      return pinnedThen;
    };
    let trainedBy = PLAIN;
    /** What trained the newest of the inputs in force; as known last while a rebuilt file takes this one's place. */
    const backend = (): string => {
      if (!store.db.open) return trainedBy;
      const used = new Set(model.inputs().map(({ sha256 }) => sha256));
      trainedBy = records.list().findLast(({ sha256 }) => used.has(sha256))?.backend ?? PLAIN;
      return trainedBy;
    };
    const image = (): ModelImage => {
      const seq = held.position();
      return imageOf(model, {
        seq,
        backend: backend(),
        inputs: records.digest(seq),
        pinned: model.pinned ? pins.pinned() : undefined,
        fingerprints: [...store.fingerprints(), ...(mark ? [mark] : [])],
      });
    };
    const snapshotScheduler = createSnapshotScheduler({
      snapshots,
      image,
      seq: held.position,
      caughtUp: loop.caughtUp,
      ready: () => !recall.running(),
      logger,
      events: engine.snapshot_events,
      intervalMs: engine.snapshot_interval_ms,
      stopMs: engine.snapshot_stop_ms,
    });
    const experiments = createExperiments(store.db);
    const resolve = (user: string): string => resolveUser(user, tables);
    /** A state from before an erasure, as in a snapshot that was put back, has learned from who was forgotten. */
    const renewStale = (): void => {
      if (model.stale && store.rebuildDue() === undefined) store.needRebuild(LEARNED_FROM_FORGOTTEN);
    };

    return {
      endpoints: {
        ...engineEndpoints(lists, resolve, config, experiments),
        ...experimentEndpoints({
          db: store.db,
          codec: context.codec,
          publisher,
          reached: (seq) => loop.reached(streamSeq(seq), config.http.request_timeout_ms),
        }),
        explain: explainEndpoint(createWhy(shown), resolve, config, { experiments }),
        ...(first
          ? rollbackEndpoints({
              snapshots,
              pins,
              acts: () => acts,
              config,
              file: environment.config,
              origin,
              coming: () => coming,
              codec: context.codec,
              publisher,
              reached: (seq) => loop.reached(streamSeq(seq), config.http.request_timeout_ms),
            })
          : {}),
        hash: {
          ...MODEL_HASH,
          ofInstance: true,
          handle: (): LiveModelHash => ({ ...hashModel(model, held.position()), config: hash }),
        },
        contents: contentsEndpoint(files.live, model, held.position),
      },
      held: heldByModel(model),
      memory: {
        position: held.position,
        recall: (events, seq, newest) => {
          fold(events, seq);
          mark = newest ?? mark;
          recall.reached(seq);
          renewStale();
          metrics.recalled.inc(events.length);
          snapshotScheduler.count(events.length);
          trainings.look();
          // Whoever is marked because of these was marked when they came, or is when the engine starts.
          follow(events, { lists, resolve, mark: undefined, forgotten });
        },
      },
      onApplied: (events) => {
        if (events.some(isExperimentEvent)) experiments.changed();
        for (const event of events) {
          const act = actOf(event);
          if (act) enact(act);
        }
        if (events.some(({ type }) => type === 'control.erased.v1')) {
          renewal.look();
          for (const user of forgotten.keys()) {
            lists.forget(user);
            rankings?.forget(user);
          }
          // Older snapshots hold the forgotten user as well.
          if (writes) void snapshotScheduler.supersede();
        }
        snapshotScheduler.count(events.length);
        follow(events, { lists, resolve, mark: rankings?.mark, forgotten });
        forgotten.clear();
      },
      holdsRebuild: renewal.due,
      status: () => {
        const { users, items, events } = model.stats();
        const current = snapshots.current();
        return {
          model: {
            snapshot: current?.object ?? null,
            seq: current?.seq ?? null,
            config: hash,
            backend: backend(),
            inputs: model.inputs().map(({ kind, sha256, bytes, quality, challenged }) => ({
              kind,
              sha256: sha256 ?? null,
              bytes,
              quality: quality ?? null,
              challenged,
            })),
            training: first ? trainings.status() : null,
            prequential: quality(),
            users,
            items,
            events,
            warnings: met(held.warnings()),
          },
          in_force: told({ act: nowInForce().act, file: environment.config, config, coming, pinned: pinnedNow() }),
          training_due: renewal.due(),
          started_from: recall.status(),
          rankings: { ...(rankings?.backlog() ?? NOTHING_WAITS), written_here: lease?.held() === true },
        };
      },
      refreshMetrics: () => {
        const { users, items, pairs, bytes } = model.stats();
        metrics.users.set(users);
        metrics.items.set(items);
        metrics.pairs.set(pairs);
        metrics.bytes.set(bytes.pairs + bytes.buckets + bytes.postings + bytes.histories);
        showQuality(metrics, model.prequential());
        for (const { kind, sha256 } of model.inputs()) metrics.inputs.set({ kind }, sha256 === undefined ? 0 : 1);
        for (const [kind, count] of Object.entries(held.warnings())) metrics.warnings.set({ kind }, count);
        const { users: waiting, oldestSeconds } = rankings?.backlog() ?? NOTHING_WAITS;
        metrics.backlog.set(waiting);
        metrics.backlogAge.set(oldestSeconds);
      },
      start: () => {
        renewStale();
        if (rebuilt && (!writes || rebuilt.beside)) removeImage(files.image);
        const { act } = under;
        if (act && act.seq <= store.checkpoint().seq) settlePins(act);
        if (configHash(environment.config) !== hash)
          logger.info(
            { act: act?.act, verb: act?.verb, in_force: hash, file: configHash(environment.config) },
            'the settings in force are not those of the file',
          );
        if (first) {
          trainings.look();
          copies.start(engine.training_follow_ms);
        } else follower.start(engine.training_follow_ms);
        renewal.start();
        lease?.start();
        if (!writes) return;
        // The pointer goes to what is in force now, and on with the next snapshot.
        if (rebuilt?.beside) snapshotScheduler.count(1);
        else if (rebuilt)
          snapshotScheduler
            .supersede()
            .then((done) => done && removeImage(files.image))
            .catch((err: unknown) => logger.warn({ err }, 'the image of the rebuilt model could not be removed'));
        snapshotScheduler.start();
      },
      stop: async () => {
        await trainings.stop();
        await renewal.stop();
        await copies.stop();
        await follower.stop();
        await lease?.stop();
        await snapshotScheduler.stop();
      },
      stopped: async () => {
        if (writes) await snapshotScheduler.last();
      },
    };
  };

  return runService(
    {
      description: 'The model: recommendations, similar items, what is trending',
      definition: foldUnder({ config: environment.config, act: undefined }),
      rebuildsBeside: false,
      settle: async (nc) => {
        acts = await readActs(nc);
        return foldUnder(nowInForce());
      },
      parts,
    },
    { ...environment, logger },
  );
}

/** Of an instance that writes no rankings. */
const NOTHING_WAITS: ReturnType<Rankings['backlog']> = { users: 0, items: 0, oldestSeconds: 0 };

/** The kinds of trouble that were met. */
const met = (warnings: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(warnings).filter(([, count]) => count > 0));

/** Users of whom anything is newer than a position. */
function actedSince(db: Database, seq: number, resolve: (user: string) => string): Set<string> {
  const ids = db.prepare<[number, number, number], { id: string }>(
    `SELECT user AS id FROM interaction WHERE seq > ? UNION SELECT user FROM traits WHERE seq > ?
     UNION SELECT claimant FROM claim WHERE seq > ?`,
  );
  return new Set(ids.all(seq, seq, seq).map(({ id }) => resolve(id)));
}

/** Passes the users and items that these events changed on to lists and rankings. */
function follow(
  events: readonly LoggedEvent[],
  to: {
    lists: Lists;
    resolve: (user: string) => string;
    mark: Rankings['mark'] | undefined;
    /** Users whom these events forget, with the position of the record. */
    forgotten: ReadonlyMap<string, number>;
  },
): void {
  const users = new Set<string>();
  /** With the position of their first event. */
  const items = new Map<string, number>();
  const changed = (item: string, seq: number): void => void (items.has(item) || items.set(item, seq));
  for (const event of events) {
    if (event.context === 'user' || event.type === 'feedback.dismissed.v1') {
      const user = to.resolve(event.subject);
      // What a user did before the erasure in the same batch must not bring their ranking back.
      if (event.seq > (to.forgotten.get(user) ?? 0)) users.add(user);
    }
    if (isInteraction(event)) changed(event.data.item, event.seq);
    if (event.context !== 'content') continue;
    changed(event.subject, event.seq);
    if (event.type === 'content.withdrawn.v1') to.lists.withdrawn(event.subject, true);
    if (event.type === 'content.restored.v1') to.lists.withdrawn(event.subject, false);
  }
  for (const user of users) to.lists.moved(user);
  to.mark?.(users, items);
}
