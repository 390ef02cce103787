import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { NatsConnection } from 'nats';
import { accessVariables } from '../../bus/nats/access.ts';
import { withoutCredentials } from '../../bus/nats/connection.ts';
import { call } from '../../bus/nats/micro.ts';
import { pollUntil } from '../../bus/nats/poll-until.ts';
import { createPoller } from '../../bus/nats/poller.ts';
import { removeDatabase } from '../../bus/projection/database.ts';
import { projectionFiles } from '../../bus/projection/files.ts';
import type { ServiceStatus } from '../../bus/service/description.ts';
import { ensureFolder } from '../../bus/service/folder.ts';
import { acquireLock } from '../../bus/service/lock.ts';
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
import { printRanking } from '../ranking.ts';
import { type CliSession, type CommonOptions, findServer, withCommon, withSession } from '../session.ts';
import { port, positive } from '../values.ts';

type Status = ServiceStatus & ShadowStatus;

/** Name of the shadow's files and consumer. */
const INSTANCE = 'engine-shadow';
/** Milliseconds that a shadow gets to start, to stop, and to store its model. */
const START_MS = 60_000;
const STOP_MS = 20_000;
const PROMOTE_MS = 120_000;
/** Milliseconds between two polls of a shadow that starts or stops. */
const POLL_MS = 100;
/** Milliseconds between two polls of a shadow whether the system still runs. */
const WATCH_MS = 1_000;

/** `freshet shadow` */
export function shadowVerb(): Command {
  const verb = new Command('shadow').description(
    'try other settings of the engine on live events, without any effect on users',
  );
  verb.addCommand(
    withCommon(
      new Command('start')
        .description('start a shadow engine with the settings of --config, next to the running system')
        .addHelpText(
          'after',
          `
The shadow runs in the background until freshet shadow stop. Its log file is logs/shadow.log in the data folder.

Example:
  freshet shadow start --config other.json`,
        ),
    ).action((options: CommonOptions) => withSession(options, (session) => start(session, options))),
  );
  verb.addCommand(
    withCommon(
      new Command('run')
        .description('run a shadow engine in this process, until a signal or freshet shadow stop')
        .option('--health-port <n>', 'port of /healthz, /readyz and /metrics; 0 for any free one', port, 0),
    ).action(run),
  );
  verb.addCommand(
    withCommon(
      new Command('status').description(
        'show the progress of the shadow, and its quality on the same events as the engine in force',
      ),
    ).action((options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const status = await statusOf(nc);
        const { model } = await engineState(nc);
        const answer = { ...status, current: model.config === status.in_force };
        if (options.json) return printJson(answer);
        print(statusText(answer));
        if (!answer.current)
          note(
            `The engine now runs with configuration ${model.config}. The shadow still compares itself with ${status.in_force}.\nNext: freshet shadow stop, then freshet shadow start --config FILE`,
          );
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('recommend')
        .description('list the recommendations of the shadow for a user')
        .argument('<user>', 'id of the user')
        .option('-n, --n <n>', 'how many items', positive, 10)
        .option('--explain', 'show the reasons for each item'),
    ).action((user: string, options: CommonOptions & { n: number; explain?: boolean }) =>
      withSession(options, async ({ nc }) => {
        const { n, explain = false } = options;
        const answer = await asked<RankingAnswer>(nc, 'recommend', { user, n, explain, max_age_ms: 0 });
        if (options.json) return printJson(answer);
        await printRanking(nc, answer);
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('promote')
        .description(
          'put the settings of the shadow in force: the engine folds the log under them, then cuts over without a pause',
        )
        .option('--keep', 'do not stop the shadow')
        .option('--no-wait', 'do not wait until the engine answers under those settings'),
    ).action((options: CommonOptions & { keep?: boolean; wait: boolean }) =>
      withSession(options, ({ nc }) => promote(nc, options)),
    ),
  );
  verb.addCommand(
    withCommon(new Command('stop').description('stop the shadow and delete its projection')).action(
      (options: CommonOptions) =>
        withSession(options, async ({ nc }) => {
          const ended = await stop(nc, resolve(options.data));
          if (options.json) printJson({ stopped: ended });
          else print(ended ? 'Stopped the shadow and deleted its projection.' : 'No shadow was running.');
        }),
    ),
  );
  return verb;
}

/** Calls an endpoint of the shadow. Throws `ServiceUnavailableError` with the next step if no shadow answers. */
async function asked<T>(nc: NatsConnection, endpoint: string, request: object, timeoutMs?: number): Promise<T> {
  try {
    return await call<T>(nc, `freshet.shadow.${endpoint}`, { ...request }, timeoutMs ? { timeoutMs } : {});
  } catch (err) {
    if (!(err instanceof ServiceUnavailableError)) throw err;
    throw new ServiceUnavailableError('No shadow answers. It is not running, or it is still starting.', {
      next: 'freshet shadow start --config FILE; its log file is logs/shadow.log in the data folder',
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

/** The engine settings in force, combined with all other settings of the file. Throws `UsageError`. */
async function inForceBeside(nc: NatsConnection, config: Config): Promise<Config> {
  const { settings, declared } = await call<SettingsAnswer>(nc, 'freshet.engine.settings', {});
  if (JSON.stringify([...declared].sort()) !== JSON.stringify([...config.events.declared].sort()))
    throw new UsageError(
      `The file declares the events ${JSON.stringify(config.events.declared)}, and the running system ${JSON.stringify(declared)}.`,
      { next: 'set events.declared as in the running system; a shadow may differ only in the settings under "engine"' },
    );
  const inForce = withSettings(config, settings, 'the settings in force');
  if (configHash(inForce) === configHash(config))
    throw new UsageError('The engine already runs with these settings, so a shadow would have nothing to compare.', {
      next: 'freshet shadow start --config FILE, with a file that changes settings under "engine"',
    });
  return inForce;
}

async function start({ nc, url, config }: CliSession, options: CommonOptions): Promise<void> {
  const inForce = await inForceBeside(nc, config);
  const already = await runs(nc);
  if (already) throw new UsageError(`A shadow is running (pid ${already.pid}).`, { next: 'freshet shadow stop' });
  const data = resolve(options.data);
  ensureFolder(join(data, 'logs'));
  const log = openSync(join(data, 'logs', 'shadow.log'), 'a');
  const args = [ENTRY, 'shadow', 'run', '--data', data];
  if (options.config !== undefined) args.push('--config', resolve(options.config));
  // The shadow outlives this command, and so the npm that may have started it.
  const { npm_command: _, ...rest } = process.env;
  // The address may hold a password, which must not be in the arguments of a process.
  const env = { ...rest, NATS_URL: url, ...accessVariables(config) };
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', log, log] });
  let ended: number | null | undefined;
  child.once('exit', (code) => {
    ended = code;
  });
  const deadline = performance.now() + START_MS;
  const status = await pollUntil(POLL_MS, async () => {
    const found = await runs(nc);
    if (found) return found;
    if (ended !== undefined || performance.now() > deadline)
      throw new ServiceUnavailableError(
        ended === undefined
          ? `The shadow did not start within ${START_MS / 1_000} s.`
          : `The shadow ended with exit code ${ended} before it was ready.`,
        { next: `read its log file: ${join(data, 'logs', 'shadow.log')}` },
      );
    return undefined;
  });
  child.unref();
  if (options.json) return printJson({ pid: status.pid, in_force: status.in_force, shadow: status.shadow });
  print(
    `A shadow (pid ${status.pid}) folds the log under configuration ${status.shadow}. In force is ${status.in_force}. The differences:`,
  );
  print(changesText(differences(settingsOf(inForce), settingsOf(config))));
  note('Next: freshet shadow status');
}

async function run(options: CommonOptions & { healthPort: number }): Promise<void> {
  const { startShadow } = await import('../../engine/lifecycle/shadow/start.ts');
  const { stepTaken } = await import('../../engine/steps.ts');
  const data = resolve(options.data);
  const { config, url } = findServer(options);
  const inForce = await withSession(options, ({ nc }) => inForceBeside(nc, config));
  mkdirSync(data, { recursive: true });
  let end!: () => void;
  const ended = new Promise<'ended'>((settle) => {
    end = () => settle('ended');
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // A shadow without its system is useless. Only a system on this machine can be observed.
  const beside = readRuntime(data);
  if (beside?.nats === withoutCredentials(url))
    createPoller({
      everyMs: WATCH_MS,
      run: () => {
        if (!isAlive(beside.pid)) end();
      },
    }).start();
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
      // The caller gets the answer first.
      onStop: () => setImmediate(end),
    });
    stepTaken('shadow-started');
    over = (await Promise.race([ended, stale])) === 'ended';
    await shadow.stop();
    stepTaken('shadow-stopped');
    // The projection holds personal data, and no erasure would reach it.
    removeDatabase(projectionFiles(data, INSTANCE).live);
    stepTaken('shadow-removed');
  }
  // If the server has stopped, there is no consumer to delete.
  await withSession(options, removeConsumer).catch(() => {});
  // Open handles of libraries must not keep a stopped process alive.
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
    await pollUntil(POLL_MS, async () => {
      if (!(await runs(nc))) return true;
      if (performance.now() > deadline)
        throw new ServiceUnavailableError(`The shadow (pid ${running.pid}) did not stop within ${STOP_MS / 1_000} s.`, {
          next: `kill ${running.pid}`,
        });
      return undefined;
    });
    return true;
  }
  // A killed shadow leaves its projection behind.
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
  if (options.wait) print('The engine answers under this configuration.');
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
    `Both models rank one event in ${count(every)} before they learn from it${unpaired > 0 ? `; only one of them could rank ${count(unpaired)} events` : ''}.`,
  ].join('\n');
}

function comparedText({ compared }: Pick<ShadowStatus, 'compared'>): string {
  const { events, users, from_seq, to_seq, in_force, shadow, difference } = compared;
  if (events === 0) return 'The two models have ranked no common event yet.';
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
