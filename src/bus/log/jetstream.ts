/**
 * The log on JetStream. A reader is a named pull consumer without acks, which each `read` creates anew at `from`. The
 * reader only counts deliveries; the projection loop decides what a gap means. Measured: 71 to 148 thousand
 * messages a second into Node; a durable consumer with acks loses events silently when a socket is cut.
 */

import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  type JetStreamManager,
  type NatsConnection,
  ReplayPolicy,
} from 'nats';
import { StreamMissingError } from '../../errors.ts';
import type { StoredMessage } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { parseTimestamp } from '../event/time.ts';
import { isNotFound } from '../nats/connection.ts';
import type { Publisher } from '../nats/publisher.ts';
import type { Log, LogInfo, LogReader, LogSink } from './port.ts';
import { openPull, PULL_DEFAULTS, type PullLimits } from './pull.ts';
import { readSubject } from './read-subject.ts';
import { rangesOf, type SequenceRange } from './sequences.ts';

export interface JetStreamLogOptions {
  nc: NatsConnection;
  publisher: Publisher;
  stream?: string;
  /** How readers request messages. */
  pull?: Partial<PullLimits>;
  /** Description of a consumer, for `nats consumer info`. */
  describe?: (consumer: string) => string;
}

export async function createJetStreamLog(options: JetStreamLogOptions): Promise<Log> {
  const { nc, publisher, stream = 'EVENTS' } = options;
  const pull: PullLimits = { ...PULL_DEFAULTS, ...options.pull };
  // A server that died never answers the requests that were on their way: the default of 5 s would delay every recovery.
  const timeout = Math.max(1_000, pull.heartbeatMs);
  const jsm: JetStreamManager = await nc.jetstreamManager({ checkAPI: false, timeout });

  // The list of deleted sequences is long after many erasures, so the reader requests it only if their number changed.
  let gone = { deleted: 0, first: 0, last: 0 };

  async function lastMissing(deleted: number, first: number): Promise<StreamSeq> {
    if (deleted === 0) return streamSeq(0);
    if (gone.deleted !== deleted || gone.first !== first) {
      const { state } = await jsm.streams.info(stream, { deleted_details: true });
      gone = { deleted: state.num_deleted ?? 0, first: state.first_seq, last: state.deleted?.at(-1) ?? 0 };
    }
    return streamSeq(gone.last);
  }

  let holes: { deleted: number; first: number; ranges: SequenceRange[] } = { deleted: 0, first: 0, ranges: [] };

  async function missing(after: StreamSeq): Promise<SequenceRange[]> {
    let { state } = await jsm.streams.info(stream);
    const { num_deleted: deleted = 0, first_seq: first } = state;
    if (deleted === 0) holes = { deleted, first, ranges: [] };
    else if (holes.deleted !== deleted || holes.first !== first) {
      ({ state } = await jsm.streams.info(stream, { deleted_details: true }));
      holes = { deleted: state.num_deleted ?? 0, first: state.first_seq, ranges: rangesOf(state.deleted ?? []) };
    }
    const begin = state.messages === 0 ? state.last_seq + 1 : state.first_seq;
    const all = begin > 1 ? [{ first: 1, last: begin - 1 }, ...holes.ranges] : holes.ranges;
    return all.flatMap(({ first: from, last }) => (last > after ? [{ first: Math.max(from, after + 1), last }] : []));
  }

  async function info(): Promise<LogInfo> {
    try {
      const { created, state } = await jsm.streams.info(stream);
      return {
        stream,
        created,
        firstSeq: streamSeq(state.messages === 0 ? state.last_seq + 1 : state.first_seq),
        lastSeq: streamSeq(state.last_seq),
        messages: state.messages,
        lastMissing: await lastMissing(state.num_deleted ?? 0, state.first_seq),
      };
    } catch (err) {
      if (isNotFound(err))
        throw new StreamMissingError(`The nats-server does not have the stream ${stream}.`, {
          next: 'freshet streams apply',
          cause: err,
        });
      throw err;
    }
  }

  async function message(query: { seq: number } | { last_by_subj: string }): Promise<StoredMessage | undefined> {
    try {
      const stored = await jsm.streams.getMessage(stream, query);
      // Whole milliseconds, as in the reply subject of a delivery.
      const timestamp = parseTimestamp(stored.timestamp) ?? stored.time.getTime();
      return { seq: streamSeq(stored.seq), subject: stored.subject, payload: stored.data, timestamp };
    } catch (err) {
      if (isNotFound(err)) return undefined;
      throw err;
    }
  }

  async function read(consumer: string, from: StreamSeq, sink: LogSink): Promise<LogReader> {
    await jsm.consumers.delete(stream, consumer).catch((err: unknown) => {
      if (!isNotFound(err)) throw err;
    });
    const config: Partial<ConsumerConfig> = {
      durable_name: consumer,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      replay_policy: ReplayPolicy.Instant,
      // 0 would be the server's default of 512, too few only if a reader asked in very small batches.
      max_waiting: 64,
      ...(options.describe ? { description: options.describe(consumer) } : {}),
    };
    await jsm.consumers.add(stream, config);
    const delivered = async (): Promise<number> => (await jsm.consumers.info(stream, consumer)).delivered.consumer_seq;
    return openPull({ nc, stream, consumer, sink, delivered, limits: pull });
  }

  return {
    stream,
    info,
    at: (seq) => message({ seq }),
    newest: (subject) => message({ last_by_subj: subject }),
    all: (subject) => readSubject(nc, stream, subject),
    missing,
    publish: (message) => publisher.publish(message),
    read,
  };
}
