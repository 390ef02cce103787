/** How far every instance of a service is, replicas included: a request to a service reaches one of them only. */
import type { NatsConnection } from 'nats';
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

export interface Instances {
  /** Of all that answer; empty where none does. One that is down folds what it missed at its next start. */
  of(service: ServiceName): Promise<InstanceProgress[]>;
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

  async function idsOf(service: ServiceName): Promise<readonly string[]> {
    const before = known.get(service);
    if (before && before.ids.length > 0 && performance.now() - before.at < KNOWN_MS) return before.ids;
    const ids: string[] = [];
    for await (const { id } of await nc.services.client().ping(`freshet-${service}`)) ids.push(id);
    known.set(service, { ids, at: performance.now() });
    return ids;
  }

  async function ask(service: ServiceName, id: string): Promise<InstanceProgress | undefined> {
    const answer = await nc.request(`$SRV.STATS.freshet-${service}.${id}`, '', { timeout: ANSWER_MS });
    const { endpoints = [] } = answer.json<Stats>();
    return endpoints.find(({ name }) => name === 'status')?.data ?? undefined;
  }

  return {
    of: async (service) => {
      try {
        const said = await Promise.all((await idsOf(service)).map((id) => ask(service, id)));
        return said.filter((one) => one !== undefined);
      } catch {
        // One of them ended meanwhile; the next look finds who is there.
        known.delete(service);
        return [];
      }
    },
  };
}
