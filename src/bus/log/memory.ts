/**
 * The log in memory, for tests, properties and simulations. It behaves like JetStream, and on demand it fails like
 * networks and servers: it drops, doubles or delays deliveries, loses answers to publishers, and cuts connections. All
 * faults follow from the seed.
 */
import { PublishUnacknowledgedError } from '../../errors.ts';
import type { StoredMessage } from '../event/codec.ts';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { OutgoingMessage, PublishAck } from '../nats/publisher.ts';
import type { Delivery, Log, LogInfo, LogReader, LogSink } from './port.ts';
import { createRandom } from './random.ts';
import { rangesOf } from './sequences.ts';

export interface MemoryLogFaults {
  /** Probability that a delivery is lost. */
  drop?: number;
  /** Probability that a delivery comes twice. */
  double?: number;
  /** Probability that a delivery waits for the next turn. */
  delay?: number;
  /** Probability that the connection is cut after a delivery. */
  cut?: number;
  /** Probability that a publish is stored while its answer is lost. */
  loseAck?: number;
}

export interface MemoryLogOptions {
  stream?: string;
  seed?: number;
  faults?: MemoryLogFaults;
  /** The log's clock, milliseconds since 1970; by default one more per message. */
  now?: () => number;
}

export interface MemoryLog extends Log {
  /** Faults from now on; `{}` ends them. */
  inject(faults: MemoryLogFaults): void;
  /** Cuts every reader. */
  cut(reason?: string): void;
  /** Removes messages, as a purge by subject does. */
  purge(matches: (message: StoredMessage) => boolean): number;
  /** Acts like a damaged file under a running server: readers miss the message silently, and `at` throws. */
  damage(seq: number): void;
  /** The file is whole again. */
  mend(): void;
  /** Loses all messages after `seq` and gives their sequences out again, like a restored backup. */
  truncate(seq: number): void;
  /** Deletes the stream and creates it again: empty, counted from 1, with another creation time. */
  recreate(): void;
  /** All messages, in order. */
  messages(): readonly StoredMessage[];
}

interface Reader {
  consumer: string;
  position: number;
  delivered: number;
  sink: LogSink;
  open: boolean;
  scheduled: boolean;
}

export function createMemoryLog({ stream = 'EVENTS', seed = 1, faults = {}, now }: MemoryLogOptions = {}): MemoryLog {
  const random = createRandom(seed);
  let active = faults;
  let incarnation = 0;
  let ticks = 0;
  let stored: StoredMessage[] = [];
  let lastSeq = 0;
  let identities = new Map<string, StreamSeq>();
  let readers: Reader[] = [];
  const damaged = new Set<number>();
  const clock = now ?? (() => 1_700_000_000_000 + ++ticks);
  const created = () => new Date(1_600_000_000_000 + incarnation * 1000).toISOString();

  const indexFrom = (seq: number): number => {
    let low = 0;
    let high = stored.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((stored[middle] as StoredMessage).seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  function lastMissing(): StreamSeq {
    let expected = stored.at(-1)?.seq ?? 0;
    if (expected - (stored[0]?.seq ?? 1) + 1 === stored.length) return streamSeq(0);
    for (let i = stored.length - 1; (stored[i] as StoredMessage).seq === expected; i--)
      expected = streamSeq(expected - 1);
    return streamSeq(expected);
  }

  function schedule(reader: Reader): void {
    if (reader.scheduled || !reader.open) return;
    reader.scheduled = true;
    setImmediate(() => {
      reader.scheduled = false;
      deliver(reader);
    });
  }

  function deliver(reader: Reader): void {
    for (let turn = 0; turn < 100 && reader.open; turn++) {
      const index = indexFrom(reader.position);
      const message = stored[index];
      if (!message) return;
      if (random.chance(active.delay ?? 0)) break;
      reader.position = message.seq + 1;
      if (damaged.has(message.seq)) continue;
      reader.delivered++;
      const delivery: Delivery = { ...message, delivery: reader.delivered, pending: stored.length - index - 1 };
      if (random.chance(active.drop ?? 0)) continue;
      reader.sink.message(delivery);
      if (reader.open && random.chance(active.double ?? 0)) reader.sink.message(delivery);
      if (reader.open && random.chance(active.cut ?? 0)) interrupt(reader, 'connection cut');
    }
    schedule(reader);
  }

  function interrupt(reader: Reader, reason: string): void {
    if (!reader.open) return;
    reader.open = false;
    readers = readers.filter((other) => other !== reader);
    reader.sink.interrupted(reason);
  }

  return {
    stream,
    info: async (): Promise<LogInfo> => ({
      stream,
      created: created(),
      firstSeq: streamSeq(stored[0]?.seq ?? lastSeq + 1),
      lastSeq: streamSeq(lastSeq),
      messages: stored.length,
      lastMissing: lastMissing(),
    }),
    at: async (seq) => {
      if (damaged.has(seq)) throw new Error(`the message ${seq} can't be read`);
      const message = stored[indexFrom(seq)];
      return message?.seq === seq ? message : undefined;
    },
    newest: async (filter) => stored.findLast(({ subject }) => subjectMatches(filter, subject)),
    all: async (filter) => stored.filter(({ subject }) => subjectMatches(filter, subject)),
    missing: async (after) => {
      const held = new Set(stored.map(({ seq }) => Number(seq)));
      const every = Array.from({ length: Math.max(0, lastSeq - after) }, (_, i) => after + 1 + i);
      return rangesOf(every.filter((seq) => !held.has(seq)));
    },
    publish: async ({ subject, identity, payload }: OutgoingMessage): Promise<PublishAck> => {
      const known = identity === undefined ? undefined : identities.get(identity);
      if (known !== undefined) return { seq: known, duplicate: true };
      const seq = streamSeq(++lastSeq);
      stored.push({ seq, subject, payload, timestamp: clock() });
      if (identity !== undefined) identities.set(identity, seq);
      for (const reader of readers) schedule(reader);
      if (random.chance(active.loseAck ?? 0))
        throw new PublishUnacknowledgedError('The log did not acknowledge the event in time.', {
          details: { identity },
        });
      return { seq, duplicate: false };
    },
    read: async (consumer, from, sink): Promise<LogReader> => {
      for (const other of readers.filter((reader) => reader.consumer === consumer))
        interrupt(other, 'consumer taken over');
      const reader: Reader = { consumer, position: from, delivered: 0, sink, open: true, scheduled: false };
      readers.push(reader);
      schedule(reader);
      return {
        delivered: async () => reader.delivered,
        close: async () => {
          reader.open = false;
          readers = readers.filter((other) => other !== reader);
        },
      };
    },
    inject: (next) => {
      active = next;
    },
    cut: (reason = 'connection cut') => {
      for (const reader of [...readers]) interrupt(reader, reason);
    },
    purge: (matches) => {
      const before = stored.length;
      stored = stored.filter((message) => !matches(message));
      return before - stored.length;
    },
    damage: (seq) => void damaged.add(seq),
    mend: () => damaged.clear(),
    truncate: (seq) => {
      stored = stored.filter((message) => message.seq <= seq);
      lastSeq = Math.min(lastSeq, seq);
      identities = new Map([...identities].filter(([, at]) => at <= seq));
    },
    recreate: () => {
      incarnation++;
      stored = [];
      lastSeq = 0;
      identities = new Map();
      for (const reader of [...readers]) interrupt(reader, 'stream deleted');
    },
    messages: () => stored,
  };
}

/** Whether a filter matches a subject: `*` stands for one token, `>` for all that follow. */
function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const tokens = subject.split('.');
  if (wanted.at(-1) === '>')
    return (
      tokens.length >= wanted.length &&
      subjectMatches(wanted.slice(0, -1).join('.'), tokens.slice(0, wanted.length - 1).join('.'))
    );
  return wanted.length === tokens.length && wanted.every((token, i) => token === '*' || token === tokens[i]);
}
