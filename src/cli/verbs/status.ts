import { resolve } from 'node:path';
import { Command } from 'commander';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { withoutCredentials } from '../../bus/nats/connection.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { SERVICES } from '../../bus/projection/definition.ts';
import { type LossView, lossesUpTo } from '../../bus/projection/log-gaps.ts';
import { createInstances } from '../../bus/service/instances.ts';
import { type StatusAnswer, statusesOf, type Trouble } from '../../bus/service/statuses.ts';
import { type MissingStream, missingStreams, STORED } from '../../bus/streams/missing.ts';
import type { TrainingStatus } from '../../engine/artifacts/trainings.ts';
import type { InForceView } from '../../engine/lifecycle/rollback.ts';
import type { PrequentialReport, Quality } from '../../engine/model/mod.ts';
import { isStreamMissing } from '../../errors.ts';
import { readRuntime } from '../../up/runtime-file.ts';
import { lossText } from '../losses.ts';
import { count, duration, note, print, printJson, table } from '../output.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';

/** The progress of one process of a service. */
interface InstanceRow {
  service: string;
  pid: number | null;
  state: string;
  seq: number;
  lag: number;
  dead_letters: number;
  trouble?: Trouble;
}

interface Status {
  log: {
    stream: string;
    created: string;
    first_seq: number;
    last_seq: number;
    messages: number;
    /** Losses of messages that operators accepted. */
    accepted_losses: LossView[];
  } | null;
  nats: { url: string; version: string; pid?: number };
  /** Streams, KV buckets and object stores that the server does not have. */
  missing: MissingStream[];
  /** The first instance of each service, or another one if the first does not answer. */
  services: (InstanceRow & { restarts: number })[];
  /** All other known instances. */
  replicas: (InstanceRow & { instance: string })[];
  model: {
    snapshot: string | null;
    seq: number | null;
    config: string;
    backend: string;
    inputs: { kind: string; sha256: string | null; bytes: number; challenged: boolean }[];
    training: TrainingStatus | null;
    prequential: PrequentialReport | null;
    warnings: Record<string, number>;
    in_force: InForceView | null;
  } | null;
}

/** The next step for a replica that is down. */
const startOrRemove = (name: string): string =>
  `start the replica; if it is gone for good, freshet replica remove ${name}`;
/** Milliseconds to wait for the status of a service. */
const STATUS_MS = 1_000;

/** `freshet status` */
export const statusVerb = (): Command =>
  withCommon(new Command('status').description('show the state of the log, of each service and of the model')).action(
    (options: CommonOptions) =>
      withSession(options, async (session) => {
        const status = await readStatus(session, options);
        if (options.json) printJson(status);
        else printStatus(status);
      }),
  );

async function readStatus({ nc, url }: CliSession, { data }: CommonOptions): Promise<Status> {
  const runtime = readRuntime(resolve(data));
  const here = runtime?.nats === withoutCredentials(url) ? runtime : undefined;
  const publisher = createPublisher(nc);
  const log = await createJetStreamLog({ nc, publisher });
  const info = await log.info().catch((err: unknown) => {
    if (isStreamMissing(err)) return undefined;
    throw err;
  });
  const losses = info ? await lossesUpTo(log) : [];
  await publisher.close();
  const lastSeq = info?.lastSeq ?? 0;
  const missing = await missingStreams(await nc.jetstreamManager({ checkAPI: false }));
  const instances = createInstances(nc);
  const found = await Promise.all(SERVICES.map((service) => statusesOf<Answer>(nc, instances, service, STATUS_MS)));
  const answers = found.map(([first]) => first?.answer);
  const services = SERVICES.map((service, i) => ({
    ...rowOf(service, answers[i], lastSeq),
    restarts: here?.processes[service]?.restarts ?? 0,
  }));
  const replicas = SERVICES.flatMap((service, i) =>
    (found[i] ?? []).slice(1).map(({ instance, answer }) => ({ instance, ...rowOf(service, answer, lastSeq) })),
  );
  const engine = answers[SERVICES.indexOf('engine')];
  const model = engine?.model ?? null;
  return {
    log: info
      ? {
          stream: info.stream,
          created: info.created,
          first_seq: info.firstSeq,
          last_seq: info.lastSeq,
          messages: info.messages,
          accepted_losses: losses,
        }
      : null,
    nats: {
      url: withoutCredentials(url),
      version: nc.info?.version ?? '',
      ...(here?.nats_pid ? { pid: here.nats_pid } : {}),
    },
    missing,
    services,
    replicas,
    model: model && {
      snapshot: model.snapshot,
      seq: model.seq,
      config: model.config,
      backend: model.backend,
      inputs: model.inputs,
      training: model.training,
      prequential: model.prequential,
      warnings: model.warnings,
      in_force: engine?.in_force ?? null,
    },
  };
}

type Answer = StatusAnswer & {
  model?: Status['model'];
  in_force?: InForceView;
};

function rowOf(service: string, answer: Answer | undefined, lastSeq: number): InstanceRow {
  if (!answer) return { service, pid: null, state: 'down', seq: 0, lag: lastSeq, dead_letters: 0 };
  const { pid, state, seq, lag, dead_letters, trouble } = answer;
  return { service, pid, state, seq, lag, dead_letters, ...(trouble ? { trouble } : {}) };
}

/** The training results in force, and the state of training. Empty before the first training. */
function trainingLine({ inputs, training }: NonNullable<Status['model']>): string {
  const used = inputs.flatMap(({ kind, sha256, challenged }) =>
    sha256 === null ? [] : [`${kind} ${sha256.slice(0, 8)}${challenged ? ', compared with a newer one' : ''}`],
  );
  return [
    ...used,
    ...(training?.running ? [`training ${training.running} now`] : []),
    ...(training?.last
      ? [`last ${training.last.kind} at sequence ${training.last.trained_at}, ${duration(training.last.seconds)}`]
      : []),
    ...(training && training.failed > 0 ? [`${count(training.failed)} failed`] : []),
  ].join('; ');
}

/** The promotion or rollback in force, and the settings of the file that it overrides. Empty without a promotion or rollback. */
function inForceLines({ act, pinned, coming, file_differs }: InForceView): string[] {
  const names = Object.keys(file_differs);
  return [
    ...(act
      ? [`${act.verb === 'promoted' ? 'promoted' : 'rolled back to'} ${act.snapshot} at sequence ${act.seq}`]
      : []),
    ...(pinned === null ? [] : [`ranker pinned to ${pinned}: it learns no more`]),
    ...(coming === null ? [] : [`the engine folds the log under configuration ${coming}, which then comes into force`]),
    ...(names.length > 0 ? [`settings of the file that are not in force: ${names.join(', ')}`] : []),
  ];
}

/** One line per window: HR, NDCG and MRR at 10 of the model and of the baselines. */
function qualityLines({ windows }: PrequentialReport): string[] {
  const figures = ({ hr, ndcg, mrr }: Quality): string => [hr, ndcg, mrr].map((value) => value.toFixed(3)).join(' ');
  const [quick, slow] = windows;
  // Until the short window is full, both hold the same events.
  const shown = quick && slow && slow.events > quick.events ? [quick, slow] : [quick];
  return shown.flatMap((window) =>
    window
      ? [
          `newest ${count(window.events)} scored events, HR NDCG MRR at 10: model ${figures(window.model)}, ` +
            `decayed popularity ${figures(window.popular)}, item kNN ${figures(window.item_knn)}`,
        ]
      : [],
  );
}

function printStatus({ log, nats, missing, services, replicas, model }: Status): void {
  if (log)
    print(
      `log      ${log.stream}: ${count(log.messages)} events, sequences ${log.first_seq} to ${log.last_seq}, created ${log.created}`,
    );
  else print('log      no log yet');
  for (const loss of log?.accepted_losses ?? []) print(`         ${lossText(loss)}`);
  print(`nats     ${nats.url}, nats-server ${nats.version}${nats.pid ? `, pid ${nats.pid}` : ''}`);
  if (model)
    print(
      `model    snapshot ${model.snapshot ?? 'none yet'}${model.seq === null ? '' : ` at ${model.seq}`}, configuration ${model.config}, computed by ${model.backend}`,
    );
  for (const [i, line] of (model?.in_force ? inForceLines(model.in_force) : []).entries())
    print(`${i === 0 ? 'settings ' : '         '}${line}`);
  const trained = model ? trainingLine(model) : '';
  if (trained !== '') print(`trained  ${trained}`);
  const quality = model?.prequential && qualityLines(model.prequential);
  for (const [i, line] of (quality ?? []).entries()) print(`${i === 0 ? 'quality  ' : '         '}${line}`);
  const odd = Object.entries(model?.warnings ?? {});
  if (odd.length > 0) print(`warnings ${odd.map(([kind, times]) => `${kind} ${count(times)}`).join(', ')}`);
  print('');
  const rows = [
    ...services.map((row) => ({ ...row, name: row.service, restarts: count(row.restarts) })),
    // `freshet up` does not supervise replicas, so it does not know how often they restarted.
    ...replicas.map((row) => ({ ...row, name: row.instance, restarts: '-' })),
  ];
  print(
    table(
      rows.map(({ name, state, seq, lag, dead_letters, restarts, pid }) => [
        name,
        state,
        seq,
        lag,
        dead_letters,
        restarts,
        pid === null ? '-' : String(pid),
      ]),
      ['service', 'state', 'seq', 'lag', 'dead letters', 'restarts', 'pid'],
    ),
  );
  if (missing.length === STORED.length)
    note('The nats-server holds nothing of Freshet: its streams are created at the first start.\nNext: freshet up');
  else for (const { code, message, next } of missing) note(`${code}: ${message}\nNext: ${next}`);
  for (const { name, state, trouble, service } of rows) {
    if (trouble) note(`${name}: ${trouble.code}: ${trouble.message}${trouble.next ? `\nNext: ${trouble.next}` : ''}`);
    else if (state === 'down')
      note(`${name} does not answer.\nNext: ${name === service ? 'freshet up' : startOrRemove(name)}`);
  }
}
