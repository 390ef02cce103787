/** How far every instance of a service is, replicas included: a request to a service reaches one of them only. */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { onceMade } from '../nats/once-made.ts';
import type { ServiceName } from '../projection/definition.ts';

/** What an instance says where all are asked. */
export interface InstanceProgress {
  instance: string;
  /** Position that it answers from. */
  seq: number;
  rebuild_due: boolean;
  /** Only of the engine: whether something that was trained has yet to be trained anew. */
  training_due?: boolean;
}

export interface Found {
  /** What those say that answer; empty where none does. */
  answers: InstanceProgress[];
  /**
   * Names of those that don't, and have read the log: their consumers are there. They fold what they missed at their
   * next start, and hold on their disk until then what they held.
   */
  silent: string[];
}

export interface Instances {
  of(service: ServiceName): Promise<Found>;
}

/** Milliseconds after which it is asked anew who there is. */
const KNOWN_MS = 2_000;
/** Milliseconds that a known instance has to answer. */
const ANSWER_MS = 2_000;

interface Stats {
  id: string;
  endpoints?: { name: string; data?: InstanceProgress | null }[];
}

export function createInstances(nc: NatsConnection): Instances {
  const known = new Map<ServiceName, { ids: readonly string[]; at: number }>();
  let readers: { names: readonly string[]; at: number } | undefined;
  const manager = onceMade(() => nc.jetstreamManager({ checkAPI: false }));

  async function idsOf(service: ServiceName): Promise<readonly string[]> {
    const before = known.get(service);
    if (before && before.ids.length > 0 && performance.now() - before.at < KNOWN_MS) return before.ids;
    const ids: string[] = [];
    for await (const { id } of await nc.services.client().ping(`freshet-${service}`)) ids.push(id);
    known.set(service, { ids, at: performance.now() });
    return ids;
  }

  /** Names of the log's consumers, those of other kinds included. */
  async function readerNames(): Promise<readonly string[]> {
    if (readers && performance.now() - readers.at < KNOWN_MS) return readers.names;
    const { consumers } = await manager();
    const names: string[] = [];
    for await (const { name } of consumers.list(EVENTS.name)) names.push(name);
    readers = { names, at: performance.now() };
    return names;
  }

  async function ask(service: ServiceName, id: string): Promise<InstanceProgress | undefined> {
    const answer = await nc.request(`$SRV.STATS.freshet-${service}.${id}`, '', { timeout: ANSWER_MS });
    const { endpoints = [] } = answer.json<Stats>();
    return endpoints.find(({ name }) => name === 'status')?.data ?? undefined;
  }

  return {
    of: async (service) => {
      try {
        const names = await readerNames();
        const all = await Promise.all((await idsOf(service)).map((id) => ask(service, id)));
        const answers = all.filter((one) => one !== undefined);
        const heard = new Set(answers.map(({ instance }) => instance));
        return {
          answers,
          silent: names.flatMap((name) => instanceOf(name, service) ?? []).filter((i) => !heard.has(i)),
        };
      } catch {
        // One of them ended meanwhile; the next look finds who is there.
        known.delete(service);
        return { answers: [], silent: [] };
      }
    },
  };
}

/** The instance whose reader has this name: `engine-projection-2` is that of `engine-2`. */
function instanceOf(consumer: string, service: ServiceName): string | undefined {
  const reader = `${service}-projection`;
  if (consumer === reader) return service;
  const replica = consumer.startsWith(`${reader}-`) ? consumer.slice(reader.length + 1) : '';
  return /^\d+$/.test(replica) ? `${service}-${replica}` : undefined;
}
