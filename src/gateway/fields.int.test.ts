/** Lists with fields of their items, over HTTP and NATS. */
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patched, published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call, type Json } from '../bus/nats/micro.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

interface Shown {
  item: string;
  fields?: Json;
}
interface List {
  seq: number;
  items: Shown[];
  shelves?: { items: Shown[] }[];
  warnings?: Json[];
}

const HOUR_MS = 3_600_000;

let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;
let seq: number;

beforeAll(async () => {
  nats = await startNatsServer();
  // Lists stay cached for as long as nothing makes the engine compute them again.
  const config = testConfig({}, { engine: { stale_ms: HOUR_MS }, lists: { fields_bytes: 4_000 } });
  stack = await startStack({ natsUrl: nats.url, config });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  nc = await nats.connect();
  const items = ['a', 'b', 'c', 'd', 'e'];
  const { body } = await publish(
    stack.url,
    ...items.map((item, i) => published(item, { tags: ['t'], attributes: { price: i, 'net,price': i / 2 } })),
    ...['v', 'w'].flatMap((user) => items.map((item) => viewed(user, item))),
    viewed('u', 'a'),
  );
  seq = body.seq as number;
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const get = async (path: string): Promise<List> => {
  const answer = await request<List & Json>(stack.url, `${path}&min_seq=${seq}&timeout_ms=20000`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};
const shownIn = ({ items, shelves }: List): Shown[] => items ?? (shelves ?? []).flatMap((row) => row.items);

test.each([
  ['recommend', { user: 'u' }, '/v1/users/u/recommendations?'],
  ['recommend', { user: 'u', filter: { tags: 't' } }, '/v1/users/u/recommendations?filter={"tags":"t"}&'],
  ['similar', { item: 'a' }, '/v1/items/a/similar?'],
  ['trending', {}, '/v1/trending?'],
  ['shelves', { user: 'u' }, '/v1/users/u/shelves?'],
])('%s %j answers with fields over HTTP as over NATS', async (endpoint, body, address) => {
  const list = shownIn(await get(`${address}fields=title,attributes.price`));
  expect(list.length).toBeGreaterThan(2);
  for (const { item, fields } of list)
    expect(fields, item).toEqual({
      title: `Title of ${item}`,
      attributes: { price: 'abcde'.indexOf(item) },
    });
  const fields = ['title', 'attributes.price'];
  const overNats = await call<List>(nc, `freshet.engine.${endpoint}`, { ...body, fields, min_seq: seq });
  expect(shownIn(overNats).map(({ fields: shown }) => shown)).toEqual(list.map(({ fields: shown }) => shown));
  for (const one of shownIn(await get(address))) expect(one).not.toHaveProperty('fields');
});

test('a body takes fields, and so does a name with a comma as JSON', async () => {
  const answer = await request<List>(stack.url, '/v1/recommendations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'u', n: 1, fields: ['attributes.net,price'] }),
  });
  expect(answer.body.items[0]?.fields).toEqual({ attributes: { 'net,price': expect.any(Number) } });
  const asJson = await get(`/v1/trending?n=1&fields=${encodeURIComponent('["attributes.net,price","tags"]')}`);
  expect(asJson.items[0]?.fields).toEqual({ tags: ['t'], attributes: { 'net,price': expect.any(Number) } });
  expect(asJson.warnings).toBeUndefined();
});

test('an attribute that no item has is a warning, until an item has it', async () => {
  const warned = await get('/v1/trending?fields=attributes.prize,title');
  expect(warned.warnings).toEqual([
    {
      code: 'FRESHET_ATTRIBUTE_UNKNOWN',
      member: 'fields',
      message: 'No item of the catalogue has the attribute "prize". Did you mean "price"?',
    },
  ]);
  expect((await get('/v1/users/u/shelves?fields=attributes.prize')).warnings).toEqual(warned.warnings);
  expect((await get('/v1/users/u/recommendations?fields=attributes.prize')).warnings).toEqual(warned.warnings);
  expect((await get('/v1/items/a/similar?fields=attributes.zzzzzz')).warnings).toMatchObject([
    { message: expect.stringMatching(/"zzzzzz"\. Check/) },
  ]);
  seq = (await publish(stack.url, patched('e', { attributes: { prize: 'Booker' } }))).body.seq as number;
  expect((await get('/v1/trending?fields=attributes.prize')).warnings).toBeUndefined();
});

test('an attribute in a filter that no item has is a warning, which names the member', async () => {
  const filter = encodeURIComponent('{"$or":[{"tags":"t"},{"attributes.prcie":{"$gt":1}}]}');
  const warned = [{ code: 'FRESHET_ATTRIBUTE_UNKNOWN', member: 'filter', message: expect.stringContaining('"price"') }];
  for (const path of ['/v1/users/u/recommendations', '/v1/items/a/similar', '/v1/trending', '/v1/users/u/shelves'])
    expect((await get(`${path}?filter=${filter}`)).warnings, path).toEqual(warned);
  const { body } = await request<List>(stack.url, '/v1/recommendations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      user: 'u',
      filters: [{ 'attributes.price': 1 }, { 'attributes.zzz': 1 }],
      boosts: [{ filter: { 'attributes.yyy': 1 }, by: 1 }],
      quotas: [{ per: 'attributes.xxx', max: 1 }],
    }),
  });
  expect(body.warnings?.map(({ member }) => member)).toEqual(['filters[1]', 'boosts[0].filter', 'quotas[0].per']);
  const right = encodeURIComponent('{"attributes.price":{"$gt":1}}');
  expect((await get(`/v1/trending?filter=${right}`)).warnings).toBeUndefined();
});

test('similar items of an item that is neither published nor in any event are 404, and of any other one a list', async () => {
  const unknown = await request(stack.url, '/v1/items/nowhere/similar');
  expect(unknown.body).toMatchObject({ status: 404, code: 'FRESHET_NOT_FOUND', item: 'nowhere' });
  await expect(call(nc, 'freshet.engine.similar', { item: 'nowhere' })).rejects.toMatchObject({
    code: 'FRESHET_NOT_FOUND',
  });
  seq = (await publish(stack.url, viewed('lonely', 'only-seen'), published('only-published'))).body.seq as number;
  for (const item of ['only-seen', 'only-published']) await get(`/v1/items/${item}/similar?`);
  expect((await get('/v1/items/a/similar?filter={"tags":"none"}')).items).toEqual([]);
});

test('a cached list shows its items as they are at its position', async () => {
  const before = await get('/v1/users/u/recommendations?fields=attributes.price');
  const [first] = before.items;
  seq = (await publish(stack.url, patched(first?.item as string, { attributes: { price: 99 } }))).body.seq as number;
  await get('/v1/trending?');
  const address = '/v1/users/u/recommendations?fields=attributes.price';
  const { body: after } = await request<List>(stack.url, address);
  expect(after.items.find(({ item }) => item === first?.item)?.fields).toEqual({ attributes: { price: 99 } });
  expect(after.seq).toBeGreaterThanOrEqual(seq);
  // Nothing of the items has changed since.
  seq = (await publish(stack.url, viewed('x', 'a'))).body.seq as number;
  await get('/v1/trending?');
  expect((await request<List>(stack.url, address)).body.seq).toBe(after.seq);
});

test('more fields than lists.fields_bytes are an error that says what to change', async () => {
  seq = (await publish(stack.url, patched('c', { attributes: { text: 'x'.repeat(5_000) } }))).body.seq as number;
  const { status, body } = await request(
    stack.url,
    `/v1/trending?fields=attributes.text&min_seq=${seq}&timeout_ms=20000`,
  );
  expect(status).toBe(400);
  expect(body).toMatchObject({
    code: 'FRESHET_ANSWER_TOO_LARGE',
    detail: expect.stringMatching(/lists\.fields_bytes/),
  });
});
