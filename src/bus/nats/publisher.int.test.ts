import type { NatsConnection } from 'nats';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENTS } from '../../../streams.config.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { startProxy, type TcpProxy } from '../../../test/support/proxy.ts';
import { until } from '../../../test/support/wait.ts';
import { PublishRefusedError, PublishUnacknowledgedError, StreamMissingError } from '../../errors.ts';
import { applyStreams } from '../streams/plan.ts';
import { connect } from './connection.ts';
import type { PublishAck } from './publisher.ts';
import { createPublisher, type Publisher, type PublisherOptions } from './publisher.ts';

interface Setup {
  server: TestNatsServer;
  proxy: TcpProxy;
  nc: NatsConnection;
  publisher: Publisher;
}

async function start(options: PublisherOptions = {}, streams = [EVENTS]): Promise<Setup> {
  const server = await startNatsServer();
  const proxy = await startProxy(server.port);
  const nc = await connect({ url: `nats://127.0.0.1:${proxy.port}`, name: 'test', reconnectMs: 10 });
  await applyStreams(nc, {}, streams);
  const publisher = createPublisher(nc, { timeoutMs: 200, retries: 50, ...options });
  onTestFinished(async () => {
    await nc.close();
    await publisher.close();
    await proxy.close();
    await server.stop();
  });
  return { server, proxy, nc, publisher };
}

const message = (i: number) => ({
  subject: `ev.user.u${i % 10}.viewed`,
  identity: `test/${i}`,
  payload: Buffer.from(`${i}`),
});
const publishAll = (publisher: Publisher, count: number, from = 0): Promise<PublishAck[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => publisher.publish(message(from + i))));
const stateOf = async ({ server }: Setup) =>
  (await (await (await server.connect()).jetstreamManager()).streams.info('EVENTS')).state;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (err: unknown) => err,
  );

describe('publishing', () => {
  it('stores messages in the order of the calls, each with a sequence of its own', async () => {
    const setup = await start();
    const acks = await publishAll(setup.publisher, 2_000);
    expect(acks.map(({ seq }) => seq)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
    expect(acks.some(({ duplicate }) => duplicate)).toBe(false);
    expect(setup.publisher.pending).toBe(0);
  });

  it('reports a message that the log holds already as a duplicate', async () => {
    const { publisher } = await start();
    const [first] = await publishAll(publisher, 1);
    expect(await publisher.publish(message(0))).toEqual({ seq: first?.seq, duplicate: true });
  });

  it('has at most a window of messages in flight, and makes others wait for a place', async () => {
    const setup = await start({ window: 10, timeoutMs: 60_000 });
    setup.proxy.hold(true);
    const acks = publishAll(setup.publisher, 30);
    expect(setup.publisher.pending).toBe(30);
    let ready = false;
    const waiting = setup.publisher.ready().then(() => {
      ready = true;
    });
    await setup.nc.publish('elsewhere');
    expect(ready).toBe(false);
    setup.proxy.hold(false);
    await waiting;
    expect(setup.publisher.pending).toBeLessThan(10);
    expect(await acks).toHaveLength(30);
  });

  it('sends an unacknowledged message again under the same id, and the log stores it once', async () => {
    let retries = 0;
    const setup = await start({ onRetry: () => void retries++ });
    setup.proxy.hold(true);
    const acks = publishAll(setup.publisher, 50);
    await until(() => retries > 50);
    setup.proxy.hold(false);
    expect(new Set((await acks).map(({ seq }) => seq)).size).toBe(50);
    expect((await stateOf(setup)).messages).toBe(50);
  });

  it('reports an unknown outcome if no answer ever comes', async () => {
    const setup = await start({ timeoutMs: 20, retries: 2 });
    setup.proxy.hold(true);
    const err = await failure(setup.publisher.publish(message(1)));
    expect(err).toBeInstanceOf(PublishUnacknowledgedError);
    expect(err).toMatchObject({
      message: expect.stringContaining('3 attempts'),
      details: { identity: 'test/1' },
      next: expect.stringContaining('same id'),
    });
    expect(setup.publisher.pending).toBe(0);
  });

  it('reports that no stream has the subject, and the command that creates it', async () => {
    const { publisher } = await start({ timeoutMs: 20, retries: 2 }, []);
    const err = await failure(publisher.publish(message(1)));
    expect(err).toBeInstanceOf(StreamMissingError);
    expect(err).toMatchObject({ next: 'freshet streams apply' });
  });

  it('reports a refusal of the server', async () => {
    const { publisher, server } = await start();
    const jsm = await (await server.connect()).jetstreamManager();
    await jsm.streams.update('EVENTS', { max_msg_size: 100 });
    const err = await failure(publisher.publish({ ...message(1), payload: Buffer.alloc(1_000) }));
    expect(err).toBeInstanceOf(PublishRefusedError);
    expect(publisher.pending).toBe(0);
    expect((await publisher.publish(message(2))).seq).toBe(1);
  });

  it('refuses what the client cannot send, and goes on', async () => {
    const { publisher } = await start();
    const err = await failure(publisher.publish({ ...message(1), payload: Buffer.alloc(2 * 1024 * 1024) }));
    expect(err).toBeInstanceOf(PublishRefusedError);
    expect((await publisher.publish(message(2))).seq).toBe(1);
  });

  it('carries headers beside the id', async () => {
    const { publisher, server } = await start();
    await publisher.publish({ ...message(1), headers: { 'Freshet-Code': 'X' } });
    const stored = await (await (await server.connect()).jetstreamManager()).streams.getMessage('EVENTS', { seq: 1 });
    expect(stored.header.get('Freshet-Code')).toBe('X');
    expect(stored.header.get('Nats-Msg-Id')).toBe('test/1');
  });

  it('loses and doubles no message while the connection breaks repeatedly', async () => {
    const setup = await start({ window: 200 });
    setup.proxy.cutEvery(40_000);
    const acks = await publishAll(setup.publisher, 5_000);
    setup.proxy.cutEvery(0);
    expect(new Set(acks.map(({ seq }) => seq)).size).toBe(5_000);
    expect(await stateOf(setup)).toMatchObject({ messages: 5_000, last_seq: 5_000 });
  });

  it('loses and doubles no message when the server is killed in between', async () => {
    const setup = await start({ window: 200 });
    let acknowledged = 0;
    const acks = Array.from({ length: 6_000 }, (_, i) =>
      setup.publisher.publish(message(i)).finally(() => acknowledged++),
    );
    for (const after of [1_000, 3_000]) {
      await until(() => acknowledged >= after);
      await setup.server.restart();
    }
    const seqs = (await Promise.all(acks)).map(({ seq }) => seq);
    expect(new Set(seqs).size).toBe(6_000);
    expect(await stateOf(setup)).toMatchObject({ messages: 6_000, last_seq: 6_000 });
  });

  it('waits for messages in flight when it is closed, and accepts no more', async () => {
    const { publisher } = await start();
    const acks = publishAll(publisher, 500);
    await publisher.close();
    expect(await acks).toHaveLength(500);
    expect(await failure(publisher.publish(message(501)))).toBeInstanceOf(PublishUnacknowledgedError);
  });

  it('sends unacknowledged messages again at once when it is closed, whatever the time-out', async () => {
    const setup = await start({ timeoutMs: 3_600_000 });
    setup.proxy.holdAnswers(true);
    const acks = publishAll(setup.publisher, 50);
    await until(async () => (await stateOf(setup)).messages === 50);
    // The answers go with the connection.
    setup.proxy.cut();
    setup.proxy.holdAnswers(false);
    await until(() => setup.nc.rtt());
    await setup.publisher.close();
    expect(new Set((await acks).map(({ seq }) => seq)).size).toBe(50);
    expect((await stateOf(setup)).messages).toBe(50);
  });

  it('rejects callers that wait for a place, once it is closed', async () => {
    const { publisher, proxy } = await start({ window: 2, timeoutMs: 50, retries: 1_000 });
    proxy.hold(true);
    const acks = Promise.allSettled(Array.from({ length: 5 }, (_, i) => publisher.publish(message(i))));
    const ready = publisher.ready();
    await publisher.close();
    await ready;
    expect((await acks).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  });

  it('rejects all waiting messages when the connection is closed, however many they are', async () => {
    const { publisher, nc } = await start({ window: 10, timeoutMs: 50, retries: 1_000 });
    const acks = Promise.allSettled(Array.from({ length: 30_000 }, (_, i) => publisher.publish(message(i))));
    await nc.close();
    const refused = (await acks).flatMap((ack) => (ack.status === 'rejected' ? [ack.reason as unknown] : []));
    expect(refused.length).toBeGreaterThan(29_000);
    expect(refused.every((reason) => reason instanceof PublishUnacknowledgedError)).toBe(true);
    expect(publisher.pending).toBe(0);
  });
});
