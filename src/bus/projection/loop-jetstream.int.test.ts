/** The loop on a real server that is killed, cut off and tampered with. The counts must be exact each time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS } from '../../../streams.config.ts';
import { countingLoop, openCounting, stateOf } from '../../../test/support/counting.ts';
import { erased, outgoing, registered, viewed } from '../../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { startProxy, type TcpProxy } from '../../../test/support/proxy.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../event/ids.ts';
import { createJetStreamLog } from '../log/jetstream.ts';
import type { Log } from '../log/port.ts';
import type { PullLimits } from '../log/pull.ts';
import { connect } from '../nats/connection.ts';
import { createPublisher } from '../nats/publisher.ts';
import { applyStreams } from '../streams/plan.ts';
import type { LoopLimits, ProjectionLoop } from './loop.ts';
import type { ProjectionStore } from './store.ts';

const EVENT_COUNT = 20_000;
const USERS = 50;

let server: TestNatsServer;
let proxy: TcpProxy;
let folder: string;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  proxy = await startProxy(server.port);
  folder = makeTempDir('loop');
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await proxy.close();
  await server.stop();
  removeTempDir(folder);
});

/** A log on a connection of its own; through the proxy if the test cuts it. */
async function openLog(port = server.port, pull: Partial<PullLimits> = {}): Promise<Log> {
  const nc = await connect({ url: `nats://127.0.0.1:${port}`, name: 'test', reconnectMs: 10 });
  await applyStreams(nc, {}, [EVENTS]);
  const publisher = createPublisher(nc, { timeoutMs: 300, retries: 100 });
  undo.push(async () => {
    await nc.close();
    await publisher.close();
  });
  return createJetStreamLog({ nc, publisher, pull: { burst: 500, waiting: 8, restMs: 5, heartbeatMs: 200, ...pull } });
}

function startLoop(log: Log, limits: Partial<LoopLimits> = {}): { store: ProjectionStore; loop: ProjectionLoop } {
  const store = openCounting(folder);
  const loop = countingLoop(log, store, {
    limits: { batchMax: 200, idleCheckMs: 100, checkIntervalMs: 200, backoffMaxMs: 50, ...limits },
  });
  loop.start();
  undo.push(async () => {
    await loop.stop();
    store.close();
  });
  return { store, loop };
}

const publishAll = (log: Log, count = EVENT_COUNT, from = 0) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      log.publish(outgoing(viewed(`u${(from + i) % USERS}`, `i${(from + i) % 97}`, { id: `n${from + i}` }))),
    ),
  );

/** Every event counted once, for whom it was, in the order of the log. */
function expectExact(store: ProjectionStore, count = EVENT_COUNT): void {
  const state = stateOf(store);
  expect(state).toMatchObject({ seq: count, applied: count, duplicates: 0, dead: [], unknown: 0 });
  expect(state.note.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(state.total).toHaveLength(USERS);
  expect(state.total.every(({ n }) => n === count / USERS)).toBe(true);
}

describe('the loop on JetStream', () => {
  it('counts exactly while the server is killed repeatedly', async () => {
    const log = await openLog();
    await publishAll(log);
    const { store, loop } = startLoop(log);
    for (const after of [2_000, 6_000, 11_000, 16_000]) {
      await loop.reached(streamSeq(after), 20_000);
      await server.restart();
    }
    await loop.reached(streamSeq(EVENT_COUNT), 30_000);
    expectExact(store);
  });

  it('counts exactly while the connection breaks repeatedly during publishing', async () => {
    await publishAll(await openLog(), 5_000);
    const log = await openLog(proxy.port);
    proxy.cutEvery(200_000);
    const { store, loop } = startLoop(log);
    await Promise.all([publishAll(log, 15_000, 5_000), loop.reached(streamSeq(EVENT_COUNT), 40_000)]);
    proxy.cutEvery(0);
    expect(stateOf(store)).toMatchObject({ seq: EVENT_COUNT, applied: EVENT_COUNT, dead: [] });
    expectExact(store);
  });

  it('counts exactly after somebody deletes the consumer', async () => {
    const log = await openLog();
    await publishAll(log, 5_000);
    const { store, loop } = startLoop(log);
    const jsm = await (await server.connect()).jetstreamManager();
    for (const after of [1_000, 3_000, 5_000]) {
      await loop.reached(streamSeq(after), 20_000);
      // Between two readers there may be none for a moment.
      await until(() => jsm.consumers.delete('EVENTS', 'user-projection'));
    }
    await publishAll(log, 5_000, 5_000);
    await loop.reached(streamSeq(10_000), 20_000);
    expectExact(store, 10_000);
  });

  it('counts events exactly that are published while it is stopped', async () => {
    const log = await openLog();
    await publishAll(log, 1_000);
    const first = startLoop(log);
    await first.loop.reached(streamSeq(1_000), 20_000);
    await first.loop.stop();
    first.store.close();
    undo.pop();
    await publishAll(log, 1_000, 1_000);
    const { store, loop } = startLoop(log);
    await loop.reached(streamSeq(2_000), 20_000);
    expectExact(store, 2_000);
  });

  it('folds without a pause of a busy log what a caller waits for', async () => {
    const hour = 3_600_000;
    const log = await openLog(server.port, { restMs: hour });
    const { store, loop } = startLoop(log, { idleCheckMs: hour, batchRestMs: 0 });
    // As many as an open request has room for: the reader pauses behind them.
    await publishAll(log, 8);
    await until(() => store.checkpoint().seq === 8);
    await publishAll(log, 2, 8);
    expect(store.checkpoint().seq).toBe(8);
    await loop.reached(streamSeq(10), 20_000);
    const waiting = loop.reached(streamSeq(12), 20_000);
    await publishAll(log, 2, 10);
    expect(await waiting).toBe(12);
  });

  it('shows its lag to `nats consumer info`', async () => {
    const log = await openLog();
    await publishAll(log, 100);
    const { loop } = startLoop(log);
    await loop.reached(streamSeq(100), 20_000);
    const jsm = await (await server.connect()).jetstreamManager();
    const info = await jsm.consumers.info('EVENTS', 'user-projection');
    expect(info).toMatchObject({ num_pending: 0, delivered: { stream_seq: 100 } });
  });

  it('refuses a stream that was deleted and created again, and folds none of its messages', async () => {
    const log = await openLog();
    await publishAll(log, 100);
    const { store, loop } = startLoop(log);
    await loop.reached(streamSeq(100), 20_000);
    const before = (await log.info()).created;
    const nc = await server.connect();
    await (await nc.jetstreamManager()).streams.delete('EVENTS');
    await until(() => loop.status().trouble?.code === 'FRESHET_STREAM_MISSING');
    await applyStreams(nc, {}, [EVENTS]);
    await publishAll(log, 300);
    await until(() => loop.status().state === 'refusing');
    const { trouble } = loop.status();
    expect(trouble).toMatchObject({ code: 'FRESHET_LOG_RECREATED' });
    expect(trouble?.message).toContain(before);
    expect(trouble?.message).toContain((await log.info()).created);
    expect(stateOf(store)).toMatchObject({ seq: 100, applied: 100 });
  });

  it('goes on after an erasure, and can fold the log from its beginning after it', async () => {
    const log = await openLog();
    await publishAll(log, 500);
    const { store, loop } = startLoop(log);
    await loop.reached(streamSeq(500), 20_000);
    await log.publish(outgoing(erased('act-1', 500)));
    const jsm = await (await server.connect()).jetstreamManager();
    // The first message and the newest that was folded are among them.
    await jsm.streams.purge('EVENTS', { filter: 'ev.user.u0.>', seq: 501 });
    await jsm.streams.purge('EVENTS', { filter: 'ev.user.u49.>', seq: 501 });
    const { seq } = await log.publish(outgoing(registered('u1')));
    await loop.reached(seq, 20_000);
    expect(loop.status().state).toBe('ready');
    expect(stateOf(store).applied).toBe(502);
    removeTempDir(folder);
    folder = makeTempDir('loop');
    const rebuilt = startLoop(log);
    await rebuilt.loop.reached(seq, 20_000);
    expect(stateOf(rebuilt.store)).toMatchObject({ seq, applied: 482 });
  });
});
