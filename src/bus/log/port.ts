/**
 * The log as the rest of the system sees it. Two implementations: JetStream, and a seedable in-memory one that drops,
 * doubles, delays and crashes on demand; `log.features.ts` holds what both have to do.
 */
import type { StoredMessage } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { OutgoingMessage, PublishAck } from '../nats/publisher.ts';

export interface LogInfo {
  stream: string;
  /** RFC 3339; a stream that was deleted and made again has another one. */
  created: string;
  /** Sequence of the oldest message there is; last + 1 where there is none. */
  firstSeq: StreamSeq;
  /** Sequence of the newest message ever stored; 0 in an empty log. */
  lastSeq: StreamSeq;
  messages: number;
  /** The highest sequence between them that holds no message: taken out, or lost with a damaged file. 0 where none is. */
  lastMissing: StreamSeq;
}

/** A message on its way to a reader. */
export interface Delivery extends StoredMessage {
  /** How many messages this consumer has been sent, this one included; a gap means that some were lost on the way. */
  delivery: number;
  /** How many messages are still to come, as the server counted when it sent this one. */
  pending: number;
}

/** Takes what a reader is sent. Called in order, never at the same time. */
export interface LogSink {
  message(delivery: Delivery): void;
  /** The way to the log was cut, or the consumer is gone: close this reader and open another one. */
  interrupted(reason: string): void;
}

export interface LogReader {
  /** How many messages the server says it has sent to this reader's consumer. */
  delivered(): Promise<number>;
  /** Stops; the sink is called no more. */
  close(): Promise<void>;
}

export interface Log {
  readonly stream: string;
  /** Throws `StreamMissingError`. */
  info(): Promise<LogInfo>;
  /** The message at a position, or undefined where there is none (any more). */
  at(seq: StreamSeq): Promise<StoredMessage | undefined>;
  /** The newest message there is on a subject, wildcards allowed, or undefined. */
  newest(subject: string): Promise<StoredMessage | undefined>;
  /** Resolves when the log has stored it; `PublishUnacknowledgedError` where that stays unknown. */
  publish(message: OutgoingMessage): Promise<PublishAck>;
  /** Reads on from `from` as the named consumer; whoever read under that name before is cut off. */
  read(consumer: string, from: StreamSeq, sink: LogSink): Promise<LogReader>;
}
