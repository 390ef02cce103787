/**
 * Publishes events, and says what became of each. nats-server decides by the message id alone that it has an event
 * already: it drops another event under the same source and id, and acknowledges it as a duplicate (measured on 2.9.10 and
 * 2.15.1). So this publisher reads the message that such an acknowledgement names, and compares the two as a fold does.
 */
import {
  type EventProblem,
  FreshetError,
  IdentityPurgedError,
  IdentityReusedError,
  messageOf,
  PublishUnacknowledgedError,
} from '../../errors.ts';
import { canonicalJson } from '../event/canonical.ts';
import type { Decoded, EventCodec, PreparedEvent, StoredMessage } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { Publisher } from '../nats/publisher.ts';
import type { Log } from './port.ts';

/** What became of an event. */
export type Publication =
  | { kind: 'stored'; seq: StreamSeq }
  /** The log held the same event already. */
  | { kind: 'duplicate'; seq: StreamSeq }
  /** The log did not store the event: `seq` is the position of another event, or of a removed one, under its identity. */
  | { kind: 'refused'; seq: StreamSeq; problem: EventProblem };

export interface EventPublisherOptions {
  publisher: Publisher;
  log: Pick<Log, 'at' | 'info'>;
  codec: EventCodec;
  /** Duplicates that it compares at the same time, each a request to the server; more wait. */
  compareWindow?: number;
  /** How often it repeats a read that failed. */
  retries?: number;
}

export interface EventPublisher {
  /**
   * Throws `PublishUnacknowledgedError` (unknown: retry under the same id), `PublishRefusedError`, `StreamMissingError`.
   */
  publish(event: PreparedEvent): Promise<Publication>;
  /** Compares an event with the message at a position that a service or the server names for its identity. */
  compare(event: PreparedEvent, seq: StreamSeq): Promise<Publication>;
  /** Resolves once there is a place for an event, so that a fast source does not queue without bound. */
  ready(): Promise<void>;
  /** Events without an outcome yet. */
  readonly pending: number;
}

/** Milliseconds of the first pause before a read is repeated. Each pause is twice as long as the one before. */
const PAUSE_MS = 50;

export function createEventPublisher({
  publisher,
  log,
  codec,
  compareWindow = 64,
  retries = 5,
}: EventPublisherOptions): EventPublisher {
  let comparing = 0;
  /** Comparisons that wait for a place, the oldest first; a comparison that ends passes its place on. */
  const queue: (() => void)[] = [];
  let waiters: (() => void)[] = [];

  async function compare(event: PreparedEvent, seq: StreamSeq): Promise<Publication> {
    if (comparing >= compareWindow) await new Promise<void>((resolve) => queue.push(resolve));
    else comparing++;
    try {
      return judge(event, seq, await read(event, seq), codec);
    } finally {
      const next = queue.shift();
      if (next) next();
      else {
        comparing--;
        const woken = waiters;
        waiters = [];
        for (const wake of woken) wake();
      }
    }
  }

  async function read({ identity, subject }: PreparedEvent, seq: StreamSeq): Promise<StoredMessage | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        const found = await log.at(seq);
        // A missing stream has no message either, and says nothing about the event.
        if (found === undefined) await log.info();
        return found;
      } catch (cause) {
        if (cause instanceof FreshetError) throw cause;
        if (attempt >= retries)
          throw new PublishUnacknowledgedError(
            `The log names sequence ${seq} for the source and id of the event, and did not answer a read of it: ${messageOf(cause)}.`,
            { next: 'publish it again under the same id', details: { subject, identity }, cause },
          );
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** attempt));
      }
    }
  }

  return {
    publish: async (event) => {
      const { subject, identity, payload } = event;
      const { seq, duplicate, afterRetry } = await publisher.publish({ subject, identity, payload });
      if (!duplicate && !afterRetry) return { kind: 'stored', seq };
      const compared = await compare(event, seq);
      // The server knows the event from an earlier attempt of this publisher.
      return afterRetry && compared.kind === 'duplicate' ? { kind: 'stored', seq } : compared;
    },
    compare,
    ready: async () => {
      await publisher.ready();
      while (comparing >= compareWindow) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    get pending() {
      return publisher.pending + comparing + queue.length;
    },
  };
}

/** The position of an event. Throws `IdentityReusedError` or `IdentityPurgedError` if the log refused it. */
export function storedSeq(publication: Publication): StreamSeq {
  if (publication.kind !== 'refused') return publication.seq;
  const { seq, problem } = publication;
  const context = { next: 'publish the event under a new id', details: { seq } };
  if (problem.code === 'FRESHET_IDENTITY_PURGED') throw new IdentityPurgedError(problem.message, context);
  throw new IdentityReusedError(problem.message, context);
}

function judge(event: PreparedEvent, seq: StreamSeq, found: StoredMessage | undefined, codec: EventCodec): Publication {
  if (found === undefined)
    return refused(
      seq,
      'FRESHET_IDENTITY_PURGED',
      `The log held an event with this source and id at sequence ${seq}, which an erasure or an operator has removed. nats-server still recognises the id, so it did not store this event.`,
    );
  const held = codec.decode(found);
  if (held.kind !== 'event' || held.event.identity !== event.identity)
    return refused(
      seq,
      'FRESHET_IDENTITY_REUSED',
      `The message at sequence ${seq} was published under this source and id, and it is not this event (${otherThan(held)}).`,
    );
  if (held.event.fingerprint === event.fingerprint) return { kind: 'duplicate', seq };
  return refused(
    seq,
    'FRESHET_IDENTITY_REUSED',
    `The log holds another event with this source and id, at sequence ${seq}: ${differences(event, found, codec)}.`,
  );
}

const refused = (seq: StreamSeq, code: EventProblem['code'], message: string): Publication => ({
  kind: 'refused',
  seq,
  problem: { code, message },
});

function otherThan(held: Decoded): string {
  if (held.kind === 'dead') return `it is a dead letter with ${held.problem.code}`;
  if (held.kind === 'unknown-type') return 'Freshet does not know its type';
  return 'its payload has another source or id';
}

/** The members in which two events of one identity differ, for the message to the publisher. */
function differences({ subject, payload }: PreparedEvent, found: StoredMessage, codec: EventCodec): string {
  const mine = codec.decode({ ...found, subject, payload });
  const other = codec.decode(found);
  if (mine.kind !== 'event' || other.kind !== 'event') return 'its content differs';
  const [a, b] = [mine.event, other.event];
  const names = [
    a.type === b.type ? [] : ['type'],
    a.subject === b.subject ? [] : ['subject'],
    a.time === b.time ? [] : ['time'],
    canonicalJson(a.data) === canonicalJson(b.data) ? [] : ['data'],
  ].flat();
  if (names.length === 0) return 'its content differs';
  const last = names.pop() as string;
  return names.length === 0 ? `its ${last} differs` : `its ${names.join(', ')} and ${last} differ`;
}
