/**
 * Holds the projection runtime that answers. A cut-over, or a failure of the state in memory, replaces it by another one.
 * Requests that arrive meanwhile wait for some milliseconds.
 */
import type { Logger } from 'pino';
import type { Endpoint } from '../nats/micro.ts';
import type { ProjectionRuntime } from './runtime.ts';

export interface RuntimeSlotOptions {
  /** Opens the projection and makes its runtime, which the slot starts. */
  begin: () => Promise<ProjectionRuntime>;
  logger: Logger;
  /** First and longest pause before the service builds failed state again, milliseconds. */
  backoffMinMs: number;
  backoffMaxMs: number;
}

export interface RuntimeSlot {
  /** The runtime that answers, or is about to be replaced. */
  current(): ProjectionRuntime;
  /** The same, once no replacement is under way. */
  settled(): Promise<ProjectionRuntime>;
  /** Whether requests wait for a replacement. */
  replacing(): boolean;
  /** Stops the runtime's loop, and lets requests wait until {@link proceed}. */
  pause(): Promise<void>;
  /** Closes the runtime, lets `change` replace its file, and begins again; requests go on. */
  proceed(change?: () => void): Promise<void>;
  /** Replaces the runtime after a pause, because the state follower has failed. The new one starts from the newest snapshot. */
  restart(): void;
  /** The endpoint of this name. It calls the runtime that answers at that time. */
  endpoint(name: string): Endpoint;
  start(): void;
  /** Waits for the current replacement, then stops the runtime; its file stays open. */
  stop(): Promise<void>;
}

export async function createRuntimeSlot(options: RuntimeSlotOptions): Promise<RuntimeSlot> {
  const { begin, logger, backoffMinMs, backoffMaxMs } = options;
  let current = await begin();
  let replacement: Promise<void> | undefined;
  let release: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let pauseMs = backoffMinMs;
  /** Position at which the state failed last. */
  let failedAt = -1;

  async function hold(): Promise<void> {
    while (replacement) await replacement;
    replacement = new Promise((resolve) => {
      release = () => {
        replacement = undefined;
        resolve();
      };
    });
  }

  const stopCurrent = (): Promise<void> =>
    current.stop().catch((err: unknown) => logger.error({ err }, 'a part of the service failed to stop'));

  async function proceed(change: () => void = () => {}): Promise<void> {
    try {
      current.store.close();
      change();
      current = await begin();
      current.start();
    } catch (err) {
      // This process has no projection to answer from. The next one opens the file that is whole.
      logger.fatal({ err }, 'the service could not open the projection again and ends');
      process.exit(70);
    } finally {
      release();
    }
  }

  function restart(): void {
    const at = current.loop.position();
    // Only a failure at the same position again makes the pause longer.
    pauseMs = at > failedAt ? backoffMinMs : Math.min(2 * pauseMs, backoffMaxMs);
    failedAt = at;
    const failed = current;
    logger.error(
      { seq: at, pause_ms: pauseMs },
      'the service builds the state in memory again from a snapshot and the log after a pause',
    );
    clearTimeout(timer);
    timer = setTimeout(() => {
      void (async () => {
        await hold();
        // The service has cut over meanwhile, or stops.
        if (stopped || failed !== current) return release();
        await stopCurrent();
        await proceed();
      })();
    }, pauseMs);
  }

  return {
    current: () => current,
    settled: async () => {
      await replacement;
      return current;
    },
    replacing: () => replacement !== undefined,
    pause: async () => {
      await hold();
      await stopCurrent();
    },
    proceed,
    restart,
    endpoint: (name) => ({
      ...(current.endpoints[name] as Endpoint),
      handle: async (request) => {
        await replacement;
        const asked = current;
        try {
          return await (asked.endpoints[name] as Endpoint).handle(request);
        } catch (err) {
          await replacement;
          // The request waited for a position when another runtime replaced this one.
          if (asked === current) throw err;
          return (current.endpoints[name] as Endpoint).handle(request);
        }
      },
    }),
    start: () => current.start(),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await replacement;
      await current.stop();
    },
  };
}
