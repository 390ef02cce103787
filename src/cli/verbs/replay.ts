import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Argument, Command } from 'commander';
import type { NatsConnection } from 'nats';
import { createCodec } from '../../bus/event/codec.ts';
import type { Log } from '../../bus/log/port.ts';
import { findPosition } from '../../bus/log/position.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { foldVersion, SERVICES, type ServiceName } from '../../bus/projection/definition.ts';
import { cutOver, instanceName, projectionFiles, requestCutOver } from '../../bus/projection/files.ts';
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
  replica: number;
}

interface ReplayResult {
  service: ServiceName;
  /** Position that was reached. */
  seq: number;
  /** Where it is now. */
  file: string;
  /** `live`: it answers; `next start`: no service runs, and the next one that starts answers from it; `aside`: in --into. */
  in_force: 'live' | 'next start' | 'aside';
  /** With --from-snapshot: the one that the engine's model began at. */
  snapshot?: string;
  messages: number;
  seconds: number;
  per_second: number;
}

/** Milliseconds between two lines of progress for machines. */
const SAY_MS = 1_000;
/** Messages behind the head at which a rebuild is near enough for the service to do the rest itself. */
const NEAR = 1_000;
/** Milliseconds that a running service has to take a rebuild over. */
const TAKEOVER_MS = 120_000;

/** `freshet replay` */
export const replayVerb = (): Command =>
  withCommon(
    new Command('replay')
      .description('fold the log once more, beside the service that goes on answering, and let it take its place')
      .addArgument(new Argument('<service>', 'which one').choices([...SERVICES, 'all']))
      .option('--into <dir>', 'leave the projection in this folder instead of putting it in the place of the live one')
      .option('--until-seq <n>', 'up to this sequence; with --into', positive)
      .option('--until-time <time>', 'what the log had taken by then, RFC 3339; with --into', time)
      .option(
        '--from-snapshot',
        'of the engine: fold the rows from the beginning, the model only from its nearest snapshot on',
      )
      .option(
        '--beside',
        'of the engine: begin the model at the nearest snapshot if one fits, and leave those that there are; without it one of what was folded replaces them',
      )
      .option('--replica <n>', 'of this instance', positive, 1)
      .addHelpText(
        'after',
        `
Ended half-way it goes on where it was when it is started again. Works on the data folder, so on the machine of the
services.

Examples:
  freshet replay user                                            rebuild the user service while it runs
  freshet replay all --until-time 2026-11-17T00:00:00Z --into tuesday`,
      ),
  ).action((service: ServiceName | 'all', options: ReplayOptions) => {
    if (options.untilSeq !== undefined && options.untilTime !== undefined)
      throw new UsageError('It takes --until-seq or --until-time, one of them.', {
        next: `freshet replay ${service} --help`,
      });
    if ((options.untilSeq ?? options.untilTime) !== undefined && options.into === undefined)
      throw new UsageError('An earlier state does not take the place of the live one: it takes --into.', {
        next: `freshet replay ${service} --into DIR`,
      });
    if (options.fromSnapshot && service !== 'engine' && service !== 'all')
      throw new UsageError(`The ${service} service has no snapshots: its rows are folded from the beginning.`, {
        next: `freshet replay ${service}, or freshet replay engine --from-snapshot`,
      });
    return withSession(options, async (session) => {
      for (const one of service === 'all' ? SERVICES : [service]) {
        const result = await replay(one, session, options);
        if (options.json) printJson(result);
        else say(result);
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
    throw new UsageError(`There is a projection at ${files.live} already.`, {
      next: 'name another folder with --into',
    });
  if (existsSync(files.next))
    throw new RebuildWaitingError(`A rebuilt projection lies at ${files.next} and waits to be taken over.`, {
      next: `freshet status; without a service of that fold version, remove ${files.next}`,
    });
  const lock = acquireLock(join(folder, `${instance}.rebuild`), `The rebuild of ${instance} in ${folder}`);
  const publisher = createPublisher(nc);
  const consumer = `${instance}-rebuild`;
  const log = await createServiceLog({ nc, publisher, config, service });
  const { live } = projectionFiles(resolve(options.data), instance);
  const key = await erasureKey(nc);
  const upTo = bounded || fromSnapshot || beside ? await boundOf(nc, log, options) : undefined;
  const { definition, state, memory, snapshot, close } = await rebuildable(service, config, key, {
    live,
    nc,
    log,
    inForceAt: bounded ? upTo : undefined,
    ...((fromSnapshot || beside) && upTo !== undefined ? { snapshotUpTo: upTo, snapshotOptional: !fromSnapshot } : {}),
  });
  const progress = createProgress(`rebuilding ${service}`, 'messages', options.json);
  const started = performance.now();
  try {
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
      fresh: memory !== undefined,
    });
    const from = rebuild.store.checkpoint();
    if (from.seq > 0 && !options.json) note(`going on with the rebuild of ${service} from sequence ${count(from.seq)}`);
    let said = started;
    const tell = (done: number, total: number): void => {
      progress.update(done, total);
      const now = performance.now();
      if (!options.json || now - said < SAY_MS) return;
      said = now;
      printJson({ service, done, total, per_second: Math.round((done * 1000) / (now - started)) });
    };
    let seq: number;
    let messages: number;
    try {
      let at = await rebuild.to(bounded && upTo !== undefined ? { seq: upTo } : {}, tell);
      // The log goes on while it is folded.
      while (!aside && (await log.info()).lastSeq - at.seq > NEAR) at = await rebuild.to({}, tell);
      seq = at.seq;
      messages = at.applied + at.duplicates + at.deadLetters + at.unknown;
      if (!aside) memory?.write(files.image, rebuild.store, beside);
    } finally {
      rebuild.close();
    }
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
    return { ...done, file: files.live, in_force: await takenOver(folder, instance, foldVersion(definition)) };
  } finally {
    progress.end();
    close?.();
    await publisher.close();
    await (await nc.jetstreamManager({ checkAPI: false })).consumers.delete('EVENTS', consumer).catch(() => false);
    lock.release();
  }
}

/** The last sequence that is folded, as far as it is known now. Throws `PositionUnknownError`. */
const boundOf = async (
  nc: NatsConnection,
  log: Log,
  { untilSeq, untilTime }: Pick<ReplayOptions, 'untilSeq' | 'untilTime'>,
): Promise<number> => (await findPosition(nc, log, { seq: untilSeq, time: untilTime })).seq;

/** Waits until the service that runs has taken it over; where none runs, puts it in place for the next one. */
async function takenOver(folder: string, instance: string, version: string): Promise<ReplayResult['in_force']> {
  const files = projectionFiles(folder, instance);
  const deadline = performance.now() + TAKEOVER_MS;
  while (existsSync(files.next)) {
    let held: InstanceLock | undefined;
    try {
      held = acquireLock(join(folder, instance), instance);
      cutOver(files, version);
      return 'next start';
    } catch (err) {
      if (!(err instanceof InstanceLockedError)) throw err;
    } finally {
      held?.release();
    }
    if (performance.now() > deadline)
      throw new RebuildWaitingError(
        `The ${instance} service has not taken the rebuilt projection over within ${duration(TAKEOVER_MS / 1000)}; it was started under other settings or by another release.`,
        { next: 'start the service again: it begins with the rebuilt projection' },
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return 'live';
}

function say({ service, seq, file, in_force, snapshot, messages, seconds, per_second }: ReplayResult): void {
  const where = {
    live: 'and has taken over',
    'next start': 'and is there for the next start; the service does not run',
    aside: `into ${file}`,
  };
  print(
    `${service}: ${count(messages)} messages up to sequence ${count(seq)} folded in ${duration(seconds)}, ${count(per_second)} a second, ${where[in_force]}`,
  );
  if (snapshot !== undefined) note(`the model began at ${snapshot}`);
}
