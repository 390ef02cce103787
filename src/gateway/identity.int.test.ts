/** What the gateway answers to an event whose source and id the log knows already. No service runs: the log alone decides. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codec, published, purchased, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { type PublishBody, post, publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
let url: string;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'off' }) });
  url = stack.url;
  await until(async () => (await post(url, JSON.stringify(published('first')))).status === 200);
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const TIME = '2026-11-23T10:00:00.000Z';
const storedAt = async (seq: number | undefined): Promise<Record<string, unknown>> =>
  (await (await (await nats.connect()).jetstreamManager()).streams.getMessage('EVENTS', { seq: seq as number })).json();

describe('an event with the source and id of an earlier one', () => {
  test.each([
    ['another type', purchased('same', 'i1', { id: 'type', time: TIME }), 'type'],
    ['another user', viewed('other', 'i1', { id: 'user', time: TIME }), 'user'],
    ['another time', viewed('same', 'i1', { id: 'time', time: '2026-11-23T10:00:00.001Z' }), 'time'],
    ['no time', viewed('same', 'i1', { id: 'none' }), 'none'],
    ['other data', viewed('same', 'i2', { id: 'data', time: TIME }), 'data'],
  ])('and %s is rejected, with the sequence of the earlier one', async (_what, reused, id) => {
    const first = await publish(url, viewed('same', 'i1', { id, time: TIME }));
    const alone = await publish(url, reused);
    expect(alone.status).toBe(400);
    expect(alone.body).toMatchObject({
      code: 'FRESHET_IDENTITY_REUSED',
      detail: expect.stringContaining(`sequence ${first.body.seq}`),
      next: expect.stringContaining('new id'),
      accepted: 0,
      duplicates: 0,
      rejected: [{ index: 0, id, code: 'FRESHET_IDENTITY_REUSED' }],
    });
    const among = await publish(url, viewed('same', 'i3'), reused, viewed('same', 'i1', { id, time: TIME }));
    expect(among.status).toBe(200);
    expect(among.body).toMatchObject({ accepted: 1, duplicates: 1, rejected: [{ index: 1, id }] });
    expect(await storedAt(first.body.seq)).toMatchObject({ type: 'user.viewed.v1', subject: 'same' });
  });

  test('and the same content is a duplicate, whatever trace it belongs to and however its JSON is written', async () => {
    const one = viewed('honest', 'i1', { id: 'honest', time: TIME, context: { a: 1, b: 2 } });
    const first = await publish(url, one);
    const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const again = await request<PublishBody>(url, '/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: parent },
      body: JSON.stringify({
        ...one,
        time: '2026-11-23T11:00:00+01:00',
        data: { context: { b: 2, a: 1.0 }, item: 'i1' },
      }),
    });
    expect(again.body).toEqual({ accepted: 0, duplicates: 1, rejected: [], seq: first.body.seq });
  });

  test('is compared within one request as well', async () => {
    const { status, body } = await publish(url, viewed('a', 'i1', { id: 'twin' }), viewed('b', 'i1', { id: 'twin' }));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      accepted: 1,
      duplicates: 0,
      rejected: [{ index: 1, code: 'FRESHET_IDENTITY_REUSED' }],
    });
  });

  test('is not a duplicate of a message that is not the event its header names', async () => {
    const js = (await nats.connect()).jetstream();
    const invalid = await js.publish('ev.user.x.viewed', '{"not":"an event"}', { msgID: 'test/occupied' });
    const answer = await publish(url, viewed('x', 'i1', { id: 'occupied' }));
    expect(answer.body).toMatchObject({ code: 'FRESHET_IDENTITY_REUSED' });
    expect(answer.body.detail).toContain(`sequence ${invalid.seq}`);

    const result = codec.prepare(viewed('y', 'i1', { id: 'real' }));
    if (!result.ok) throw new Error(result.problem.message);
    await js.publish(result.prepared.subject, result.prepared.payload, { msgID: 'test/pretended' });
    expect((await publish(url, viewed('y', 'i1', { id: 'pretended' }))).body.code).toBe('FRESHET_IDENTITY_REUSED');
  });

  test('is rejected with the reason if the log no longer holds the earlier one', async () => {
    const one = viewed('erased', 'i1', { id: 'erased' });
    const first = await publish(url, one);
    const jsm = await (await nats.connect()).jetstreamManager();
    await jsm.streams.purge('EVENTS', { filter: 'ev.user.erased.>' });
    const again = await publish(url, one);
    expect(again.status).toBe(400);
    expect(again.body).toMatchObject({
      code: 'FRESHET_IDENTITY_PURGED',
      detail: expect.stringContaining(`sequence ${first.body.seq}`),
      next: expect.stringContaining('new id'),
      accepted: 0,
      duplicates: 0,
      rejected: [{ index: 0, id: 'erased', code: 'FRESHET_IDENTITY_PURGED' }],
    });
    expect((await publish(url, { ...one, id: 'new life' })).body).toMatchObject({ accepted: 1 });
  });
});

test('the gateway counts reused identities as rejected', async () => {
  const before = await countOf();
  await publish(url, viewed('m', 'i1', { id: 'metric' }));
  await publish(url, viewed('m', 'i2', { id: 'metric' }));
  expect(await countOf()).toBe(before + 1);
});

async function countOf(): Promise<number> {
  const { text } = await request(url, '/metrics');
  return Number(/freshet_\w*\{[^}]*code="FRESHET_IDENTITY_REUSED"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
}
