import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dismissed, published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call } from '../bus/nats/micro.ts';
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from '../observability/tracing/otlp-receiver.fixture.ts';
import { readSse } from './sse.fixture.ts';
import { publish, request, type Stack, send, startStack, testConfig } from './stack.fixture.ts';
import type { SystemStatus } from './system.ts';

const CALLER = '00f067aa0ba902b7';
const traceparent = (traceId: string, flags = '01'): string => `00-${traceId}-${CALLER}-${flags}`;
const traceId = (digit: string): string => digit.repeat(32);

let nats: TestNatsServer;
let receiver: OtlpReceiver;
let stack: Stack;

const tracing = (more: object = {}): object => ({
  tracing: { otlp_url: receiver.url, otlp_protocol: 'http/json', interval_ms: 20, share: 0, ...more },
});

async function startTraced(more: object = {}): Promise<Stack> {
  const started = await startStack({ natsUrl: nats.url, config: testConfig({}, tracing(more)) });
  await started.start('content', 'engine', 'user', 'feedback');
  await until(async () => (await started.gateway.ready()).ready);
  return started;
}

beforeAll(async () => {
  nats = await startNatsServer();
  receiver = await startOtlpReceiver();
  stack = await startTraced();
  await publish(stack.url, ...['secret-item-a', 'secret-item-b', 'secret-item-c'].map((item) => published(item)));
  const { body } = await publish(
    stack.url,
    viewed('secret-other', 'secret-item-a'),
    viewed('secret-other', 'secret-item-b'),
  );
  expect((await request(stack.url, `/v1/trending?min_seq=${body.seq}&timeout_ms=20000`)).status).toBe(200);
  // Until the engine holds the lease, it publishes nothing.
  const nc = await connect({ servers: nats.url });
  await until(async () => (await call<SystemStatus>(nc, 'freshet.engine.status', {})).rankings?.written_here === true);
  await nc.close();
});
afterEach(() => {
  receiver.spans.length = 0;
  receiver.bodies.length = 0;
});
afterAll(async () => {
  await stack?.stop();
  await receiver?.close();
  await nats?.stop();
});

const named = (name: string, service?: string): ReceivedSpan[] =>
  receiver.spans.filter((span) => span.name === name && (service === undefined || span.service === service));

/** The only span with this name. */
function only(name: string, service?: string): ReceivedSpan {
  const found = named(name, service);
  expect(found.map((one) => `${one.service} ${one.name}`)).toHaveLength(1);
  return found[0] as ReceivedSpan;
}

describe('an event of a traced caller', () => {
  test('is one trace, from the request through each fold and the ranking to the push', async () => {
    const stream = await readSse(stack.url, '/v1/users/secret-reader/recommendations/stream');
    await until(() => stream.received.length > 0);
    const trace = traceId('a');
    await send(stack.url, '/v1/events', viewed('secret-reader', 'secret-item-a'), {
      'content-type': 'application/cloudevents+json',
      traceparent: traceparent(trace),
      tracestate: 'vendor=1',
    });
    await until(() => named('push').length > 0 && named('fold').length === 4);

    expect(new Set(receiver.spans.map((span) => span.traceId))).toEqual(new Set([trace]));
    const served = only('POST /v1/events');
    expect(served).toMatchObject({ service: 'freshet-gateway', parentSpanId: CALLER });
    expect(served.attributes).toMatchObject({ 'http.route': '/v1/events', 'http.response.status_code': 200 });
    const publishing = only('publish');
    expect(publishing.parentSpanId).toBe(served.spanId);
    for (const service of ['user', 'content', 'feedback', 'engine']) {
      const fold = only('fold', `freshet-${service}`);
      expect(fold.parentSpanId).toBe(publishing.spanId);
      expect(fold.attributes).toMatchObject({ 'freshet.outcome': 'applied', 'freshet.event_type': 'user.viewed.v1' });
      expect(BigInt(fold.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(fold.startTimeUnixNano));
    }
    const rank = only('rank');
    expect(rank).toMatchObject({
      service: 'freshet-engine',
      parentSpanId: only('fold', 'freshet-engine').spanId,
      events: ['computing', 'computed'],
    });
    expect(only('push')).toMatchObject({ service: 'freshet-gateway', parentSpanId: rank.spanId, failed: false });
    expect(only('push').attributes).toMatchObject({ 'freshet.changed': true });
  });

  test('over NATS has the same spans below its own traceparent', async () => {
    const nc = await connect({ servers: nats.url });
    const event = { ...viewed('secret-direct', 'secret-item-b'), traceparent: traceparent(traceId('b')) };
    await nc.jetstream().publish('ev.user.secret-direct.viewed', JSON.stringify(event));
    await nc.close();
    await until(() => named('rank').length > 0 && named('fold').length === 4);
    for (const fold of named('fold')) expect(fold).toMatchObject({ traceId: traceId('b'), parentSpanId: CALLER });
  });

  test('that a service cannot fold is a failed span with the code', async () => {
    const nc = await connect({ servers: nats.url });
    const event = { ...viewed('secret-bad', 'secret-item-b'), data: {}, traceparent: traceparent(traceId('c')) };
    await nc.jetstream().publish('ev.user.secret-bad.viewed', JSON.stringify(event));
    await nc.close();
    await until(() => named('fold').length === 4);
    for (const { failed, attributes } of named('fold')) {
      expect(failed).toBe(true);
      expect(attributes).toMatchObject({ 'error.type': 'FRESHET_EVENT_SCHEMA', 'freshet.outcome': 'dead-letter' });
    }
  });

  test('whose trace is not sampled makes no span, and the log keeps the trace', async () => {
    const { body } = await send(stack.url, '/v1/events', viewed('secret-unsampled', 'secret-item-b'), {
      'content-type': 'application/cloudevents+json',
      traceparent: traceparent(traceId('d'), '00'),
    });
    const nc = await connect({ servers: nats.url });
    const jsm = await nc.jetstreamManager();
    const stored = (await jsm.streams.getMessage('EVENTS', { seq: body.seq as number })).json();
    await nc.close();
    expect(stored).toMatchObject({ traceparent: traceparent(traceId('d'), '00') });
    // The spans of a later event arrive behind those that this one would have made.
    await send(stack.url, '/v1/events', dismissed('secret-unsampled', 'secret-item-b'), {
      'content-type': 'application/cloudevents+json',
      traceparent: traceparent(traceId('e')),
    });
    await until(() => named('fold').length === 4 && named('rank').length > 0);
    expect(new Set(receiver.spans.map((span) => span.traceId))).toEqual(new Set([traceId('e')]));
  });
});

describe('a request for a list', () => {
  test('goes on in the engine', async () => {
    await request(stack.url, '/v1/users/secret-other/recommendations', {
      headers: { traceparent: traceparent(traceId('f')) },
    });
    await until(() => receiver.spans.length >= 3);
    const served = only('GET /v1/users/:id/recommendations');
    const asked = only('freshet.engine.recommend', 'freshet-gateway');
    expect(asked.parentSpanId).toBe(served.spanId);
    expect(only('freshet.engine.recommend', 'freshet-engine').parentSpanId).toBe(asked.spanId);
  });

  test('that reports its list as served publishes the event in the same trace', async () => {
    await request(stack.url, '/v1/users/secret-other/recommendations?served=true', {
      headers: { traceparent: traceparent(traceId('1')) },
    });
    await until(() => named('fold').length === 4);
    const publishing = only('publish');
    for (const fold of named('fold')) expect(fold.parentSpanId).toBe(publishing.spanId);
    expect(only('fold', 'freshet-feedback').attributes).toMatchObject({ 'freshet.event_type': 'feedback.served.v1' });
  });

  test('that fails says the code', async () => {
    await request(stack.url, '/v1/users/secret-other/recommendations?min_seq=999999&timeout_ms=1', {
      headers: { traceparent: traceparent(traceId('2')) },
    });
    await until(() => receiver.spans.length >= 3);
    expect(only('freshet.engine.recommend', 'freshet-gateway').attributes).toMatchObject({
      'error.type': 'FRESHET_SEQUENCE_NOT_REACHED',
    });
    expect(only('GET /v1/users/:id/recommendations').attributes).toMatchObject({ 'http.response.status_code': 504 });
  });
});

test('a request without a trace begins one for the share of the settings, and no other', async () => {
  const always = await startStack({ natsUrl: nats.url, config: testConfig({}, tracing({ share: 1 })) });
  await until(async () => (await always.gateway.ready()).ready);
  await request(always.url, '/v1/users/secret-other/recommendations');
  await until(() => named('freshet.engine.recommend', 'freshet-engine').length > 0);
  await always.stop();
  const begun = only('GET /v1/users/:id/recommendations');
  expect(begun.parentSpanId ?? '').toBe('');
  receiver.spans.length = 0;
  await request(stack.url, '/v1/users/secret-other/recommendations');
  await request(stack.url, '/v1/users/secret-other/recommendations', {
    headers: { traceparent: traceparent(traceId('3')) },
  });
  await until(() => receiver.spans.length >= 3);
  expect(new Set(receiver.spans.map((span) => span.traceId))).toEqual(new Set([traceId('3')]));
});

test('no id of a user or item leaves in a span', async () => {
  const headers = { 'content-type': 'application/cloudevents+json', traceparent: traceparent(traceId('4')) };
  const stream = await readSse(stack.url, '/v1/users/secret-watched/recommendations/stream', headers);
  await send(stack.url, '/v1/events', viewed('secret-watched', 'secret-item-a'), headers);
  await send(stack.url, '/v1/events', { ...viewed('secret-watched', 'secret-item-a'), data: {} }, headers);
  await request(stack.url, '/v1/items/secret-item-a/similar', { headers });
  await request(stack.url, '/v1/items/secret-item-unknown', { headers });
  await until(() => stream.received.length > 1 && named('push').length > 0 && receiver.spans.length > 12);
  expect(receiver.bodies.length).toBeGreaterThan(0);
  for (const { bytes } of receiver.bodies) expect(bytes.toString()).not.toContain('secret');
});

test('an event that is no longer young makes no span of its fold', async () => {
  const old = await startStack({ natsUrl: nats.url, config: testConfig({}, tracing({ recent_ms: 0 })) });
  const from = receiver.spans.length;
  await old.start('content');
  const { body } = await publish(old.url, { ...published('late'), traceparent: traceparent(traceId('5')) });
  expect((await request(old.url, `/v1/items/late?min_seq=${body.seq}&timeout_ms=20000`)).status).toBe(200);
  await until(() => named('fold').length >= 4);
  await old.stop();
  // The services of the other stack fold it as well; this content service folds it and everything before without a span.
  expect(
    receiver.spans.slice(from).filter(({ name, service }) => name === 'fold' && service === 'freshet-content'),
  ).toHaveLength(1);
});

describe('a receiver', () => {
  test('gets spans as protobuf unless the settings say JSON', async () => {
    const binary = await startStack({
      natsUrl: nats.url,
      config: testConfig({}, tracing({ otlp_protocol: 'http/protobuf', share: 1 })),
    });
    await until(async () => (await binary.gateway.ready()).ready);
    await request(binary.url, '/v1/trending');
    await until(() => receiver.bodies.some(({ headers }) => headers['content-type'] === 'application/x-protobuf'));
    await binary.stop();
    const found = receiver.bodies.find(({ headers }) => headers['content-type'] === 'application/x-protobuf');
    expect(found?.bytes.includes('GET /v1/trending')).toBe(true);
    expect(found?.bytes.includes('freshet-gateway')).toBe(true);
  });

  test('that fails costs nothing but the spans, and the metrics say so', async () => {
    receiver.answer(400);
    const headers = { traceparent: traceparent(traceId('6')) };
    expect((await request(stack.url, '/v1/trending', { headers })).status).toBe(200);
    const spans = async (outcome: string): Promise<number> => {
      const { text } = await request(stack.url, '/metrics');
      return Number(new RegExp(`freshet_trace_spans_total\\{outcome="${outcome}".*\\} (\\d+)`).exec(text)?.[1] ?? 0);
    };
    await until(async () => (await spans('failed')) >= 2);
    receiver.answer(200);
    const before = await spans('exported');
    await request(stack.url, '/v1/trending', { headers });
    await until(async () => (await spans('exported')) > before);
  });
});
