import { resolve } from 'node:path';
import { Argument, Command } from 'commander';
import { createCodec } from '../../bus/event/codec.ts';
import { call } from '../../bus/nats/micro.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { SERVICES, type ServiceName } from '../../bus/projection/definition.ts';
import { instanceName, projectionFiles } from '../../bus/projection/files.ts';
import { type LossView, lossesUpTo } from '../../bus/projection/log-gaps.ts';
import { positionIn, type Verdict, verifyProjection } from '../../bus/projection/verify.ts';
import { createServiceLog } from '../../bus/service/log.ts';
import { loopLimits } from '../../bus/service/runtime.ts';
import { erasureKey } from '../../bus/streams/erasure-key.ts';
import { configInForce } from '../../engine/lifecycle/activations.ts';
import type { LiveModelHash } from '../../engine/lifecycle/rebuild.ts';
import { configHash } from '../../engine/settings/settings.ts';
import { FoldVersionDiffersError, ServiceUnavailableError, UsageError } from '../../errors.ts';
import { createLogger } from '../../observability/log.ts';
import { lossText } from '../losses.ts';
import { modelDifference } from '../model-difference.ts';
import { EXIT, note, print, printJson } from '../output.ts';
import { createProgress } from '../progress.ts';
import { rebuildable } from '../projections.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';
import { positive } from '../values.ts';

interface VerifyOptions extends CommonOptions {
  replica: number;
  sample?: number;
  fromSnapshot?: number | true;
}

/** With --from-snapshot, also the snapshot that the rebuilt model started from. */
type Verified = Verdict & { model_from?: { snapshot: string; seq: number } };

interface VerifyAnswer {
  equal: boolean;
  services: Verified[];
  /** Losses that operators accepted: both states are folds of the log without these messages. */
  accepted_losses: LossView[];
}

/** Milliseconds that the engine gets to hash its model. */
const HASH_MS = 60_000;

/** `freshet verify` */
export const verifyVerb = (): Command =>
  withCommon(
    new Command('verify')
      .description('fold the log again and compare the result with the live state; exit code 1 if they differ')
      .addArgument(new Argument('[service]', 'only this service (default: all)').choices([...SERVICES]))
      .option('--sample <n>', 'compare only this many rows of each table', positive)
      .option(
        '--from-snapshot [seq]',
        'engine only: start the model from its newest snapshot (up to this sequence); the rows start from the log',
        positive,
      )
      .option('--replica <n>', 'number of the instance to verify', positive, 1)
      .addHelpText(
        'after',
        `
The command reads the projections in the data folder, so run it on the machine of the services. It stops nothing and
changes nothing.`,
      ),
  ).action((service: ServiceName | undefined, options: VerifyOptions) => {
    if (options.fromSnapshot !== undefined && service !== undefined && service !== 'engine')
      throw new UsageError(`The ${service} service has no snapshots, so --from-snapshot does not apply to it.`, {
        next: `freshet verify ${service}, or freshet verify engine --from-snapshot`,
      });
    return withSession(options, async (session) => {
      const verdicts: Verified[] = [];
      for (const one of service ? [service] : SERVICES) verdicts.push(await verify(one, session, options));
      const answer: VerifyAnswer = {
        equal: verdicts.every(({ live, rebuilt }) => live === rebuilt),
        services: verdicts,
        accepted_losses: await lossesOf(session),
      };
      if (options.json) printJson(answer);
      else printAnswer(answer);
      if (!answer.equal) process.exitCode = EXIT.failure;
    });
  });

async function verify(service: ServiceName, { nc, config }: CliSession, options: VerifyOptions): Promise<Verified> {
  const publisher = createPublisher(nc);
  const data = resolve(options.data);
  const log = await createServiceLog({ nc, publisher, config, service });
  const instance = instanceName(service, options.replica);
  const { live } = projectionFiles(data, instance);
  const key = await erasureKey(nc);
  const { fromSnapshot } = options;
  const { definition, state, modelFold, snapshot, began, close } = await rebuildable(service, config, key, {
    live,
    nc,
    log,
    // Another instance may have written a snapshot that is ahead of this one.
    ...(fromSnapshot === undefined || service !== 'engine'
      ? {}
      : { snapshotUpTo: fromSnapshot === true ? positionIn(live, service) : fromSnapshot }),
  });
  const progress = createProgress(`folding the log for the ${service} service`, 'messages', options.json);
  const consumer = `${service}-verify-${process.pid}`;
  try {
    const verdict = await verifyProjection({
      file: live,
      definition,
      codec: createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes }),
      log,
      consumer,
      logger: createLogger({ service: 'verify', level: 'silent', redact: config.log.redact }),
      scratch: data,
      limits: loopLimits(config),
      cacheKib: config.projection.cache_kib,
      erasureKey: key,
      sample: options.sample,
      onProgress: progress.update,
      ...(modelFold && state
        ? {
            memory: {
              state,
              hash: modelFold.hash,
              live: modelOf,
              difference: (fold) => modelDifference({ nc, log, instance, data, config, model: modelFold.model, fold }),
            },
          }
        : {}),
    });
    const seq = began?.() ?? 0;
    return snapshot === undefined || seq === 0 ? verdict : { ...verdict, model_from: { snapshot, seq } };
  } finally {
    progress.end();
    close?.();
    await publisher.close();
    await (await nc.jetstreamManager({ checkAPI: false })).consumers.delete('EVENTS', consumer).catch(() => false);
  }

  /** Undefined if the service is down: then it has no model in memory to compare. */
  async function modelOf(): Promise<LiveModelHash | undefined> {
    try {
      // Each instance has its own model in memory.
      const subject = `freshet.${service}.hash.${instance}`;
      const found = await call<LiveModelHash>(nc, subject, {}, { timeoutMs: HASH_MS });
      const wanted = configHash(await configInForce(config, nc));
      if (found.config === wanted) return found;
      throw new FoldVersionDiffersError(
        `The ${instance} service runs with configuration ${found.config}, and the settings of this command give ${wanted}.`,
        {
          next: `freshet verify ${service} --config FILE, with the settings of the service; after a promotion, wait until freshet status shows it in force`,
          details: { found: found.config, wanted },
        },
      );
    } catch (err) {
      if (!(err instanceof ServiceUnavailableError)) throw err;
      note(`The ${instance} service does not answer, so this command compares its rows and not its model.`);
      return undefined;
    }
  }
}

async function lossesOf({ nc, config }: CliSession): Promise<LossView[]> {
  const publisher = createPublisher(nc);
  try {
    return await lossesUpTo(await createServiceLog({ nc, publisher, config, service: 'verify' }));
  } finally {
    await publisher.close();
  }
}

function printAnswer({ equal, services, accepted_losses: losses }: VerifyAnswer): void {
  for (const loss of losses) note(`the log ${lossText(loss)}`);
  for (const { service, seq, live, rebuilt, model_from: from, first_difference: difference } of services) {
    if (from) note(`${service}: the model started from the snapshot ${from.snapshot} at sequence ${from.seq}`);
    if (!difference) {
      print(`${service}: equal at sequence ${seq}, ${live}`);
      continue;
    }
    const { table, key, column, events, learned } = difference;
    print(`${service}: DIFFERENT at sequence ${seq}`);
    print(`  live     ${live}`);
    print(`  rebuilt  ${rebuilt}`);
    print(`  first    table ${table}, key ${JSON.stringify(key)}${column === null ? '' : `, column ${column}`}`);
    print(`  live     ${shown(difference.live)}`);
    print(`  rebuilt  ${shown(difference.rebuilt)}`);
    if (learned) print('  this value depends on all events that the ranker learned from, in the order of the log');
    else if (events.length === 0) print('  no event of the log wrote this row');
    else print('  the events that wrote this row, newest last:');
    for (const event of events) print(`    ${event.seq}  ${event.subject}  ${event.type ?? ''}  ${event.id ?? ''}`);
  }
  if (!equal) {
    const wrong = services.filter(({ first_difference }) => first_difference).map(({ service }) => service);
    note(`Next: freshet replay ${wrong.length === 1 ? wrong[0] : 'all'}`);
  }
}

const shown = (value: unknown): string => (value === null ? 'nothing' : JSON.stringify(value));
