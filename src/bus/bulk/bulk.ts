/**
 * Bulk publishing: checks events, requests from a service which of them the log holds already (the server itself knows that
 * within its window only), and publishes the rest through the window.
 */

import type { NatsConnection } from 'nats';
import { type EventProblem, messageOf, ServiceUnavailableError } from '../../errors.ts';
import type { EventCodec, PreparedEvent } from '../event/codec.ts';
import { type EventIdentity, type StreamSeq, streamSeq } from '../event/ids.ts';
import type { CloudEvent } from '../event/types.ts';
import { createEventPublisher, type Publication } from '../log/event-publisher.ts';
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
  /** Duplicates that it compares with the log at the same time. */
  compareWindow?: number;
  /** Milliseconds that a service has to catch up with the log, before the publisher uses its index. */
  catchUpMs?: number;
  /** Why the publisher must leave out a valid event; undefined: it publishes it. */
  refuses?: (event: unknown) => EventProblem | undefined;
  /** Gets each refused event's position in its batch, and the problem. */
  onRejected?: (index: number, problem: EventProblem) => void;
  /** Other identities under which the log may hold the same event. It leaves out an event that the index knows by one. */
  formerly?: ((event: CloudEvent) => readonly EventIdentity[]) | undefined;
}

export interface BulkResult {
  published: number;
  duplicates: number;
  rejected: number;
}

/** A valid event, with its place in the batch. */
interface Candidate {
  at: number;
  event: CloudEvent;
  prepared: PreparedEvent;
}

/** What a service has folded under an identity. */
interface Known {
  seq: StreamSeq;
  /** Undefined: the service is of a release that does not answer it. */
  fingerprint: number | null | undefined;
}

interface IndexAnswer {
  known: (number | null)[];
  fingerprints?: (number | null)[];
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
  compareWindow,
  catchUpMs = 60_000,
  refuses,
  onRejected,
  formerly,
}: BulkOptions): Promise<Bulk> {
  const { lastSeq } = await log.info();
  const target = createEventPublisher({
    publisher,
    log,
    codec,
    ...(compareWindow === undefined ? {} : { compareWindow }),
  });
  // An empty log needs no index.
  let index = lastSeq === 0 ? undefined : await findIndex(nc, lastSeq, catchUpMs);

  /** For each event what the index knows of its identity. */
  async function lookUp(candidates: readonly Candidate[]): Promise<(Known | undefined)[]> {
    if (!index) return candidates.map(() => undefined);
    const found = await find(candidates.map(({ prepared }) => prepared.identity));
    if (formerly) await lookUpFormer(candidates, found, formerly);
    return found;
  }

  /** Adds to `found` the candidates that the index knows by another identity, with the same content. */
  async function lookUpFormer(
    candidates: readonly Candidate[],
    found: (Known | undefined)[],
    identitiesOf: NonNullable<BulkOptions['formerly']>,
  ): Promise<void> {
    const asked: { at: number; identity: EventIdentity }[] = [];
    candidates.forEach(({ event }, at) => {
      if (!found[at]) for (const identity of identitiesOf(event)) asked.push({ at, identity });
    });
    if (asked.length === 0) return;
    const known = await find(asked.map(({ identity }) => identity));
    asked.forEach(({ at }, i) => {
      const former = known[i];
      if (former && former.fingerprint === candidates[at]?.prepared.fingerprint) found[at] = former;
    });
  }

  async function find(identities: readonly EventIdentity[]): Promise<(Known | undefined)[]> {
    const found: (Known | undefined)[] = [];
    for (let start = 0; start < identities.length; start += KNOWN_MAX) {
      const part = identities.slice(start, start + KNOWN_MAX);
      const { known, fingerprints } = await askIndex(part);
      part.forEach((_, i) => {
        const seq = known[i];
        found.push(typeof seq === 'number' ? { seq: streamSeq(seq), fingerprint: fingerprints?.[i] } : undefined);
      });
    }
    return found;
  }

  /** Waits for a service that restarts, or uses another one. */
  async function askIndex(identities: string[]): Promise<IndexAnswer> {
    const deadline = performance.now() + catchUpMs;
    for (;;) {
      try {
        return await call<IndexAnswer>(nc, `freshet.${index}.known`, { identities });
      } catch (err) {
        if (!(err instanceof ServiceUnavailableError) || performance.now() > deadline) throw err;
        index = await findIndex(nc, lastSeq, Math.max(0, deadline - performance.now()));
      }
    }
  }

  return {
    publish: async (events) => {
      const result: BulkResult = { published: 0, duplicates: 0, rejected: 0 };
      const candidates: Candidate[] = [];
      const reject = (at: number, problem: EventProblem): void => {
        result.rejected++;
        onRejected?.(at, problem);
      };
      events.forEach((event, at) => {
        const refused = refuses?.(event);
        const outcome = refused ? { ok: false as const, problem: refused } : codec.prepare(event);
        if (outcome.ok) candidates.push({ at, event: event as CloudEvent, prepared: outcome.prepared });
        else reject(at, outcome.problem);
      });
      const known = await lookUp(candidates);
      const count = (at: number, publication: Publication): void => {
        if (publication.kind === 'refused') reject(at, publication.problem);
        else if (publication.kind === 'duplicate') result.duplicates++;
        else result.published++;
      };
      // The first failure stops the rest of the batch. The loop handles the outcome of every message.
      let failure: { reason: unknown } | undefined;
      const acks: Promise<void>[] = [];
      for (const [i, { at, prepared }] of candidates.entries()) {
        const earlier = known[i];
        // The index has the fingerprint of each event, so a second import reads nothing from the log.
        if (earlier && earlier.fingerprint === prepared.fingerprint) {
          result.duplicates++;
          continue;
        }
        await target.ready();
        if (failure) break;
        const outcome = earlier ? target.compare(prepared, earlier.seq) : target.publish(prepared);
        acks.push(
          outcome.then(
            (publication) => count(at, publication),
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
