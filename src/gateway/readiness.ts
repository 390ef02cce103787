/** Whether a request would be served: NATS and each service, asked by the same door as requests. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import type { ServiceStatus } from '../bus/service/description.ts';
import type { Link } from './link.ts';

export interface Waiting {
  service: ServiceName | 'nats' | 'gateway';
  /** As the service says, or `down` where nobody answers. */
  state: string;
  detail?: string;
}

export interface ReadyAnswer {
  ready: boolean;
  waiting: Waiting[];
}

export interface ReadinessOptions {
  link: Link;
  timeoutMs: number;
  /** Milliseconds that an answer stands, so that probes don't multiply. */
  cacheMs: number;
}

export function createReadiness({ link, timeoutMs, cacheMs }: ReadinessOptions): () => Promise<ReadyAnswer> {
  let asked = Number.NEGATIVE_INFINITY;
  let answer: Promise<ReadyAnswer> | undefined;

  async function stateOf(nc: NatsConnection, service: ServiceName): Promise<Waiting> {
    try {
      const { state, trouble } = await link.whileConnected(
        call<ServiceStatus>(nc, `freshet.${service}.status`, {}, { timeoutMs }),
      );
      const message = (trouble as { message?: string } | undefined)?.message;
      return { service, state, ...(message === undefined ? {} : { detail: message }) };
    } catch {
      return { service, state: 'down' };
    }
  }

  async function ask(): Promise<ReadyAnswer> {
    const trouble = link.trouble();
    if (trouble !== undefined) return { ready: false, waiting: [{ service: 'nats', state: 'down', detail: trouble }] };
    const { nc } = link.bus();
    const states = await Promise.all(SERVICES.map((service) => stateOf(nc, service)));
    const lost = link.trouble();
    if (lost !== undefined) return { ready: false, waiting: [{ service: 'nats', state: 'down', detail: lost }] };
    const waiting = states.filter(({ state }) => state !== 'ready');
    return { ready: waiting.length === 0, waiting };
  }

  return () => {
    // What NATS's absence looks like is known at once, and never from the cache.
    if (answer && link.trouble() === undefined && performance.now() - asked < cacheMs) return answer;
    asked = performance.now();
    answer = ask();
    return answer;
  };
}
