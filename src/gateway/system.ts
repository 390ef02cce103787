/** The overview of the system: what the services' statuses, the log and the dead letters say, in one answer. */
import type { NatsConnection } from 'nats';
import type { OpenErasures } from '../bus/erasure/coordinator.ts';
import { streamSeq } from '../bus/event/ids.ts';
import type { Log } from '../bus/log/port.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import { findDeadLetters } from '../bus/service/dead-letters.ts';
import { createInstances, type Instances } from '../bus/service/instances.ts';
import { type InstanceStatus, type StatusAnswer, statusesOf } from '../bus/service/statuses.ts';
import { isBlocking, missingStreams } from '../bus/streams/missing.ts';
import type { Config } from '../config/schema.ts';
import type { TrainingStatus } from '../engine/artifacts/trainings.ts';
import type { InForceView } from '../engine/lifecycle/rollback.ts';
import type { PrequentialReport } from '../engine/model/mod.ts';
import { VERSION } from '../version.ts';
import type { Link } from './link.ts';
import { stateIn } from './readiness.ts';

/** What the statuses say beside the members of every service. */
export interface SystemStatus extends StatusAnswer {
  /** Of the engine. */
  model?: {
    snapshot: string | null;
    seq: number | null;
    config: string;
    backend: string;
    prequential: PrequentialReport | null;
    users: number;
    items: number;
    events: number;
    inputs: object[];
    training: TrainingStatus | null;
    warnings: Record<string, number>;
  };
  rankings?: { users: number; items: number; oldestSeconds: number; written_here: boolean };
  training_due?: boolean;
  in_force?: InForceView;
  /** Of the user service. */
  erasures?: OpenErasures;
}

/** Members of a status that have a place of their own in the overview. */
const ELSEWHERE: readonly string[] = ['model', 'rankings', 'training_due', 'in_force', 'erasures'];

export interface SystemOptions {
  config: Config;
  link: Link;
}

/** Throws `NatsUnreachableError`. A service that does not answer is `down` in the answer. */
export function createSystem({ config, link }: SystemOptions): () => Promise<object> {
  const { http } = config;
  let known: { nc: NatsConnection; instances: Instances } | undefined;

  /** The instances as this connection knows them. */
  function instancesOver(nc: NatsConnection): Instances {
    if (known?.nc !== nc) known = { nc, instances: createInstances(nc) };
    return known.instances;
  }

  async function readSystem(): Promise<object> {
    const { nc, log } = link.bus();
    const instances = instancesOver(nc);
    const [missing, info, ...found] = await Promise.all([
      nc.jetstreamManager({ checkAPI: false, timeout: http.ready_timeout_ms }).then(missingStreams),
      log.info(),
      ...SERVICES.map((service) => statusesOf<SystemStatus>(nc, instances, service, http.ready_timeout_ms)),
    ]);
    const head = info.lastSeq;
    const waiting = SERVICES.map((service, i) => stateIn(service, found[i]?.[0]?.answer)).filter(
      ({ state }) => state !== 'ready',
    );
    const answers = found.flat().flatMap(({ answer }) => answer ?? []);
    const engine = found[SERVICES.indexOf('engine')]?.[0]?.answer;
    return {
      at: new Date().toISOString(),
      version: VERSION,
      ready: waiting.length === 0 && !missing.some(isBlocking),
      waiting,
      missing,
      head,
      log: { first_seq: info.firstSeq, messages: info.messages, created: info.created },
      services: SERVICES.flatMap((service, i) => (found[i] ?? []).map((one) => serviceView(service, one, head))),
      dead_letters: await deadLettersOf(nc, found, http.dead_letters_max),
      rankings: rankingsOf(answers),
      snapshot: engine?.model ? await snapshotOf(log, engine.model, head) : null,
      training: engine?.model
        ? { ...engine.model.training, due: engine.training_due ?? false, inputs: engine.model.inputs }
        : null,
      in_force: engine?.in_force ?? null,
      model: engine?.model ? modelOf(engine.model) : null,
      erasures: erasuresOf(answers),
      quality: engine?.model?.prequential ?? null,
    };
  }

  return () => link.whileConnected(readSystem());
}

/** The status of an instance without the members that the overview has elsewhere. */
function serviceView(service: ServiceName, { instance, answer }: InstanceStatus<SystemStatus>, head: number): object {
  if (!answer) return { service, instance, state: 'down', seq: 0, lag: head, dead_letters: 0 };
  return Object.fromEntries(Object.entries(answer).filter(([name]) => !ELSEWHERE.includes(name)));
}

/** `open` is null if a service does not answer, or if there are more than the search reads. */
async function deadLettersOf(
  nc: NatsConnection,
  found: readonly InstanceStatus<SystemStatus>[][],
  most: number,
): Promise<{ count: number; open: number | null }> {
  const counts = found.map(([first]) => first?.answer?.dead_letters);
  const count = counts.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  if (counts.includes(undefined)) return { count, open: null };
  if (count === 0) return { count, open: 0 };
  const { found: open, complete } = await findDeadLetters(nc, { most }).catch(() => ({ found: [], complete: false }));
  return { count, open: complete ? open.length : null };
}

/** Of the replica that writes the rankings; without one, of the replica with the most to do. */
function rankingsOf(answers: readonly SystemStatus[]): object | null {
  const all = answers.flatMap(({ rankings }) => rankings ?? []);
  const writer = all.find(({ written_here }) => written_here) ?? all.sort((a, b) => b.users - a.users)[0];
  return writer ? { users: writer.users, items: writer.items, oldest_s: writer.oldestSeconds } : null;
}

async function snapshotOf(
  log: Log,
  { snapshot, seq }: NonNullable<SystemStatus['model']>,
  head: number,
): Promise<object | null> {
  if (snapshot === null || seq === null) return null;
  const message = await log.at(streamSeq(seq));
  const age = message ? Math.max(0, Math.round((Date.now() - message.timestamp) / 1000)) : null;
  return { id: snapshot, seq, age_s: age, behind: head - seq };
}

const modelOf = ({ config, backend, users, items, events, warnings }: NonNullable<SystemStatus['model']>): object => ({
  config,
  backend,
  users,
  items,
  events,
  warnings,
});

/** Of all instances, since each carries out the erasures that it accepted. Null if none answers. */
function erasuresOf(answers: readonly SystemStatus[]): OpenErasures | null {
  const all = answers.flatMap(({ erasures }) => erasures ?? []);
  if (all.length === 0) return null;
  const [next_deadline = null] = all.flatMap((one) => one.next_deadline ?? []).sort();
  const sum = (of: (one: OpenErasures) => number): number => all.reduce((so, one) => so + of(one), 0);
  return { open: sum(({ open }) => open), overdue: sum(({ overdue }) => overdue), next_deadline };
}
