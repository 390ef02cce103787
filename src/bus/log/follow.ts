/** Follows the log as it grows. */
import { AckPolicy, DeliverPolicy, type NatsConnection, nanos } from 'nats';
import { messageOf, StreamMissingError } from '../../errors.ts';
import type { StoredMessage } from '../event/codec.ts';
import { streamSeq } from '../event/ids.ts';

export interface FollowOptions {
  /** Wildcards allowed. */
  subject: string;
  /** First sequence; left out: only new messages. */
  from?: number | undefined;
  signal: AbortSignal;
}

/** Milliseconds after which the server deletes the consumer of a process that has died. */
const INACTIVE_MS = 30_000;
/** Messages that the server sends ahead of the caller. */
const AHEAD = 100;

/** Ends with the signal. Throws `StreamMissingError`, and an error if the server has lost the consumer. */
export async function* followLog(
  nc: NatsConnection,
  stream: string,
  { subject, from, signal }: FollowOptions,
): AsyncGenerator<StoredMessage> {
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const { name } = await jsm.consumers
    .add(stream, {
      ack_policy: AckPolicy.None,
      filter_subject: subject,
      inactive_threshold: nanos(INACTIVE_MS),
      ...(from === undefined
        ? { deliver_policy: DeliverPolicy.New }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }),
    })
    .catch((cause: unknown) => {
      throw new StreamMissingError(`Freshet cannot read the log: ${messageOf(cause)}.`, {
        next: 'freshet status',
        cause,
      });
    });
  const messages = await (await nc.jetstream().consumers.get(stream, name)).consume({
    max_messages: AHEAD,
    abort_on_missing_resource: true,
  });
  const stop = (): void => messages.stop();
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    for await (const message of messages) {
      const timestamp = message.info.timestampNanos / 1e6;
      yield { seq: streamSeq(message.seq), subject: message.subject, payload: message.data, timestamp };
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await jsm.consumers.delete(stream, name).catch(() => false);
  }
}
