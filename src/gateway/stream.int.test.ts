import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { makeKey } from './access/key.ts';
import { type KeyStore, openKeyStore } from './access/store.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let store: KeyStore;
let stack: Stack;
let keyed: Stack;
let key: string;

interface Seen {
  id: string;
  items: string[];
  seq: number;
  user: string;
  /** The list as it was sent. */
  view: Record<string, unknown>;
}

/** A reader of a stream, and the lists that it received. */
async function follow(url: string, user: string, headers: Record<string, string> = {}, query = '') {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${url}/v1/users/${encodeURIComponent(user)}/recommendations/stream${query}`, {
    headers,
    signal: abort.signal,
  });
  const seen: Seen[] = [];
  const state = { text: '', ended: false };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      state.text += decoder.decode(chunk, { stream: true });
      seen.length = 0;
      for (const [, id = '', data = ''] of state.text.matchAll(/id: (\S+)\nevent: ranking\ndata: (.*)\n\n/g)) {
        const view = JSON.parse(data) as Record<string, unknown>;
        const { items, seq, user: of } = view as { items: { item: string }[]; seq: number; user: string };
        seen.push({ id, seq, user: of, items: items.map(({ item }) => item), view });
      }
    }
  };
  const done = response.ok ? read().catch(() => {}) : Promise.resolve();
  void done.then(() => {
    state.ended = true;
  });
  return { response, seen, state, close: () => abort.abort() };
}

const http = { stream_heartbeat_ms: 20, streams_per_user: 2 };

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig({ ...http, keys: 'off' }) });
  keyed = await startStack({ natsUrl: nats.url, config: testConfig({ ...http, keys: 'required' }) });
  await stack.start('content', 'engine', 'user', 'feedback');
  await until(async () => (await stack.gateway.ready()).ready);
  store = await openKeyStore(await nats.connect());
  const made = makeKey({ name: 'k', scopes: ['recommend', 'events:user'], now: Date.now() });
  await store.add(made.record);
  key = made.key;
  await publish(stack.url, ...['a', 'b', 'c', 'd', 'e'].map((item) => published(item)));
  const { body } = await publish(
    stack.url,
    ...['r1', 'r2'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b')]),
    ...['r3', 'r4'].flatMap((user) => [viewed(user, 'c'), viewed(user, 'd')]),
  );
  expect((await request(stack.url, `/v1/trending?min_seq=${body.seq}&timeout_ms=20000`)).status).toBe(200);
});
afterAll(async () => {
  await stack?.stop();
  await keyed?.stop();
  await nats?.stop();
});

test('a list is sent when its user acts, and not if nothing changed', async () => {
  const { response, seen, state } = await follow(stack.url, 'w=1');
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  await until(() => seen.length === 1);
  const { body } = await publish(stack.url, viewed('w=1', 'a'));
  await until(() => seen.length > 1);
  expect(seen.at(-1)).toMatchObject({ user: 'w=1' });
  expect(seen.at(-1)?.items[0]).toBe('b');
  expect(seen.at(-1)?.seq).toBeGreaterThanOrEqual(body.seq as number);
  // The same list again is no news; signs of life go on.
  await publish(stack.url, viewed('w=1', 'a'));
  const { body: later } = await publish(stack.url, viewed('w=1', 'c'));
  await until(() => (seen.at(-1)?.seq ?? 0) >= (later.seq as number));
  for (const [i, one] of seen.entries()) if (i > 0) expect(one.items).not.toEqual(seen[i - 1]?.items);
  expect(state.text).toContain('\n:\n');
});

/** Lists that callers have requested from the engine. */
async function listRequests(): Promise<number> {
  const nc = await nats.connect();
  for await (const { endpoints = [] } of await nc.services.client().stats('freshet-engine')) {
    const recommend = endpoints.find(({ name }) => name === 'recommend');
    if (recommend) return recommend.num_requests;
  }
  throw new Error('no engine answers');
}

test('a list without options is forwarded as the engine publishes it, with all members of an answer but behind', async () => {
  const readers = [
    await follow(stack.url, 'fw'),
    await follow(stack.url, 'fw'),
    await follow(stack.url, 'fw2', {}, '?n=2'),
  ];
  await until(() => readers.every(({ seen }) => seen.length === 1));
  const before = await listRequests();
  await publish(stack.url, viewed('fw', 'a'), viewed('fw2', 'a'));
  await until(() => readers.every(({ seen }) => seen.at(-1)?.items.includes('a') === false));
  expect(await listRequests()).toBe(before);

  // A list in the bucket cannot say how far the engine is when somebody reads it.
  const { behind: _, ...plain } = (await request(stack.url, '/v1/users/fw/recommendations')).body;
  const { behind: __, ...two } = (await request(stack.url, '/v1/users/fw2/recommendations?n=2')).body;
  const views = readers.map(({ seen }) => seen.at(-1)?.view as Record<string, unknown>);
  const lists = views.map(({ list }) => list as string);
  expect(views[0]).toEqual({ ...plain, list: lists[0], seq: expect.any(Number) });
  expect(Object.keys(views[0] as object)).toEqual(Object.keys(plain));
  const next = expect.stringMatching(/^[\w-]+$/);
  expect(views[2]).toEqual({ ...two, list: lists[2], seq: expect.any(Number), next });
  // Each reader may report its own list as shown.
  expect(new Set(lists).size).toBe(3);
  for (const list of lists) expect(list).toMatch(/^l_[\w-]{16}$/);
  // The list goes on from the one that was forwarded.
  const page = await request<{ items: { item: string }[] }>(
    stack.url,
    `/v1/users/fw2/recommendations?n=2&cursor=${views[2]?.next}`,
  );
  expect(readers[2]?.seen.at(-1)?.items).toHaveLength(2);
  expect(page.body.items.length).toBeGreaterThan(0);
  for (const { item } of page.body.items) expect(readers[2]?.seen.at(-1)?.items).not.toContain(item);
});

test('the gateway requests a list with options again when the published one changes', async () => {
  const { seen } = await follow(stack.url, 'opt', {}, '?exclude=b&explain=true');
  await until(() => seen.length === 1);
  const { body } = await publish(stack.url, viewed('opt', 'a'));
  await until(() => (seen.at(-1)?.seq ?? 0) >= (body.seq as number));
  expect(seen.at(-1)?.items).not.toContain('b');
  expect(JSON.stringify(seen.at(-1)?.view)).toContain('reasons');
});

test('a reader that reconnects gets the list only if it has changed', async () => {
  const first = await follow(stack.url, 'back');
  await until(() => first.seen.length === 1);
  first.close();
  const id = first.seen[0]?.id as string;
  const same = await follow(stack.url, 'back', { 'last-event-id': id });
  await until(() => same.state.text.includes(':\n'));
  expect(same.seen).toEqual([]);
  same.close();
  const { body } = await publish(stack.url, viewed('back', 'c'));
  await request(stack.url, `/v1/users/back/recommendations?min_seq=${body.seq}`);
  const changed = await follow(stack.url, 'back', { 'last-event-id': id });
  await until(() => changed.seen.length === 1);
  expect(changed.seen[0]?.items).not.toContain('c');
});

test('streams over the limit of a user are 429, and a closed one frees its place', async () => {
  const readers = [await follow(stack.url, 'many'), await follow(stack.url, 'many')];
  const refused = await follow(stack.url, 'many');
  expect(refused.response.status).toBe(429);
  expect(await refused.response.json()).toMatchObject({ code: 'FRESHET_TOO_MANY_STREAMS' });
  expect((await request(stack.url, '/metrics')).text).toMatch(/freshet_http_streams\{[^}]*\} [2-9]/);
  readers[0]?.close();
  await until(async () => (await follow(stack.url, 'many')).response.status === 200);
});

test('an invalid request for a stream is 400, as for any other route', async () => {
  const wrong = await follow(stack.url, 'u', {}, '?n=0');
  expect(wrong.response.status).toBe(400);
  expect(await wrong.response.json()).toMatchObject({ code: 'FRESHET_BAD_REQUEST', member: 'n' });
  const never = await follow(stack.url, 'u', {}, '?min_seq=1000000&timeout_ms=10');
  expect(never.response.status).toBe(504);
});

test('a page sends its token in the query; the stream ends when the token or its key ends', async () => {
  const tokenFor = async (ttl: number): Promise<string> => {
    const { body } = await request<{ token: string }>(keyed.url, '/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ user: 'page', ttl_s: ttl }),
    });
    return body.token;
  };
  await until(async () => (await tokenFor(60)) !== undefined);
  const brief = await follow(keyed.url, 'page', {}, `?access_token=${await tokenFor(2)}`);
  expect(brief.response.status).toBe(200);
  await until(() => brief.state.ended);
  const long = await follow(keyed.url, 'page', {}, `?access_token=${await tokenFor(600)}`);
  await until(() => long.seen.length === 1);
  // A key that expires ends the streams that it opened, and those of its tokens.
  let lastsMs = 1_000;
  const readers = await until(async () => {
    lastsMs *= 2;
    const expires = Date.now() + lastsMs;
    const ending = makeKey({ name: 'ending', scopes: ['recommend'], now: Date.now(), expires });
    await store.add(ending.record);
    const user = `page-${lastsMs}`;
    for (; Date.now() < expires; ) {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${ending.key}` };
      const body = JSON.stringify({ user, ttl_s: 600 });
      const made = await request<{ token: string }>(keyed.url, '/v1/tokens', { method: 'POST', headers, body });
      if (made.status !== 200) continue;
      const both = [
        await follow(keyed.url, user, { authorization: headers.authorization }),
        await follow(keyed.url, user, {}, `?access_token=${made.body.token}`),
      ];
      if (both.every(({ response }) => response.status === 200)) return both;
      for (const { close } of both) close();
    }
    return undefined;
  });
  await until(() => readers.every(({ state }) => state.ended));
  await store.revoke(key.split('_')[1] as string, Date.now());
  await until(() => long.state.ended);
  expect((await follow(keyed.url, 'page')).response.status).toBe(401);
});

test('lists that changed while nats-server was away are sent when it is back', async () => {
  const mine = await startNatsServer();
  onTestFinished(() => mine.stop());
  const own = await startStack({ natsUrl: mine.url, config: testConfig({ ...http, keys: 'off' }) });
  onTestFinished(() => own.stop());
  await own.start('engine', 'content', 'user', 'feedback');
  await until(async () => (await own.gateway.ready()).ready);
  await publish(own.url, published('a'), published('b'), viewed('r', 'a'), viewed('r', 'b'));
  const { seen } = await follow(own.url, 'far');
  await until(() => seen.length === 1);
  await mine.kill();
  await mine.restart();
  await until(async () => (await publish(own.url, viewed('far', 'a'))).status === 200);
  await until(() => seen.length > 1 && !seen.at(-1)?.items.includes('a'), { within: 20_000 });
});

test('a gateway that stops reports that it is not ready, then ends its streams', async () => {
  const own = await startStack({ natsUrl: nats.url, config: testConfig({ ...http, keys: 'off', drain_ms: 200 }) });
  await until(async () => (await own.gateway.ready()).ready);
  const { state, seen } = await follow(own.url, 'last');
  await until(() => seen.length === 1);
  const stopped = own.gateway.stop();
  await until(async () => (await request(own.url, '/readyz')).text.includes('stopping'));
  await stopped;
  await until(() => state.ended);
  await own.stop();
});
