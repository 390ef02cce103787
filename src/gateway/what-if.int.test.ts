import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { Ranking } from './schemas/ranking.ts';
import { publish, request, type Stack, send, startStack, testConfig } from './stack.fixture.ts';
import type { WhatIf } from './what-if.ts';

interface List {
  items: { item: string; fields?: object; reasons?: object[] }[];
  seq: number;
}
interface Body extends List {
  user: string;
  what_if: WhatIf;
  unchanged: List;
}

let nats: TestNatsServer;
let stack: Stack;
let seq: number;
const ask = async (body: object): Promise<Body> =>
  (await send<Body>(stack.url, '/v1/what-if', { min_seq: seq, timeout_ms: 20_000, ...body })).body;
const itemsOf = ({ items }: List): string[] => items.map(({ item }) => item);
const historyOf = async (user: string) =>
  (await request<{ events: { item: string; seq: number }[] }>(stack.url, `/v1/users/${user}/history`)).body.events;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  const { body } = await publish(
    stack.url,
    ...['sea1', 'sea2', 'sea3', 'war1', 'war2', 'war3'].map((item) => published(item, { tags: [item.slice(0, 3)] })),
    // Those who take one of three things take the others of the three.
    ...Array.from({ length: 6 }, (_, i) =>
      ['1', '2', '3'].map((n) => viewed(`r${i}`, `${i % 2 === 0 ? 'sea' : 'war'}${n}`)),
    ).flat(),
    viewed('me', 'sea1'),
    viewed('me', 'war1'),
    viewed('me', 'war2'),
  );
  seq = body.seq as number;
  await until(async () => (await historyOf('me')).length === 3);
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

test('a list with other items in the history stands beside the one without the change, and the log stays as it is', async () => {
  const head = (await request<{ events: { seq: number }[] }>(stack.url, '/v1/log?n=1')).body.events[0]?.seq;
  const found = await ask({ user: 'me', leave_out: ['war1', 'war2'], add: ['sea2'], fields: ['title'], explain: true });
  expect(found.what_if).toEqual({ history: 3, more: false, added: 1, left_out: 2, not_found: { items: [], seqs: [] } });
  expect(itemsOf(found)[0]).toBe('sea3');
  expect(itemsOf(found.unchanged)[0]).toBe('war3');
  // What is left out of the history may come into the list.
  expect(itemsOf(found)).toContain('war1');
  expect(itemsOf(found.unchanged)).not.toContain('war1');
  expect(found.items[0]).toMatchObject({ fields: { title: 'Title of sea3' }, reasons: expect.any(Array) });
  expect(found.user).toBe('me');
  for (const list of [found, found.unchanged]) expect([...Compile(Ranking).Errors(list)]).toEqual([]);
  expect((await request<{ events: { seq: number }[] }>(stack.url, '/v1/log?n=1')).body.events[0]?.seq).toBe(head);
  expect(await historyOf('me')).toHaveLength(3);
});

test('no change gives the same list twice, and here that of the user', async () => {
  const found = await ask({ user: 'me', n: 5 });
  expect(itemsOf(found)).toEqual(itemsOf(found.unchanged));
  const { body } = await request<List>(stack.url, '/v1/users/me/recommendations?n=5&max_age_ms=0');
  expect(itemsOf(found)).toEqual(itemsOf(body));
});

test('one interaction is left out by its sequence; what the history does not hold is named', async () => {
  const [newest] = await historyOf('me');
  const found = await ask({ user: 'me', leave_out_seqs: [newest?.seq, 1], leave_out: ['sea3'] });
  expect(found.what_if).toMatchObject({ left_out: 1, not_found: { items: ['sea3'], seqs: [1] } });
  expect(itemsOf(found)).toContain('war2');
});

test('a user that nobody knows has an empty history, and filters apply to both lists', async () => {
  const found = await ask({ user: 'new', add: ['sea1', 'sea2'], filter: { tags: 'war' } });
  expect(found.what_if.history).toBe(0);
  for (const list of [found, found.unchanged]) expect(itemsOf(list).every((item) => item.startsWith('war'))).toBe(true);
});

test('wrong members are refused by name', async () => {
  for (const [body, member] of [
    [{}, 'user'],
    [{ user: 'me', add: 'sea1' }, 'add'],
    [{ user: 'me', leave_out_seqs: ['x'] }, 'leave_out_seqs[0]'],
    [{ user: 'me', filter: { colour: 1 } }, 'filter'],
    [{ user: 'me', served: true }, 'served'],
  ] as const)
    expect(await ask(body), JSON.stringify(body)).toMatchObject({ status: 400, member });
});

test('a token may ask for its own user alone', async () => {
  const keyed = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'required' }) });
  onTestFinished(() => keyed.stop());
  const { key, record } = makeKey({ name: 'k', scopes: ['recommend'], now: Date.now() });
  await (await openKeyStore(await nats.connect())).add(record);
  const as = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const { token } = await until(async () => {
    const made = await send<{ token: string }>(keyed.url, '/v1/tokens', { user: 'me' }, as(key));
    return made.status === 200 && made.body;
  });
  expect((await send(keyed.url, '/v1/what-if', { user: 'me' }, as(token))).status).toBe(200);
  expect((await send(keyed.url, '/v1/what-if', { user: 'r1' }, as(token))).body).toMatchObject({
    code: 'FRESHET_OTHER_USER',
  });
});
