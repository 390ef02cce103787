/** A position of the log that a user names by its sequence or by a time. */
import { AckPolicy, DeliverPolicy, type NatsConnection, nanos, ReplayPolicy } from 'nats';
import { PositionUnknownError } from '../../errors.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Log } from './port.ts';

export interface AskedPosition {
  seq?: number | undefined;
  /** The last moment at which the log stored a message of the range, milliseconds since 1970. */
  time?: number | undefined;
}

export interface Position {
  seq: StreamSeq;
  /** When the log stored the newest message up to there, milliseconds since 1970. */
  taken: number;
}

const FETCH_MS = 10_000;

/** The position that the user names; the end of the log without a name. Throws `PositionUnknownError`. */
export async function findPosition(nc: NatsConnection, log: Log, { seq, time }: AskedPosition): Promise<Position> {
  const { firstSeq, lastSeq, messages, stream } = await log.info();
  if (messages === 0)
    throw new PositionUnknownError('The log is empty.', { next: 'freshet publish, or freshet import' });
  const oldest = (await log.at(firstSeq))?.timestamp ?? 0;
  const newest = (await log.at(lastSeq))?.timestamp;
  const range = {
    first: firstSeq,
    last: lastSeq,
    from: new Date(oldest).toISOString(),
    to: new Date(newest ?? oldest).toISOString(),
  };
  const next = `name a sequence from ${range.first} to ${range.last}, or a time from ${range.from} on`;
  if (seq !== undefined && (seq > lastSeq || seq < firstSeq))
    throw new PositionUnknownError(
      seq > lastSeq
        ? `The log has no sequence ${seq}: it ends at ${lastSeq}.`
        : `The log has no sequence ${seq}: it begins at ${firstSeq}.`,
      { next, details: { stream, asked: seq, ...range } },
    );
  if (time !== undefined && time < oldest)
    throw new PositionUnknownError(
      `The log has no event as early as ${new Date(time).toISOString()}: it stored its first event at ${range.from}.`,
      { next, details: { stream, asked: new Date(time).toISOString(), ...range } },
    );
  // The server counts nanoseconds and knows no time after 2262, so a later time does not go to the server.
  const head = time === undefined || (newest !== undefined && time >= newest);
  const at = seq ?? (head ? lastSeq : await lastTakenBy(nc, stream, time, lastSeq));
  return { seq: streamSeq(at), taken: await takenAt(log, at, firstSeq) };
}

/** The last sequence before the first message that the log stored after `time`. */
async function lastTakenBy(nc: NatsConnection, stream: string, time: number, lastSeq: number): Promise<number> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const { name, num_pending: later } = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartTime,
    // Times of the log count whole milliseconds here.
    opt_start_time: new Date(time + 1).toISOString(),
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(FETCH_MS),
  });
  try {
    if (later === 0) return lastSeq;
    const consumer = await nc.jetstream().consumers.get(stream, name);
    for await (const message of await consumer.fetch({ max_messages: 1, expires: FETCH_MS })) return message.seq - 1;
    throw new Error(
      `The nats-server did not send the first event after ${new Date(time).toISOString()} within ${FETCH_MS} ms.`,
    );
  } finally {
    await jsm.consumers.delete(stream, name).catch(() => false);
  }
}

/** When the log stored the message at a position, or the nearest earlier one. */
async function takenAt(log: Log, seq: number, firstSeq: number): Promise<number> {
  for (let at = seq; at >= firstSeq; at--) {
    const message = await log.at(streamSeq(at));
    if (message) return message.timestamp;
  }
  return 0;
}
