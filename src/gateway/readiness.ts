/** Whether the gateway can serve requests: it requests the status of each service over the same link as requests. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import { repeated } from '../bus/nats/repeated.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import type { StatusAnswer } from '../bus/service/statuses.ts';
import { isBlocking, type MissingStream, missingStreams } from '../bus/streams/missing.ts';
import type { Link } from './link.ts';

export interface Waiting {
  service: ServiceName | 'nats' | 'gateway';
  /** The state that the service reports, or `down` if it does not answer. */
  state: string;
  detail?: string;
}

export interface ReadyAnswer {
  ready: boolean;
  waiting: Waiting[];
  /** What somebody has deleted in JetStream. Without what no service makes again the system is not ready. */
  missing: MissingStream[];
}

export interface ReadinessOptions {
  link: Link;
  timeoutMs: number;
  /** Milliseconds that the gateway caches an answer, so that probes do not multiply. */
  cacheMs: number;
}

/** The state of a service by its status; undefined: it does not answer. */
export function stateIn(service: ServiceName, status: StatusAnswer | undefined): Waiting {
  if (!status) return { service, state: 'down' };
  const { state, trouble } = status;
  return { service, state, ...(trouble === undefined ? {} : { detail: trouble.message }) };
}

export function createReadiness({ link, timeoutMs, cacheMs }: ReadinessOptions): () => Promise<ReadyAnswer> {
  const stateOf = async (nc: NatsConnection, service: ServiceName): Promise<Waiting> =>
    stateIn(
      service,
      await link
        .whileConnected(call<StatusAnswer>(nc, `freshet.${service}.status`, {}, { timeoutMs }))
        .catch(() => undefined),
    );

  /** Undefined: JetStream does not answer. */
  const missingIn = (nc: NatsConnection): Promise<MissingStream[] | undefined> =>
    link
      .whileConnected(nc.jetstreamManager({ checkAPI: false, timeout: timeoutMs }).then((jsm) => missingStreams(jsm)))
      .catch(() => undefined);
  const down = (detail: string): ReadyAnswer => ({
    ready: false,
    waiting: [{ service: 'nats', state: 'down', detail }],
    missing: [],
  });

  async function readStates(): Promise<ReadyAnswer> {
    const trouble = link.trouble();
    if (trouble !== undefined) return down(trouble);
    const { nc } = link.bus();
    const [missing, ...states] = await Promise.all([missingIn(nc), ...SERVICES.map((service) => stateOf(nc, service))]);
    const lost = link.trouble();
    if (lost !== undefined) return down(lost);
    const waiting = states.filter(({ state }) => state !== 'ready');
    if (missing === undefined) waiting.push({ service: 'nats', state: 'down', detail: 'JetStream does not answer' });
    const gone = missing ?? [];
    return { ready: waiting.length === 0 && !gone.some(isBlocking), waiting, missing: gone };
  }

  const cached = repeated(readStates, cacheMs);
  // The link knows at once that the connection is lost, so that answer never comes from the cache.
  return () => (link.trouble() === undefined ? cached() : readStates());
}
