/** What happens if somebody deletes a stream, bucket or store of Freshet while the system runs. */
import type { JetStreamManager, NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERASURES, EVENTS, KEYS, STREAMS } from '../../streams.config.ts';
import { event, published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call } from '../bus/nats/micro.ts';
import { applyStreams } from '../bus/streams/plan.ts';
import { wireStream } from '../bus/streams/wire.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;
let jsm: JetStreamManager;

interface Missing {
  kind: string;
  name: string;
  code: string;
  message: string;
  next: string;
}
interface Ready {
  ready: boolean;
  missing?: Missing[];
}

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({
    natsUrl: nats.url,
    config: testConfig({}, { streams: { look_ms: 50 }, engine: { lease_ms: 300, similar_interval_ms: 50 } }),
  });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready, { what: 'every service ready' });
  nc = await nats.connect();
  jsm = await nc.jetstreamManager();
  await publish(
    stack.url,
    ...['a', 'b', 'c'].map((item) => published(item)),
    ...['u1', 'u2', 'u3'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b')]),
    event('user.registered.v1', 'u1', {}),
  );
  const bad = JSON.stringify({ ...viewed('u1', 'x'), data: {} });
  await nc.jetstream().publish('ev.user.u1.viewed', bad);
  await until(async () => (await messagesOf('DEAD_LETTERS')) === 4, { what: 'copies of the dead letter' });
  await until(async () => (await keysOf('rankings')).includes('user.u1'), { what: 'rankings' });
  await until(async () => (await keysOf('engine')).length === 1, { what: 'a snapshot' });
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const messagesOf = async (stream: string): Promise<number> =>
  jsm.streams.info(stream).then(
    ({ state }) => state.messages,
    () => -1,
  );
async function keysOf(bucket: string): Promise<string[]> {
  const { state } = await jsm.streams
    .info(`KV_${bucket}`, { subjects_filter: '>' })
    .catch(() => ({ state: undefined }));
  return Object.keys(state?.subjects ?? {}).map((subject) => subject.slice(`$KV.${bucket}.`.length));
}
const readyz = async () => request<Ready>(stack.url, '/readyz');
const statusOf = (service: string) => call<{ missing?: Missing[] }>(nc, `freshet.${service}.status`, {});

describe('what services can write again', () => {
  test('the rankings: the engine makes the bucket, and publishes every list again', async () => {
    const before = (await keysOf('rankings')).sort();
    expect(before).toContain('user.u2');
    await jsm.streams.delete('KV_rankings');
    await until(async () => JSON.stringify((await keysOf('rankings')).sort()) === JSON.stringify(before));
  });

  test('snapshots and the pointer: the engine writes a snapshot and points to it', async () => {
    for (const name of ['OBJ_snapshots', 'KV_engine']) {
      await jsm.streams.delete(name);
      await until(async () => (await keysOf('engine')).includes('current') && (await messagesOf('OBJ_snapshots')) > 1, {
        what: `${name} is back`,
      });
      const kv = await nc.jetstream().views.kv('engine', { bindOnly: true });
      const { object } = (await kv.get('current'))?.json<{ object: string }>() ?? { object: '' };
      const store = await nc.jetstream().views.os('snapshots');
      expect((await store.info(object))?.name).toBe(object);
    }
  });

  test('copies of dead letters, announcements and leases', async () => {
    await jsm.streams.delete('DEAD_LETTERS');
    await until(async () => (await messagesOf('DEAD_LETTERS')) === 4);
    await jsm.streams.delete('ENGINE_OUTPUT');
    await until(async () => (await messagesOf('ENGINE_OUTPUT')) >= 0);
    await jsm.streams.delete('KV_leases');
    await until(async () => (await keysOf('leases')).includes('rankings'));
    await until(
      async () =>
        (await call<{ rankings: { written_here: boolean } }>(nc, 'freshet.engine.status', {})).rankings.written_here,
    );
  });

  test('leaves nothing missing in the end', async () => {
    await until(async () => (await readyz()).status === 200);
    expect((await readyz()).body).toMatchObject({ ready: true, missing: [] });
    for (const service of ['user', 'engine']) expect((await statusOf(service)).missing).toBeUndefined();
  });
});

describe('what nobody can write again', () => {
  test('the ledger of erasures is named, made by nobody, and gets its key back from a running service', async () => {
    const kv = async () => nc.jetstream().views.kv(ERASURES.name, { bindOnly: true });
    const key = (await (await kv()).get('key'))?.string();
    await jsm.streams.delete('KV_erasures');
    await until(async () => (await readyz()).status === 503);
    const { body } = await readyz();
    expect(body).toMatchObject({
      ready: false,
      missing: [
        { kind: 'kv', name: 'erasures', code: 'FRESHET_STREAM_MISSING', message: expect.stringContaining('ledger') },
      ],
    });
    expect(body.missing?.[0]?.next).toContain('freshet streams apply');
    await until(async () => (await statusOf('user')).missing?.[0]?.name === 'erasures');
    expect(await messagesOf('KV_erasures')).toBe(-1);
    const { health } = await call<{ health: string }>(nc, 'freshet.user.status', {});
    expect((await request(health, '/readyz')).status).toBe(503);
    expect((await request(health, '/metrics')).text).toMatch(/^freshet_streams_missing\{[^}]*\} 1$/m);
    await applyStreams(nc);
    await until(async () => (await (await kv()).get('key'))?.string() === key, { what: 'the key is back' });
    await until(async () => (await readyz()).status === 200);

    // Another process was faster, with a key of its own: the records of this one would name nobody.
    await jsm.streams.delete('KV_erasures');
    await until(async () => (await statusOf('user')).missing !== undefined);
    const { name, subjects } = wireStream(ERASURES);
    await jsm.streams.add({ ...wireStream(ERASURES), name, subjects });
    await (await kv()).put('key', 'ab'.repeat(32));
    await until(async () => (await statusOf('user')).missing?.[0]?.code === 'FRESHET_ERASURE_KEY_LOST');
    await (await kv()).put('key', key as string);
    await until(async () => (await statusOf('user')).missing === undefined);
  });

  test('the marks of dead letters are named, and the system stays ready without them', async () => {
    await jsm.streams.delete('KV_dead_letters');
    await until(async () => (await readyz()).body.missing?.[0]?.name === 'dead_letters');
    expect((await readyz()).status).toBe(200);
    await applyStreams(nc);
  });

  test('keys: the gateway keeps on requiring one, also after somebody has made the bucket again', async () => {
    const store = await openKeyStore(nc);
    const { key, record } = makeKey({ name: 'k', scopes: ['recommend'], now: Date.now() });
    await store.add(record);
    const headers = { authorization: `Bearer ${key}` };
    const trending = async () => (await request(stack.url, '/v1/trending')).status;
    await until(async () => (await trending()) === 401);
    await jsm.streams.delete('KV_keys');
    await until(async () => (await readyz()).body.missing?.[0]?.name === KEYS.name);
    expect((await readyz()).body.missing?.[0]?.next).toContain('freshet keys create');
    expect(await trending()).toBe(401);
    expect((await request(stack.url, '/v1/trending', { headers })).status).toBe(200);
    await applyStreams(nc);
    await until(async () => (await readyz()).status === 200);
    await until(async () => (await trending()) !== 503);
    expect(await trending()).toBe(401);
  });

  test('the log is named, and no service makes another one', async () => {
    await jsm.streams.delete('EVENTS');
    await until(async () => (await readyz()).body.missing?.some(({ name }) => name === EVENTS.name) === true);
    expect((await readyz()).body.missing).toMatchObject([
      { kind: 'stream', name: 'EVENTS', next: expect.stringContaining('back-up-and-restore') },
    ]);
    await until(async () => (await statusOf('content')).missing?.[0]?.name === 'EVENTS');
    expect(await messagesOf('EVENTS')).toBe(-1);
  });
});

test('every definition says what it means if it is gone', () => {
  for (const definition of STREAMS) {
    if (definition.kind === 'consumer') continue;
    expect(wireStream(definition).name).toMatch(/^(KV_|OBJ_)?\w+$/);
    for (const maker of definition.madeAgainBy) expect(definition.neededBy).toContain(maker);
    if (definition.derived) expect(definition.madeAgainBy.length).toBeGreaterThan(0);
  }
});
