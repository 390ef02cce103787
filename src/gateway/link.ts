/**
 * The gateway's connection to NATS. The link connects in the background, and again whenever the connection is lost, so
 * that the gateway answers requests with an error while nats-server is away.
 */

import { Events, type NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { EventCodec } from '../bus/event/codec.ts';
import { createEventPublisher, type EventPublisher } from '../bus/log/event-publisher.ts';
import { createJetStreamLog } from '../bus/log/jetstream.ts';
import type { Log } from '../bus/log/port.ts';
import type { NatsAccess } from '../bus/nats/access.ts';
import { connect } from '../bus/nats/connection.ts';
import { createPublisher, type Publisher, type PublisherOptions } from '../bus/nats/publisher.ts';
import { createTimeLimit } from '../bus/nats/time-limit.ts';
import { prepareServer } from '../bus/streams/prepare.ts';
import { FreshetError, messageOf, NatsUnreachableError } from '../errors.ts';

/** The trouble of a link that has not failed yet. */
export const CONNECTING = 'the gateway is connecting';

export interface LinkOptions {
  url: string;
  access: NatsAccess;
  logger: Logger;
  publisher: PublisherOptions;
  codec: EventCodec;
  /** Duplicates that the gateway compares with the log at the same time. */
  compareWindow: number;
  /** First and longest pause between attempts, milliseconds. */
  backoffMinMs: number;
  backoffMaxMs: number;
  onState?: (connected: boolean) => void;
}

/** The connection, and what uses it. */
export interface Bus {
  nc: NatsConnection;
  publisher: Publisher;
  /** For events of callers: tells duplicates from re-used identities. */
  events: EventPublisher;
  log: Log;
}

export interface Link {
  /** Throws `NatsUnreachableError` while the gateway is not connected. */
  bus(): Bus;
  /** Why the gateway is not connected; undefined while it is. */
  trouble(): string | undefined;
  /** Resolves with the result of `work`, or throws `NatsUnreachableError` as soon as the connection is lost. For reads. */
  whileConnected<T>(work: Promise<T>): Promise<T>;
  /** Sends what is on the way, then closes the connection; after `withinMs` milliseconds in any case. */
  close(withinMs: number): Promise<void>;
}

export function createLink(options: LinkOptions): Link {
  const {
    url,
    access,
    logger,
    publisher: publisherOptions,
    codec,
    compareWindow,
    backoffMinMs,
    backoffMaxMs,
    onState,
  } = options;
  let bus: Bus | undefined;
  let connected = false;
  let closing = false;
  let trouble: string = CONNECTING;
  let wake: () => void = () => undefined;
  const interrupts = new Set<(err: unknown) => void>();

  const unreachable = (): NatsUnreachableError =>
    new NatsUnreachableError(`The gateway cannot reach the log: ${trouble}.`, { next: 'freshet status' });

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
        else await adopt(nc);
        return;
      } catch (err) {
        if (closing) return;
        trouble = err instanceof FreshetError ? messageOf(err).replace(/\.$/, '') : 'the server is not ready';
        // Once, not at every attempt.
        if (pause === backoffMinMs) logger.warn({ err }, 'The gateway can not connect to NATS yet and tries again.');
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
    const nc = await connect({ url, name: 'freshet-gateway', timeoutMs: 2_000, access });
    try {
      // The log must take events before the first service has started.
      if (!closing) await prepareServer(nc, logger, 'gateway');
      return nc;
    } catch (err) {
      await nc.close();
      throw err;
    }
  }

  async function adopt(nc: NatsConnection): Promise<void> {
    const publisher = createPublisher(nc, publisherOptions);
    const log = await createJetStreamLog({ nc, publisher });
    const { retries = 0 } = publisherOptions;
    bus = { nc, publisher, log, events: createEventPublisher({ publisher, log, codec, compareWindow, retries }) };
    setConnected(true);
    logger.info({ server: nc.info?.version }, 'The gateway is connected to NATS.');
    void follow(nc);
  }

  async function follow(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === Events.Disconnect) {
        setConnected(false, 'the connection was lost');
        if (!closing) logger.warn('The gateway lost its connection to NATS.');
      }
      if (type === Events.Reconnect) {
        setConnected(true);
        logger.info('The gateway is connected to NATS again.');
      }
    }
    const err = await nc.closed();
    setConnected(false, 'the connection was closed');
    if (closing) return;
    // The client gives up if the server keeps refusing its credentials; the gateway does not.
    logger.warn({ err }, 'The NATS client closed its connection; the gateway makes a new one.');
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
      await limit.race(
        orderly().catch((err: unknown) =>
          logger.warn({ err }, 'The gateway could not close its connection to NATS in order.'),
        ),
      );
      limit.end();
      // Events that the log has not acknowledged by now have an unknown outcome, which the publisher's caller can then log.
      await bus?.publisher.close(0);
      await bus?.nc.close();
    },
  };
}
