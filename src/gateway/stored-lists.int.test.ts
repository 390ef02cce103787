/** What the gateway answers while no engine does: lists that an engine has put into KV. */
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { published, viewed, withdrawn } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import { startEngine } from '../engine/start.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

interface List {
  user?: string;
  items: { item: string; score: number; fields?: object }[];
  seq: number;
  source: string;
  stored?: boolean;
  arm?: string;
  next: string | null;
  served?: number;
  code?: string;
  member?: string;
}

const config = testConfig({ stored_after_ms: 100, stored_timeout_ms: 5_000 }, { engine: { similar_interval_ms: 20 } });
const data = makeTempDir('stored');
let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;
let seq: number;
/** What the engine answered before it stopped. */
const before = new Map<string, List>();
const USER = '/v1/users/u/recommendations';

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config });
  await stack.start('user', 'content', 'feedback');
  nc = await nats.connect();
  const engine = await startEngine({ config, natsUrl: nats.url, data, healthPort: 0 });
  await until(async () => (await stack.gateway.ready()).ready);
  const items = ['a', 'b', 'c', 'd', 'e', 'f'];
  const { body } = await publish(
    stack.url,
    ...items.map((item) => published(item, { attributes: { price: 5 } })),
    ...['v', 'w'].flatMap((user) => items.map((item) => viewed(user, item))),
    viewed('u', 'a'),
  );
  seq = body.seq as number;
  const bucket = await nc.jetstream().views.kv('rankings', { bindOnly: true });
  for (const key of ['user.u', 'similar.a', 'trending'])
    await until(async () => ((await bucket.get(key))?.json<List>().seq ?? 0) >= seq, { what: key });
  // On a busy machine the engine may take longer than the gateway waits for it here.
  for (const path of [USER, '/v1/items/a/similar', '/v1/trending'])
    await until(async () => {
      const { body } = await get(path);
      before.set(path, body);
      return body.stored === undefined;
    });
  await engine.stop();
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
  removeTempDir(data);
});

const get = (path: string) => request<List>(stack.url, path);
const itemsIn = ({ items }: List): string[] => items.map(({ item }) => item);

describe('while no engine listens', () => {
  test.each([USER, '/v1/items/a/similar', '/v1/trending'])(
    '%s is the list that the engine would answer',
    async (path) => {
      const { status, body } = await get(path);
      expect(status).toBe(200);
      const { items, source, config: settings } = before.get(path) as List & { config: string };
      expect(body).toMatchObject({ stored: true, source, config: settings, next: null });
      expect(itemsIn(body)).toEqual(items.map(({ item }) => item));
      expect(before.get(path)).not.toHaveProperty('stored');
    },
  );

  test('a user without a stored list gets the trending one', async () => {
    const { body } = await get('/v1/users/stranger/recommendations?n=2');
    expect(body).toMatchObject({ user: 'stranger', stored: true, source: 'popular', arm: 'stored' });
    expect(itemsIn(body)).toEqual(itemsIn(before.get('/v1/trending') as List).slice(0, 2));
    expect((await get(USER)).body.arm).toBe('main');
  });

  test('excluded items stay out, pages follow each other, and fields come from the content service', async () => {
    const all = itemsIn(before.get(USER) as List);
    expect(itemsIn((await get(`${USER}?exclude=${all[0]}`)).body)).toEqual(all.slice(1));
    const first = (await get(`${USER}?n=2`)).body;
    const second = (await get(`${USER}?n=2&cursor=${first.next}`)).body;
    expect([...itemsIn(first), ...itemsIn(second)]).toEqual(all.slice(0, 4));
    const [shown] = (await get(`${USER}?n=1&fields=title,attributes.price`)).body.items;
    expect(shown?.fields).toEqual({ title: `Title of ${shown?.item}`, attributes: { price: 5 } });
  });

  test('an item that was withdrawn since is not shown', async () => {
    const [first, ...rest] = itemsIn(before.get(USER) as List);
    const { body } = await publish(stack.url, withdrawn(first as string));
    await until(async () => (await request(stack.url, `/v1/items/${first}?min_seq=${body.seq}`)).status === 200);
    expect(itemsIn((await get(USER)).body)).toEqual(rest);
  });

  test('a position that the stored list has reached is honoured, and another one is 503', async () => {
    expect((await get(`${USER}?min_seq=${seq}`)).body.stored).toBe(true);
    const late = await get(`${USER}?min_seq=${seq + 1_000}`);
    expect(late.status).toBe(503);
    expect(late.body).toMatchObject({ code: 'FRESHET_SERVICE_UNAVAILABLE', member: 'min_seq' });
    expect(late.headers.get('retry-after')).toBe('1');
    // The trending list does not hold an event of a user without a list.
    expect((await get(`/v1/users/stranger/recommendations?min_seq=1`)).status).toBe(503);
  });

  test.each([
    ['filter', 'filter={"attributes.price":5}'],
    ['explain', 'explain=true'],
    ['include_seen', 'include_seen=true'],
    ['max_age_ms', 'max_age_ms=0'],
    ['exploration', 'exploration=0.5'],
    ['fields', 'fields=listed'],
  ])('%s cannot be honoured, so the answer is 503', async (member, query) => {
    const { status, body } = await get(`${USER}?${query}`);
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'FRESHET_SERVICE_UNAVAILABLE', member });
  });

  test('what the list would be without the option is honoured', async () => {
    for (const query of ['explain=false', 'include_seen=false', 'exploration=0', 'max_age_ms=86400000'])
      expect((await get(`${USER}?${query}`)).body.stored, query).toBe(true);
    expect((await get(`${USER}?fields=color`)).body).toMatchObject({ status: 400, member: 'fields[0]' });
    expect((await get('/v1/items/zz/similar')).status).toBe(503);
    expect((await get('/v1/users/u/shelves')).status).toBe(503);
  });

  test('bodies and batches get stored lists too, and served reports them', async () => {
    const send = (path: string, body: object) =>
      request<List & { answers: { ranking?: List; problem?: object }[] }>(stack.url, path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await send('/v1/recommendations', { user: 'u', served: true })).body).toMatchObject({
      stored: true,
      served: expect.any(Number),
    });
    expect((await send('/v1/recommendations', { history: ['a'] })).status).toBe(503);
    expect((await send('/v1/recommendations', { user: 'u', boosts: [] })).status).toBe(503);
    const { answers } = (await send('/v1/recommendations/batch', { users: ['u', 'stranger'], n: 1 })).body;
    expect(answers).toMatchObject([
      { ranking: { user: 'u', stored: true } },
      { ranking: { user: 'stranger', stored: true } },
    ]);
    const { text } = await request(stack.url, '/metrics');
    expect(Number(/freshet_http_stored_lists_total\{service="gateway"\} (\d+)/.exec(text)?.[1])).toBeGreaterThan(3);
  });
});

test('an engine that takes requests and does not answer counts as away, for requests that a stored list fits', async () => {
  // As a process that has stopped: its subscription stays.
  const silent = nc.subscribe('freshet.engine.>', { callback: () => undefined });
  onTestFinished(() => silent.unsubscribe());
  await nc.flush();
  expect((await get(USER)).body.stored).toBe(true);
  const impatient = await startStack({
    natsUrl: nats.url,
    config: testConfig({ stored_after_ms: 50, request_timeout_ms: 300 }),
  });
  onTestFinished(() => impatient.stop());
  await until(async () => (await request(impatient.url, '/readyz')).text.includes('engine'));
  const filtered = await request<List>(impatient.url, `${USER}?filter={"tags":"t"}`);
  expect(filtered.body).toMatchObject({ status: 503, member: 'filter' });
});

test('while engines are silent a request waits only a moment, and the next answer of an engine ends that', async () => {
  const stack = await startStack({
    natsUrl: nats.url,
    config: testConfig({ stored_after_ms: 2_000, stored_timeout_ms: 5_000 }),
  });
  onTestFinished(() => stack.stop());
  await until(async () => (await request(stack.url, '/readyz')).text.includes('engine'));
  const list = async () => (await request<List>(stack.url, USER)).body;
  const respond = { after: Number.POSITIVE_INFINITY, answered: 0 };
  // As an engine that has stopped, and later goes on and is slow.
  const engine = nc.subscribe('freshet.engine.recommend', {
    callback: (_err, msg) => {
      if (!Number.isFinite(respond.after)) return;
      setTimeout(() => {
        msg.respond(JSON.stringify({ items: [] }));
        respond.answered++;
      }, respond.after);
    },
  });
  onTestFinished(() => engine.unsubscribe());
  await nc.flush();
  expect((await list()).stored).toBe(true);
  respond.after = 300;
  // It would wait long enough for this answer, were the engine not silent.
  expect((await list()).stored).toBe(true);
  await until(async () => respond.answered > 0);
  await nc.flush();
  expect((await list()).stored).toBeUndefined();
});
