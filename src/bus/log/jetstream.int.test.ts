import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENTS } from '../../../streams.config.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { startProxy } from '../../../test/support/proxy.ts';
import { until } from '../../../test/support/wait.ts';
import { StreamMissingError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import { connect } from '../nats/connection.ts';
import { createPublisher } from '../nats/publisher.ts';
import { applyStreams } from '../streams/plan.ts';
import { createJetStreamLog } from './jetstream.ts';
import { collector, describeLog } from './log.features.ts';
import type { PullLimits } from './pull.ts';

describeLog('the log on JetStream', async () => {
  const server = await startNatsServer();
  const proxy = await startProxy(server.port);
  const nc = await connect({ url: `nats://127.0.0.1:${proxy.port}`, name: 'test', reconnectMs: 10 });
  await applyStreams(nc, {}, [EVENTS]);
  const publisher = createPublisher(nc);
  const log = await createJetStreamLog({ nc, publisher, pull: { heartbeatMs: 500 } });
  const direct = await server.connect();
  const jsm = await direct.jetstreamManager();
  return {
    log,
    remove: async (seq) => void (await jsm.streams.deleteMessage('EVENTS', seq)),
    cut: async () => void proxy.cut(),
    close: async () => {
      await publisher.close();
      await nc.close();
      await proxy.close();
      await server.stop();
    },
  };
});

describe('the log on JetStream', () => {
  async function start(pull: Partial<PullLimits> = {}) {
    const server = await startNatsServer();
    const proxy = await startProxy(server.port);
    const nc = await connect({ url: `nats://127.0.0.1:${proxy.port}`, name: 'test', reconnectMs: 10 });
    const publisher = createPublisher(nc, { timeoutMs: 500, retries: 20 });
    onTestFinished(async () => {
      await nc.close();
      await publisher.close();
      await proxy.close();
      await server.stop();
    });
    const log = await createJetStreamLog({
      nc,
      publisher,
      pull: { heartbeatMs: 200, ...pull },
      describe: (name) => `reads as ${name}`,
    });
    return { server, proxy, nc, log };
  }

  const publishTo = async ({ log }: Awaited<ReturnType<typeof start>>, from: number, count: number): Promise<void> => {
    const payload = Buffer.from('x');
    for (let i = from; i < from + count; i++)
      await log.publish({ subject: 'ev.user.u1.viewed', identity: `t/${i}`, payload });
  };

  it('reports a missing stream, and the command that creates it', async () => {
    const { log } = await start();
    const err = await log.info().catch((reason: unknown) => reason);
    expect(err).toBeInstanceOf(StreamMissingError);
    expect(err).toMatchObject({ next: 'freshet streams apply' });
  });

  it('has a named and described consumer for `nats consumer info`, from its position on and without acks', async () => {
    const { log, nc, server } = await start();
    await applyStreams(nc, {}, [EVENTS]);
    await log.read('user-projection', streamSeq(7), collector());
    const jsm = await (await server.connect()).jetstreamManager();
    const { config } = await jsm.consumers.info('EVENTS', 'user-projection');
    expect(config).toMatchObject({
      durable_name: 'user-projection',
      description: 'reads as user-projection',
      ack_policy: 'none',
      deliver_policy: 'by_start_sequence',
      opt_start_seq: 7,
    });
  });

  it('goes on when requests for messages expire', async () => {
    const setup = await start({ burst: 3, expiresMs: 500, heartbeatMs: 200 });
    await applyStreams(setup.nc, {}, [EVENTS]);
    const sink = collector();
    await setup.log.read('user-projection', streamSeq(1), sink);
    await publishTo(setup, 0, 4);
    const sent = setup.proxy.sent;
    // The server answers a request that ran out; later messages come on the next one.
    await until(() => sink.got.length === 4);
    await until(() => setup.proxy.sent > sent + 800, { within: 5_000 });
    await publishTo(setup, 4, 10);
    await until(() => sink.got.length === 14);
    expect(sink.got.map(({ delivery }) => delivery)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(sink.interruptions).toEqual([]);
  });

  it('requests no more than a full sink has room for, and goes on', async () => {
    const setup = await start({ burst: 4, heartbeatMs: 20 });
    await applyStreams(setup.nc, {}, [EVENTS]);
    await publishTo(setup, 0, 20);
    const sink = collector();
    let full = true;
    const reader = await setup.log.read('user-projection', streamSeq(1), { ...sink, full: () => full });
    await until(() => sink.got.length === 4);
    // Longer than the heartbeats of an open request.
    await publishTo(setup, 20, 10);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sink.got).toHaveLength(4);
    full = false;
    reader.more?.();
    await until(() => sink.got.length === 30);
    expect(sink.got.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(sink.interruptions).toEqual([]);
  });

  it('pauses at the head of a busy log, unless somebody waits, and loses nothing', async () => {
    const setup = await start({ burst: 100, waiting: 4, restMs: 3_600_000 });
    await applyStreams(setup.nc, {}, [EVENTS]);
    const sink = collector();
    let awaited = false;
    const reader = await setup.log.read('user-projection', streamSeq(1), { ...sink, awaited: () => awaited });
    // A first message may come with the burst before the open request.
    const jsm = await (await setup.server.connect()).jetstreamManager();
    await until(async () => (await jsm.consumers.info('EVENTS', 'user-projection')).num_waiting === 1);
    await publishTo(setup, 0, 2);
    await until(() => sink.got.length === 2);
    await publishTo(setup, 2, 10);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The last of an open request for four.
    expect(sink.got).toHaveLength(4);
    reader.hurry?.();
    await until(() => sink.got.length === 12);
    awaited = true;
    reader.hurry?.();
    await publishTo(setup, 12, 20);
    await until(() => sink.got.length === 32);
    expect(sink.got.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
    expect(sink.interruptions).toEqual([]);
  });

  it('does not pause where single messages come', async () => {
    const setup = await start({ burst: 100, waiting: 2, restMs: 20 });
    await applyStreams(setup.nc, {}, [EVENTS]);
    const sink = collector();
    await setup.log.read('user-projection', streamSeq(1), sink);
    for (let i = 0; i < 6; i++) {
      await publishTo(setup, i, 1);
      await until(() => sink.got.length === i + 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(sink.interruptions).toEqual([]);
  });

  it('reports an interruption when the server falls silent although the connection stays open', async () => {
    const { log, nc, proxy } = await start({ heartbeatMs: 100 });
    await applyStreams(nc, {}, [EVENTS]);
    const sink = collector();
    await log.read('user-projection', streamSeq(1), sink);
    proxy.hold(true);
    await until(() => sink.interruptions.length === 1);
    expect(sink.interruptions[0]).toContain('no heartbeat');
    proxy.hold(false);
  });

  it.each([
    ['its consumer is deleted', 'consumer'],
    ['the stream is deleted', 'stream'],
    ['the server is killed', 'server'],
  ])('reports an interruption when %s', async (_what, target) => {
    const { log, nc, server } = await start();
    await applyStreams(nc, {}, [EVENTS]);
    const sink = collector();
    await log.read('user-projection', streamSeq(1), sink);
    const jsm = await (await server.connect()).jetstreamManager();
    if (target === 'consumer') await jsm.consumers.delete('EVENTS', 'user-projection');
    else if (target === 'stream') await jsm.streams.delete('EVENTS');
    else await server.kill();
    await until(() => sink.interruptions.length > 0);
    if (target === 'server') await server.restart();
    expect(sink.interruptions).toHaveLength(1);
  });
});
