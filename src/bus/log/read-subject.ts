/** Reads messages on a subject in order, from a position to the end that the log has when the read begins. */
import { AckPolicy, DeliverPolicy, type NatsConnection, nanos, ReplayPolicy } from 'nats';
import type { StoredMessage } from '../event/codec.ts';
import { streamSeq } from '../event/ids.ts';
import { isNotFound } from '../nats/connection.ts';

/** Messages that one request fetches at most, and milliseconds that the server has for it. */
const FETCH = 100;
const FETCH_MS = 5_000;

export interface SubjectRange {
  /** Wildcards allowed. */
  subject: string;
  /** First sequence. */
  from: number;
}

/** The messages of a range; a caller that has enough ends the loop. Throws the errors of the connection. */
export async function* messagesFrom(
  nc: NatsConnection,
  stream: string,
  { subject, from }: SubjectRange,
): AsyncGenerator<StoredMessage> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const { name, num_pending: there } = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    filter_subject: subject,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(FETCH_MS),
  });
  try {
    const consumer = await nc.jetstream().consumers.get(stream, name);
    for (let left = there; left > 0; ) {
      const before = left;
      for await (const message of await consumer.fetch({ max_messages: Math.min(left, FETCH), expires: FETCH_MS })) {
        left--;
        const timestamp = message.info.timestampNanos / 1e6;
        yield { seq: streamSeq(message.seq), subject: message.subject, payload: message.data, timestamp };
      }
      if (left === before)
        throw new Error(`the server did not send ${left} events of ${subject} within ${FETCH_MS} ms`);
    }
  } finally {
    await jsm.consumers.delete(stream, name).catch(() => false);
  }
}

/** The messages on a subject that has few of them, such as the records of one kind of act. Empty also without the stream. */
export async function readSubject(nc: NatsConnection, stream: string, subject: string): Promise<StoredMessage[]> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  try {
    await jsm.streams.getMessage(stream, { last_by_subj: subject });
  } catch (err) {
    // The usual case: no such message, or no log yet.
    if (isNotFound(err)) return [];
    throw err;
  }
  const found: StoredMessage[] = [];
  for await (const message of messagesFrom(nc, stream, { subject, from: 1 })) found.push(message);
  return found;
}
