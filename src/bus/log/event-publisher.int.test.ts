import type { NatsConnection } from 'nats';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENTS } from '../../../streams.config.ts';
import { codec, outgoing, viewed } from '../../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { startProxy, type TcpProxy } from '../../../test/support/proxy.ts';
import { until } from '../../../test/support/wait.ts';
import { IdentityPurgedError, IdentityReusedError, PublishUnacknowledgedError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import { connect } from '../nats/connection.ts';
import { createPublisher } from '../nats/publisher.ts';
import { applyStreams } from '../streams/plan.ts';
import { createEventPublisher, type EventPublisher, storedSeq } from './event-publisher.ts';
import { createJetStreamLog } from './jetstream.ts';
import type { Log } from './port.ts';

interface Setup {
  server: TestNatsServer;
  proxy: TcpProxy;
  nc: NatsConnection;
  log: Log;
  events: EventPublisher;
  retries: () => number;
  /** Most reads of the log at the same time so far. */
  mostReads: () => number;
}

async function start({
  timeoutMs = 60_000,
  ...options
}: {
  compareWindow?: number;
  retries?: number;
  timeoutMs?: number;
} = {}): Promise<Setup> {
  const server = await startNatsServer();
  const proxy = await startProxy(server.port);
  const nc = await connect({ url: `nats://127.0.0.1:${proxy.port}`, name: 'test', reconnectMs: 10 });
  await applyStreams(nc, {}, [EVENTS]);
  let retries = 0;
  let [reads, most] = [0, 0];
  const publisher = createPublisher(nc, { timeoutMs, retries: 50, onRetry: () => void retries++ });
  const log = await createJetStreamLog({ nc, publisher, pull: { heartbeatMs: 1_000 } });
  const counting: Log = {
    ...log,
    at: async (seq) => {
      most = Math.max(most, ++reads);
      return log.at(seq).finally(() => reads--);
    },
  };
  const events = createEventPublisher({ publisher, log: counting, codec, ...options });
  onTestFinished(async () => {
    await nc.close();
    await publisher.close();
    await proxy.close();
    await server.stop();
  });
  return { server, proxy, nc, log, events, retries: () => retries, mostReads: () => most };
}

const TIME = '2026-11-23T10:00:00Z';
const one = (id: string, item = 'i1') => outgoing(viewed('u1', item, { id, time: TIME }));

describe('an event under the identity of an earlier one', () => {
  it('is stored, a duplicate, or refused with the members that differ', async () => {
    const { events } = await start();
    expect(await events.publish(one('a'))).toEqual({ kind: 'stored', seq: 1 });
    expect(await events.publish(one('a'))).toEqual({ kind: 'duplicate', seq: 1 });
    const refusal = await events.publish(outgoing(viewed('u2', 'i2', { id: 'a', time: TIME })));
    expect(refusal).toMatchObject({
      kind: 'refused',
      seq: 1,
      problem: {
        code: 'FRESHET_IDENTITY_REUSED',
        message: 'The log holds another event with this source and id, at sequence 1: its subject and data differ.',
      },
    });
    expect(() => storedSeq(refusal)).toThrow(IdentityReusedError);
  });

  it('is refused after an erasure of the earlier one', async () => {
    const { events, server } = await start();
    await events.publish(one('a'));
    await (await (await server.connect()).jetstreamManager()).streams.purge('EVENTS', { filter: 'ev.user.u1.>' });
    const refusal = await events.publish(one('a'));
    expect(refusal).toMatchObject({ kind: 'refused', seq: 1, problem: { code: 'FRESHET_IDENTITY_PURGED' } });
    expect(() => storedSeq(refusal)).toThrow(IdentityPurgedError);
  });

  it('is stored if an earlier attempt of the same event was, whose acknowledgement was lost', async () => {
    const { events, proxy, log, retries } = await start({ timeoutMs: 200 });
    proxy.holdAnswers(true);
    const publication = events.publish(one('a'));
    await until(() => retries() > 1);
    proxy.holdAnswers(false);
    expect(await publication).toEqual({ kind: 'stored', seq: 1 });
    expect((await log.info()).messages).toBe(1);
  });

  it('is refused also if the first acknowledgement was lost', async () => {
    const { events, proxy, server, retries } = await start({ timeoutMs: 200 });
    const { payload, subject, identity } = one('a');
    await (await server.connect()).jetstream().publish(subject, payload, { msgID: identity });
    proxy.holdAnswers(true);
    const publication = events.publish(one('a', 'i2'));
    await until(() => retries() > 1);
    proxy.holdAnswers(false);
    expect(await publication).toMatchObject({ kind: 'refused', seq: 1, problem: { code: 'FRESHET_IDENTITY_REUSED' } });
  });
});

describe('the comparison', () => {
  it('makes no more requests at once than its limit, and keeps no event waiting for ever', async () => {
    const { events, mostReads } = await start({ compareWindow: 7 });
    const all = Array.from({ length: 300 }, (_, i) => one(`e${i}`));
    expect(new Set((await Promise.all(all.map(events.publish))).map(({ kind }) => kind))).toEqual(new Set(['stored']));
    expect(mostReads()).toBe(0);
    const again: Promise<{ kind: string }>[] = [];
    for (const event of all) {
      await events.ready();
      again.push(events.publish(event));
    }
    expect((await Promise.all(again)).every(({ kind }) => kind === 'duplicate')).toBe(true);
    expect(mostReads()).toBe(7);
    expect(events.pending).toBe(0);
  });

  it('goes on after a restart of the server', async () => {
    const { events, server, proxy } = await start();
    await events.publish(one('a'));
    await server.kill();
    proxy.cut();
    const compared = events.compare(one('a'), streamSeq(1));
    await server.restart();
    expect(await compared).toEqual({ kind: 'duplicate', seq: 1 });
  });

  it('leaves the outcome unknown if the log does not answer', async () => {
    const { events, proxy } = await start({ retries: 0 });
    await events.publish(one('a'));
    proxy.hold(true);
    const err = await events.compare(one('a'), streamSeq(1)).catch((thrown: unknown) => thrown);
    expect(err).toBeInstanceOf(PublishUnacknowledgedError);
    expect(err).toMatchObject({ next: expect.stringContaining('same id') });
  });
});
