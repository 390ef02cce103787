/** The log of a server without accounts, on a server with accounts: on the version that NATS_SERVER_BIN names, or the newest. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AckPolicy, type NatsConnection, StringCodec } from 'nats';
import { expect, it, onTestFinished } from 'vitest';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { accountFolder, carryOver, GLOBAL_ACCOUNT, refuseHiddenLog } from '../../src/secure/carry-over.ts';
import { FRESHET_ACCOUNT } from '../../src/secure/rights.ts';
import { isAlive } from '../../src/up/runtime-file.ts';
import { outgoing, viewed } from '../support/events.ts';
import { startNatsServer } from '../support/nats.ts';
import { startSecured } from '../support/secured.ts';
import { tempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';

const EVENTS = 50;
const OBJECT = 'x'.repeat(300_000);

/** A stopped server without accounts, with a log, a bucket and an object. Returns its folder of JetStream. */
async function oldStore(): Promise<{ storeDir: string; created: string }> {
  const storeDir = tempDir('old-store');
  const server = await startNatsServer({ dir: storeDir });
  onTestFinished(() => server.stop());
  const nc = await server.connect();
  await applyStreams(nc, {});
  for (let i = 0; i < EVENTS; i++) {
    const { subject, identity, payload } = outgoing(viewed('u1', `i${i}`));
    await nc.jetstream().publish(subject, payload, { msgID: identity });
  }
  const jsm = await nc.jetstreamManager();
  await jsm.consumers.add('EVENTS', { durable_name: 'reader', ack_policy: AckPolicy.Explicit });
  const consumer = await nc.jetstream().consumers.get('EVENTS', 'reader');
  for (let i = 0; i < 10; i++) await (await consumer.next())?.ackAck();
  const kv = await nc.jetstream().views.kv('rankings');
  await kv.put('user.u1', 'one');
  await kv.put('user.u1', 'two');
  const objects = await nc.jetstream().views.os('snapshots');
  await objects.put({ name: 'model' }, Readable.toWeb(Readable.from([Buffer.from(OBJECT)])) as never);
  const created = await contentsOf(nc);
  // In order: 2.9.10 writes what a consumer has acknowledged some seconds later, or when it stops.
  process.kill(server.pid as number, 'SIGTERM');
  await until(() => !isAlive(server.pid as number));
  return { storeDir, created };
}

/** All that must be the same afterwards, as text. */
async function contentsOf(nc: NatsConnection): Promise<string> {
  const jsm = await nc.jetstreamManager();
  const streams: unknown[] = [];
  for await (const { config, created, state } of jsm.streams.list()) {
    const consumers: unknown[] = [];
    for await (const { name, ack_floor, num_pending } of jsm.consumers.list(config.name))
      consumers.push({ name, acknowledged: ack_floor.stream_seq, num_pending });
    const { messages, first_seq, last_seq, last_ts, bytes } = state;
    streams.push({
      name: config.name,
      created,
      messages,
      first_seq: messages && first_seq,
      last_seq,
      last_ts,
      bytes,
      consumers,
    });
  }
  const log: string[] = [];
  for (let seq = 1; seq <= EVENTS; seq++) log.push((await jsm.streams.getMessage('EVENTS', { seq })).string());
  const kv = await nc.jetstream().views.kv('rankings');
  const objects = await nc.jetstream().views.os('snapshots');
  const blob = await objects.getBlob('model');
  return JSON.stringify({
    streams,
    log,
    ranking: (await kv.get('user.u1'))?.string(),
    object: blob && StringCodec().decode(blob).length,
  });
}

it('keeps streams, times of creation, messages, buckets and objects', async () => {
  const { storeDir, created } = await oldStore();
  // What a server makes for an account that has no streams yet.
  mkdirSync(accountFolder(storeDir, FRESHET_ACCOUNT), { recursive: true });
  expect(carryOver(storeDir)).toContain('EVENTS');
  // Interrupted afterwards, the next start finds nothing left to do.
  expect(carryOver(storeDir)).toEqual([]);
  const bus = await startSecured({ storeDir });
  onTestFinished(() => bus.stop());
  expect(JSON.parse(await contentsOf(await bus.as('operator')))).toEqual(JSON.parse(created));
});

it('refuses if both accounts have streams, and names both folders', async () => {
  const { storeDir } = await oldStore();
  const bus = await startSecured({ storeDir });
  onTestFinished(() => bus.stop());
  await applyStreams(await bus.as('operator'), {});
  const [hidden, used] = [GLOBAL_ACCOUNT, FRESHET_ACCOUNT].map((account) => accountFolder(storeDir, account));
  expect(() => carryOver(storeDir)).toThrow(`use the streams in ${used}`);
  expect(() => carryOver(storeDir)).toThrow(`hide those in ${hidden}`);
});

it('refuses a server without accounts that would hide the log of Freshet', async () => {
  const { storeDir } = await oldStore();
  refuseHiddenLog(storeDir, 'next');
  carryOver(storeDir);
  expect(() => refuseHiddenLog(storeDir, 'next')).toThrow(join('jetstream', FRESHET_ACCOUNT));
});
