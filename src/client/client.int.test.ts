import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { makeKey } from '../gateway/access/key.ts';
import { openKeyStore } from '../gateway/access/store.ts';
import { publish, request, type Stack, startStack, testConfig } from '../gateway/stack.fixture.ts';
import { type ClientOptions, createClient, type FreshetClient, FreshetClientError, type RejectedEvent } from './mod.ts';

let nats: TestNatsServer;
let stack: Stack;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'off', batch_events: 20 }) });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  await publish(stack.url, ...['a', 'b', 'c', 'd'].map((item) => published(item)));
  await publish(stack.url, ...['r1', 'r2'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b')]));
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

function client(options: Partial<ClientOptions> = {}): FreshetClient {
  const made = createClient({ url: stack.url, source: 'client-test', waitMs: 5, retryMs: 5, ...options });
  onTestFinished(() => made.close());
  return made;
}
const history = async (user: string, seq: number | undefined): Promise<string[]> => {
  const { body } = await request<{ events: { item: string }[] }>(
    stack.url,
    `/v1/users/${user}/history?n=1000&min_seq=${seq}&timeout_ms=10000`,
  );
  return body.events.map(({ item }) => item);
};

describe('publishing', () => {
  test('puts an event into the log, and the next list reflects it', async () => {
    const freshet = client();
    freshet.publish('user.viewed.v1', 'c1', { item: 'a' });
    const seq = await freshet.flush();
    expect(freshet.pending).toBe(0);
    const list = await freshet.recommend('c1', { n: 2, min_seq: seq as number });
    expect(list).toMatchObject({ user: 'c1', source: 'model' });
    expect(list.items[0]?.item).toBe('b');
    expect((await freshet.similar('a', 1)).items).toHaveLength(1);
    expect((await freshet.trending(1)).items).toHaveLength(1);
    expect((await freshet.recommend(undefined, { history: ['a'], n: 1 })).items[0]?.item).toBe('b');
  });

  test('gets lists with fields of their items, and warnings', async () => {
    const attributes = { 'price,net': 5 };
    const seq = (
      await publish(stack.url, published('e', { title: 'E', attributes }), viewed('r3', 'e'), viewed('r3', 'a'))
    ).body.seq as number;
    const freshet = client();
    const fields = ['title', 'attributes.price,net'];
    const shown = { title: 'E', attributes };
    const options = { n: 5, fields, min_seq: seq, timeout_ms: 10_000 };
    const listed = [
      await freshet.recommend('r1', { ...options, max_age_ms: 0 }),
      await freshet.similar('a', options),
      await freshet.trending(options),
    ];
    for (const { items, warnings } of listed) {
      expect(items.find(({ item }) => item === 'e')?.fields).toEqual(shown);
      expect(warnings).toBeUndefined();
    }
    expect((await freshet.trending({ fields: ['attributes.price,ent'] })).warnings).toMatchObject([
      { code: 'FRESHET_ATTRIBUTE_UNKNOWN', member: 'fields', message: expect.stringContaining('"price,net"') },
    ]);
    const watching = new AbortController();
    await freshet.watch(
      'r1',
      ({ items }) => {
        expect(items.find(({ item }) => item === 'e')?.fields).toEqual(shown);
        watching.abort();
      },
      { signal: watching.signal, fields },
    );
  });

  test('gets the lists of several users', async () => {
    const [first, second] = await client().recommendMany(['r1', ''], { n: 1, fields: ['title'] });
    expect(first).toMatchObject({ user: 'r1', ranking: { user: 'r1', items: [{ fields: expect.any(Object) }] } });
    expect(second).toMatchObject({ user: '', problem: { status: 400, code: 'FRESHET_BAD_REQUEST' } });
  });

  test('gets items by their ids, however many, and names the unknown ones', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `${'é,'.repeat(40)}${i}`);
    const seq = (await publish(stack.url, published('a,b'))).body.seq as number;
    await until(async () => (await request(stack.url, `/v1/items?min_seq=${seq}`)).status === 200);
    const { items, unknown } = await client().items(['b', 'nowhere', 'a,b', ...many, 'a']);
    expect(items).toMatchObject([{ item: 'b', title: 'Title of b', available: true }, { item: 'a,b' }, { item: 'a' }]);
    expect(unknown).toEqual(['nowhere', ...many]);
    expect(await client().items([])).toEqual({ items: [], unknown: [] });
  });

  test('sends batches, and smaller ones if the gateway accepts no larger ones', async () => {
    let requests = 0;
    const counting: typeof fetch = (...args) => {
      requests++;
      return fetch(...args);
    };
    const freshet = client({ batch: 64, fetch: counting });
    for (let i = 0; i < 60; i++) freshet.publish('user.viewed.v1', 'c2', { item: `i${i}` });
    expect(await history('c2', await freshet.flush())).toHaveLength(60);
    expect(requests).toBeLessThan(8);
  });

  test('reports an event that the gateway rejects, and sends the others', async () => {
    const rejected: RejectedEvent[] = [];
    const freshet = client({ onRejected: (one) => void rejected.push(one) });
    freshet.publish('user.viewed.v1', 'c3', {} as { item: string }, { id: 'bad' });
    freshet.publish('user.viewed.v1', 'c3', { item: 'a' });
    expect(await history('c3', await freshet.flush())).toEqual(['a']);
    expect(rejected).toMatchObject([{ event: { id: 'bad' }, code: 'FRESHET_EVENT_SCHEMA' }]);
    freshet.publish('user.viewed.v1', 'c3', {} as { item: string }, { id: 'alone' });
    await freshet.flush();
    expect(rejected[1]).toMatchObject({ event: { id: 'alone' } });
  });

  test('counts an event once that is sent again after a lost answer', async () => {
    let lost = 0;
    const losing: typeof fetch = async (...args) => {
      const response = await fetch(...args);
      if (lost++ > 0) return response;
      await response.text();
      throw new TypeError('the connection was lost');
    };
    const trouble: unknown[] = [];
    const freshet = client({ fetch: losing, onTrouble: (error) => void trouble.push(error) });
    freshet.publish('user.viewed.v1', 'c4', { item: 'a' });
    await until(() => freshet.pending === 0);
    expect(trouble).toHaveLength(1);
    expect(lost).toBe(2);
    const { body } = await publish(stack.url, viewed('c4', 'end'));
    expect(await history('c4', body.seq)).toEqual(['end', 'a']);
  });

  test('waits while the gateway is away, also over a reload, and sends when it is back', async () => {
    const kept = new Map<string, string>();
    const storage = {
      get length() {
        return kept.size;
      },
      key: (index: number) => [...kept.keys()][index] ?? null,
      removeItem: (key: string) => void kept.delete(key),
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const away: typeof fetch = async () => {
      throw new TypeError('offline');
    };
    const offline = client({ storage, fetch: away, capacity: 3 });
    for (const item of ['i1', 'i2', 'i3', 'i4']) offline.publish('user.viewed.v1', 'c5', { item });
    await expect(offline.flush()).rejects.toThrow('offline');
    expect(offline.pending).toBe(3);
    await offline.close();
    const damaged = 'freshet-events-of-somebody-else';
    storage.setItem(damaged, '[{"id":5},null');
    const back = client({ storage });
    await until(() => back.pending === 0);
    expect([...kept.keys()]).toEqual([]);
    const { body } = await publish(stack.url, viewed('c5', 'end'));
    expect(await history('c5', body.seq)).toEqual(['end', 'i4', 'i3', 'i2']);
  });
});

test('a rendered list is reported once, and clicks are attributed to it', async () => {
  const freshet = client();
  const list = await freshet.recommend('c6', { n: 3 });
  freshet.rendered(list);
  freshet.rendered(list);
  freshet.clicked(list, list.items[1]?.item as string);
  freshet.dismissed(list, list.items[2]?.item as string);
  const seq = await freshet.flush();
  const { body } = await request(stack.url, `/v1/feedback/summary?min_seq=${seq}&timeout_ms=10000`);
  expect(body).toMatchObject({
    lists: 1,
    total: { impressions: 3, clicks: 1, dismissals: 1 },
    by_position: [{ clicks: 0 }, { clicks: 1 }, { dismissals: 1 }],
    unattributed: { clicks: 0 },
  });
});

test('a watched list arrives again at each change, until the signal aborts', async () => {
  const freshet = client();
  const enough = new AbortController();
  const seen: string[][] = [];
  const done = freshet.watch('c7', ({ items }) => void seen.push(items.map(({ item }) => item)), {
    signal: enough.signal,
  });
  await until(() => seen.length === 1);
  freshet.publish('user.viewed.v1', 'c7', { item: 'a' });
  await until(() => seen.length > 1 && !seen.at(-1)?.includes('a'));
  enough.abort();
  await done;
});

test('the client reconnects a watched list if the gateway falls silent', async () => {
  // As a connection whose other end is gone without notice, such as after the sleep of a machine.
  let connections = 0;
  const proxy = createServer((incoming, outgoing) => {
    if (++connections > 1) {
      outgoing.writeHead(307, { location: stack.url + incoming.url }).end();
      return;
    }
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1000\n\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const troubles: unknown[] = [];
  const freshet = client({
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    silenceMs: 1_000,
    onTrouble: (error) => void troubles.push(error),
  });
  const enough = new AbortController();
  const lists: unknown[] = [];
  const done = freshet.watch('c9', (list) => void lists.push(list), { signal: enough.signal });
  await until(() => lists.length > 0);
  enough.abort();
  await done;
  expect(String(troubles[0])).toContain('The gateway has sent nothing for 1000 ms');
});

test('the client does not retry before Retry-After, however long its queue is', async () => {
  const limited = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'off', rate_per_s: 0.001 }) });
  onTestFinished(() => limited.stop());
  await until(async () => (await limited.gateway.ready()).ready);
  const statuses: number[] = [];
  const counting: typeof fetch = async (...args) => {
    const response = await fetch(...args);
    statuses.push(response.status);
    return response;
  };
  const freshet = client({ url: limited.url, fetch: counting, batch: 2 });
  for (let i = 0; i < 3; i++) freshet.publish('user.viewed.v1', 'c10', { item: `i${i}` });
  await until(() => statuses.length === 2);
  await until(() => freshet.pending === 1);
  for (let i = 0; i < 10; i++) freshet.publish('user.viewed.v1', 'c10', { item: `j${i}` });
  // Events that go at once have a timer before this one.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await fetch(`${limited.url}/healthz`);
  expect(statuses).toEqual([200, 429]);
});

test('the client requests a new token for an expired one, and an invalid request is an error with its code', async () => {
  const store = await openKeyStore(await nats.connect());
  const made = makeKey({ name: 'server', scopes: ['recommend', 'events:user'], now: Date.now() });
  await store.add(made.record);
  const guarded = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'required' }) });
  onTestFinished(() => guarded.stop());
  const tokenOf = async (): Promise<string> => {
    const { body } = await request<{ token: string }>(guarded.url, '/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${made.key}` },
      body: JSON.stringify({ user: 'c8' }),
    });
    return body.token;
  };
  await until(async () => (await tokenOf()) !== undefined);
  let asked = 0;
  const freshet = client({ url: guarded.url, key: async () => (asked++ === 0 ? 'stale' : tokenOf()) });
  expect((await freshet.recommend('c8')).user).toBe('c8');
  expect(asked).toBe(2);
  freshet.publish('user.viewed.v1', 'c8', { item: 'a' });
  const seq = await freshet.flush();
  expect(seq).toBeGreaterThan(0);
  // The source of the token, in place of the one that the page names.
  const jsm = await (await nats.connect()).jetstreamManager();
  const stored = await jsm.streams.getMessage('EVENTS', { seq: seq as number });
  expect(stored.json()).toMatchObject({ source: 'server/c8', subject: 'c8' });
  await expect(freshet.recommend('somebody-else')).rejects.toMatchObject({ status: 403, code: 'FRESHET_OTHER_USER' });
  await expect(freshet.recommend('c8', { n: 0 })).rejects.toBeInstanceOf(FreshetClientError);
});

test('the library for browsers is one file without dependencies', async () => {
  const { outputFiles } = await build({
    entryPoints: ['src/client/mod.ts'],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    minify: true,
  });
  const text = outputFiles[0]?.text ?? '';
  expect(text).toContain('/v1/events');
  expect(text).not.toMatch(/\b(import|require)\b[\s(]/);
  expect(text.length).toBeLessThan(16_000);
});
