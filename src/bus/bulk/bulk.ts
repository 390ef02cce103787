/**
 * Bulk publishing: checks events, requests from a service which of them the log holds already (the server itself knows that
 * within its window only), and publishes the rest through the window.
 */

import type { NatsConnection } from 'nats';
import { type EventProblem, messageOf, ServiceUnavailableError } from '../../errors.ts';
import type { EventCodec, PreparedEvent } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { Log } from '../log/port.ts';
import { call } from '../nats/micro.ts';
import { pollUntil } from '../nats/poll-until.ts';
import type { Publisher } from '../nats/publisher.ts';
import { SERVICES, type ServiceName } from '../projection/definition.ts';
import { KNOWN_MAX } from '../service/endpoints.ts';

export interface BulkOptions {
  nc: NatsConnection;
  log: Log;
  codec: EventCodec;
  publisher: Publisher;
  /** Milliseconds that a service has to catch up with the log, before the publisher uses its index. */
  catchUpMs?: number;
  /** Why the publisher must leave out a valid event; undefined: it publishes it. */
  refuses?: (event: unknown) => EventProblem | undefined;
  /** Gets each refused event's position in its batch, and the problem. */
  onRejected?: (index: number, problem: EventProblem) => void;
}

export interface BulkResult {
  published: number;
  duplicates: number;
  rejected: number;
}

export interface Bulk {
  /** Publishes a batch; resolves when all of it is acknowledged. Events are published in order. */
  publish(events: readonly unknown[]): Promise<BulkResult>;
}

/** Throws `ServiceUnavailableError` if the log holds events and no service knows all of them. */
export async function createBulk({
  nc,
  log,
  codec,
  publisher,
  catchUpMs = 60_000,
  refuses,
  onRejected,
}: BulkOptions): Promise<Bulk> {
  const { lastSeq } = await log.info();
  // An empty log needs no index.
  let index = lastSeq === 0 ? undefined : await findIndex(nc, lastSeq, catchUpMs);

  async function unknownOnes(prepared: PreparedEvent[]): Promise<PreparedEvent[]> {
    if (!index) return prepared;
    const fresh: PreparedEvent[] = [];
    for (let start = 0; start < prepared.length; start += KNOWN_MAX) {
      const part = prepared.slice(start, start + KNOWN_MAX);
      const known = await askIndex(part.map(({ identity }) => identity));
      part.forEach((event, i) => {
        if (known[i] === null || known[i] === undefined) fresh.push(event);
      });
    }
    return fresh;
  }

  /** Waits for a service that restarts, or uses another one. */
  async function askIndex(identities: string[]): Promise<(number | null)[]> {
    const deadline = performance.now() + catchUpMs;
    for (;;) {
      try {
        return (await call<{ known: (number | null)[] }>(nc, `freshet.${index}.known`, { identities })).known;
      } catch (err) {
        if (!(err instanceof ServiceUnavailableError) || performance.now() > deadline) throw err;
        index = await findIndex(nc, lastSeq, Math.max(0, deadline - performance.now()));
      }
    }
  }

  return {
    publish: async (events) => {
      const result: BulkResult = { published: 0, duplicates: 0, rejected: 0 };
      const prepared: PreparedEvent[] = [];
      events.forEach((event, i) => {
        const refused = refuses?.(event);
        const outcome = refused ? { ok: false as const, problem: refused } : codec.prepare(event);
        if (outcome.ok) prepared.push(outcome.prepared);
        else {
          result.rejected++;
          onRejected?.(i, outcome.problem);
        }
      });
      const fresh = await unknownOnes(prepared);
      result.duplicates += prepared.length - fresh.length;
      // The first failure stops the rest of the batch. The loop handles the outcome of every message.
      let failure: { reason: unknown } | undefined;
      const acks: Promise<void>[] = [];
      for (const { subject, identity, payload } of fresh) {
        await publisher.ready();
        if (failure) break;
        acks.push(
          publisher.publish({ subject, identity, payload }).then(
            ({ duplicate }) => {
              if (duplicate) result.duplicates++;
              else result.published++;
            },
            (reason: unknown) => {
              failure ??= { reason };
            },
          ),
        );
      }
      await Promise.all(acks);
      if (failure) throw failure.reason;
      return result;
    },
  };
}

/** A service that has folded the log up to `seq`, and so knows every identity up to there. */
async function findIndex(nc: NatsConnection, seq: StreamSeq, withinMs: number): Promise<ServiceName> {
  const deadline = performance.now() + withinMs;
  let reason = 'no service answers';
  return pollUntil(100, async () => {
    for (const service of SERVICES) {
      try {
        const status = await call<{ seq: number }>(nc, `freshet.${service}.status`, {}, { timeoutMs: 1_000 });
        if (status.seq >= seq) return service;
        reason = `${service} has folded sequence ${status.seq} of ${seq}`;
      } catch (err) {
        if (!(err instanceof ServiceUnavailableError)) reason = messageOf(err);
      }
    }
    if (performance.now() > deadline)
      throw new ServiceUnavailableError(`No service knows all events that the log holds: ${reason}.`, {
        next: 'freshet status, and start the services',
        details: { seq },
      });
    return undefined;
  });
}
