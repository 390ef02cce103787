/** The behaviour of every log; `memory.int.test.ts` and `jetstream.int.test.ts` run it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../event/ids.ts';
import type { Delivery, Log, LogReader, LogSink } from './port.ts';

export interface LogHarness {
  log: Log;
  /** Removes the message, as an erasure does. */
  remove(seq: number): Promise<void>;
  /** Breaks the connection between readers and log. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

/** A sink that keeps its deliveries. */
interface Collector extends LogSink {
  readonly got: Delivery[];
  readonly interruptions: string[];
}

export function collector(): Collector {
  const got: Delivery[] = [];
  const interruptions: string[] = [];
  return {
    got,
    interruptions,
    message: (delivery) => void got.push(delivery),
    interrupted: (reason) => void interruptions.push(reason),
  };
}

const seqs = ({ got }: Collector): number[] => got.map(({ seq }) => seq);
const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

export function describeLog(name: string, start: () => Promise<LogHarness>): void {
  describe(name, () => {
    let harness: LogHarness;
    let log: Log;
    let consumer: string;
    let tests = 0;
    const readers: LogReader[] = [];

    beforeAll(async () => {
      harness = await start();
      log = harness.log;
    });
    beforeEach(async () => {
      consumer = `reader-${++tests}`;
      for (const reader of readers.splice(0)) await reader.close();
    });
    afterAll(async () => {
      for (const reader of readers.splice(0)) await reader.close();
      await harness.close();
    });

    const read = async (from: number, sink: LogSink, as = consumer): Promise<LogReader> => {
      const reader = await log.read(as, streamSeq(from), sink);
      readers.push(reader);
      return reader;
    };

    /** Publishes so many messages; resolves with the sequence of the last. */
    const publish = async (count: number, tag = 'm'): Promise<number> => {
      const acks = await Promise.all(
        Array.from({ length: count }, (_, i) =>
          log.publish({
            subject: `ev.user.u${i % 7}.viewed`,
            identity: `${tests}-${tag}/${i}`,
            payload: Buffer.from(`${tag} ${i}`),
          }),
        ),
      );
      return Math.max(...acks.map(({ seq }) => seq));
    };

    it('counts messages from 1 and reports its position', async () => {
      const before = await log.info();
      expect(before).toMatchObject({ stream: log.stream, lastSeq: 0, firstSeq: 1, messages: 0, lastMissing: 0 });
      const first = await log.publish({ subject: 'ev.user.u1.viewed', identity: 'a/1', payload: Buffer.from('1') });
      expect(first).toEqual({ seq: 1, duplicate: false });
      await publish(4);
      expect(await log.info()).toMatchObject({ created: before.created, firstSeq: 1, lastSeq: 5, messages: 5 });
    });

    it('stores messages of one identity once, and reports the duplicate', async () => {
      const message = { subject: 'ev.user.u1.viewed', identity: 'same/1', payload: Buffer.from('x') };
      const first = await log.publish(message);
      expect(await log.publish(message)).toEqual({ seq: first.seq, duplicate: true });
      expect((await log.info()).lastSeq).toBe(first.seq);
    });

    it('stores messages without an identity each time', async () => {
      const message = { subject: 'ev.user.u1.viewed', payload: Buffer.from('x') };
      const first = await log.publish(message);
      expect(await log.publish(message)).toEqual({ seq: first.seq + 1, duplicate: false });
    });

    it('returns a message at its position, as it was published, and undefined at others', async () => {
      const { seq } = await log.publish({
        subject: 'ev.user.a=2Eb.viewed',
        identity: 'at/1',
        payload: Buffer.from('{"é":1}'),
      });
      const message = await log.at(seq);
      expect(message).toMatchObject({ seq, subject: 'ev.user.a=2Eb.viewed' });
      expect(Buffer.from(message?.payload ?? []).toString()).toBe('{"é":1}');
      expect(Number.isInteger(message?.timestamp)).toBe(true);
      expect(await log.at(streamSeq(seq + 1))).toBeUndefined();
    });

    it('finds the newest message on a subject, also by wildcards', async () => {
      const send = (subject: string, n: number) =>
        log.publish({ subject, identity: `newest/${tests}/${n}`, payload: Buffer.from(`${n}`) });
      await send('ev.control.act-1.erased', 1);
      const { seq } = await send('ev.control.act-2.erased', 2);
      await send('ev.control.act-3.promoted', 3);
      expect(await log.newest('ev.control.*.erased')).toMatchObject({ seq, subject: 'ev.control.act-2.erased' });
      expect(await log.newest('ev.control.act-2.>')).toMatchObject({ seq });
      expect(await log.newest('ev.control.*.rolled_back')).toBeUndefined();
    });

    it('delivers a message with the same time and content as it has at its position', async () => {
      const last = await publish(20);
      const sink = collector();
      await read(last - 19, sink);
      await until(() => sink.got.length === 20);
      for (const { seq, subject, payload, timestamp } of sink.got) {
        const message = await log.at(seq);
        expect(message).toMatchObject({ seq, subject, timestamp });
        expect(Buffer.from(message?.payload ?? []).equals(Buffer.from(payload))).toBe(true);
      }
    });

    it('reads in order from a position on, counting deliveries from 1', async () => {
      const last = await publish(50);
      const sink = collector();
      const reader = await read(last - 29, sink);
      await until(() => sink.got.length === 30);
      expect(seqs(sink)).toEqual(upTo(last - 29, last));
      expect(sink.got.map(({ delivery }) => delivery)).toEqual(upTo(1, 30));
      expect(sink.got.map(({ pending }) => pending)).toEqual(upTo(0, 29).reverse());
      expect(await reader.delivered()).toBe(30);
    });

    it('delivers messages that are published while a reader waits', async () => {
      const { lastSeq } = await log.info();
      const sink = collector();
      await read(lastSeq + 1, sink);
      for (let round = 1; round <= 3; round++) {
        await publish(5, `round ${round}`);
        await until(() => sink.got.length === 5 * round);
      }
      expect(seqs(sink)).toEqual(upTo(lastSeq + 1, lastSeq + 15));
      expect(sink.got.at(-1)).toMatchObject({ delivery: 15, pending: 0 });
      expect(sink.interruptions).toEqual([]);
    });

    it('gives a second reader of a name its own count and position, and interrupts the first', async () => {
      const last = await publish(10);
      const [first, second] = [collector(), collector()];
      await read(last - 9, first);
      await until(() => first.got.length === 10);
      await read(last - 4, second);
      await until(() => second.got.length === 5 && first.interruptions.length === 1);
      expect(second.got.map(({ delivery }) => delivery)).toEqual(upTo(1, 5));
      await publish(3, 'later');
      await until(() => second.got.length === 8);
      expect(seqs(second)).toEqual(upTo(last - 4, last + 3));
      expect(first.got).toHaveLength(10);
    });

    it('does not interrupt readers of other names', async () => {
      const last = await publish(10);
      const [first, second] = [collector(), collector()];
      await read(last - 9, first, `${consumer}-a`);
      await read(last - 9, second, `${consumer}-b`);
      await publish(1, 'later');
      await until(() => first.got.length === 11 && second.got.length === 11);
      expect(first.interruptions).toEqual([]);
    });

    it('does not call a closed reader', async () => {
      const last = await publish(5);
      const [closed, open] = [collector(), collector()];
      const reader = await read(last - 4, closed, `${consumer}-a`);
      await until(() => closed.got.length === 5);
      await reader.close();
      await read(last + 1, open, `${consumer}-b`);
      await publish(5, 'later');
      await until(() => open.got.length === 5);
      expect(closed.got).toHaveLength(5);
      expect(closed.interruptions).toEqual([]);
    });

    it('leaves out removed messages, and counts the rest without a gap', async () => {
      const last = await publish(6);
      await harness.remove(last - 3);
      await harness.remove(last - 1);
      expect(await log.at(streamSeq(last - 1))).toBeUndefined();
      expect(await log.info()).toMatchObject({ lastSeq: last, lastMissing: last - 1 });
      expect(await log.missing(streamSeq(last - 6))).toEqual([
        { first: last - 3, last: last - 3 },
        { first: last - 1, last: last - 1 },
      ]);
      expect(await log.missing(streamSeq(last - 3))).toEqual([{ first: last - 1, last: last - 1 }]);
      expect(await log.missing(streamSeq(last - 1))).toEqual([]);
      const sink = collector();
      await read(last - 5, sink);
      await until(() => sink.got.length === 4);
      expect(seqs(sink)).toEqual([last - 5, last - 4, last - 2, last]);
      expect(sink.got.map(({ delivery }) => delivery)).toEqual([1, 2, 3, 4]);
    });

    it('reports a broken connection, and a new reader goes on', async () => {
      const last = await publish(5);
      const [before, after] = [collector(), collector()];
      await read(last - 4, before);
      await until(() => before.got.length === 5);
      await harness.cut();
      await until(() => before.interruptions.length === 1);
      await publish(5, 'later');
      await read(last + 1, after);
      await until(() => after.got.length === 5);
      expect(seqs(after)).toEqual(upTo(last + 1, last + 5));
    });

    it('carries 20,000 messages to a reader without losing or doubling one', async () => {
      const last = await publish(20_000);
      const sink = collector();
      await read(last - 19_999, sink);
      await until(() => sink.got.length >= 20_000, { within: 20_000 });
      expect(seqs(sink)).toEqual(upTo(last - 19_999, last));
      expect(sink.got.at(-1)).toMatchObject({ delivery: 20_000, pending: 0 });
    });
  });
}
