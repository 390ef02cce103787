import { afterAll, beforeAll, expect, test } from 'vitest';
import { event, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import type { DeadLettersView } from './dead-letters.ts';
import { publish, request, type Stack, send, startStack } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
const list = async (query = ''): Promise<DeadLettersView> =>
  (await request<DeadLettersView>(stack.url, `/v1/dead-letters${query}`)).body;
const act = (seq: number, what: 'retry' | 'discard') => send(stack.url, `/v1/dead-letters/${seq}/${what}`);
const open = async (): Promise<number | null> =>
  (await request<{ dead_letters: { open: number | null } }>(stack.url, '/v1/system')).body.dead_letters.open;

/** Sequences of an event that is no JSON, one without an item, and one whose identity is taken. */
const seqs: number[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  await publish(stack.url, viewed('u1', 'i1', { id: 'once' }));
  const nc = await nats.connect();
  for (const payload of [
    'no "event"',
    JSON.stringify(event('user.viewed.v1', 'u1', { article: 'i1' })),
    JSON.stringify(viewed('u1', 'i2', { id: 'once' })),
  ])
    seqs.push((await nc.jetstream().publish('ev.user.u1.viewed', payload)).seq);
  await until(async () => (await list()).reasons.length === 3 && (await open()) === 12);
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

test('an event that all services refuse is one dead letter, with its reason, its content and what is wrong now', async () => {
  const { count, complete, reasons, dead_letters: dead, next } = await list();
  expect({ count, complete, next }).toEqual({ count: 3, complete: true, next: null });
  expect(reasons).toEqual(
    expect.arrayContaining(
      ['FRESHET_EVENT_MALFORMED', 'FRESHET_EVENT_SCHEMA', 'FRESHET_EVENT_IDENTITY_REUSED'].map((code) => ({
        code,
        events: 1,
      })),
    ),
  );
  expect(dead.map(({ seq }) => seq)).toEqual([...seqs].reverse());
  const [reused, shape, text] = dead;
  expect(text).toMatchObject({ event: null, text: 'no "event"', problem: { code: 'FRESHET_EVENT_MALFORMED' } });
  expect(shape).toMatchObject({ event: { data: { article: 'i1' } }, problem: { code: 'FRESHET_EVENT_SCHEMA' } });
  expect(reused?.problem?.code).toBe('FRESHET_EVENT_IDENTITY_REUSED');
  for (const { services } of dead)
    expect(services.map(({ service }) => service)).toEqual(['user', 'content', 'feedback', 'engine']);
});

test('pages, services and reasons narrow the list', async () => {
  const first = await list('?n=2');
  expect(first.dead_letters.map(({ seq }) => seq)).toEqual([seqs[2], seqs[1]]);
  const second = await list(`?n=2&before=${first.next}`);
  expect(second.dead_letters.map(({ seq }) => seq)).toEqual([seqs[0]]);
  expect(second.next).toBeNull();
  const some = await list('?service=engine&code=FRESHET_EVENT_SCHEMA');
  expect(some.dead_letters).toMatchObject([{ seq: seqs[1], services: [{ service: 'engine' }] }]);
  expect((await request(stack.url, '/v1/dead-letters?service=gateway')).body).toMatchObject({
    status: 400,
    member: 'service',
  });
});

test('a retry of an event that this release cannot read says what is wrong and what to do', async () => {
  const { status, body } = await act(seqs[1] as number, 'retry');
  expect(status).toBe(409);
  expect(body).toMatchObject({
    code: 'FRESHET_DEAD_LETTER_UNREADABLE',
    reason: 'FRESHET_EVENT_SCHEMA',
    next: expect.stringContaining('/discard'),
  });
  expect((await act(1, 'retry')).body).toMatchObject({ status: 404, code: 'FRESHET_NOT_FOUND' });
});

test('a discarded one leaves the list of every service, and its event stays in the log', async () => {
  const [seq] = seqs as [number];
  expect((await act(seq, 'discard')).body).toEqual({
    seq,
    done: 'discarded',
    services: ['user', 'content', 'feedback', 'engine'],
  });
  expect((await list()).dead_letters.map((one) => one.seq)).toEqual([seqs[2], seqs[1]]);
  expect(await open()).toBe(8);
  expect((await list('?all=true')).dead_letters.at(-1)).toMatchObject({
    seq,
    services: Array(4).fill({ mark: { done: 'discarded' } }),
  });
  const at = (await list('?all=true')).dead_letters.at(-1)?.services[0]?.mark?.at;
  await act(seq, 'discard');
  expect((await list('?all=true')).dead_letters.at(-1)?.services[0]?.mark?.at).toBe(at);
  expect((await request(stack.url, `/v1/log/${seq}`)).status).toBe(200);
  expect((await act(1, 'discard')).status).toBe(404);
});
