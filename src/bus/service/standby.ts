/**
 * When an instance begins to take its share of the requests. The server gives requests to all instances of a service in
 * turn, and an instance that still reads the log would answer from an old state. So an instance stays on standby while
 * another one answers, until it is ready.
 */
import { ErrorCode, type NatsConnection, NatsError, RequestStrategy } from 'nats';
import { createPoller } from '../nats/poller.ts';
import { withTimeLimit } from '../nats/time-limit.ts';

/** Milliseconds that instances have to describe themselves. */
const ANSWER_MS = 2_000;
/** Milliseconds between two polls. */
const POLL_MS = 1_000;

/** Whether an instance other than this one takes requests. Throws if the instances cannot answer, as without a connection. */
export async function othersAnswer(
  nc: NatsConnection,
  { name, prefix, instance }: { name: string; prefix: string; instance: string },
): Promise<boolean> {
  async function askAll(): Promise<boolean> {
    const client = nc.services.client({ strategy: RequestStrategy.JitterTimer, maxWait: ANSWER_MS });
    for await (const { metadata, endpoints } of await client.info(name)) {
      if (metadata?.instance === instance) continue;
      if (endpoints.some(({ subject }) => subject === `${prefix}.status`)) return true;
    }
    return false;
  }
  const limitMs = 2 * ANSWER_MS;
  try {
    return await withTimeLimit(askAll(), limitMs, `The instances of ${name} did not answer within ${limitMs} ms.`);
  } catch (err) {
    if (err instanceof NatsError && err.code === ErrorCode.NoResponders) return false;
    throw err;
  }
}

export interface Standby {
  start(): void;
  stop(): Promise<void>;
}

export interface StandbyOptions {
  /** Whether this instance is ready now. */
  ready: () => boolean;
  othersAnswer: () => Promise<boolean>;
  /** Begins to take requests. */
  activate: () => void;
  pollMs?: number;
}

/** Activates this instance once it is ready, or once no other instance answers. */
export function createStandby({ ready, othersAnswer: others, activate, pollMs = POLL_MS }: StandbyOptions): Standby {
  const poller = createPoller({
    everyMs: pollMs,
    run: async () => {
      // Without a connection the other instances may run or not; a later poll finds out.
      const alone = !ready() && !(await others().catch(() => true));
      if (poller.stopped || !(ready() || alone)) return;
      void poller.stop();
      activate();
    },
  });
  return {
    start: () => {
      poller.start();
      void poller.poll();
    },
    stop: poller.stop,
  };
}
