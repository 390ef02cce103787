import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dismissed, published, viewed, withdrawn } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call } from '../bus/nats/micro.ts';
import type { SearchAnswer } from '../content/search/part.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({
    natsUrl: nats.url,
    config: testConfig({}, { content: { search_max: 3, search_default: 3 } }),
  });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const search = (query: string) =>
  request<SearchAnswer & { code?: string; detail?: string; next?: string }>(stack.url, `/v1/items?${query}`);
const ids = ({ items }: SearchAnswer): string[] => items.map(({ item }) => item);
/** Publishes, and returns the query that waits for it. */
async function given(...events: unknown[]): Promise<string> {
  const { body } = await publish(stack.url, ...events);
  expect(body.rejected).toEqual([]);
  return `min_seq=${body.seq}&timeout_ms=10000`;
}

describe('a search', () => {
  test('finds what has just been published, by title, tag and attribute', async () => {
    const at = await given(
      published('s1', { title: 'Émile at the Harbour', tags: ['Boats'], attributes: { author: 'Rousseau', price: 5 } }),
      published('s2', { title: 'Another', tags: ['harbour'] }),
      published('s3', { title: 'Harbour lights' }),
      withdrawn('s3'),
    );
    const { status, body } = await search(`q=harb&${at}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ order: 'text', more: false, complete: true, seq: expect.any(Number) });
    expect(ids(body)).toEqual(['s1', 's2']);
    expect(body.items[0]).toEqual({
      item: 's1',
      score: expect.any(Number),
      available: true,
      fields: { title: 'Émile at the Harbour', tags: ['Boats'], attributes: { author: 'Rousseau', price: 5 } },
    });
    expect(ids((await search(`q=emile+rouss`)).body)).toEqual(['s1']);
    expect(ids((await search(`q=harbour&withdrawn=true`)).body)).toContain('s3');
    expect(ids((await search(`q=harbour&tag=Boats`)).body)).toEqual(['s1']);
    expect(ids((await search(`q=harbour&filter={"attributes.price":{"$lt":9}}`)).body)).toEqual(['s1']);
    const { items } = (await search('q=rousseau&fields=title,attributes.price')).body;
    expect(items[0]?.fields).toEqual({ title: 'Émile at the Harbour', attributes: { price: 5 } });
  });

  test('no longer finds an item by a replaced title', async () => {
    await given(published('t1', { title: 'Zeppelin' }));
    const at = await given(published('t1', { title: 'Balloon' }));
    expect((await search(`q=zeppelin&${at}`)).body.items).toEqual([]);
    expect(ids((await search('q=balloon')).body)).toEqual(['t1']);
  });

  test('warns about an attribute that no item has', async () => {
    const at = await given(published('w1', { title: 'Kayak', attributes: { colour: 'red' } }));
    const { body } = await search(`q=kayak&fields=attributes.color&filter={"attributes.colours":"red"}&${at}`);
    expect(body.warnings).toMatchObject([
      { code: 'FRESHET_ATTRIBUTE_UNKNOWN', member: 'filter', message: expect.stringContaining('"colour"') },
      { code: 'FRESHET_ATTRIBUTE_UNKNOWN', member: 'fields' },
    ]);
    await given(published('w2', { title: 'Canoe', attributes: { color: 'red' } }));
    const later = await search(`q=kayak&fields=attributes.color&${await given(published('w3'))}`);
    expect(later.body.warnings).toBeUndefined();
  });

  test('takes operators of FTS5 as text', async () => {
    const at = await given(published('q1', { title: 'Query "syntax" NEAR here' }));
    for (const q of ['"', 'syntax"', 'syntax OR', 'title:syntax', 'NEAR(syntax', 'syntax) --', "syntax'; DROP"]) {
      const { status, body } = await search(`q=${encodeURIComponent(q)}`);
      expect([200, 400], q).toContain(status);
      if (status === 400) expect(body.detail, q).toContain('no letters');
    }
    expect(ids((await search(`q=${encodeURIComponent('"syntax" (near)')}&${at}`)).body)).toEqual(['q1']);
  });

  test('is the same over NATS', async () => {
    const at = await given(published('n1', { title: 'Lighthouse keeper' }));
    const nc = await nats.connect();
    const { body } = await search(`q=lighthouse&fields=title&${at}`);
    expect(ids(body)).toEqual(['n1']);
    expect(await call(nc, 'freshet.content.search', { q: 'lighthouse', fields: ['title'] })).toEqual(body);
  });
});

describe('a search for a user', () => {
  test('has the order of the engine, and keeps what the engine leaves out', async () => {
    const yachts = ['a', 'b', 'c'].map((name) => published(`yacht-${name}`, { title: 'Yacht', tags: [name] }));
    const readers = Array.from({ length: 8 }, (_, i) => [
      viewed(`r${i}`, 'yacht-a'),
      viewed(`r${i}`, 'yacht-c'),
    ]).flat();
    const at = await given(...yachts, ...readers, viewed('sailor', 'yacht-a'), dismissed('sailor', 'yacht-b'));
    await request(stack.url, `/v1/users/sailor/recommendations?${at}`);
    expect(ids((await search(`q=yacht&${at}`)).body)).toEqual(['yacht-a', 'yacht-b', 'yacht-c']);
    const { body } = await search(`q=yacht&user=sailor&${at}`);
    expect(body).toMatchObject({ order: 'user', more: false });
    expect(body.warnings).toBeUndefined();
    expect(ids(body)).toHaveLength(3);
    expect(ids(body)[2]).toBe('yacht-b');
    const { body: one } = await search(`q=yacht&user=sailor&n=1`);
    expect(ids(one)).toEqual(ids(body).slice(0, 1));
    expect(one.more).toBe(true);
  });

  test('is refused to the token of another user', async () => {
    const keyed = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'required' }) });
    await until(async () => (await keyed.gateway.ready()).ready);
    const store = await openKeyStore(await nats.connect());
    const { key, record } = makeKey({ name: 'app', scopes: ['recommend', 'events:user'], now: Date.now() });
    await store.add(record);
    const tokens = await request<{ token: string }>(keyed.url, '/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ user: 'sailor' }),
    });
    const headers = { authorization: `Bearer ${tokens.body.token}` };
    expect(await request(keyed.url, '/v1/items?q=yacht&user=sailor', { headers })).toMatchObject({ status: 200 });
    expect((await request(keyed.url, '/v1/items?q=yacht', { headers })).status).toBe(200);
    expect(await request(keyed.url, '/v1/items?q=yacht&user=other', { headers })).toMatchObject({
      status: 403,
      body: { code: 'FRESHET_OTHER_USER' },
    });
    await keyed.stop();
  });
});

test('without an engine the order is that of the texts, and the answer says so', async () => {
  const server = await startNatsServer();
  const alone = await startStack({ natsUrl: server.url });
  await alone.start('content');
  const { body: sent } = await publish(alone.url, published('b', { title: 'Sea' }), published('a', { title: 'Sea' }));
  const { status, body } = await request<SearchAnswer>(
    alone.url,
    `/v1/items?q=sea&user=u1&min_seq=${sent.seq}&timeout_ms=10000`,
  );
  expect(status).toBe(200);
  expect(body).toMatchObject({ order: 'text', warnings: [{ code: 'FRESHET_ORDER_OF_TEXT', member: 'user' }] });
  expect(body.warnings?.[0]?.message).toContain('freshet status');
  expect(ids(body)).toEqual(['a', 'b']);
  await alone.stop();
  await server.stop();
});
