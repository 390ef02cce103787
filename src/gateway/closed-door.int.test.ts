/** The gateway stays closed once an operator has made a key, whatever becomes of the records of the keys. */
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { applyStreams } from '../bus/streams/plan.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let nc: NatsConnection;
const stacks: Stack[] = [];

beforeEach(async () => {
  nats = await startNatsServer();
  nc = await nats.connect();
});
afterEach(async () => {
  for (const one of stacks.splice(0)) await one.stop();
  await nats.stop();
});

async function gateway(http: object = {}): Promise<string> {
  const stack = await startStack({ natsUrl: nats.url, config: testConfig({ request_timeout_ms: 500, ...http }) });
  stacks.push(stack);
  return stack.url;
}

/** The code of the answer to a request; no service answers, and only a caller with access gets to see that. */
async function codeAt(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const { code, detail } = (await request(url, '/v1/users/u', { headers })).body;
  return /could not read the API keys/.test(String(detail)) ? 'UNREAD' : code;
}
const OPEN = 'FRESHET_SERVICE_UNAVAILABLE';
const CLOSED = 'FRESHET_KEY_MISSING';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function addKey(): Promise<string> {
  const { key, record } = makeKey({ name: 'one', scopes: ['recommend'], now: Date.now() });
  await (await openKeyStore(nc)).add(record);
  return key;
}

const removeBucket = async () => (await nc.jetstreamManager()).streams.delete('KV_keys');
const makeBucket = () => applyStreams(nc, { onlyMissing: true });

describe('a gateway whose operator has made a key', () => {
  it('lets nobody in once the bucket of the keys is gone and made anew, and takes a new key at once', async () => {
    const url = await gateway();
    await until(async () => (await codeAt(url)) === OPEN);
    const old = await addKey();
    await until(async () => (await codeAt(url, bearer(old))) === OPEN);
    await removeBucket();
    await until(async () => (await codeAt(url, bearer(old))) === 'UNREAD');
    expect(await codeAt(url)).toBe('UNREAD');
    await makeBucket();
    await until(async () => (await codeAt(url)) === CLOSED);
    expect(await codeAt(url, bearer(old))).toBe('FRESHET_KEY_INVALID');
    const fresh = await addKey();
    await until(async () => (await codeAt(url, bearer(fresh))) === OPEN);
    expect(await codeAt(url, bearer(old))).toBe('FRESHET_KEY_INVALID');
  });

  it('lets nobody in after a start without the bucket', async () => {
    await makeBucket();
    await addKey();
    await removeBucket();
    const url = await gateway();
    // The gateway does not connect, because only a backup brings the bucket back.
    await until(async () => /"keys"|KV_keys|keys/.test(String((await request(url, '/v1/users/u')).body.detail)));
    expect(await codeAt(url)).toBe('FRESHET_NATS_UNREACHABLE');
    const key = await addKey();
    await until(async () => (await codeAt(url, bearer(key))) === OPEN);
    expect(await codeAt(url)).toBe(CLOSED);
  });

  it('lets nobody in if it cannot read the one record, and says so', async () => {
    const key = await addKey();
    const kv = await nc.jetstream().views.kv('keys', { bindOnly: true });
    const id = key.split('_')[1] as string;
    await kv.put(id, JSON.stringify({ format: 2, id }));
    const url = await gateway();
    await until(async () => (await codeAt(url)) === CLOSED);
    expect(await codeAt(url, bearer(key))).toBe('FRESHET_KEY_UNREADABLE');
    expect(await (await openKeyStore(nc)).list()).toEqual({ records: [], unreadable: [id] });
  });

  it('remembers keys of a release that did not note that it had made one', async () => {
    await makeBucket();
    const { record } = makeKey({ name: 'old', scopes: ['recommend'], now: Date.now() });
    await (await nc.jetstream().views.kv('keys', { bindOnly: true })).create(record.id, JSON.stringify(record));
    const url = await gateway();
    await until(async () => (await codeAt(url)) === CLOSED);
    const jsm = await nc.jetstreamManager();
    await until(() =>
      jsm.streams.getMessage('EVENTS', { last_by_subj: 'ev.control.*.keys_required' }).catch(() => undefined),
    );
    await removeBucket();
    await until(async () => (await codeAt(url)) === 'UNREAD');
    await makeBucket();
    await until(async () => (await codeAt(url)) === CLOSED);
  });
});

describe('a gateway without keys', () => {
  it('refuses what comes through a proxy', async () => {
    const url = await gateway();
    await until(async () => (await codeAt(url)) === OPEN);
    for (const header of ['x-forwarded-for', 'forwarded'])
      expect(await codeAt(url, { [header]: header === 'forwarded' ? 'for=192.0.2.1' : '192.0.2.1' })).toBe(CLOSED);
    expect(await codeAt(url)).toBe(OPEN);
    const off = await gateway({ keys: 'off' });
    await until(async () => (await codeAt(off, { 'x-forwarded-for': '192.0.2.1' })) === OPEN);
  });

  it('does not start behind a proxy that it trusts, unless it requires keys or the operator turned them off', async () => {
    await expect(gateway({ trust_proxy: ['127.0.0.1'] })).rejects.toMatchObject({ code: 'FRESHET_CONFIG_INVALID' });
    for (const wrong of ['proxy.example', '192.0.2.0/33', '192.0.2.0/24/8'])
      await expect(gateway({ trust_proxy: [wrong], keys: 'required' })).rejects.toThrow(
        /is not an address or a network/,
      );
    for (const keys of ['required', 'off']) await gateway({ trust_proxy: ['127.0.0.1'], keys });
  });
});

describe('the rate limit', () => {
  it('holds for callers whom the gateway has not authenticated, and by the address that a trusted proxy names', async () => {
    const url = await gateway({ keys: 'required', trust_proxy: ['127.0.0.1'], rate_per_s: 0.01, rate_burst_s: 300 });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const wrong = bearer(makeKey({ name: 'never kept', scopes: ['admin'], now: 0 }).key);
    // Another address for each attempt, because each has three.
    let attempt = 0;
    const stranger = () => from(`198.51.100.${attempt++ % 250}`);
    await until(async () => (await codeAt(url, stranger())) === CLOSED);
    const codes: unknown[] = [];
    for (let n = 0; n < 4; n++) codes.push(await codeAt(url, { ...from('192.0.2.1'), ...wrong }));
    expect(codes).toEqual([...Array(3).fill('FRESHET_KEY_INVALID'), 'FRESHET_RATE_LIMITED']);
    // Another address, and a holder of a key at the same address, are not concerned.
    expect(await codeAt(url, { ...from('192.0.2.2'), ...wrong })).toBe('FRESHET_KEY_INVALID');
    const key = await addKey();
    await until(async () => (await codeAt(url, { ...stranger(), ...bearer(key) })) === OPEN);
    expect(await codeAt(url, { ...from('192.0.2.1'), ...bearer(key) })).toBe(OPEN);
  });
});
