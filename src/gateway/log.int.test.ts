import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clicked, event, published, served, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import type { FoundEntries, LogEntry, PublisherRates } from '../bus/log/search.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { readSse } from './sse.fixture.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
const http = { log_search_events: 200, log_streams_max: 2, stream_heartbeat_ms: 20, keys: 'off' as const };

const page = async (query = ''): Promise<FoundEntries> =>
  (await request<FoundEntries>(stack.url, `/v1/log${query}`)).body;
const seqs = ({ events }: FoundEntries): number[] => events.map(({ seq }) => seq);

/** A reader of the stream; the gateway may need a moment to notice that those of the test before have gone. */
const follow = (query = '', headers: Record<string, string> = {}) =>
  until(async () => {
    const reader = await readSse<LogEntry>(stack.url, `/v1/log/stream${query}`, headers);
    return reader.response.ok && reader;
  });

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig(http) });
  await until(() => stack.gateway.trouble() === undefined);
  // Sequences 1 to 7.
  await publish(
    stack.url,
    published('i1'),
    published('i2'),
    viewed('u1', 'i1', { source: 'shop' }),
    viewed('u2', 'i2', { source: 'app' }),
    served('u1', 'l1', ['i2', 'i1']),
    clicked('u1', 'i2', { list: 'l1' }),
    event('user.purchased.v1', 'u1', { item: 'i2' }, { source: 'shop' }),
  );
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

describe('pages of the log', () => {
  test('are newest first, and follow each other to the beginning', async () => {
    const first = await page('?n=5');
    expect(seqs(first)).toEqual([7, 6, 5, 4, 3]);
    expect(first.events[0]).toMatchObject({
      subject: 'ev.user.u1.purchased',
      time: expect.stringMatching(/Z$/),
      event: { type: 'user.purchased.v1', subject: 'u1', data: { item: 'i2' } },
    });
    expect(first.next).toBe(3);
    const second = await page(`?n=5&before=${first.next}`);
    expect(seqs(second)).toEqual([2, 1]);
    expect(second.next).toBeNull();
  });

  test.each([
    ['a context', '?type=user', [7, 4, 3]],
    ['a verb', '?type=user.viewed', [4, 3]],
    ['a type', '?type=user.viewed.v1', [4, 3]],
    ['a type that nobody published', '?type=user.viewed.v2', []],
    ['a user, also reactions', '?user=u1', [7, 6, 5, 3]],
    ['an item, also where a list showed it', '?item=i1', [5, 3, 1]],
    ['an item of the catalogue', '?item=i2&type=content', [2]],
    ['a user and an item', '?user=u1&item=i2', [7, 6, 5]],
    ['a user as an item', '?user=i1', []],
  ])('hold the events of %s', async (_what, query, found) => {
    const answer = await page(query);
    expect(seqs(answer)).toEqual(found);
    expect(answer.next).toBeNull();
  });

  test('read no more than so many events, and go on where they stopped', async () => {
    await publish(stack.url, ...Array.from({ length: 900 }, (_, i) => viewed(`many${i}`, 'i3')));
    const first = await page('?item=i1');
    expect(first.events).toEqual([]);
    expect(first.searched).toBeGreaterThanOrEqual(http.log_search_events);
    expect(first.searched).toBeLessThan(900);
    const all: number[] = [];
    for (let next = first.next; next !== null; ) {
      const answer = await page(`?item=i1&before=${next}`);
      all.push(...seqs(answer));
      next = answer.next;
    }
    expect(all).toEqual([5, 3, 1]);
  });

  test('find the few events of a user among many without reading these', async () => {
    const answer = await page('?user=u1');
    expect(seqs(answer)).toEqual([7, 6, 5, 3]);
    expect(answer.searched).toBeLessThan(10);
  });

  test('hold each of a user with many events once, newest first', async () => {
    await publish(stack.url, ...Array.from({ length: 1_200 }, () => viewed('busy', 'i3')));
    const all: number[] = [];
    for (let next: number | null = Number.MAX_SAFE_INTEGER; next !== null; ) {
      const answer = await page(`?user=busy&n=300&before=${next}`);
      all.push(...seqs(answer));
      next = answer.next;
    }
    expect(all).toHaveLength(1_200);
    expect(all).toEqual([...all].sort((a, b) => b - a));
    expect(new Set(all).size).toBe(1_200);
  });

  test('refuse what they do not take, by name', async () => {
    for (const [query, member] of [
      ['?type=user.viewed.v1.more', 'type'],
      ['?type=VIEWED', 'type'],
      ['?n=0', 'n'],
      ['?before=soon', 'before'],
      ['?user=', 'user'],
    ])
      expect((await request(stack.url, `/v1/log${query}`)).body, query).toMatchObject({ status: 400, member });
  });
});

describe('one event', () => {
  test('is answered by its sequence, also if it is no event', async () => {
    expect((await request<LogEntry>(stack.url, '/v1/log/3')).body).toMatchObject({
      seq: 3,
      subject: 'ev.user.u1.viewed',
      event: { source: 'shop', data: { item: 'i1' } },
    });
    const nc = await nats.connect();
    const { seq } = await nc.jetstream().publish('ev.user.u1.viewed', 'no "event"');
    const { body } = await request<LogEntry>(stack.url, `/v1/log/${seq}`);
    expect(body).toMatchObject({ seq, event: null, text: 'no "event"' });
    expect((await request(stack.url, '/v1/log/x')).body).toMatchObject({ status: 400, member: 'seq' });
  });

  test('that the log does not hold is 404 with the reason', async () => {
    expect((await request(stack.url, '/v1/log/1000000')).body).toMatchObject({ status: 404, reason: 'not-yet' });
    const nc = await nats.connect();
    const jsm = await nc.jetstreamManager();
    await jsm.streams.deleteMessage('EVENTS', 6);
    expect((await request(stack.url, '/v1/log/6')).body).toMatchObject({
      status: 404,
      reason: 'lost',
      next: 'freshet log check',
    });
    // The record of an erasure: messages up to it may be missing.
    await nc.jetstream().publish(
      'ev.control.a1.erased',
      JSON.stringify({
        ...event('control.erased.v1', 'a1', { hmac: 'a'.repeat(64), fence: 7 }, { source: 'freshet', id: 'a1-erased' }),
        time: '2026-01-01T00:00:00Z',
      }),
    );
    expect((await request(stack.url, '/v1/log/6')).body).toMatchObject({ status: 404, reason: 'erased' });
  });
});

test('the publishers have counts, shares and rates', async () => {
  const { body } = await request<PublisherRates>(stack.url, '/v1/log/publishers?n=150');
  expect(body).toMatchObject({ events: expect.any(Number), others: 0 });
  expect(body.events).toBeLessThanOrEqual(150);
  expect(body.publishers[0]).toMatchObject({ source: 'test', share: expect.any(Number) });
  expect(body.publishers.find(({ source }) => source === 'freshet')?.events).toBe(1);
  expect(body.publishers.find(({ source }) => source === null)?.events).toBe(1);
  expect(body.publishers.reduce((sum, { events }) => sum + events, 0)).toBe(body.events);
});

describe('the stream of the log', () => {
  test('sends each new event, and only those of the filter', async () => {
    const all = await follow();
    expect(all.response.headers.get('content-type')).toBe('text/event-stream');
    const mine = await follow('?user=s1&item=i2');
    await until(() => all.received.length > 0 && mine.received.length > 0);
    expect(all.received[0]?.event).toBe('start');
    const { body } = await publish(stack.url, viewed('s2', 'i1'), viewed('s1', 'i1'), viewed('s1', 'i2'));
    const last = String(body.seq);
    await until(() => all.received.at(-1)?.id === last && mine.received.at(-1)?.id === last);
    expect(all.received.slice(1).map(({ event: name, data }) => [name, data.event?.subject])).toEqual([
      ['event', 's2'],
      ['event', 's1'],
      ['event', 's1'],
    ]);
    expect(mine.received).toHaveLength(2);
  });

  test('goes on after the last event that its reader received', async () => {
    const reader = await follow('?after=900', { 'last-event-id': '2' });
    await until(() => reader.received.length >= 100);
    expect(reader.received.slice(0, 5).map(({ data }) => data.seq)).toEqual([2, 3, 4, 5, 7]);
  });

  test('is refused beyond the limit, and free again when a reader has gone', async () => {
    const first = await follow();
    await follow();
    const third = await request(stack.url, '/v1/log/stream');
    expect(third.body).toMatchObject({ status: 429, code: 'FRESHET_TOO_MANY_STREAMS' });
    first.close();
    await follow();
  });
});

test('the log is for keys with admin, and a stream ends with its key', async () => {
  const keyed = await startStack({ natsUrl: nats.url, config: testConfig({ ...http, keys: 'required' }) });
  try {
    const store = await openKeyStore(await nats.connect());
    const keyWith = async (scopes: Parameters<typeof makeKey>[0]['scopes']) => {
      const made = makeKey({ name: 'k', scopes, now: Date.now() });
      await store.add(made.record);
      return made;
    };
    const admin = await keyWith(['admin']);
    const other = await keyWith(['events:user', 'events:content', 'recommend', 'erase']);
    const as = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });
    await until(async () => (await request(keyed.url, '/v1/log', { headers: as(admin) })).status === 200);
    for (const path of ['/v1/log', '/v1/log/1', '/v1/log/publishers', '/v1/log/stream'])
      expect((await request(keyed.url, path, { headers: as(other) })).status, path).toBe(403);
    const reader = await readSse(keyed.url, '/v1/log/stream', as(admin));
    await until(() => reader.received.length === 1);
    await store.revoke(admin.record.id, Date.now());
    await until(() => reader.ended());
  } finally {
    await keyed.stop();
  }
});
