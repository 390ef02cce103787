/**
 * The gateway's way to NATS. It is made in the background and made again for as long as the gateway runs, so that the
 * door is open (and says what is wrong) while the server is away.
 */

import { Events, type NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { connect } from '../bus/nats/connection.ts';
import { createPublisher, type Publisher, type PublisherOptions } from '../bus/nats/publisher.ts';
import { createTimeLimit } from '../bus/nats/time-limit.ts';
import { prepareServer } from '../bus/streams/prepare.ts';
import { FreshetError, messageOf, NatsUnreachableError } from '../errors.ts';

export interface LinkOptions {
  url: string;
  logger: Logger;
  publisher: PublisherOptions;
  /** First and longest pause between attempts, milliseconds. */
  backoffMinMs: number;
  backoffMaxMs: number;
  onState?: (connected: boolean) => void;
}

/** What stands while there is a connection. */
export interface Bus {
  nc: NatsConnection;
  publisher: Publisher;
}

export interface Link {
  /** Throws `NatsUnreachableError` while the server is away. */
  bus(): Bus;
  /** Why there is no connection; undefined while there is one. */
  trouble(): string | undefined;
  /** Passes on what `work` comes to, or throws `NatsUnreachableError` as soon as the connection is lost. For reads. */
  whileConnected<T>(work: Promise<T>): Promise<T>;
  /** Lets go of the server within so many milliseconds, after what is on the way. */
  close(withinMs: number): Promise<void>;
}

export function createLink(options: LinkOptions): Link {
  const { url, logger, publisher: publisherOptions, backoffMinMs, backoffMaxMs, onState } = options;
  let bus: Bus | undefined;
  let connected = false;
  let closing = false;
  let trouble: string = 'the connection is being made';
  let wake: () => void = () => undefined;
  const interrupts = new Set<(err: unknown) => void>();

  const unreachable = (): NatsUnreachableError =>
    new NatsUnreachableError(`The log can't be reached: ${trouble}.`, { next: 'freshet status' });

  function setConnected(is: boolean, why = ''): void {
    if (!is) trouble = why;
    if (connected === is) return;
    connected = is;
    onState?.(is);
    if (is) return;
    const waiting = [...interrupts];
    interrupts.clear();
    for (const interrupt of waiting) interrupt(unreachable());
  }

  async function establish(): Promise<void> {
    let pause = backoffMinMs;
    while (!closing) {
      try {
        const nc = await open();
        if (closing) await nc.close();
        else adopt(nc);
        return;
      } catch (err) {
        if (closing) return;
        trouble = err instanceof FreshetError ? messageOf(err).replace(/\.$/, '') : 'the server is not ready';
        // Once, not at every attempt.
        if (pause === backoffMinMs) logger.warn({ err }, 'no way to NATS yet; it is tried again');
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      pause = Math.min(pause * 2, backoffMaxMs);
    }
  }

  async function open(): Promise<NatsConnection> {
    const nc = await connect({ url, name: 'freshet-gateway', timeoutMs: 2_000 });
    try {
      // The log takes events before any service has come up.
      if (!closing) await prepareServer(nc, logger);
      return nc;
    } catch (err) {
      await nc.close();
      throw err;
    }
  }

  function adopt(nc: NatsConnection): void {
    bus = { nc, publisher: createPublisher(nc, publisherOptions) };
    setConnected(true);
    logger.info({ server: nc.info?.version }, 'connected to NATS');
    void follow(nc);
  }

  async function follow(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === Events.Disconnect) {
        setConnected(false, 'the connection was lost');
        if (!closing) logger.warn('connection to NATS lost');
      }
      if (type === Events.Reconnect) {
        setConnected(true);
        logger.info('connection to NATS is back');
      }
    }
    const err = await nc.closed();
    setConnected(false, 'the connection was closed');
    if (closing) return;
    // The client gives up where the server refuses its credentials again and again; the gateway doesn't.
    logger.warn({ err }, 'connection to NATS closed');
    void bus?.publisher.close();
    bus = undefined;
    await establish();
  }

  const established = establish();
  return {
    bus: () => {
      if (!bus || !connected) throw unreachable();
      return bus;
    },
    trouble: () => (connected ? undefined : trouble),
    whileConnected: (work) =>
      new Promise((resolve, reject) => {
        interrupts.add(reject);
        work.then(resolve, reject).finally(() => interrupts.delete(reject));
      }),
    close: async (withinMs) => {
      closing = true;
      wake();
      const limit = createTimeLimit(withinMs);
      const orderly = async (): Promise<void> => {
        await established;
        if (!bus) return;
        if (connected) {
          await bus.publisher.close();
          if (!bus.nc.isClosed()) await bus.nc.drain();
        } else void bus.publisher.close();
      };
      await limit.race(orderly().catch((err: unknown) => logger.warn({ err }, 'NATS was not left in order')));
      limit.end();
      // What the log has not acknowledged by now has an unknown outcome, which its publisher's caller can then log.
      await bus?.publisher.close(0);
      await bus?.nc.close();
    },
  };
}
