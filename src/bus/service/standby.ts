/**
 * When an instance begins to take its share of the requests. They go to all instances of a service by turns, and one
 * that still reads the log would answer from long ago; so while another one answers it stays aside until it is ready.
 */
import { ErrorCode, type NatsConnection, NatsError, RequestStrategy } from 'nats';
import { withTimeLimit } from '../nats/time-limit.ts';

/** Milliseconds that instances have to say what they answer. */
const SAY_MS = 2_000;
/** Milliseconds between two looks. */
const LOOK_MS = 1_000;

/**
 * Whether an instance other than this one takes requests. Throws where that can't be told, as without a connection.
 */
export async function othersAnswer(
  nc: NatsConnection,
  { name, prefix, instance }: { name: string; prefix: string; instance: string },
): Promise<boolean> {
  try {
    return await withTimeLimit(
      looked(),
      2 * SAY_MS,
      `The instances of ${name} did not answer within ${2 * SAY_MS} ms.`,
    );
  } catch (err) {
    if (err instanceof NatsError && err.code === ErrorCode.NoResponders) return false;
    throw err;
  }

  async function looked(): Promise<boolean> {
    const client = nc.services.client({ strategy: RequestStrategy.JitterTimer, maxWait: SAY_MS });
    for await (const { metadata, endpoints } of await client.info(name)) {
      if (metadata?.instance === instance) continue;
      if (endpoints.some(({ subject }) => subject === `${prefix}.status`)) return true;
    }
    return false;
  }
}

export interface Standby {
  start(): void;
  stop(): Promise<void>;
}

export interface StandbyOptions {
  /** Whether this instance answers as of now. */
  ready: () => boolean;
  othersAnswer: () => Promise<boolean>;
  join: () => void;
  lookMs?: number;
}

/** Joins once this instance is ready, or nobody else is left who answers. */
export function createStandby({ ready, othersAnswer: others, join, lookMs = LOOK_MS }: StandbyOptions): Standby {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let looking: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    // Whom nothing can be heard of, as without a connection, may be there or not: the next look tells.
    const alone = !ready() && !(await others().catch(() => true));
    if (stopped) return;
    if (ready() || alone) join();
    else timer = setTimeout(start, lookMs);
  }
  const start = (): void => {
    looking = look();
  };

  return {
    start,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
