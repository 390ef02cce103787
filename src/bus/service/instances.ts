/** The progress of every instance of a service, because a request to a service reaches one instance only. */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { onceMade } from '../nats/once-made.ts';
import type { ServiceName } from '../projection/definition.ts';

/** The progress of one instance, in its answer to `nats micro stats`. */
export interface InstanceProgress {
  instance: string;
  /** Position that it answers from. */
  seq: number;
  rebuild_due: boolean;
  /** Whether events of a forgotten user are left. An older release does not say. */
  erasing?: boolean;
  /** Whether the instance's files may still hold bytes of removed rows. An older release does not say. */
  traces_due?: boolean;
  /** Engine only: whether the engine must train an input anew. */
  training_due?: boolean;
}

export interface Found {
  /** The answers; empty if no instance answers. */
  answers: InstanceProgress[];
  /**
   * Names of the instances that have a consumer of the log and do not answer. Until their next start their disks hold the
   * data that they held.
   */
  silent: string[];
}

export interface Instances {
  of(service: ServiceName): Promise<Found>;
}

/** Milliseconds after which the list of instances is requested anew. */
const KNOWN_MS = 2_000;
/** Milliseconds that a known instance has to answer. */
const ANSWER_MS = 2_000;

/** The shadow of the engine: no instance of it, but a process that keeps what it has read. */
export const SHADOW = { service: 'engine', role: 'shadow', consumer: 'engine-shadow' } as const;

interface Stats {
  id: string;
  endpoints?: { name: string; data?: InstanceProgress | null }[];
}

export function createInstances(nc: NatsConnection): Instances {
  const known = new Map<string, { ids: readonly string[]; at: number }>();
  let readers: { names: readonly string[]; at: number } | undefined;
  const manager = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  async function idsOf(service: string): Promise<readonly string[]> {
    const before = known.get(service);
    if (before && before.ids.length > 0 && performance.now() - before.at < KNOWN_MS) return before.ids;
    const ids: string[] = [];
    for await (const { id } of await nc.services.client().ping(`freshet-${service}`)) ids.push(id);
    known.set(service, { ids, at: performance.now() });
    return ids;
  }

  /** Names of all consumers of the log. */
  async function readerNames(): Promise<readonly string[]> {
    if (readers && performance.now() - readers.at < KNOWN_MS) return readers.names;
    const { consumers } = await manager();
    const names: string[] = [];
    for await (const { name } of consumers.list(EVENTS.name)) names.push(name);
    readers = { names, at: performance.now() };
    return names;
  }

  /** What all instances of a service answer, and a shadow, which has read the log as they have. */
  async function answersOf(service: ServiceName, names: readonly string[]): Promise<InstanceProgress[]> {
    const own = await Promise.all((await idsOf(service)).map((id) => ask(service, id)));
    const shadow = names.includes(SHADOW.consumer) && service === SHADOW.service ? await shadowAnswers() : [];
    return [...own, ...shadow].filter((one) => one !== undefined);
  }

  /** Empty if no shadow answers: the service that it belongs to must not count as down, too. */
  async function shadowAnswers(): Promise<(InstanceProgress | undefined)[]> {
    try {
      return await Promise.all((await idsOf(SHADOW.role)).map((id) => ask(SHADOW.role, id)));
    } catch {
      known.delete(SHADOW.role);
      return [];
    }
  }

  async function ask(service: string, id: string): Promise<InstanceProgress | undefined> {
    const answer = await nc.request(`$SRV.STATS.freshet-${service}.${id}`, '', { timeout: ANSWER_MS });
    const { endpoints = [] } = answer.json<Stats>();
    return endpoints.find(({ name }) => name === 'status')?.data ?? undefined;
  }

  return {
    of: async (service) => {
      try {
        const names = await readerNames();
        const answers = await answersOf(service, names);
        const heard = new Set(answers.map(({ instance }) => instance));
        return {
          answers,
          silent: names.flatMap((name) => instanceOf(name, service) ?? []).filter((i) => !heard.has(i)),
        };
      } catch {
        // An instance ended meanwhile; the next poll finds the others.
        known.delete(service);
        return { answers: [], silent: [] };
      }
    },
  };
}

/** The instance that owns a consumer: `engine-projection-2` belongs to `engine-2`, `engine-shadow` to the shadow. */
export function instanceOf(consumer: string, service: ServiceName): string | undefined {
  if (consumer === SHADOW.consumer) return service === SHADOW.service ? consumer : undefined;
  const reader = `${service}-projection`;
  if (consumer === reader) return service;
  const replica = consumer.startsWith(`${reader}-`) ? consumer.slice(reader.length + 1) : '';
  return /^\d+$/.test(replica) ? `${service}-${replica}` : undefined;
}
