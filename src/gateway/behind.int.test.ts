/**
 * How many events an answer lacks, over HTTP and NATS. The engine of these tests commits only when a caller waits for a
 * position, so that it stays behind the log for as long as a test needs.
 */
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call, type Json } from '../bus/nats/micro.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

interface Answer {
  seq: number;
  behind: number;
}

const HOUR_MS = 3_600_000;

let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;
let head: number;

/** Publishes events, and folds them in the engine. */
async function folded(...events: unknown[]): Promise<void> {
  head = (await publish(stack.url, ...events)).body.seq as number;
  const { status } = await request(stack.url, `/v1/trending?min_seq=${head}&timeout_ms=20000`);
  expect(status).toBe(200);
}

beforeAll(async () => {
  nats = await startNatsServer();
  const config = testConfig(
    {},
    {
      // A look at the log would find the head ahead of the engine, which would then read again.
      projection: { backoff_max_ms: 100, batch_wait_ms: HOUR_MS, check_interval_ms: HOUR_MS },
      engine: { batch_ms: HOUR_MS, batch_rest_ms: HOUR_MS, stale_ms: HOUR_MS },
    },
  );
  stack = await startStack({ natsUrl: nats.url, config });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  nc = await nats.connect();
  await folded(
    published('i1'),
    published('i2'),
    published('i3'),
    viewed('u', 'i1'),
    viewed('v', 'i1'),
    viewed('v', 'i2'),
  );
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const get = async (path: string): Promise<Answer> => (await request<Answer & Json>(stack.url, path)).body;
const nat = (subject: string, body: Json): Promise<Answer> => call<Answer>(nc, `freshet.engine.${subject}`, body);

/** Every kind of answer with a list. */
const ANSWERS: Record<string, () => Promise<Answer>> = {
  'GET recommendations': () => get('/v1/users/u/recommendations'),
  'POST recommendations': async () => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const body = JSON.stringify({ history: ['i1'], n: 2 });
    return (await request<Answer & Json>(stack.url, '/v1/recommendations', { ...init, body })).body;
  },
  'GET shelves': () => get('/v1/users/u/shelves'),
  'GET similar': () => get('/v1/items/i1/similar'),
  'GET trending': () => get('/v1/trending'),
  'NATS recommend': () => nat('recommend', { user: 'u' }),
  'NATS similar': () => nat('similar', { item: 'i1' }),
  'NATS trending': () => nat('trending', {}),
};

const all = async (): Promise<Record<string, number>> => {
  const found: Record<string, number> = {};
  for (const [name, ask] of Object.entries(ANSWERS)) found[name] = (await ask()).behind;
  return found;
};
const each = (behind: number): Record<string, number> =>
  Object.fromEntries(Object.keys(ANSWERS).map((name) => [name, behind]));

test('every answer with a list says how many events of the log the engine lacks, and 0 once it has folded them', async () => {
  expect(await all()).toEqual(each(0));
  const before = head;
  const { body } = await publish(stack.url, viewed('w', 'i1'), viewed('w', 'i2'), viewed('w', 'i3'));
  await until(async () => (await nat('trending', {})).behind === 3);
  expect(await all()).toEqual(each(3));
  expect((await nat('trending', {})).seq).toBe(before);
  expect(await call(nc, 'freshet.engine.status', {})).toMatchObject({ seq: before, lag: 3 });

  // A caller that waits for the newest event gets an answer that lacks none.
  expect(await get(`/v1/users/w/recommendations?min_seq=${body.seq}&timeout_ms=20000`)).toMatchObject({
    seq: body.seq,
    behind: 0,
  });
  expect(await all()).toEqual(each(0));
});

test('a cached list keeps its position, and counts from the state of the engine', async () => {
  const first = await get('/v1/users/v/recommendations');
  expect(first.behind).toBe(0);
  await folded(viewed('x', 'i3'));
  // Others have acted since, and the engine has folded it.
  expect(await get('/v1/users/v/recommendations')).toMatchObject({ seq: first.seq, behind: 0 });
  await publish(stack.url, viewed('x', 'i2'));
  await until(async () => (await nat('trending', {})).behind === 1);
  expect(await get('/v1/users/v/recommendations')).toMatchObject({ seq: first.seq, behind: 1 });
});
