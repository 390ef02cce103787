import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DiscardPolicy } from 'nats';
import { type Logger, pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { freePort, startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { startProxy } from '../../test/support/proxy.ts';
import { until } from '../../test/support/wait.ts';
import { ConfigInvalidError, PortInUseError } from '../errors.ts';
import { type Answer, publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

async function server(): Promise<TestNatsServer> {
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  return nats;
}
async function stackOf(options: Parameters<typeof startStack>[0]): Promise<Stack> {
  const stack = await startStack(options);
  onTestFinished(() => stack.stop());
  return stack;
}
/** A logger of all levels, and the text that it has logged. */
function capturingLogger(): { logger: Logger; log: () => string } {
  let text = '';
  const write = (line: string): void => {
    text += line;
  };
  return { logger: pino({ level: 'trace' }, { write }), log: () => text };
}
const untilReady = (stack: Stack) =>
  until(async () => (await stack.gateway.ready()).ready, { what: 'the gateway to be ready' });

test('the gateway starts while NATS is away, says so, and works once NATS is up', async () => {
  const port = await freePort();
  const stack = await stackOf({ natsUrl: `nats://127.0.0.1:${port}` });
  const { url } = stack;
  expect((await request(url, '/healthz')).status).toBe(200);
  const ready = await request(url, '/readyz');
  expect(ready.status).toBe(503);
  expect(ready.body).toMatchObject({ ready: false, waiting: [{ service: 'nats', state: 'down' }] });
  const refused = await publish(url, viewed('u', 'i'));
  expect(refused.body).toMatchObject({ status: 503, code: 'FRESHET_NATS_UNREACHABLE' });
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  expect((await request(url, '/v1/trending')).body).toMatchObject({ status: 503, code: 'FRESHET_NATS_UNREACHABLE' });

  const nats = await startNatsServer({ port });
  onTestFinished(() => nats.stop());
  // The log is there without any service.
  const stored = await until(async () => {
    const answer = await publish(url, viewed('u', 'i'));
    return answer.status === 200 && answer;
  });
  expect(stored.body).toMatchObject({ accepted: 1, seq: 1 });
});

test('readiness names the services that are not up, and their routes answer 503 while the others work', async () => {
  const nats = await server();
  const stack = await stackOf({ natsUrl: nats.url });
  const { url } = stack;
  await stack.start('user', 'feedback');
  await until(async () => (await stack.gateway.ready()).waiting.length === 2);
  const ready = await request(url, '/readyz');
  expect(ready.status).toBe(503);
  expect(ready.body).toEqual({
    ready: false,
    missing: [],
    waiting: [
      { service: 'content', state: 'down' },
      { service: 'engine', state: 'down' },
    ],
  });
  const { body } = await publish(url, viewed('u', 'i'));
  expect((await request(url, `/v1/users/u?min_seq=${body.seq}`)).body).toMatchObject({ user: 'u', events: 1 });
  for (const address of ['/v1/users/u/recommendations', '/v1/items/i', '/v1/trending']) {
    const answer = await request(url, address);
    expect(answer.body).toMatchObject({ status: 503, code: 'FRESHET_SERVICE_UNAVAILABLE' });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  }
  await stack.start('content', 'engine');
  await untilReady(stack);
  expect((await request(url, '/v1/users/u/recommendations')).status).toBe(200);
});

test('the gateway survives a killed nats-server: acknowledged events are in the log, and a retry is a duplicate', async () => {
  const nats = await server();
  const stack = await stackOf({ natsUrl: nats.url });
  const { url } = stack;
  await stack.start('user', 'content', 'feedback', 'engine');
  await untilReady(stack);
  const one = viewed('u', 'i1');
  const first = await publish(url, one);
  await nats.kill();
  await until(async () => (await request(url, '/readyz')).status === 503);
  expect((await request(url, '/readyz')).body).toMatchObject({ waiting: [{ service: 'nats', state: 'down' }] });
  expect((await publish(url, viewed('u', 'i2'))).body).toMatchObject({ status: 503, code: 'FRESHET_NATS_UNREACHABLE' });
  expect((await request(url, '/v1/users/u')).status).toBe(503);
  await nats.restart();
  await untilReady(stack);
  const again = await publish(url, one, viewed('u', 'i3'));
  expect(again.body).toMatchObject({ accepted: 1, duplicates: 1, seq: (first.body.seq as number) + 1 });
  expect((await request(url, `/v1/users/u?min_seq=${again.body.seq}&timeout_ms=20000`)).body).toMatchObject({
    events: 2,
  });
});

test('if the log does not acknowledge, the answer is 503 and says that a retry is safe, and the retry counts once', async () => {
  const nats = await server();
  const proxy = await startProxy(nats.port);
  onTestFinished(() => proxy.close());
  const config = testConfig({ publish_timeout_ms: 300, stop_ms: 300 });
  const stack = await stackOf({ natsUrl: `nats://127.0.0.1:${proxy.port}`, config });
  const { url } = stack;
  await until(async () => (await publish(url, viewed('u', 'i0'))).status === 200);

  proxy.hold(true);
  const events = [viewed('u', 'i1'), { not: 'an event' }, viewed('u', 'i2')];
  const silent = await publish(url, ...events);
  expect(silent.body).toMatchObject({
    status: 503,
    code: 'FRESHET_PUBLISH_UNACKNOWLEDGED',
    accepted: 0,
    duplicates: 0,
    unacknowledged: 2,
  });
  expect(silent.body.detail).toMatch(/again under the same ids/);
  expect(silent.body.rejected).toMatchObject([{ index: 1 }]);
  expect(silent.headers.get('retry-after')).toMatch(/^\d+$/);

  proxy.hold(false);
  const retried = await until(async () => {
    const answer = await publish(url, ...events);
    return answer.status === 200 && answer;
  });
  expect(retried.body.accepted + retried.body.duplicates).toBe(2);
  const nc = await nats.connect();
  const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS');
  expect(state.messages).toBe(3);
  const { text } = await request(url, '/metrics');
  expect(text).toMatch(/freshet_http_events_total\{outcome="unacknowledged",code="",service="gateway"\} 2/);
});

test('a log that does not answer does not delay a list with served=true', async () => {
  const nats = await server();
  // The publisher waits far longer than the test, so only the gateway's own bound can let the list go.
  const publisher = { timeout_ms: 600_000 };
  const config = testConfig({ stop_ms: 300, served_timeout_ms: 50 }, { publisher });
  const { logger, log } = capturingLogger();
  const stack = await startStack({ natsUrl: nats.url, config, logger });
  let stopped = false;
  onTestFinished(() => (stopped ? undefined : stack.stop()));
  const { url } = stack;
  await stack.start('user', 'content', 'feedback', 'engine');
  await untilReady(stack);
  const { body } = await publish(url, published('i1'), published('i2'), viewed('u', 'i1'));
  const jsm = await (await nats.connect()).jetstreamManager();
  // A stream without acknowledgements stores messages and does not answer.
  await jsm.streams.update('EVENTS', { no_ack: true });

  let answer: Answer | undefined;
  void request(url, `/v1/users/u/recommendations?served=true&min_seq=${body.seq}`).then(
    (answered) => {
      answer = answered;
    },
    () => undefined,
  );
  const list = await until(() => answer, { what: 'the list of the request with served=true' });
  expect(list.status).toBe(200);
  expect(list.body).toMatchObject({ user: 'u', items: [{ item: 'i2' }], served: null });
  expect(log()).toContain('did not acknowledge');
  // The report is not taken back: the log holds it, whatever the gateway knows of it.
  const { message } = await until(async () => {
    const last = await jsm.streams.getMessage('EVENTS', { last_by_subj: 'ev.feedback.>' });
    return { message: last.json<{ id: string }>() };
  });
  expect(message.id).toBe(list.body.list);
  stopped = true;
  await stack.stop();
  expect(log()).toContain('FRESHET_PUBLISH_UNACKNOWLEDGED');
});

test('if the log refuses to store more, the answer is 503 with the reason and the number of stored events', async () => {
  const nats = await server();
  const nc = await nats.connect();
  const jsm = await nc.jetstreamManager();
  // Made by hand, with room for little.
  await jsm.streams.add({ name: 'EVENTS', subjects: ['ev.>'], max_bytes: 4_096, discard: DiscardPolicy.New });
  // The server calls it transient, so that it is tried again before it counts.
  const config = testConfig({}, { publisher: { timeout_ms: 50, retries: 1 } });
  const { logger, log } = capturingLogger();
  const stack = await stackOf({ natsUrl: nats.url, config, logger });
  await until(async () => (await stack.gateway.ready()).waiting.every(({ service }) => service !== 'nats'));
  const text = 'x'.repeat(1_000);
  const full = await publish(
    stack.url,
    ...[1, 2, 3, 4, 5, 6].map((i) => viewed('secret-user', `i${i}`, { context: { text } })),
  );
  expect(full.body).toMatchObject({
    status: 503,
    code: 'FRESHET_PUBLISH_REFUSED',
    detail: expect.stringMatching(/maximum bytes/),
  });
  const { state } = await jsm.streams.info('EVENTS');
  expect(full.body.accepted).toBe(state.messages);
  expect(log()).toContain('FRESHET_PUBLISH_REFUSED');
  expect(log()).not.toContain('secret');
  expect(full.body.accepted + (full.body.unacknowledged ?? 0)).toBe(6);
});

test('no log line of the gateway contains an id of a user', async () => {
  const nats = await server();
  const { logger, log } = capturingLogger();
  const stack = await stackOf({ natsUrl: nats.url, logger });
  const { url } = stack;
  await until(async () => (await publish(url, viewed('secret-user', 'i', { id: 'secret-1' }))).status === 200);
  await stack.start('user');
  await until(async () => (await request(url, '/v1/users/secret-user')).status === 200);
  await publish(url, viewed('secret-user', ''), { id: 'secret-2' });
  await request(url, '/v1/users/secret-user/recommendations');
  await request(url, '/v1/users/secret-user?n=secret');
  await request(url, '/v1/users/secret-stranger');
  await request(url, '/v1/secret');
  await request(url, '/v1/users/secret%zz');
  await request(url, '/healthz');
  await request(url, '/v1/recommendations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"secret',
  });
  const path = `/v1/users/${'secret'.repeat(4_000)}`;
  await request(url, path);
  await nats.kill();
  await publish(url, viewed('secret-user', 'i'));
  await until(() => log().includes('The gateway lost its connection to NATS.'));
  expect(log()).toContain('"route":"/v1/users/:id"');
  expect(log()).not.toContain('"route":"/healthz"');
  expect(log()).not.toContain('secret');
});

test('a gateway that stops answers the requests in flight and takes no new ones', async () => {
  const nats = await server();
  const stack = await stackOf({ natsUrl: nats.url });
  const { url, gateway } = stack;
  await stack.start('user', 'content', 'feedback', 'engine');
  await untilReady(stack);
  const waiting = request(url, '/v1/trending?min_seq=5&timeout_ms=400');
  const nc = await nats.connect();
  await until(async () => {
    const { text } = await request(url, '/metrics');
    return text.includes('freshet_http_requests_in_flight{service="gateway"} 2');
  });
  const stopped = gateway.stop();
  expect((await waiting).body).toMatchObject({ code: 'FRESHET_SEQUENCE_NOT_REACHED' });
  await stopped;
  await expect(request(url, '/healthz')).rejects.toThrow();
  await expect(gateway.stop()).resolves.toBeUndefined();
  expect(nc.isClosed()).toBe(false);
});

test('a request that does not end delays the stop no longer than http.stop_ms', async () => {
  const nats = await server();
  const stack = await stackOf({ natsUrl: nats.url, config: testConfig({ stop_ms: 150 }) });
  await stack.start('engine');
  await until(async () => (await request(stack.url, '/v1/trending')).status === 200);
  const cut = request(stack.url, '/v1/trending?min_seq=5&timeout_ms=30000').then(
    () => 'answered',
    () => 'cut off',
  );
  await until(async () =>
    (await request(stack.url, '/metrics')).text.includes('freshet_http_requests_in_flight{service="gateway"} 2'),
  );
  await stack.gateway.stop();
  expect(await cut).toBe('cut off');
});

test('a port in use is an error that names the port', async () => {
  const nats = await server();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const start = startStack({ natsUrl: nats.url, port });
  await expect(start).rejects.toThrow(PortInUseError);
  await expect(start).rejects.toMatchObject({ details: { port } });
});

test('the gateway does not listen where other machines reach it unless a setting allows it', async () => {
  const natsUrl = `nats://127.0.0.1:${await freePort()}`;
  await expect(startStack({ natsUrl, config: testConfig({ host: '0.0.0.0' }) })).rejects.toThrow(ConfigInvalidError);
  const stack = await stackOf({ natsUrl, config: testConfig({ host: '0.0.0.0', allow_remote: true }) });
  expect((await request(stack.url, '/healthz')).status).toBe(200);
});
