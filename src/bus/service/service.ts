/**
 * What every service does around its projection: one instance a lock, connection, streams, store, loop, micro service,
 * health and metrics, and a stop that commits what has come.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { CONSUMERS, EVENTS } from '../../../streams.config.ts';
import type { Config } from '../../config/schema.ts';
import { DataFolderUnusableError, messageOf, NotFoundError, ServiceUnavailableError } from '../../errors.ts';
import { type HealthServer, serveHealth } from '../../observability/health.ts';
import { createLogger } from '../../observability/log.ts';
import { createRegistry, observeLoop, observePublisher, observeRequests } from '../../observability/metrics.ts';
import { VERSION } from '../../version.ts';
import { checkServer, connect } from '../connection.ts';
import { erasureKey } from '../erasure/key.ts';
import { createCodec, type EventCodec, type LoggedEvent } from '../event/codec.ts';
import { streamSeq } from '../event/ids.ts';
import { deadLetterSubject } from '../event/subject.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import { type Endpoint, type Json, serveMicro } from '../micro.ts';
import { foldVersion, type ProjectionDefinition, type ServiceName } from '../projection/definition.ts';
import type { HeldMemory } from '../projection/held.ts';
import type { LoopMemory, ProjectionLoop, ProjectionStatus } from '../projection/loop.ts';
import type { DeadLetter, ProjectionStore, StoreOptions } from '../projection/store.ts';
import { carryOutSwap, instanceName, type ProjectionFiles, projectionFiles } from '../projection/swap.ts';
import { createPublisher, type Publisher, publisherLimits } from '../publisher.ts';
import { requiredId, wholeNumber } from '../request.ts';
import { applyStreams } from '../streams/plan.ts';
import { createIncarnation, type Incarnation, loopLimits } from './incarnation.ts';
import { createJoining, othersAnswer } from './joining.ts';
import { acquireLock } from './lock.ts';
import { createRebuildProcess, type RebuildProcess } from './rebuild-process.ts';
import { createTakeover } from './takeover.ts';

/**
 * Milliseconds that what is still being published may hold up a stop. Copies of dead letters and rankings are published
 * again by the next start; a whole stop has five seconds.
 */
const CLOSE_MS = 1_000;

/** Where a service runs, and with what. */
export interface ServiceEnvironment {
  config: Config;
  natsUrl: string;
  /** Folder of the projections. */
  data: string;
  /** Port of health and metrics; 0 for any free one. */
  healthPort: number;
  /** Replica number; 1 is `<service>-projection`, others have a projection and consumer of their own. */
  replica?: number;
  /**
   * Something else beside the service that is made like it: files, consumer and subjects have this name, and nothing
   * rebuilds it or takes its place.
   */
  role?: string;
  logger?: Logger;
}

/** What a service's own part is given. */
export interface ServiceContext {
  config: Config;
  nc: NatsConnection;
  log: Log;
  codec: EventCodec;
  /** What is folded by. */
  definition: ProjectionDefinition<unknown>;
  store: ProjectionStore;
  loop: ProjectionLoop;
  publisher: Publisher;
  logger: Logger;
  registry: Registry;
  /** The files of this instance. */
  files: ProjectionFiles;
  /** Key by which records of erasures name users. */
  erasureKey: Uint8Array;
  /**
   * The fold is another one from here on: a projection is rebuilt by it beside the one that goes on answering, with
   * these words more to the command, and takes its place.
   */
  refold(definition: ProjectionDefinition<unknown>, args: readonly string[]): void;
}

export interface ServiceParts {
  endpoints: Readonly<Record<string, Endpoint>>;
  /** Called after each commit with what was applied. */
  onApplied?: (events: readonly LoggedEvent[]) => void;
  /** What is in memory and follows the log beside the rows. */
  memory?: LoopMemory;
  /** What is in memory on a person, for who asks to see it. */
  held?: readonly HeldMemory[];
  /** Whether a rebuild that is due has to wait for something. */
  holdsRebuild?: () => boolean;
  /** Called before each scrape. */
  refreshMetrics?: () => void;
  /** More for the status of this service. */
  status?: () => Json;
  /** Called once the loop runs. */
  start?: () => void;
  /** Called before the loop is stopped. */
  stop?: () => Promise<void>;
  /** Called once the loop is stopped and all that came is committed, while there still is a connection. */
  stopped?: () => Promise<void>;
}

export interface ServiceDescription<Tables> {
  description: string;
  definition: ProjectionDefinition<Tables>;
  /**
   * Whether rows of another fold version go on answering while others are folded beside them. Not where memory is a
   * fold of the log as well, which would have to be made twice under settings of which one is gone.
   */
  rebuildsBeside: boolean;
  /** What the log itself says of the fold, before anything is folded; left out: nothing. */
  settle?: (nc: NatsConnection) => Promise<ProjectionDefinition<Tables>>;
  /** The service's own part, made once store and connection stand; once more when a rebuilt projection takes over. */
  parts: (context: ServiceContext) => ServiceParts | Promise<ServiceParts>;
}

export interface RunningService {
  service: ServiceName;
  healthUrl: string;
  status(): ServiceStatus;
  /** The part of the status that costs nothing, for whoever looks often. */
  progress(): Pick<ServiceStatus, 'state' | 'seq' | 'lag'>;
  stop(): Promise<void>;
}

export interface ServiceStatus extends Json {
  service: ServiceName;
  pid: number;
  state: ProjectionStatus['state'];
  seq: number;
  lag: number;
  dead_letters: number;
}

export async function runService<Tables>(
  description: ServiceDescription<Tables>,
  environment: ServiceEnvironment,
): Promise<RunningService> {
  const { service } = description.definition;
  const { config, natsUrl, data, healthPort, replica = 1, role } = environment;
  const instance = role === undefined ? instanceName(service, replica) : `${service}-${role}`;
  const logger = environment.logger ?? createLogger({ service, level: config.log.level, redact: config.log.redact });
  const files = projectionFiles(data, instance);
  ensureFolder(data);
  const lock = acquireLock(join(data, instance), `The ${instance} instance in ${data}`);
  const undo: (() => void | Promise<void>)[] = [() => lock.release()];
  try {
    const nc = await connect({ url: natsUrl, name: `freshet-${instance}`, waitOnFirstConnect: true });
    undo.push(() => nc.close());
    await prepareServer(nc, logger);
    const key = await erasureKey(nc);
    const registry = createRegistry(service);
    const publisher = createPublisher(nc, {
      ...publisherLimits(config),
      ...observePublisher(registry),
    });
    const { batchMax } = description.definition;
    const log = await createServiceLog({ nc, publisher, config, service, batchMax });
    const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
    /** What is folded by, and what is to be folded by once a projection that was made by it is there. */
    let definition = (await description.settle?.(nc)) ?? description.definition;
    let wanted = definition;
    const version = foldVersion(definition);
    if (role === undefined && carryOutSwap(files, version))
      logger.info({ file: files.live }, 'a rebuilt projection has taken over');

    const observer = observeLoop(registry);
    const limits = loopLimits(config);
    limits.batchMax = Math.min(limits.batchMax, definition.batchMax ?? limits.batchMax);
    limits.batchRestMs = definition.batchRestMs ?? limits.batchRestMs;
    const storeOptions: Omit<StoreOptions<Tables>, 'definition'> = {
      file: files.live,
      codec,
      fingerprints: config.projection.fingerprints,
      cacheKib: config.projection.cache_kib,
      erasureKey: key,
    };
    const begin = (otherVersion: 'keep' | 'remove'): Promise<Incarnation> =>
      createIncarnation({
        description,
        store: { ...storeOptions, definition, otherVersion },
        loop: {
          service,
          log,
          logger,
          consumer:
            role !== undefined
              ? instance
              : replica === 1
                ? `${service}-projection`
                : `${service}-projection-${replica}`,
          limits,
          observer,
          ...(role === undefined ? { copyDeadLetter: (dead) => copyDeadLetter(publisher, service, dead) } : {}),
        },
        context: { config, nc, log, codec, publisher, logger, registry, files, erasureKey: key, refold },
        wrap: (endpoints, loop) => withMinSeq(endpoints, loop, config),
      });
    let rebuilding: RebuildProcess | undefined;
    const refold: ServiceContext['refold'] = (next, args) => {
      wanted = next as ProjectionDefinition<Tables>;
      const before = rebuilding;
      const started = createRebuildProcess({ service, replica, data, natsUrl, config, logger, args });
      rebuilding = started;
      // One at a time works on the file.
      void (before?.stop() ?? Promise.resolve()).then(() => started === rebuilding && started.start());
    };
    undo.push(() => rebuilding?.stop());
    let current = await begin(description.rebuildsBeside ? 'keep' : 'remove');
    undo.push(() => current.store.close());
    if (current.store.rebuilt)
      logger.warn(
        { file: files.live, version },
        'what events do to this projection has changed: it is rebuilt from the log',
      );
    // Requests that come while the files change places wait for the end of it, some milliseconds.
    let held: Promise<void> | undefined;
    let release: () => void = () => {};
    const hold = (): void => {
      held = new Promise((resolve) => {
        release = () => {
          held = undefined;
          resolve();
        };
      });
    };
    if (current.store.stale) {
      logger.warn(
        { file: files.live, found: current.store.version, version },
        'what events do to this projection has changed: another one is rebuilt beside it',
      );
      rebuilding = createRebuildProcess({ service, replica, data, natsUrl, config, logger });
    }
    const takeover = createTakeover({
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
      },
      logger,
      lookMs: config.projection.swap_look_ms,
      position: () => current.loop.position(),
      pause: async () => {
        hold();
        await current.stop();
      },
      replace: async (swap, next) => {
        try {
          current.store.close();
          swap();
          definition = next;
          current = await begin('remove');
          current.start();
          rebuilding = undefined;
        } catch (err) {
          // There is nothing left to answer from; a new process opens whichever file is whole.
          logger.fatal({ err }, 'a rebuilt projection could not be opened');
          process.exit(70);
        } finally {
          release();
        }
      },
      resume: async () => {
        try {
          current.store.close();
          current = await begin(description.rebuildsBeside ? 'keep' : 'remove');
          current.start();
        } finally {
          release();
        }
      },
    });

    // After an erasure that rows alone can't follow; a while later, so that several are one rebuild.
    let dueSince: number | undefined;
    const dueTimer = setInterval(() => {
      if (role !== undefined) return;
      const waits = held !== undefined || rebuilding !== undefined || current.parts.holdsRebuild?.() === true;
      const due = waits ? undefined : current.store.rebuildDue();
      dueSince = due === undefined ? undefined : (dueSince ?? performance.now());
      if (dueSince === undefined || performance.now() - dueSince < config.erasure.rebuild_after_ms) return;
      dueSince = undefined;
      logger.info({ service, reason: due }, 'a rebuild follows an erasure');
      rebuilding = createRebuildProcess({ service, replica, data, natsUrl, config, logger });
      rebuilding.start();
    }, config.projection.swap_look_ms);
    dueTimer.unref();
    undo.push(() => clearInterval(dueTimer));

    const startedAt = Date.now();
    const uptime = new Gauge({
      name: 'freshet_uptime_seconds',
      help: 'Seconds since the service started',
      registers: [registry],
    });

    const status = (): ServiceStatus => {
      const { state, checkpoint, seq, lag, trouble } = current.loop.status();
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
        fold_version: current.store.version,
        health: health.url,
        started: new Date(startedAt).toISOString(),
        ...(progress ? { rebuild: progress } : {}),
        // Also while the files change places: it is due until the other one answers.
        ...(current.store.rebuildDue() ? { rebuild_due: current.store.rebuildDue() } : {}),
        ...(trouble ? { trouble } : {}),
        ...current.parts.status?.(),
      };
    };
    const health: HealthServer = await serveHealth({
      host: config.http.host,
      port: healthPort,
      registry,
      refresh: () => {
        uptime.set((Date.now() - startedAt) / 1000);
        observer.seq.set(current.loop.position());
        current.parts.refreshMetrics?.();
      },
      ready: () => ({ ready: current.loop.status().state === 'ready' && !nc.isClosed(), detail: status() }),
    });
    undo.push(() => health.close());

    const latest = (name: string, { description: what, example }: Endpoint): Endpoint => ({
      description: what,
      example,
      handle: async (request) => {
        await held;
        const asked = current;
        try {
          return await (asked.endpoints[name] as Endpoint).handle(request);
        } catch (err) {
          await held;
          // It was waiting for a position when another projection took over.
          if (asked === current) throw err;
          return (current.endpoints[name] as Endpoint).handle(request);
        }
      },
    });
    const named = { name: `freshet-${role ?? service}`, prefix: `freshet.${role ?? service}`, instance };
    const aside = role === undefined && (await othersAnswer(nc, named).catch(() => false));
    const micro = await serveMicro(nc, {
      name: named.name,
      version: VERSION,
      description: description.description,
      metadata: { pid: String(process.pid), health: health.url, instance },
      prefix: named.prefix,
      aside: aside ? instance : undefined,
      endpoints: {
        ...Object.fromEntries(
          Object.entries(current.endpoints).map(([name, endpoint]) => [name, latest(name, endpoint)]),
        ),
        ...commonEndpoints(
          async () => {
            await held;
            return current;
          },
          status,
          config,
        ),
      },
      said: () => ({
        instance,
        seq: current.loop.position(),
        rebuild_due: current.store.rebuildDue() !== undefined,
        ...(current.parts.holdsRebuild ? { training_due: current.parts.holdsRebuild() } : {}),
      }),
      observe: observeRequests(registry),
      onError: (endpoint, err) => logger.error({ err, endpoint }, 'a request failed'),
    });
    // Its endpoints are known to the server before anybody is told that it runs.
    await nc.flush();
    current.start();
    if (role === undefined) takeover.start();
    rebuilding?.start();
    const joining = createJoining({
      ready: () => current.loop.status().state === 'ready',
      othersAnswer: () => othersAnswer(nc, named),
      join: () => {
        micro.join();
        logger.info({ instance, seq: current.loop.position() }, 'requests are shared with the other instances');
      },
    });
    if (aside) {
      logger.info({ instance }, 'another instance answers: this one takes requests once it is ready');
      joining.start();
    }
    logger.info({ instance, seq: current.loop.position(), health: health.url }, 'service started');
    return {
      service,
      healthUrl: health.url,
      status,
      progress: () => {
        const { state, seq, lag } = current.loop.status();
        return { state, seq, lag };
      },
      stop: async () => {
        clearInterval(dueTimer);
        await rebuilding?.stop();
        await takeover.stop();
        await joining.stop();
        await micro.stop();
        await current.stop();
        await current.parts.stopped?.();
        await publisher.close(CLOSE_MS);
        await health.close();
        await nc.drain().catch(() => nc.close());
        current.store.close();
        lock.release();
        logger.info({ instance, seq: current.loop.position() }, 'service stopped');
      },
    };
  } catch (err) {
    for (const step of undo.reverse()) await step();
    throw err;
  }
}

export interface ServiceLogOptions {
  nc: NatsConnection;
  publisher: Publisher;
  config: Config;
  service: string;
  /** Messages in one transaction, where requests come over the same connection. */
  batchMax?: number | undefined;
}

/** Transactions whose messages are asked for at once: a request that comes behind them waits for all of them. */
const BATCHES_AHEAD = 4;

/** The log as services read it. */
export const createServiceLog = ({ nc, publisher, config, service, batchMax }: ServiceLogOptions): Promise<Log> =>
  createJetStreamLog({
    nc,
    publisher,
    stream: EVENTS.name,
    pullBatch: Math.min(config.projection.pull_batch, BATCHES_AHEAD * (batchMax ?? config.projection.pull_batch)),
    pullExpiresMs: config.projection.pull_expires_ms,
    heartbeatMs: config.projection.heartbeat_ms,
    describe: (consumer) =>
      CONSUMERS.find(({ name }) => name === `${service}-projection`)?.description ??
      `Reads the log for a moment: ${consumer}`,
  });

/** Makes what is missing on the server, and says what it can't do. */
export async function prepareServer(nc: NatsConnection, logger: Logger): Promise<void> {
  const { version, missing } = await checkServer(nc);
  if (missing.length > 0)
    logger.info({ version, missing }, 'this nats-server lacks features; nothing that Freshet needs');
  const applied = await applyStreams(nc, { onlyMissing: true });
  for (const { kind, name, done } of applied) {
    if (done === 'created') logger.info({ kind, name }, 'created in JetStream');
    else if (done === 'left' && kind !== 'consumer')
      logger.warn(
        { kind, name, next: 'freshet streams diff' },
        'the server has this with other settings than streams.config.ts',
      );
  }
}

export function ensureFolder(folder: string): void {
  try {
    makeFolder(resolve(folder));
  } catch (cause) {
    throw new DataFolderUnusableError(`The data folder ${folder} can't be used: ${messageOf(cause)}.`, {
      next: 'freshet up --data DIR, with a folder that can be written to',
      details: { folder },
      cause,
    });
  }
}

/** One level at a time: Node's own recursive form never comes back where a file system makes no folders (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  mkdirSync(folder);
}

async function copyDeadLetter(publisher: Publisher, service: string, dead: DeadLetter): Promise<void> {
  await publisher.publish({
    subject: deadLetterSubject(service, dead.subject),
    identity: `dlq/${service}/${dead.seq}`,
    payload: dead.payload,
    headers: {
      'Freshet-Service': service,
      'Freshet-Seq': String(dead.seq),
      'Freshet-Code': dead.code,
      'Freshet-Subject': dead.subject.replace(/[\r\n]/g, ' '),
      'Freshet-Reason': dead.message.replace(/[\r\n]/g, ' ').slice(0, 1_000),
    },
  });
}

/** `min_seq` and `timeout_ms` mean the same for every read: a state that holds the event with that sequence. */
function withMinSeq(
  endpoints: Readonly<Record<string, Endpoint>>,
  loop: ProjectionLoop,
  config: Config,
): Record<string, Endpoint> {
  const wrapped: Record<string, Endpoint> = {};
  for (const [name, endpoint] of Object.entries(endpoints)) {
    wrapped[name] = {
      ...endpoint,
      handle: async (request) => {
        await reachMinSeq(request, loop, config);
        return endpoint.handle(request);
      },
    };
  }
  return wrapped;
}

async function reachMinSeq(request: Json, loop: ProjectionLoop, { http }: Config): Promise<void> {
  const { state, trouble } = loop.status();
  if (state === 'refusing')
    throw new ServiceUnavailableError(trouble?.message ?? 'The log is not the one this state was made from.', {
      ...(trouble?.next ? { next: trouble.next } : {}),
      details: { reason: trouble?.code },
    });
  const minSeq = wholeNumber(request, 'min_seq', { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
  if (minSeq === 0) return;
  const timeoutMs = wholeNumber(request, 'timeout_ms', {
    default: http.min_seq_timeout_ms,
    min: 0,
    max: http.min_seq_timeout_max_ms,
  });
  await loop.reached(streamSeq(minSeq), timeoutMs);
}

/** How many identities one question may hold. */
export const KNOWN_MAX = 5_000;

function commonEndpoints(
  incarnation: () => Promise<Incarnation>,
  status: () => ServiceStatus,
  config: Config,
): Record<string, Endpoint> {
  const store = async (): Promise<ProjectionStore> => (await incarnation()).store;
  return {
    status: { ...COMMON_ENDPOINTS.status, handle: () => status() },
    known: {
      ...COMMON_ENDPOINTS.known,
      handle: async ({ identities }) => {
        const asked = Array.isArray(identities) ? identities.slice(0, KNOWN_MAX).map(String) : [];
        const current = await store();
        return { known: current.known(asked).map((seq) => seq ?? null), seq: current.checkpoint().seq };
      },
    },
    held: {
      ...COMMON_ENDPOINTS.held,
      handle: async (request) => {
        const { loop, held } = await incarnation();
        await reachMinSeq(request, loop, config);
        const at = { seq: loop.position(), parts: held.parts };
        if (request.part === undefined) return at;
        const id = requiredId(request, 'user');
        const n = wholeNumber(request, 'n', { default: 100, min: 1, max: HELD_MAX });
        const after = typeof request.after === 'string' || typeof request.after === 'number' ? request.after : null;
        return { ...at, ...held.read(String(request.part), id, after, n) };
      },
    },
    dead_letters: {
      ...COMMON_ENDPOINTS.dead_letters,
      handle: async (request) => {
        const current = await store();
        if (request.seq !== undefined) {
          const seq = wholeNumber(request, 'seq', { default: 0, min: 1, max: Number.MAX_SAFE_INTEGER });
          const dead = current.deadLetter(seq);
          if (!dead)
            throw new NotFoundError(`No event was set aside at sequence ${seq}.`, { next: 'freshet dlq list' });
          return { ...mentionOf(dead), payload: Buffer.from(dead.payload).toString('base64') };
        }
        const n = wholeNumber(request, 'n', { default: 100, min: 1, max: DEAD_LETTERS_MAX });
        const after = wholeNumber(request, 'after', { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER });
        const found = current.deadLetters(after, n + 1);
        const page = found.slice(0, n);
        return { dead_letters: page.map(mentionOf), next: found.length > n ? (page.at(-1)?.seq ?? null) : null };
      },
    },
  };
}

/** What every service answers. */
export const COMMON_ENDPOINTS = {
  status: { description: 'State, position, lag, dead letters', example: {} },
  known: {
    description: 'For each identity <source>/<id> the sequence under which it was folded, or null',
    example: { identities: ['shop-web/01JD'] },
  },
  held: {
    description: 'What the service holds under an id, a page of one part; without part: which parts there are',
    example: { user: 'u42', part: 'identity', n: 100 },
  },
  dead_letters: {
    description: 'Events that were set aside, in pages; or one of them with its payload, with seq',
    example: { after: 0, n: 100 },
  },
} as const;

/** Most records in one page of what is held. */
export const HELD_MAX = 1_000;

/** Most dead letters in one page. */
const DEAD_LETTERS_MAX = 500;

/** A dead letter without what it says. */
export interface DeadLetterMention {
  seq: number;
  subject: string;
  code: string;
  message: string;
  bytes: number;
}

const mentionOf = ({ seq, subject, code, message, payload }: DeadLetter): DeadLetterMention => ({
  seq,
  subject,
  code,
  message,
  bytes: payload.length,
});
