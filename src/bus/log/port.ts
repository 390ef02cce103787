/**
 * The log as the rest of the system sees it. It has two implementations: JetStream, and one in memory with a seed that
 * drops, doubles, delays and crashes on demand. `log.features.ts` tests both.
 */
import type { StoredMessage } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import type { OutgoingMessage, PublishAck } from '../nats/publisher.ts';
import type { SequenceRange } from './sequences.ts';

export interface LogInfo {
  stream: string;
  /** RFC 3339. It changes if somebody deletes the stream and creates it again. */
  created: string;
  /** Sequence of the oldest message; `lastSeq` + 1 in an empty log. */
  firstSeq: StreamSeq;
  /** Sequence of the newest message ever stored; 0 in an empty log. */
  lastSeq: StreamSeq;
  messages: number;
  /** The highest sequence between them without a message: an erasure removed it, or a damaged file lost it. 0: no gap. */
  lastMissing: StreamSeq;
}

/** A message on its way to a reader. */
export interface Delivery extends StoredMessage {
  /** Number of messages that the server has sent to this consumer, with this one. A gap shows a loss on the way. */
  delivery: number;
  /** Number of messages behind this one, as the server counted when it sent it. */
  pending: number;
}

/** Receives the messages of a reader, one after the other. */
export interface LogSink {
  message(delivery: Delivery): void;
  /** Whether the sink has enough to do: the reader requests no more until {@link LogReader.more}. Left out: never. */
  full?(): boolean;
  /** Whether a caller waits for messages that have not come. Left out: never. */
  awaited?(): boolean;
  /** Messages that the reader may request at once, if more than it does otherwise. Left out: no more. */
  wants?(): number;
  /** The connection broke, or the consumer is gone: close this reader and open another one. */
  interrupted(reason: string): void;
}

export interface LogReader {
  /** Number of messages that the server counts as sent to this reader's consumer. */
  delivered(): Promise<number>;
  /** The sink is no longer full. Left out: the reader does not hold back. */
  more?(): void;
  /** A caller waits for messages that have not come: the reader requests them without a pause. Left out: it never pauses. */
  hurry?(): void;
  /** Stops; the reader no longer calls the sink. */
  close(): Promise<void>;
}

export interface Log {
  readonly stream: string;
  /** Throws `StreamMissingError`. */
  info(): Promise<LogInfo>;
  /** The message at a position; undefined if the log does not hold it, or no longer. */
  at(seq: StreamSeq): Promise<StoredMessage | undefined>;
  /** The newest message on a subject, wildcards allowed, or undefined. */
  newest(subject: string): Promise<StoredMessage | undefined>;
  /** All messages on a subject, wildcards allowed, in order; for the few records of acts. */
  all(subject: string): Promise<StoredMessage[]>;
  /** Sequences above `after` without a message, up to the newest message ever stored, in order. */
  missing(after: StreamSeq): Promise<SequenceRange[]>;
  /** Resolves when the log has stored the message; throws `PublishUnacknowledgedError` if that stays unknown. */
  publish(message: OutgoingMessage): Promise<PublishAck>;
  /** Reads from `from` on as the named consumer, and interrupts an earlier reader of that name. */
  read(consumer: string, from: StreamSeq, sink: LogSink): Promise<LogReader>;
}
