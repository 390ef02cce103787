/**
 * What every service does around its projection: lock, connection, streams, store, loop, micro service, health and metrics,
 * and a stop that commits the messages that came.
 */
import { join } from 'node:path';
import { Gauge } from 'prom-client';
import { DEAD_LETTERS, ERASURES } from '../../../streams.config.ts';
import { type HealthServer, serveHealth } from '../../observability/health.ts';
import { createLogger } from '../../observability/log.ts';
import { createRegistry } from '../../observability/metrics.ts';
import { openTracing } from '../../observability/tracing/tracing.ts';
import { VERSION } from '../../version.ts';
import { createCodec } from '../event/codec.ts';
import { accessOf, answerAccessOf } from '../nats/access.ts';
import { connect } from '../nats/connection.ts';
import { logForbiddenAnswers } from '../nats/forbidden-answers.ts';
import { observePublisher, observeRefusals, observeRequests } from '../nats/metrics.ts';
import { serveMicro } from '../nats/micro.ts';
import { createPublisher, publisherLimits } from '../nats/publisher.ts';
import { createRefusedReplies } from '../nats/refused-replies.ts';
import { inboxPrefixes } from '../nats/reply-subjects.ts';
import { foldVersion, type ProjectionDefinition } from '../projection/definition.ts';
import { instanceName, projectionFiles, replaceLiveFile } from '../projection/files.ts';
import { observeLoop } from '../projection/metrics.ts';
import type { StoreOptions } from '../projection/store.ts';
import { erasureKey, restoreErasureKey } from '../streams/erasure-key.ts';
import { observeStreams } from '../streams/metrics.ts';
import { isBlocking } from '../streams/missing.ts';
import { prepareServer } from '../streams/prepare.ts';
import { createStreamsWatch } from '../streams/watch.ts';
import { createCompaction } from './compaction.ts';
import { createCutOver } from './cut-over.ts';
import { createDeadLetterStream } from './dead-letter-stream.ts';
import type {
  RunningService,
  ServiceContext,
  ServiceDescription,
  ServiceEnvironment,
  ServiceStatus,
} from './description.ts';
import { scheduleDueRebuild } from './due-rebuild.ts';
import { commonEndpoints, withMinSeq } from './endpoints.ts';
import { ensureFolder } from './folder.ts';
import { createLeftovers } from './leftovers.ts';
import { acquireLock } from './lock.ts';
import { createServiceLog } from './log.ts';
import { createRebuildProcess, type RebuildProcess } from './rebuild-process.ts';
import { createProjectionRuntime, loopLimits, type ProjectionRuntime } from './runtime.ts';
import { createRuntimeSlot, type RuntimeSlot } from './runtime-slot.ts';
import { createStandby, othersAnswer } from './standby.ts';
import { stopAll } from './stop.ts';

/**
 * Milliseconds that a stop waits for messages on their way. The next start publishes copies of dead letters and rankings
 * again; a whole stop has five seconds.
 */
const CLOSE_MS = 1_000;

/** Starts a service in this process. If the start fails, it closes everything it opened and throws. */
export async function runService<Tables>(
  description: ServiceDescription<Tables>,
  environment: ServiceEnvironment,
): Promise<RunningService> {
  const { beforeCutOver } = description;
  const { service } = description.definition;
  const { config, natsUrl, data, healthPort, replica = 1, role } = environment;
  const instance = role === undefined ? instanceName(service, replica) : `${service}-${role}`;
  const logger = environment.logger ?? createLogger({ service, level: config.log.level, redact: config.log.redact });
  const files = projectionFiles(data, instance);
  ensureFolder(data);
  const lock = acquireLock(join(data, instance), `The ${instance} instance in ${data}`);
  const undo: (() => void | Promise<void>)[] = [() => lock.release()];
  try {
    const nc = await connect({
      url: natsUrl,
      name: `freshet-${instance}`,
      waitOnFirstConnect: true,
      access: accessOf(config),
    });
    undo.push(() => nc.close());
    // Answers leave by a connection of their own, which needs no right but to publish to inboxes.
    const answers = await connect({
      url: natsUrl,
      name: `freshet-${instance}-answers`,
      waitOnFirstConnect: true,
      access: answerAccessOf(config),
    });
    undo.push(() => answers.close());
    void logForbiddenAnswers(answers, { logger, logEveryMs: config.nats.refusal_log_ms });
    await prepareServer(nc, logger, service);
    const key = await erasureKey(nc);
    const registry = createRegistry(service);
    const tracing = await openTracing({ config, service: role ?? service, instance, logger, registry });
    undo.push(() => tracing?.close());
    const publisher = createPublisher(nc, {
      ...publisherLimits(config),
      ...observePublisher(registry),
    });
    const { batchMax, batchRestMs } = description.definition;
    const log = await createServiceLog({ nc, publisher, config, service, batchMax, batchRestMs });
    const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
    /** The definition of the live projection, and the one that the service cuts over to once its rebuild is complete. */
    let definition = (await description.resolveDefinition?.(nc)) ?? description.definition;
    let wanted = definition;
    const version = foldVersion(definition);
    if (role === undefined && replaceLiveFile(files, version))
      logger.info({ file: files.live }, 'the service has cut over to a rebuilt projection');

    const observer = observeLoop(registry);
    const limits = loopLimits(config);
    limits.batchMax = Math.min(limits.batchMax, definition.batchMax ?? limits.batchMax);
    limits.batchMs = definition.batchMs ?? limits.batchMs;
    limits.batchRestMs = definition.batchRestMs ?? limits.batchRestMs;
    const storeOptions: Omit<StoreOptions<Tables>, 'definition'> = {
      file: files.live,
      codec,
      fingerprints: config.projection.fingerprints,
      cacheKib: config.projection.cache_kib,
      walBytes: config.projection.wal_bytes,
      erasureKey: key,
      eraseEvents: config.erasure.slice_events,
    };
    let slot: RuntimeSlot | undefined;
    let otherVersion: 'keep' | 'remove' = description.rebuildsBeside ? 'keep' : 'remove';
    const begin = (): Promise<ProjectionRuntime> =>
      createProjectionRuntime({
        description,
        store: { ...storeOptions, definition, otherVersion },
        loop: {
          service,
          log,
          logger,
          consumer: consumerName(service, replica, role),
          limits,
          observer,
          tracing,
          ...(role === undefined ? { deadLetterStream: createDeadLetterStream(nc, publisher, service) } : {}),
          onStateFailed: () => {
            observer.stateFailed();
            slot?.restart();
          },
        },
        context: { config, nc, log, codec, publisher, logger, registry, tracing, files, erasureKey: key, refold },
        wrap: (endpoints, loop) => withMinSeq(endpoints, loop, config),
      });
    let rebuilding: RebuildProcess | undefined;
    const createRebuilding = (args?: readonly string[]): RebuildProcess =>
      createRebuildProcess({
        service,
        replica,
        data,
        natsUrl,
        config,
        logger,
        ...(args ? { args } : {}),
        onComplete: () => void cutOver.poll(),
      });
    const refold: ServiceContext['refold'] = (next, args) => {
      wanted = next as ProjectionDefinition<Tables>;
      const before = rebuilding;
      const started = createRebuilding(args);
      rebuilding = started;
      // Only one process works on the file at a time.
      void (before?.stop() ?? Promise.resolve()).then(() => started === rebuilding && started.start());
    };
    undo.push(() => rebuilding?.stop());
    const running = await createRuntimeSlot({
      begin,
      logger,
      backoffMinMs: limits.backoffMinMs,
      backoffMaxMs: limits.backoffMaxMs,
    });
    slot = running;
    const { current } = running;
    undo.push(() => current().store.close());
    if (current().store.rebuilt)
      logger.warn(
        { file: files.live, version },
        'the fold of this projection has changed; the service rebuilds the projection from the log',
      );
    if (current().store.stale) {
      logger.warn(
        { file: files.live, found: current().store.version, version },
        'the fold of this projection has changed; the service answers from it and rebuilds another one beside it',
      );
      rebuilding = createRebuilding();
    }
    const cutOver = createCutOver({
      files,
      definition: () => wanted,
      rebuild: {
        codec,
        log,
        consumer: `${service}-next${replica === 1 ? '' : `-${replica}`}`,
        logger,
        limits,
        cacheKib: config.projection.cache_kib,
        erasureKey: key,
        // Requests wait for the end of the cut-over, so an erasure goes on after it.
        eraseEvents: config.erasure.slice_events,
      },
      logger,
      pollMs: config.projection.swap_look_ms,
      rebuilding: () => rebuilding?.runs() === true,
      position: () => current().loop.position(),
      before: beforeCutOver && ((next, goOn) => beforeCutOver(files, next, goOn)),
      pause: running.pause,
      replace: (replaceFile, next) =>
        running.proceed(() => {
          replaceFile();
          definition = next;
          otherVersion = 'remove';
          rebuilding = undefined;
        }),
      resume: () => running.proceed(),
      onDiscarded: () => rebuilding?.retry(),
    });
    const endDueRebuild = scheduleDueRebuild({
      due: () => current().store.rebuildDue(),
      waits: () => role !== undefined || running.replacing() || rebuilding !== undefined || current().loop.erasing(),
      holds: async () => current().parts.holdsRebuild?.() === true || (await description.rebuildWaits?.(nc)) === true,
      begin: () => {
        rebuilding = createRebuilding();
        rebuilding.start();
      },
      logger,
      afterMs: config.erasure.rebuild_after_ms,
      pollMs: config.projection.swap_look_ms,
    });
    undo.push(endDueRebuild);
    const compaction = createCompaction({
      files,
      instance,
      data,
      due: () => current().store.holdsTraces(),
      waits: () =>
        running.replacing() ||
        rebuilding !== undefined ||
        current().loop.erasing() ||
        current().store.rebuildDue() !== undefined,
      onComplete: () => cutOver.poll(),
      logger,
      afterMs: config.erasure.rebuild_after_ms,
      retryMs: config.projection.rebuild_retry_ms,
      pollMs: config.projection.swap_look_ms,
    });
    undo.push(compaction.stop);
    const leftovers = createLeftovers({
      files,
      data,
      instance,
      fence: () => current().store.checkpoint().fence,
      version: () => foldVersion(wanted),
      waits: running.replacing,
      logger,
      pollMs: config.projection.swap_look_ms,
      ...(description.shadow === undefined
        ? {}
        : {
            shadow: `${service}-${description.shadow}`,
            onShadowRemoved: async () => {
              const jsm = await nc.jetstreamManager({ checkAPI: false });
              await jsm.consumers.delete(log.stream, `${service}-${description.shadow}`).catch(() => false);
            },
          }),
    });
    undo.push(leftovers.stop);

    const watch = createStreamsWatch({
      nc,
      needer: service,
      lookMs: config.streams.look_ms,
      logger,
      onMadeAgain: async (name) => {
        if (name === ERASURES.name) await restoreErasureKey(nc, key);
        if (name === DEAD_LETTERS.name) await current().loop.copyDeadLettersAgain();
        await current().parts.madeAgain?.(name);
      },
    });
    const missing = observeStreams(registry);
    /** Whether requests reach the endpoints, once these are there. */
    let listens = true;
    const startedAt = Date.now();
    const uptime = new Gauge({
      name: 'freshet_uptime_seconds',
      help: 'Seconds since the service started',
      registers: [registry],
    });

    const status = (): ServiceStatus => {
      const { state, checkpoint, seq, lag, trouble, effects, erasing } = current().loop.status();
      const progress = rebuilding?.progress();
      return {
        service,
        instance,
        pid: process.pid,
        state,
        seq,
        lag,
        applied: checkpoint.applied,
        duplicates: checkpoint.duplicates,
        unknown: checkpoint.unknown,
        dead_letters: checkpoint.deadLetters,
        version: VERSION,
        fold_version: current().store.version,
        health: health.url,
        started: new Date(startedAt).toISOString(),
        ...(progress ? { rebuild: progress } : {}),
        ...(erasing ? { erasing } : {}),
        // The rebuild is due until the rebuilt projection answers.
        ...(current().store.rebuildDue() ? { rebuild_due: current().store.rebuildDue() } : {}),
        ...(trouble ? { trouble } : {}),
        ...(watch.missing().length > 0 ? { missing: watch.missing() } : {}),
        ...(effects.length > 0 ? { effects } : {}),
        ...current().parts.status?.(),
      };
    };
    const health: HealthServer = await serveHealth({
      host: config.http.host,
      port: healthPort,
      registry,
      refresh: () => {
        uptime.set((Date.now() - startedAt) / 1000);
        observer.seq.set(current().loop.position());
        missing.set(watch.missing().length);
        current().parts.refreshMetrics?.();
      },
      ready: () => ({
        ready:
          current().loop.status().state === 'ready' && listens && !nc.isClosed() && !watch.missing().some(isBlocking),
        detail: status(),
      }),
    });
    undo.push(() => health.close());

    const named = { name: `freshet-${role ?? service}`, prefix: `freshet.${role ?? service}`, instance };
    const onStandby = role === undefined && (await othersAnswer(nc, named).catch(() => false));
    const refused = createRefusedReplies({
      logger,
      counter: observeRefusals(registry),
      logEveryMs: config.nats.refusal_log_ms,
    });
    const micro = await serveMicro(nc, {
      answers,
      name: named.name,
      version: VERSION,
      description: description.description,
      metadata: { pid: String(process.pid), health: health.url, instance },
      prefix: named.prefix,
      instance,
      standby: onStandby,
      endpoints: {
        ...Object.fromEntries(Object.keys(current().endpoints).map((name) => [name, running.endpoint(name)])),
        ...commonEndpoints(running.settled, status, config),
      },
      stats: () => ({
        instance,
        seq: current().loop.position(),
        refused_replies: refused.count(),
        erasing: current().loop.erasing(),
        rebuild_due: current().store.rebuildDue() !== undefined,
        traces_due: current().store.holdsTraces() || (role === undefined && leftovers.due()),
        ...(current().parts.holdsRebuild ? { training_due: current().parts.holdsRebuild?.() } : {}),
      }),
      observe: observeRequests(registry),
      onError: (endpoint, err) => logger.error({ err, endpoint }, 'the service could not answer a request'),
      inboxes: inboxPrefixes(config.nats.inbox_prefixes),
      onRefused: refused.add,
      tracing,
      onEnded: (err) => {
        listens = false;
        logger.error({ err }, 'the service answers no requests any more');
      },
    });
    running.start();
    watch.start();
    // The shadow's file never takes the place of another.
    if (role === undefined) {
      cutOver.start();
      compaction.start();
      leftovers.start();
    }
    rebuilding?.start();
    const standby = createStandby({
      ready: () => current().loop.status().state === 'ready',
      othersAnswer: () => othersAnswer(nc, named),
      activate: () => {
        micro.activate();
        logger.info({ instance, seq: current().loop.position() }, 'this instance takes requests from now on');
      },
    });
    if (onStandby) {
      logger.info({ instance }, 'this instance is on standby: another one answers until this one is ready');
      standby.start();
    }
    logger.info({ instance, seq: current().loop.position(), health: health.url }, 'the service has started');
    return {
      service,
      healthUrl: health.url,
      status,
      progress: () => {
        const { state, seq, lag } = current().loop.status();
        return { state, seq, lag };
      },
      stop: async () => {
        const seq = (): number => current().loop.position();
        try {
          await stopAll([
            ['the watch of the streams', watch.stop],
            ['the schedule of rebuilds', endDueRebuild],
            ['the compaction', compaction.stop],
            ['the removal of leftovers', leftovers.stop],
            ['the rebuild', () => rebuilding?.stop()],
            ['the cut-over', () => cutOver.stop()],
            ['the standby', () => standby.stop()],
            ['the endpoints', () => micro.stop()],
            ['the projection', () => running.stop()],
            ['what ends behind the last commit', () => current().parts.stopped?.()],
            ['the publisher', () => publisher.close(CLOSE_MS)],
            ['the traces', () => tracing?.close()],
            ['health and metrics', () => health.close()],
            ['the connections', () => Promise.all([answers, nc].map((one) => one.drain().catch(() => one.close())))],
          ]);
          logger.info({ instance, seq: seq() }, 'the service has stopped');
        } finally {
          // The next process must find the file closed and the lock free, whatever failed above.
          try {
            current().store.close();
          } finally {
            lock.release();
          }
        }
      },
    };
  } catch (err) {
    for (const step of undo.reverse()) await step();
    throw err;
  }
}

/** Name of an instance's consumer: the first instance of a service has the service's own. */
const consumerName = (service: string, replica: number, role: string | undefined): string => {
  if (role !== undefined) return `${service}-${role}`;
  return replica === 1 ? `${service}-projection` : `${service}-projection-${replica}`;
};
