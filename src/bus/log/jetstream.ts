/**
 * The log on JetStream. A reader is a named pull consumer without acks, which each `read` creates anew at `from`. The
 * reader only counts deliveries; the projection loop decides what a gap means. Measured: 71 to 148 thousand
 * messages a second into Node; a durable consumer with acks loses events silently when a socket is cut.
 */

import {
  AckPolicy,
  type ConsumerConfig,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  JSONCodec,
  type Msg,
  type NatsConnection,
  nanos,
  ReplayPolicy,
} from 'nats';
import { StreamMissingError } from '../../errors.ts';
import type { StoredMessage } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import { parseTimestamp } from '../event/time.ts';
import { isNotFound } from '../nats/connection.ts';
import { createPoller } from '../nats/poller.ts';
import type { Publisher } from '../nats/publisher.ts';
import type { Log, LogInfo, LogReader, LogSink } from './port.ts';
import { readSubject } from './read-subject.ts';
import { rangesOf, type SequenceRange } from './sequences.ts';

export interface JetStreamLogOptions {
  nc: NatsConnection;
  publisher: Publisher;
  stream?: string;
  /** Messages per request. */
  pullBatch?: number;
  /** Milliseconds until a request for messages expires. */
  pullExpiresMs?: number;
  /** Milliseconds between heartbeats on an idle request. Two missing heartbeats are an interruption. */
  heartbeatMs?: number;
  /** Description of a consumer, for `nats consumer info`. */
  describe?: (consumer: string) => string;
}

const json = JSONCodec<{ batch: number; expires: number; idle_heartbeat: number }>();

export async function createJetStreamLog(options: JetStreamLogOptions): Promise<Log> {
  const { nc, publisher, stream = 'EVENTS', pullBatch = 2_000, pullExpiresMs = 30_000, heartbeatMs = 2_000 } = options;
  // A server that died never answers the requests that were on their way: the default of 5 s would delay every recovery.
  const timeout = Math.max(1_000, heartbeatMs);
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
    return openPull({ nc, jsm, stream, consumer, sink, pullBatch, pullExpiresMs, heartbeatMs });
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

interface PullOptions {
  nc: NatsConnection;
  jsm: JetStreamManager;
  stream: string;
  consumer: string;
  sink: LogSink;
  pullBatch: number;
  pullExpiresMs: number;
  heartbeatMs: number;
}

function openPull({ nc, jsm, stream, consumer, sink, pullBatch, pullExpiresMs, heartbeatMs }: PullOptions): LogReader {
  const inbox = createInbox();
  const limits = { expires: nanos(pullExpiresMs), idle_heartbeat: nanos(heartbeatMs) };
  let open = true;
  /** Messages of the last request. */
  let requested = pullBatch;
  // Messages that the open requests still allow. A second request goes out at half, so that the server never waits.
  let allowed = 0;
  let heard = performance.now();
  /** Whether a request is due that the sink has no room for. Without an open request the server sends no heartbeat. */
  let held = false;

  const subscription = nc.subscribe(inbox, { callback: (err, msg) => (err ? interrupt(err.message) : received(msg)) });
  const silent = (): boolean => !held && performance.now() - heard > 2.5 * heartbeatMs;
  const watchdog = createPoller({
    everyMs: heartbeatMs / 2,
    run: () => {
      if (!silent()) return;
      // If this process itself was busy for so long, it reads the messages that came meanwhile first.
      setImmediate(() => {
        if (silent()) interrupt('the server sends no heartbeat');
      });
    },
  });
  watchdog.start();
  void watchReconnects();
  pull();

  /** Requests more if half of the last request has come, and the sink has room. */
  function pullIfDue(): void {
    const due = allowed <= requested / 2;
    held = due && sink.full?.() === true;
    if (due && !held) pull();
  }

  function pull(): void {
    requested = Math.max(pullBatch, sink.wants?.() ?? 0);
    allowed += requested;
    const request = json.encode({ batch: requested, ...limits });
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, request, { reply: inbox });
  }

  function received(msg: Msg): void {
    if (!open) return;
    heard = performance.now();
    // The client decodes it at each access.
    const reply = msg.reply;
    if (!reply?.startsWith('$JS.ACK.')) {
      status(msg);
      return;
    }
    // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>, from 2.10 on possibly with
    // domain and account hash before and a random token behind.
    const parts = reply.split('.');
    const at = parts.length >= 11 ? 6 : 4;
    allowed--;
    sink.message({
      seq: streamSeq(Number(parts[at + 1])),
      delivery: Number(parts[at + 2]),
      subject: msg.subject,
      payload: msg.data,
      timestamp: Number((parts[at + 3] as string).slice(0, -6)),
      pending: Number(parts[at + 4]),
    });
    if (open) pullIfDue();
  }

  function status(msg: Msg): void {
    const code = msg.headers?.code ?? 0;
    if (code === 100) return;
    if (code === 408 || code === 404) {
      // The request expired: its rest no longer counts, and another request follows.
      const left = Number(msg.headers?.get('Nats-Pending-Messages') || requested);
      allowed = Math.max(0, allowed - left);
      pullIfDue();
      return;
    }
    interrupt(`${code} ${msg.headers?.description ?? ''}`.trim());
  }

  async function watchReconnects(): Promise<void> {
    const events = nc.status();
    for await (const { type } of events) {
      if (!open) return;
      // Messages on their way are lost when the connection breaks, and on a quiet log no later message shows the gap. The
      // reader does not stop at the break itself: requests to an absent server run into their time-out, and after a
      // restart of 30 ms the loop read the log again only 5 s later.
      if (type === 'reconnect') interrupt('reconnected');
    }
  }

  function stop(): void {
    open = false;
    void watchdog.stop();
    if (!nc.isClosed()) subscription.unsubscribe();
  }

  function interrupt(reason: string): void {
    if (!open) return;
    stop();
    sink.interrupted(reason);
  }

  return {
    delivered: async () => (await jsm.consumers.info(stream, consumer)).delivered.consumer_seq,
    more: () => {
      if (!open || !held) return;
      heard = performance.now();
      pullIfDue();
    },
    close: async () => stop(),
  };
}
