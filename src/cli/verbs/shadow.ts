import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { NatsConnection } from 'nats';
import { call } from '../../bus/nats/micro.ts';
import { projectionFiles } from '../../bus/projection/files.ts';
import { removeDatabase } from '../../bus/projection/store.ts';
import type { ServiceStatus } from '../../bus/service/description.ts';
import { ensureFolder } from '../../bus/service/folder.ts';
import { acquireLock } from '../../bus/service/lock.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { SettingsAnswer } from '../../engine/lifecycle/rollback.ts';
import { METRICS } from '../../engine/lifecycle/shadow/comparison.ts';
import type { PromoteAnswer, ShadowStatus } from '../../engine/lifecycle/shadow/start.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { configHash, differences, settingsOf, withSettings } from '../../engine/settings/settings.ts';
import { ENTRY } from '../../entry.ts';
import { ServiceUnavailableError, UsageError } from '../../errors.ts';
import { isAlive, readRuntime } from '../../up/runtime-file.ts';
import { engineState, waitInForce } from '../in-force.ts';
import { count, note, print, printJson, table } from '../output.ts';
import { originText, rankingText } from '../ranking.ts';
import { type CommonOptions, natsUrl, withCommon, withSession } from '../session.ts';
import { port, positive } from '../values.ts';

type Status = ServiceStatus & ShadowStatus;

/** Name of the shadow's files and consumer. */
const INSTANCE = 'engine-shadow';
/** Milliseconds that a shadow has to begin, to end, and to store its model. */
const START_MS = 60_000;
const STOP_MS = 20_000;
const PROMOTE_MS = 120_000;
const LOOK_MS = 100;
/** Milliseconds between two looks at whether the system is still there. */
const WATCH_MS = 1_000;

/** `freshet shadow` */
export function shadowVerb(): Command {
  const verb = new Command('shadow').description(
    'try other settings of the engine on the events that come, before anybody sees a list of them',
  );
  verb.addCommand(
    withCommon(
      new Command('start')
        .description('fold the log under the settings of --config, beside the system that runs')
        .addHelpText(
          'after',
          `
It goes on after this command has ended, until freshet shadow stop. What it logs is in logs/shadow.log of the data folder.

Example:
  freshet shadow start --config other.json`,
        ),
    ).action((options: CommonOptions) => withSession(options, (session) => start(session.nc, session.url, options))),
  );
  verb.addCommand(
    withCommon(
      new Command('run')
        .description('the same in this process, until it is ended')
        .option('--health-port <n>', 'port of /healthz, /readyz and /metrics; 0 for any free one', port, 0),
    ).action(run),
  );
  verb.addCommand(
    withCommon(
      new Command('status').description('how far it is, and how it does beside what is in force, on the same events'),
    ).action((options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const status = await statusOf(nc);
        const { model } = await engineState(nc);
        const answer = { ...status, current: model.config === status.in_force };
        if (options.json) return printJson(answer);
        print(statusText(answer));
        if (!answer.current)
          note(
            `Other settings have come into force (${model.config}) since it began: it is compared with ${status.in_force}.\nNext: freshet shadow stop, and start it again`,
          );
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('recommend')
        .description('a list as the shadow would make it')
        .argument('<user>', 'id of the user')
        .option('-n, --n <n>', 'items', positive, 10)
        .option('--explain', 'say why each item is there'),
    ).action((user: string, options: CommonOptions & { n: number; explain?: boolean }) =>
      withSession(options, async ({ nc }) => {
        const { n, explain = false } = options;
        const answer = await asked<RankingAnswer>(nc, 'recommend', { user, n, explain, max_age_ms: 0 });
        if (options.json) return printJson(answer);
        print(await rankingText(nc, answer));
        note(originText(answer));
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('promote')
        .description('put its settings in force; the engine folds under them beside, and goes over without a pause')
        .option('--keep', 'leave the shadow running')
        .option('--no-wait', 'do not wait until the engine answers under them'),
    ).action((options: CommonOptions & { keep?: boolean; wait: boolean }) =>
      withSession(options, ({ nc }) => promote(nc, options)),
    ),
  );
  verb.addCommand(
    withCommon(new Command('stop').description('end it and remove its projection')).action((options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const ended = await stop(nc, resolve(options.data));
        if (options.json) printJson({ stopped: ended });
        else print(ended ? 'The shadow has ended, and its projection is gone.' : 'No shadow was running.');
      }),
    ),
  );
  return verb;
}

/** Throws `ServiceUnavailableError` with what to do where there is no shadow. */
async function asked<T>(nc: NatsConnection, endpoint: string, request: object, timeoutMs?: number): Promise<T> {
  try {
    return await call<T>(nc, `freshet.shadow.${endpoint}`, { ...request }, timeoutMs ? { timeoutMs } : {});
  } catch (err) {
    if (!(err instanceof ServiceUnavailableError)) throw err;
    throw new ServiceUnavailableError('No shadow answers.', {
      next: 'freshet shadow start --config FILE; what it logs is in logs/shadow.log of the data folder',
      cause: err,
    });
  }
}

const statusOf = (nc: NatsConnection): Promise<Status> => asked<Status>(nc, 'status', {});

const runs = (nc: NatsConnection): Promise<Status | undefined> =>
  statusOf(nc).catch((err: unknown) => {
    if (err instanceof ServiceUnavailableError) return undefined;
    throw err;
  });

/** The settings in force, over those of the file in all that is not the engine's. Throws `UsageError`. */
async function inForceBeside(nc: NatsConnection, config: Config): Promise<Config> {
  const { settings, declared } = await call<SettingsAnswer>(nc, 'freshet.engine.settings', {});
  if (JSON.stringify([...declared].sort()) !== JSON.stringify([...config.events.declared].sort()))
    throw new UsageError('The file declares other events than the system that runs (events.declared).', {
      next: 'a shadow tries settings of engine; make the rest of the file that of the system',
    });
  const inForce = withSettings(config, settings, 'the settings in force');
  if (configHash(inForce) === configHash(config))
    throw new UsageError('The settings of the engine in this file are those in force: there is nothing to compare.', {
      next: 'freshet shadow start --config FILE, with other settings under engine',
    });
  return inForce;
}

async function start(nc: NatsConnection, url: string, options: CommonOptions): Promise<void> {
  const config = loadConfig({ file: options.config });
  const inForce = await inForceBeside(nc, config);
  const already = await runs(nc);
  if (already) throw new UsageError(`A shadow is running (pid ${already.pid}).`, { next: 'freshet shadow stop' });
  const data = resolve(options.data);
  ensureFolder(join(data, 'logs'));
  const log = openSync(join(data, 'logs', 'shadow.log'), 'a');
  const args = [ENTRY, 'shadow', 'run', '--data', data, '--nats', url];
  if (options.config !== undefined) args.push('--config', resolve(options.config));
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log] });
  let ended: number | null | undefined;
  child.once('exit', (code) => {
    ended = code;
  });
  const deadline = performance.now() + START_MS;
  for (;;) {
    const status = await runs(nc);
    if (status) {
      child.unref();
      if (options.json) return printJson({ pid: status.pid, in_force: status.in_force, shadow: status.shadow });
      print(
        `A shadow folds the log under configuration ${status.shadow}, beside ${status.in_force} (pid ${status.pid}):`,
      );
      print(changesText(differences(settingsOf(inForce), settingsOf(config))));
      note('Next: freshet shadow status');
      return;
    }
    if (ended !== undefined || performance.now() > deadline)
      throw new ServiceUnavailableError(
        ended === undefined
          ? `The shadow did not come up within ${START_MS} ms.`
          : `The shadow ended with code ${ended}.`,
        { next: `see ${join(data, 'logs', 'shadow.log')}` },
      );
    await new Promise((again) => setTimeout(again, LOOK_MS));
  }
}

async function run(options: CommonOptions & { healthPort: number }): Promise<void> {
  const { startShadow } = await import('../../engine/lifecycle/shadow/start.ts');
  const data = resolve(options.data);
  const config = loadConfig({ file: options.config });
  const url = natsUrl(options);
  const inForce = await withSession(options, ({ nc }) => inForceBeside(nc, config));
  mkdirSync(data, { recursive: true });
  let end!: () => void;
  const ended = new Promise<'ended'>((settle) => {
    end = () => settle('ended');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  // It is of no use without the system that it stands beside, where that is one of this machine.
  const beside = readRuntime(data);
  if (beside?.nats === url)
    setInterval(() => {
      if (!isAlive(beside.pid)) end();
    }, WATCH_MS).unref();
  for (let over = false; !over; ) {
    let begin!: () => void;
    const stale = new Promise<'stale'>((settle) => {
      begin = () => settle('stale');
    });
    const shadow = await startShadow({
      config,
      inForce,
      natsUrl: url,
      data,
      healthPort: options.healthPort,
      onStale: begin,
      // Whoever asks gets an answer first.
      onStop: () => setImmediate(end),
    });
    over = (await Promise.race([ended, stale])) === 'ended';
    await shadow.stop();
    // It holds people's events, and nobody would forget them in it.
    removeDatabase(projectionFiles(data, INSTANCE).live);
  }
  // A server that has ended has no consumer to be removed.
  await withSession(options, removeConsumer).catch(() => {});
  // Handles of libraries must not keep a stopped process alive.
  process.exit(0);
}

const removeConsumer = async ({ nc }: { nc: NatsConnection }): Promise<void> => {
  await (await nc.jetstreamManager({ checkAPI: false })).consumers.delete('EVENTS', INSTANCE).catch(() => false);
};

async function stop(nc: NatsConnection, data: string): Promise<boolean> {
  const running = await runs(nc);
  if (running) {
    await asked(nc, 'stop', {});
    const deadline = performance.now() + STOP_MS;
    while (await runs(nc)) {
      if (performance.now() > deadline)
        throw new ServiceUnavailableError(`The shadow (pid ${running.pid}) did not end within ${STOP_MS} ms.`, {
          next: `kill ${running.pid}`,
        });
      await new Promise((again) => setTimeout(again, LOOK_MS));
    }
    return true;
  }
  // One that was killed has left its file.
  const lock = acquireLock(join(data, INSTANCE), `The shadow in ${data}`);
  removeDatabase(projectionFiles(data, INSTANCE).live);
  lock.release();
  await removeConsumer({ nc });
  return false;
}

async function promote(nc: NatsConnection, options: CommonOptions & { keep?: boolean; wait: boolean }): Promise<void> {
  const status = await statusOf(nc);
  const { act, seq, snapshot, config } = await asked<PromoteAnswer>(nc, 'promote', {}, PROMOTE_MS);
  if (!options.json) {
    print(`Promoted at sequence ${seq}: configuration ${config}, snapshot ${snapshot}.`);
    print(comparedText(status));
  }
  if (options.wait) await waitInForce(nc, config, options.json);
  if (!options.keep) await stop(nc, resolve(options.data));
  const state = options.wait ? 'in force' : 'refolding';
  if (options.json) return printJson({ act, seq, snapshot, config, state, compared: status.compared });
  if (options.wait) print('The engine answers under it.');
  note('Next: freshet status; freshet rollback to go back');
}

function statusText(status: Status & { current: boolean }): string {
  const { state, seq, lag, pid, in_force, shadow, settings, every, unpaired } = status;
  return [
    `shadow     ${shadow}, ${state} at sequence ${count(seq)}${lag > 0 ? `, ${count(lag)} behind` : ''}, pid ${pid}`,
    `in force   ${in_force}`,
    changesText(settings),
    '',
    comparedText(status),
    '',
    `One event in ${count(every)} is ranked by both before it is learned${unpaired > 0 ? `; ${count(unpaired)} could be asked of one only` : ''}.`,
  ].join('\n');
}

function comparedText({ compared }: Pick<ShadowStatus, 'compared'>): string {
  const { events, users, from_seq, to_seq, in_force, shadow, difference } = compared;
  if (events === 0) return 'No event was ranked by both yet.';
  const rows = METRICS.map((metric) => {
    const { mean, standard_error } = difference[metric];
    const error = standard_error === null ? '' : standard_error.toFixed(4);
    return [
      metric.toUpperCase(),
      in_force[metric].toFixed(4),
      shadow[metric].toFixed(4),
      `${mean < 0 ? '' : '+'}${mean.toFixed(4)}`,
      error,
    ];
  });
  return [
    table(rows, ['at 10', 'in force', 'shadow', 'difference', 'standard error']),
    '',
    `${count(events)} events of ${count(users)} users, sequences ${count(from_seq ?? 0)} to ${count(to_seq ?? 0)}`,
  ].join('\n');
}

const changesText = (changes: Record<string, [unknown, unknown]>): string =>
  Object.entries(changes)
    .map(([name, [before, after]]) => `  ${name}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`)
    .join('\n');
