import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Argument, Command, Option } from 'commander';
import type { NatsConnection } from 'nats';
import { createCodec } from '../../bus/event/codec.ts';
import type { Log } from '../../bus/log/port.ts';
import { findPosition } from '../../bus/log/position.ts';
import { pollUntil } from '../../bus/nats/poll-until.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { foldVersion, SERVICES, type ServiceName } from '../../bus/projection/definition.ts';
import { stepTaken } from '../../bus/projection/file-steps.ts';
import {
  instanceName,
  type ProjectionFiles,
  projectionFiles,
  replaceLiveFile,
  requestCutOver,
  versionOf,
} from '../../bus/projection/files.ts';
import { createRebuild } from '../../bus/projection/rebuild.ts';
import { ensureFolder } from '../../bus/service/folder.ts';
import { acquireLock, type InstanceLock } from '../../bus/service/lock.ts';
import { createServiceLog } from '../../bus/service/log.ts';
import { loopLimits } from '../../bus/service/runtime.ts';
import { erasureKey } from '../../bus/streams/erasure-key.ts';
import { InstanceLockedError, RebuildWaitingError, UsageError } from '../../errors.ts';
import { createLogger } from '../../observability/log.ts';
import { count, duration, note, print, printJson } from '../output.ts';
import { createProgress } from '../progress.ts';
import { rebuildable } from '../projections.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';
import { positive, time } from '../values.ts';

interface ReplayOptions extends CommonOptions {
  untilSeq?: number;
  untilTime?: number;
  into?: string;
  fromSnapshot?: boolean;
  beside?: boolean;
  /** A service started this process, and cuts over when it ends. */
  handOver?: boolean;
  replica: number;
}

interface ReplayResult {
  service: ServiceName;
  /** Sequence of the last folded event. */
  seq: number;
  /** Path of the projection. */
  file: string;
  /**
   * `live`: the running service answers from it. `next start`: no service runs, and the next one to start answers from
   * it. `aside`: it is in the folder of --into. `handed over`: the service that started this process cuts over to it once
   * the process has ended.
   */
  in_force: 'live' | 'next start' | 'aside' | 'handed over';
  /** With --from-snapshot: the snapshot that the engine's model started from. */
  snapshot?: string;
  messages: number;
  seconds: number;
  per_second: number;
}

/** Milliseconds between two lines of progress with --json. */
const PROGRESS_MS = 1_000;
/** A rebuild that is at most so many messages behind the head is ready: the service folds the rest. */
const NEAR = 50;
/** The same if another round would hardly come closer, because as many events arrive meanwhile. */
const NEAR_ENOUGH = 1_000;
/** Milliseconds that a running service gets to cut over to a rebuild. */
const CUT_OVER_MS = 120_000;

/** `freshet replay` */
export const replayVerb = (): Command =>
  withCommon(
    new Command('replay')
      .description('rebuild the projection of a service from the log while the service runs, then cut over to it')
      .addArgument(new Argument('<service>', 'the service to rebuild').choices([...SERVICES, 'all']))
      .option('--into <dir>', 'write the projection to this folder, and do not cut over to it')
      .option('--until-seq <n>', 'fold the log up to this sequence; requires --into', positive)
      .option('--until-time <time>', 'fold what the log had stored by this time, RFC 3339; requires --into', time)
      .option('--from-snapshot', 'engine only: start the model from its nearest snapshot; the rows start from the log')
      .option(
        '--beside',
        'engine only: start the model from the nearest snapshot if one fits, and keep all snapshots; without this option, a new snapshot of the rebuilt model replaces them',
      )
      .option('--replica <n>', 'number of the instance to rebuild', positive, 1)
      .addOption(
        new Option('--hand-over', 'end when the rebuild is complete, without a wait for the service').hideHelp(),
      )
      .addHelpText(
        'after',
        `
The command works on the data folder, so run it on the machine of the services. If it is interrupted, run it again: it
continues where it stopped.

Examples:
  freshet replay user                                            rebuild the user service while it runs
  freshet replay all --until-time 2026-11-17T00:00:00Z --into tuesday`,
      ),
  ).action((service: ServiceName | 'all', options: ReplayOptions) => {
    if (options.untilSeq !== undefined && options.untilTime !== undefined)
      throw new UsageError('The command takes --until-seq or --until-time, not both.', {
        next: `freshet replay ${service} --until-seq N --into DIR`,
      });
    if ((options.untilSeq ?? options.untilTime) !== undefined && options.into === undefined)
      throw new UsageError(
        'An earlier state cannot replace the live projection, so --until-seq and --until-time require --into.',
        { next: `run the command again with --into DIR, to write the state to that folder` },
      );
    if (options.fromSnapshot && service !== 'engine' && service !== 'all')
      throw new UsageError(`The ${service} service has no snapshots, so --from-snapshot does not apply to it.`, {
        next: `freshet replay ${service}, or freshet replay engine --from-snapshot`,
      });
    return withSession(options, async (session) => {
      for (const one of service === 'all' ? SERVICES : [service]) {
        const result = await replay(one, session, options);
        if (options.json) printJson(result);
        else printResult(result);
      }
    });
  });

async function replay(service: ServiceName, session: CliSession, options: ReplayOptions): Promise<ReplayResult> {
  const { nc, config } = session;
  const folder = resolve(options.into ?? options.data);
  ensureFolder(folder);
  const instance = instanceName(service, options.replica);
  const files = projectionFiles(folder, instance);
  const aside = options.into !== undefined;
  const bounded = (options.untilSeq ?? options.untilTime) !== undefined;
  const fromSnapshot = options.fromSnapshot === true && service === 'engine';
  const beside = options.beside === true && service === 'engine';
  if (aside && existsSync(files.live))
    throw new UsageError(`The folder ${folder} already holds a projection of ${instance}: ${files.live}.`, {
      next: 'name another folder with --into',
    });
  // A service knows the settings that it runs with, so its own rebuild replaces one of other settings, as a copy after an
  // erasure does. An operator may have made that one for the next start.
  if (!options.handOver) refuseWaiting(files, instance);
  const lock = acquireLock(join(folder, `${instance}.rebuild`), `The rebuild of ${instance} in ${folder}`);
  const publisher = createPublisher(nc);
  const consumer = `${instance}-rebuild`;
  const log = await createServiceLog({ nc, publisher, config, service });
  const { live } = projectionFiles(resolve(options.data), instance);
  const key = await erasureKey(nc);
  const upTo = bounded || fromSnapshot || beside ? await boundOf(nc, log, options) : undefined;
  const { definition, state, modelFold, snapshot, close } = await rebuildable(service, config, key, {
    live,
    nc,
    log,
    inForceAt: bounded ? upTo : undefined,
    ...((fromSnapshot || beside) && upTo !== undefined ? { snapshotUpTo: upTo, snapshotOptional: !fromSnapshot } : {}),
  });
  const progress = createProgress(`rebuilding the ${service} service`, 'messages', options.json);
  const started = performance.now();
  try {
    if (versionOf(files.next) === foldVersion(definition)) refuseWaiting(files, instance);
    const rebuild = await createRebuild({
      file: files.rebuild,
      definition,
      state,
      codec: createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes }),
      log,
      consumer,
      logger: createLogger({ service: 'replay', level: 'silent', redact: config.log.redact }),
      limits: loopLimits(config),
      cacheKib: config.projection.cache_kib,
      erasureKey: key,
      fresh: modelFold !== undefined,
    });
    stepTaken('rebuild-opened');
    const from = rebuild.store.checkpoint();
    if (from.seq > 0 && !options.json)
      note(`The rebuild of the ${service} service continues from sequence ${count(from.seq)}.`);
    let reported = started;
    const report = (done: number, total: number): void => {
      progress.update(done, total);
      const now = performance.now();
      if (!options.json || now - reported < PROGRESS_MS) return;
      reported = now;
      printJson({ service, done, total, per_second: Math.round((done * 1000) / (now - started)) });
    };
    let seq: number;
    let messages: number;
    try {
      let at = await rebuild.to(bounded && upTo !== undefined ? { seq: upTo } : {}, report);
      // New events arrive while the rebuild folds the log, so it folds on in ever shorter rounds.
      for (let before = Number.POSITIVE_INFINITY; !aside; ) {
        const left = (await log.info()).lastSeq - at.seq;
        if (left <= NEAR || (left <= NEAR_ENOUGH && left > before / 2)) break;
        before = left;
        at = await rebuild.to({}, report);
      }
      seq = at.seq;
      stepTaken('rebuild-folded');
      messages = at.applied + at.duplicates + at.deadLetters + at.unknown;
      if (!aside) modelFold?.write(files.image, rebuild.store, beside);
    } finally {
      rebuild.close();
    }
    stepTaken('rebuild-closed');
    const seconds = (performance.now() - started) / 1000;
    progress.end();
    const done = {
      service,
      seq,
      ...(snapshot === undefined ? {} : { snapshot }),
      messages,
      seconds,
      per_second: Math.round(messages / seconds),
    };
    if (aside) {
      requestCutOver(files);
      renameSync(files.next, files.live);
      return { ...done, file: files.live, in_force: 'aside' };
    }
    requestCutOver(files);
    return {
      ...done,
      file: files.live,
      in_force: await cutOver(folder, instance, foldVersion(definition), options.handOver),
    };
  } finally {
    progress.end();
    close?.();
    await publisher.close();
    await (await nc.jetstreamManager({ checkAPI: false })).consumers.delete('EVENTS', consumer).catch(() => false);
    lock.release();
  }
}

function refuseWaiting({ next }: ProjectionFiles, instance: string): void {
  if (!existsSync(next)) return;
  throw new RebuildWaitingError(`An earlier rebuild at ${next} waits until the ${instance} service cuts over.`, {
    next: `start the service with the settings of that rebuild, or delete ${next}`,
  });
}

/** The last sequence to fold. Throws `PositionUnknownError`. */
const boundOf = async (
  nc: NatsConnection,
  log: Log,
  { untilSeq, untilTime }: Pick<ReplayOptions, 'untilSeq' | 'untilTime'>,
): Promise<number> => (await findPosition(nc, log, { seq: untilSeq, time: untilTime })).seq;

/**
 * Waits until the running service has cut over, unless the service waits for the end of this process. If no service runs,
 * replaces the projection for the next start.
 */
async function cutOver(
  folder: string,
  instance: string,
  version: string,
  handOver = false,
): Promise<ReplayResult['in_force']> {
  const files = projectionFiles(folder, instance);
  const deadline = performance.now() + CUT_OVER_MS;
  return pollUntil(100, () => {
    if (!existsSync(files.next)) return 'live';
    let lock: InstanceLock | undefined;
    try {
      lock = acquireLock(join(folder, instance), instance);
      replaceLiveFile(files, version);
      return 'next start';
    } catch (err) {
      if (!(err instanceof InstanceLockedError)) throw err;
    } finally {
      lock?.release();
    }
    if (handOver) return 'handed over';
    if (performance.now() > deadline)
      throw new RebuildWaitingError(
        `The ${instance} service did not cut over to the rebuilt projection within ${duration(CUT_OVER_MS / 1000)}. It runs with other settings, or with another release.`,
        { next: 'restart the service with the settings of this command: it then cuts over to the rebuilt projection' },
      );
    return undefined;
  });
}

function printResult({ service, seq, file, in_force, snapshot, messages, seconds, per_second }: ReplayResult): void {
  const outcome = {
    live: 'The service has cut over to it.',
    'next start': 'The service does not run, and will use it at its next start.',
    aside: `The projection is ${file}.`,
    'handed over': 'The service that started this command cuts over to it.',
  };
  print(
    `${service}: folded ${count(messages)} messages up to sequence ${count(seq)} in ${duration(seconds)} (${count(per_second)}/s). ${outcome[in_force]}`,
  );
  if (snapshot !== undefined) note(`The model started from the snapshot ${snapshot}.`);
}
