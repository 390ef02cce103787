import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import type { RankingAnswer } from '../engine/serve/lists.ts';
import { createPastLists } from './past-lists.ts';
import { readSse } from './sse.fixture.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
let seq: number;
let then: RankingAnswer;
const at = (user: string, query: string) =>
  readSse<RankingAnswer & { done: number; of: number | null; code: string; as_of: object }>(
    stack.url,
    `/v1/users/${encodeURIComponent(user)}/recommendations/at${query}`,
  );
/** A list at a time: the gateway needs a moment to see that a reader has gone. */
const once = (user: string, query: string) =>
  until(async () => {
    const reader = await at(user, query);
    return reader.response.ok && reader;
  });
const told = ({ items }: Pick<RankingAnswer, 'items'>) => items.map(({ item, score }) => ({ item, score }));
// A folder of this file alone, because other tests look at earlier positions at the same time.
const temporary = makeTempDir('past-lists');
const folders = (): string[] => readdirSync(tmpdir()).filter((name) => /^freshet-(past|at)-/.test(name));

beforeAll(async () => {
  vi.stubEnv('TMPDIR', temporary);
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  const items = ['a', 'b', 'c', 'd'];
  const { body } = await publish(
    stack.url,
    ...items.map((item) => published(item)),
    ...['r1', 'r2', 'r3'].flatMap((user) => items.map((item) => viewed(user, item))),
    viewed('-me', 'a'),
  );
  seq = body.seq as number;
  const fresh = `min_seq=${seq}&timeout_ms=20000&max_age_ms=0`;
  then = (await request<RankingAnswer>(stack.url, `/v1/users/-me/recommendations?n=3&${fresh}`)).body;
  await publish(stack.url, viewed('-me', then.items[0]?.item as string), viewed('late', 'a'));
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
  vi.unstubAllEnvs();
  removeTempDir(temporary);
});

test('a list as of an earlier position is the one of then, with fields and reasons, after the progress', async () => {
  const reader = await at('-me', `?seq=${seq}&n=3&fields=title`);
  expect(reader.response.headers.get('content-type')).toBe('text/event-stream');
  await until(() => reader.ended());
  const [first, ...rest] = reader.received;
  expect(first).toMatchObject({ event: 'progress', data: { done: 0, of: null } });
  const last = rest.at(-1);
  expect(last).toMatchObject({ event: 'list', data: { seq, user: '-me', as_of: { seq } } });
  const list = last?.data as RankingAnswer;
  expect(told(list)).toEqual(told(then));
  expect(list.items[0]).toMatchObject({ fields: { title: expect.any(String) }, reasons: expect.any(Array) });
  expect(rest.slice(0, -1).every(({ event, data: { done, of } }) => event === 'progress' && done <= (of ?? 0))).toBe(
    true,
  );
});

test('a user without an event by then is a problem at the end, and a position that the log lacks one at once', async () => {
  const reader = await once('late', `?seq=${seq}`);
  await until(() => reader.ended());
  expect(reader.received.at(-1)).toMatchObject({
    event: 'problem',
    data: { status: 404, code: 'FRESHET_NOT_FOUND', next: expect.any(String) },
  });
  expect((await request(stack.url, '/v1/users/late/recommendations/at?seq=100000')).body).toMatchObject({
    status: 404,
    code: 'FRESHET_POSITION_UNKNOWN',
  });
  expect((await request(stack.url, '/v1/users/late/recommendations/at')).body).toMatchObject({
    status: 400,
    member: 'seq',
  });
});

test('one list is made at a time; a reader that goes away ends the work, and nothing of it stays', async () => {
  const first = await once('-me', `?seq=${seq}`);
  const second = await request(stack.url, `/v1/users/late/recommendations/at?seq=${seq + 2}`);
  expect(second.body).toMatchObject({ status: 409, code: 'FRESHET_PAST_UNDER_WAY', next: expect.any(String) });
  first.close();
  const third = await once('late', `?seq=${seq + 2}`);
  await until(() => third.ended());
  expect(third.received.at(-1)?.event).toBe('list');
  await until(() => folders().length === 0);
  const jsm = await (await nats.connect()).jetstreamManager();
  const consumers = await jsm.consumers.list('EVENTS').next();
  expect(consumers.map(({ name }) => name).filter((name) => name.includes('-at-'))).toEqual([]);
});

test('work that is cancelled, or takes too long, ends without a list', async () => {
  const options = { config: testConfig(), natsUrl: nats.url, data: undefined };
  const patient = createPastLists({ ...options, timeoutMs: 600_000 });
  const list = patient.start({ user: '-me', seq }, () => undefined);
  list.cancel();
  await expect(list.done).rejects.toThrow();
  await expect(
    createPastLists({ ...options, timeoutMs: 1 }).start({ user: '-me', seq }, () => undefined).done,
  ).rejects.toThrow(/longer than 1 ms/);
  await until(() => folders().length === 0);
});
