import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { event, published, registered, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { post, publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
let url: string;

beforeAll(async () => {
  nats = await startNatsServer();
  const config = testConfig({ body_bytes: 4_194_304, batch_events: 50 }, { events: { declared: ['x_listened'] } });
  stack = await startStack({ natsUrl: nats.url, config });
  url = stack.url;
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready, { what: 'every service ready' });
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

interface Ranking {
  user?: string;
  items: { item: string; score: number; reasons?: { contribution: number; says?: string }[] }[];
  seq: number;
  source: string;
  next: string | null;
  list: string;
}
const path = (id: string): string => encodeURIComponent(id);
const get = <Body = Record<string, unknown>>(address: string) => request<Body>(url, address);
const jsonPost = (address: string, body: unknown) =>
  request<Ranking & { code?: string; member?: string }>(url, address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const isProblem = (answer: { status: number; headers: Headers; body: unknown }, status: number, code: string): void => {
  expect(answer.body).toMatchObject({
    status,
    code,
    type: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
};

describe('publishing', () => {
  test('a list with min_seq reflects the published event', async () => {
    const items = ['sea', 'storm', 'ship', 'farm', 'field'];
    await publish(url, ...items.map((item) => published(item)));
    await publish(
      url,
      ...['r1', 'r2', 'r3'].flatMap((user) => [viewed(user, 'sea'), viewed(user, 'storm'), viewed(user, 'ship')]),
    );
    await publish(url, viewed('r4', 'farm'), viewed('r4', 'field'));
    const { status, body } = await post(url, JSON.stringify(viewed('newcomer', 'sea')));
    expect(status).toBe(200);
    expect(body).toMatchObject({ accepted: 1, duplicates: 0, rejected: [], seq: expect.any(Number) });

    const answer = await get<Ranking>(
      `/v1/users/newcomer/recommendations?n=3&min_seq=${body.seq}&explain=true&exclude=ship&max_age_ms=0`,
    );
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ user: 'newcomer', source: 'model' });
    expect(answer.body.seq).toBeGreaterThanOrEqual(body.seq as number);
    expect(answer.body.items[0]?.item).toBe('storm');
    const [first] = answer.body.items;
    expect(first?.reasons?.every(({ says }) => typeof says === 'string')).toBe(true);
    expect(first?.reasons?.length).toBeLessThanOrEqual(10);
    const whole = await get<Ranking>(
      `/v1/users/newcomer/recommendations?n=3&min_seq=${body.seq}&explain=full&exclude=ship&max_age_ms=0`,
    );
    // Both add up to the score; in full, each term stands alone.
    for (const { score, reasons = [] } of [first, whole.body.items[0]].flatMap((item) => item ?? []))
      expect(reasons.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
    expect(whole.body.items[0]?.reasons?.some((reason) => 'says' in reason)).toBe(false);
    expect(whole.body.items[0]?.reasons?.length).toBeGreaterThanOrEqual(first?.reasons?.length ?? 0);
    expect(answer.body.items.map(({ item }) => item)).not.toContain('ship');
    expect(answer.body.items.map(({ item }) => item)).not.toContain('sea');
    expect(answer.headers.get('cache-control')).toBe('no-store');

    const byBody = await jsonPost('/v1/recommendations', {
      user: 'newcomer',
      n: 3,
      exclude: ['ship'],
      min_seq: body.seq,
      explain: false,
    });
    expect(byBody.body.items.map(({ item }) => item)).toEqual(answer.body.items.map(({ item }) => item));
    const similar = await get<Ranking>(`/v1/items/sea/similar?n=2&min_seq=${body.seq}`);
    expect(similar.body.items.map(({ item }) => item).sort()).toEqual(['ship', 'storm']);
    const trending = await get<Ranking>(`/v1/trending?n=2&min_seq=${body.seq}`);
    expect(trending.body.items).toHaveLength(2);
  });

  test('the gateway reads every media type', async () => {
    const [a, b] = [viewed('media', 'i1'), viewed('media', 'i2')];
    const one = JSON.stringify(viewed('media', 'i0'));
    expect((await post(url, one)).body.accepted).toBe(1);
    expect((await post(url, one, 'application/cloudevents+json; charset=utf-8')).body).toMatchObject({
      accepted: 0,
      duplicates: 1,
    });
    expect((await post(url, JSON.stringify([a, b]), 'application/cloudevents-batch+json')).body.accepted).toBe(2);
    expect(
      (await post(url, `${JSON.stringify(a)}\n\n${JSON.stringify(viewed('media', 'i3'))}\n`, 'application/x-ndjson'))
        .body,
    ).toMatchObject({
      accepted: 1,
      duplicates: 1,
    });
    expect((await post(url, JSON.stringify(viewed('media', 'i4')), 'application/json')).body.accepted).toBe(1);
    expect((await post(url, JSON.stringify([viewed('media', 'i5')]), 'application/json')).body.accepted).toBe(1);
    expect((await post(url, JSON.stringify(event('user.x_listened.v1', 'media', { item: 'i6' })))).body.accepted).toBe(
      1,
    );
  });

  test('a repeated event is a duplicate with the sequence of the first, also in the same request', async () => {
    const one = viewed('twice', 'i1');
    const first = await publish(url, one);
    const again = await publish(url, one);
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ accepted: 0, duplicates: 1, rejected: [], seq: first.body.seq });
    const two = viewed('twice', 'i2');
    expect((await publish(url, two, two)).body).toMatchObject({ accepted: 1, duplicates: 1 });
  });

  test('invalid events fail alone, each with its index, id and reason', async () => {
    const { status, body } = await publish(
      url,
      viewed('mixed', 'i1'),
      7,
      event('user.viewed.v1', 'mixed', {}, { id: 'no-item' }),
      event('user.sneezed.v1', 'mixed', { item: 'i1' }, { id: 'unknown-type' }),
      event('control.promoted.v1', 'act', { snapshot: 's', config: 'c' }, { id: 'control' }),
      event('user.viewed.v1', 'tab\there', { item: 'i1' }, { id: 'bad-subject' }),
      event('user.viewed.v2', 'mixed', { item: 'i1' }, { id: 'v2' }),
      { specversion: '0.3', id: 'old' },
      viewed('mixed', 'i2'),
    );
    expect(status).toBe(200);
    expect(body.accepted).toBe(2);
    expect(body.rejected.map(({ index, id, code }) => [index, id, code])).toEqual([
      [1, null, 'FRESHET_EVENT_MALFORMED'],
      [2, 'no-item', 'FRESHET_EVENT_SCHEMA'],
      [3, 'unknown-type', 'FRESHET_EVENT_TYPE_UNKNOWN'],
      [4, 'control', 'FRESHET_EVENT_CONTROL_REFUSED'],
      [5, 'bad-subject', 'FRESHET_EVENT_ID_INVALID'],
      [6, 'v2', 'FRESHET_EVENT_VERSION_UNKNOWN'],
      [7, 'old', 'FRESHET_EVENT_ENVELOPE'],
    ]);
    for (const { message } of body.rejected) expect(message.length).toBeGreaterThan(10);
    const history = await get<{ events: { item: string }[] }>(`/v1/users/mixed/history?min_seq=${body.seq}`);
    expect(history.body.events.map(({ item }) => item)).toEqual(['i2', 'i1']);
  });

  test('an event at a leap second is stored, and second 60 of another minute is invalid', async () => {
    const { body } = await publish(
      url,
      viewed('leap', 'i1', { time: '1990-12-31T15:59:60-08:00' }),
      viewed('leap', 'i2', { time: '2016-12-31T23:58:60Z' }),
    );
    expect(body).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'FRESHET_EVENT_ENVELOPE' }] });
    const history = await get<{ events: { time: string }[] }>(`/v1/users/leap/history?min_seq=${body.seq}`);
    expect(history.body.events).toMatchObject([{ time: '1991-01-01T00:00:00.000Z' }]);
  });

  test('if all events are invalid, the answer is a 400 problem that lists them', async () => {
    const one = await publish(url, event('user.viewed.v1', 'u', {}, { id: 'x' }));
    isProblem(one, 400, 'FRESHET_EVENT_SCHEMA');
    expect(one.body).toMatchObject({
      accepted: 0,
      duplicates: 0,
      rejected: [{ index: 0, id: 'x', code: 'FRESHET_EVENT_SCHEMA' }],
    });
    expect(one.body).not.toHaveProperty('seq');
    const several = await publish(url, 1, event('user.viewed.v1', 'u', {}));
    isProblem(several, 400, 'FRESHET_BAD_REQUEST');
    expect(several.body.rejected).toHaveLength(2);
  });

  test('a rating without a value is stored, and the answer warns of it', async () => {
    const rating = event('user.rated.v1', 'rater', { item: 'i1' });
    const { status, body } = await publish(
      url,
      event('user.rated.v1', 'rater', { item: 'i1', value: 4 }),
      { not: 'an event' },
      rating,
      viewed('rater', 'i1'),
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ accepted: 3, rejected: [{ index: 1 }] });
    expect((body as { warnings?: object[] }).warnings).toEqual([
      { index: 2, id: rating.id, code: 'FRESHET_RATING_WITHOUT_VALUE', message: expect.stringContaining('value') },
    ]);
    const again = await publish(url, rating);
    expect(again.body).toMatchObject({ duplicates: 1, warnings: [{ index: 0 }] });
    expect((await publish(url, viewed('rater', 'i2'))).body).not.toHaveProperty('warnings');
    const refused = await publish(url, event('user.rated.v1', 'rater', {} as { item: string }));
    expect(refused.body).not.toHaveProperty('warnings');
  });

  test('a broken line fails alone', async () => {
    const lines = [JSON.stringify(viewed('lines', 'i1')), '{"specversion":', JSON.stringify(viewed('lines', 'i2'))];
    const { status, body } = await post(url, lines.join('\n'), 'application/x-ndjson');
    expect(status).toBe(200);
    expect(body).toMatchObject({ accepted: 2, rejected: [{ index: 1, id: null, code: 'FRESHET_EVENT_MALFORMED' }] });
  });

  test('a body that is not JSON, is empty, or does not match its media type is 400', async () => {
    isProblem(await post(url, '{"specversion":'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await post(url, ''), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await post(url, '[]', 'application/json'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await post(url, '[]'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await post(url, '{}', 'application/cloudevents-batch+json'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await post(url, new Uint8Array([0x22, 0xff, 0x22])), 400, 'FRESHET_BAD_REQUEST');
  });

  test('other media types and compressed bodies are 415, and the error names the media types', async () => {
    for (const media of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded']) {
      const answer = await post(url, '{}', media);
      isProblem(answer, 415, 'FRESHET_MEDIA_TYPE');
      expect(answer.body.detail).toContain('application/cloudevents+json');
    }
    const zipped = await request(url, '/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: 'x',
    });
    isProblem(zipped, 415, 'FRESHET_MEDIA_TYPE');
  });

  test('an event of 2 MB is refused by name, and its neighbours are stored', async () => {
    const large = viewed('large', 'i1', { id: 'large', context: { text: 'x'.repeat(2_000_000) } });
    const alone = await post(url, JSON.stringify(large));
    isProblem(alone, 413, 'FRESHET_EVENT_TOO_LARGE');
    expect(alone.body.rejected).toMatchObject([{ index: 0, id: 'large', code: 'FRESHET_EVENT_TOO_LARGE' }]);
    const among = await publish(url, viewed('large', 'i0'), large, viewed('large', 'i2'));
    expect(among.status).toBe(200);
    expect(among.body).toMatchObject({ accepted: 2, rejected: [{ index: 1, id: 'large' }] });
  });

  test('a body over the limit, sent whole or in chunks, and a batch with too many events are 413', async () => {
    const text = JSON.stringify(viewed('u', 'i', { context: { text: 'x'.repeat(4_200_000) } }));
    isProblem(await post(url, text), 413, 'FRESHET_BODY_TOO_LARGE');
    const chunks = new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < text.length; at += 500_000) controller.enqueue(Buffer.from(text.slice(at, at + 500_000)));
        controller.close();
      },
    });
    const chunked = await request(url, '/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: chunks,
      duplex: 'half',
    } as RequestInit);
    isProblem(chunked, 413, 'FRESHET_BODY_TOO_LARGE');
    const many = Array.from({ length: 51 }, (_, i) => viewed('many', `i${i}`));
    const batch = await publish(url, ...many);
    isProblem(batch, 413, 'FRESHET_BATCH_TOO_LARGE');
    isProblem(
      await post(url, many.map((one) => JSON.stringify(one)).join('\n'), 'application/x-ndjson'),
      413,
      'FRESHET_BATCH_TOO_LARGE',
    );
    expect((await get('/v1/users/many')).status).toBe(404);
  });

  test('a deeply nested body gets an answer and does not end the process', async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const { status, body } = await post(
      url,
      JSON.stringify(viewed('deep', 'i', { context: {} })).replace('"context":{}', `"context":${deep}`),
    );
    expect(status).toBe(400);
    expect(body.code).toMatch(/^FRESHET_/);
    expect((await get('/healthz')).status).toBe(200);
  });
});

describe('ids', () => {
  const ids = [
    'a.b',
    'a b',
    '*',
    '>',
    'a.*.>',
    '🦊🌊',
    'a/b',
    'a%2Fb',
    '100%',
    'ü?x=1&y#z',
    'a+b',
    'a\\b"c',
    "o'brien",
    ';',
    'é'.repeat(64),
    '=2E',
    '..a',
  ];

  test.each(ids)('%j works as a user and as an item', async (id) => {
    const answer = await publish(
      url,
      published(id, { tags: [id] }),
      registered(id, { plan: id }),
      viewed(id, id, { id }),
    );
    expect(answer.body).toMatchObject({ accepted: 3, rejected: [] });
    const fresh = `min_seq=${answer.body.seq}`;
    expect((await get(`/v1/users/${path(id)}?${fresh}`)).body).toMatchObject({
      user: id,
      traits: { plan: id },
      events: 1,
    });
    expect((await get(`/v1/users/${path(id)}/history?${fresh}`)).body).toMatchObject({ events: [{ item: id, id }] });
    expect((await get(`/v1/items/${path(id)}?${fresh}`)).body).toMatchObject({ item: id, tags: [id], available: true });
    expect((await get(`/v1/items?tag=${path(id)}&${fresh}`)).body).toMatchObject({ items: [{ item: id }] });
    const list = await get<Ranking>(
      `/v1/users/${path(id)}/recommendations?${fresh}&include_seen=true&exclude=${path(id)}&n=1000`,
    );
    expect(list.body).toMatchObject({ user: id });
    expect(list.body.items.map(({ item }) => item)).not.toContain(id);
    expect((await get(`/v1/items/${path(id)}/similar?${fresh}`)).body).toMatchObject({ item: id });
  });

  test('one that is too long or not printable is 400, and the error names it', async () => {
    isProblem(await get(`/v1/users/${'x'.repeat(129)}`), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await get(`/v1/items/${'x'.repeat(2_000)}`), 400, 'FRESHET_BAD_REQUEST');
    const bad = await get('/v1/users/a%00b/recommendations');
    isProblem(bad, 400, 'FRESHET_BAD_REQUEST');
    expect(bad.body).toMatchObject({ member: 'user' });
    isProblem(await get('/v1/users/%E0%A4%A'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await get('/v1/users/%ff'), 400, 'FRESHET_BAD_REQUEST');
  });
});

describe('reading', () => {
  test('history and catalogue come in pages', async () => {
    const items = Array.from({ length: 5 }, (_, i) => `page-${i}`);
    const { body } = await publish(
      url,
      ...items.map((item) => published(item, { tags: ['paged'] })),
      ...items.map((item) => viewed('pager', item)),
    );
    const seen: string[] = [];
    let before = '';
    do {
      const page = await get<{ events: { item: string }[]; next: number | null }>(
        `/v1/users/pager/history?n=2&min_seq=${body.seq}${before}`,
      );
      seen.push(...page.body.events.map(({ item }) => item));
      before = page.body.next === null ? '' : `&before=${page.body.next}`;
    } while (before !== '');
    expect(seen).toEqual([...items].reverse());

    const listed: string[] = [];
    let cursor = '';
    do {
      const page = await get<{ items: { item: string }[]; next: string | null }>(
        `/v1/items?tag=paged&n=2&min_seq=${body.seq}${cursor}`,
      );
      listed.push(...page.body.items.map(({ item }) => item));
      cursor = page.body.next === null ? '' : `&cursor=${path(page.body.next)}`;
    } while (cursor !== '');
    expect(listed).toEqual(items);
  });

  test('items come by their ids, separated by commas, repeated, or as a JSON list, and the answer names the unknown ones', async () => {
    const { body } = await publish(url, ...['by-1', 'by,2', 'by-3'].map((item) => published(item)));
    interface Items {
      items: { item: string }[];
      unknown: string[];
      next: null;
    }
    const by = async (query: string): Promise<Items> =>
      (await get<Items>(`/v1/items?${query}&min_seq=${body.seq}`)).body;
    const known = ({ items }: Items): string[] => items.map(({ item }) => item);
    const one = await by('ids=by-3,nowhere,by-1');
    expect(known(one)).toEqual(['by-3', 'by-1']);
    expect(one).toMatchObject({ unknown: ['nowhere'], next: null });
    expect(known(await by('ids=by-3%2Cby-1'))).toEqual(['by-3', 'by-1']);
    expect(known(await by('ids=by-3&ids=by-1'))).toEqual(['by-3', 'by-1']);
    expect(known(await by(`ids=${path('["by,2","by-1"]')}`))).toEqual(['by,2', 'by-1']);
    expect((await by('ids=by,2')).unknown).toEqual(['by', '2']);
    for (const query of ['ids=', 'ids=a,,b', 'ids=[a', 'ids=a&tag=t', 'ids={"a":1}'])
      expect((await get(`/v1/items?${query}`)).status, query).toBe(query === 'ids={"a":1}' ? 200 : 400);
  });

  test('a cursor continues a list', async () => {
    const { body } = await publish(
      url,
      ...Array.from({ length: 8 }, (_, i) => published(`cursor-${i}`)),
      viewed('reader', 'cursor-0'),
    );
    const all: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 4; pages++) {
      const page = await get<Ranking>(`/v1/users/reader/recommendations?n=2&min_seq=${body.seq}${cursor}`);
      all.push(...page.body.items.map(({ item }) => item));
      cursor = `&cursor=${path(page.body.next ?? '')}`;
      if (page.body.next === null) break;
    }
    expect(all.length).toBeGreaterThanOrEqual(6);
    expect(new Set(all).size).toBe(all.length);
  });

  test('a page of long items ends where it no longer fits into one message, and the next page continues there', async () => {
    const description = '水'.repeat(16_000);
    const items = Array.from({ length: 40 }, (_, i) => `long-${String(i).padStart(2, '0')}`);
    const events = items.map((item) => published(item, { description, tags: ['long'] }));
    await publish(url, ...events.slice(0, 20));
    const { body } = await publish(url, ...events.slice(20));
    const listed: string[] = [];
    let cursor = '';
    let pages = 0;
    do {
      const page = await get<{ items: { item: string }[]; next: string | null }>(
        `/v1/items?tag=long&n=100&min_seq=${body.seq}${cursor}`,
      );
      expect(page.status).toBe(200);
      listed.push(...page.body.items.map(({ item }) => item));
      cursor = page.body.next === null ? '' : `&cursor=${path(page.body.next)}`;
      pages++;
    } while (cursor !== '');
    expect(listed).toEqual(items);
    expect(pages).toBeGreaterThan(1);
  });

  test('an unknown user has a list but no profile', async () => {
    expect((await get('/v1/users/nobody/recommendations')).body).toMatchObject({ user: 'nobody', source: 'popular' });
    isProblem(await get('/v1/users/nobody'), 404, 'FRESHET_NOT_FOUND');
    isProblem(await get('/v1/users/nobody/history'), 404, 'FRESHET_NOT_FOUND');
    isProblem(await get('/v1/items/nothing'), 404, 'FRESHET_NOT_FOUND');
  });

  test('a sequence that the service has not reached is 504 with the sequence that it has', async () => {
    for (const address of [
      '/v1/users/u/recommendations',
      '/v1/users/u',
      '/v1/items/i',
      '/v1/trending',
      '/v1/feedback/summary',
      '/v1/items',
    ]) {
      const answer = await get(`${address}?min_seq=1000000&timeout_ms=20`);
      isProblem(answer, 504, 'FRESHET_SEQUENCE_NOT_REACHED');
      expect(answer.body).toMatchObject({ reached: expect.any(Number) });
    }
  });

  test('wrong members are 400, and the error names them', async () => {
    const wrong = await get('/v1/users/u/recommendations?n=abc');
    isProblem(wrong, 400, 'FRESHET_BAD_REQUEST');
    expect(wrong.body).toMatchObject({ member: 'n' });
    isProblem(await get('/v1/trending?mni_seq=5'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await get('/v1/users/u/recommendations?cursor=nonsense'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await get('/v1/users/u/recommendations?filter=tag:sea'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await get('/v1/users/u/history?before=0'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await jsonPost('/v1/recommendations', { n: 5 }), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await jsonPost('/v1/recommendations', { user: 'u', nn: 5 }), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await jsonPost('/v1/recommendations', { user: 'u', boosts: {} }), 400, 'FRESHET_BAD_REQUEST');
    for (const context of ['tv', { hour: 24 }, { device: 7 }, { page: 'x'.repeat(2_000) }])
      isProblem(await jsonPost('/v1/recommendations', { user: 'u', context }), 400, 'FRESHET_BAD_REQUEST');
    for (const seen_for_s of [-1, { 'user.viewed.v1': -2 }, { 'user.fed.v1': 1 }, { 'user.viewed.v1': 'x' }, []])
      isProblem(await jsonPost('/v1/recommendations', { user: 'u', seen_for_s }), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await jsonPost('/v1/recommendations', '{"user":'), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await jsonPost('/v1/recommendations', ''), 400, 'FRESHET_BAD_REQUEST');
    const plain = await request(url, '/v1/recommendations', { method: 'POST', body: 'user=u' });
    isProblem(plain, 415, 'FRESHET_MEDIA_TYPE');
  });

  test('filters, boosts, quotas and candidates change lists of known and unknown users', async () => {
    const items = Array.from({ length: 12 }, (_, i) => `shape-${String(i).padStart(2, '0')}`);
    const { body } = await publish(
      url,
      ...items.map((item, i) =>
        published(item, { tags: ['shape', i % 3 === 0 ? 'third' : 'other'], attributes: { author: `a${i % 2}` } }),
      ),
      viewed('shaper', 'shape-00'),
      viewed('somebody', 'shape-00'),
      viewed('somebody', 'shape-03'),
    );
    const named = (answer: { body: Ranking }): string[] => answer.body.items.map(({ item }) => item);
    const filter = path(JSON.stringify({ tags: { $all: ['shape', 'third'] } }));
    const fresh = `min_seq=${body.seq}`;
    const filtered = await get<Ranking>(`/v1/users/shaper/recommendations?${fresh}&n=100&filter=${filter}`);
    expect(named(filtered).sort()).toEqual(['shape-03', 'shape-06', 'shape-09']);
    expect(named(await get<Ranking>(`/v1/trending?${fresh}&n=1000&filter=${filter}`)).sort()).toEqual([
      'shape-00',
      'shape-03',
    ]);
    expect(named(await get<Ranking>(`/v1/items/shape-00/similar?${fresh}&filter=${filter}`))[0]).toBe('shape-03');

    const ask = (more: object) =>
      jsonPost('/v1/recommendations', { min_seq: body.seq, filter: { tags: 'shape' }, ...more });
    const quota = await ask({ user: 'shaper', quotas: [{ per: 'attributes.author', max: 2 }] });
    expect(quota.body.items).toHaveLength(4);
    const boosted = await ask({ user: 'shaper', n: 1, boosts: [{ filter: { item: 'shape-11' }, by: 10 }] });
    expect(named(boosted)).toEqual(['shape-11']);
    const unknown = await ask({ history: ['shape-00'], n: 1 });
    expect(named(unknown)).toEqual(['shape-03']);
    expect(unknown.body).not.toHaveProperty('user');
    const candidates = await ask({ user: 'shaper', candidates: ['shape-07', 'shape-03', 'nothing'] });
    expect(named(candidates)).toEqual(['shape-03', 'shape-07']);

    const pages: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { body: Ranking } = await ask({
        user: 'shaper',
        n: 3,
        diversity: { lambda: 0.5 },
        ...(cursor === null ? {} : { cursor }),
      });
      pages.push(...named(page));
      cursor = page.body.next;
    } while (cursor !== null);
    expect(pages.sort()).toEqual(items.slice(1));

    const shelves = await get<{ shelves: { kind: string; title: string; items: { item: string }[] }[] }>(
      `/v1/users/shaper/shelves?${fresh}&n=3&filter=${path('{"tags":"shape"}')}`,
    );
    expect(shelves.body.shelves.length).toBeGreaterThan(1);
    const shown = shelves.body.shelves.flatMap((shelf) => shelf.items.map(({ item }) => item));
    expect(new Set(shown).size).toBe(shown.length);
    expect(shelves.body.shelves[0]).toMatchObject({ kind: 'for-you', title: 'For you' });
  });

  test.each([
    ['too long', { filter: { title: 'x'.repeat(9_000) } }],
    ['too deep', { filter: JSON.parse(`${'{"$and":['.repeat(50)}{}${']}'.repeat(50)}`) }],
    ['hostile', { filter: { title: { $regex: '(a+)+$' } } }],
    ['code', { filter: { $where: 'while(true){}' } }],
    ['of a wrong type', { filter: { published: { $gte: 5 } } }],
    ['a text', { filter: 'tags:sea' }],
    ['a boost without end', { boosts: [{ filter: {}, by: 1e9 }] }],
    ['a quota that can not be met', { quotas: [{ filter: {}, min: 5, max: 2 }] }],
    ['diversity of another kind', { diversity: { lambda: 2 } }],
    ['too many candidates', { candidates: Array.from({ length: 1_001 }, (_, i) => `i${i}`) }],
  ])('a rule that is %s is 400 and named', async (_what, rules) => {
    const answer = await jsonPost('/v1/recommendations', { user: 'u', ...rules });
    isProblem(answer, 400, 'FRESHET_BAD_REQUEST');
    expect(answer.body.member).toMatch(/^(filter|boosts|quotas|diversity|candidates)/);
    expect((await get('/healthz')).status).toBe(200);
  });

  test('the lists of several users are those of a request for each, and a user without one has a problem', async () => {
    interface Batch {
      answers: { user: string; ranking?: Ranking; problem?: { status: number; member?: string; code: string } }[];
    }
    const batch = async (body: object) =>
      request<Batch & { code?: string; member?: string }>(url, '/v1/recommendations/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const { seq } = (
      await publish(
        url,
        published('many-1', { tags: ['many'] }),
        published('many-2', { tags: ['many'] }),
        viewed('m1', 'many-1'),
      )
    ).body;
    const options = { n: 2, filter: { tags: 'many' }, fields: ['title'], min_seq: seq };
    const { status, body } = await batch({ users: ['m1', '', 'm2', 'm1', 'x'.repeat(129)], ...options });
    expect(status).toBe(200);
    expect(body.answers.map(({ user }) => user)).toEqual(['m1', '', 'm2', 'm1', 'x'.repeat(129)]);
    for (const at of [0, 2, 3]) {
      const { user, ranking } = body.answers[at] as Batch['answers'][0];
      const alone = await jsonPost('/v1/recommendations', { user, ...options });
      expect(ranking?.items).toEqual(alone.body.items);
      expect(ranking?.items[0]).toMatchObject({ fields: { title: expect.any(String) } });
    }
    for (const at of [1, 4])
      expect(body.answers[at]?.problem).toMatchObject({ status: 400, code: 'FRESHET_BAD_REQUEST', member: 'user' });
    const late = await batch({ users: ['m1', 'm2'], min_seq: 1_000_000, timeout_ms: 10 });
    expect(late.body.answers).toMatchObject([{ problem: { status: 504 } }, { problem: { status: 504 } }]);
    for (const [member, wrong] of [
      ['users', {}],
      ['users', { users: [] }],
      ['users', { users: Array.from({ length: 101 }, () => 'u') }],
      ['cursor', { users: ['m1'], cursor: 'c' }],
      ['n', { users: ['m1'], n: 0 }],
    ] as const)
      expect((await batch(wrong)).body, member).toMatchObject({ status: 400, member });
  });

  test('a list with served=true is reported, and reactions are attributed to it', async () => {
    const { body: first } = await publish(url, published('served-1'), viewed('watcher', 'served-0'));
    const answer = await get<Ranking & { served: number }>(
      `/v1/users/watcher/recommendations?n=2&served=true&min_seq=${first.seq}`,
    );
    expect(answer.body.served).toBeGreaterThan(first.seq as number);
    const [one] = answer.body.items;
    const { list } = answer.body;
    const { body: after } = await publish(
      url,
      event('feedback.clicked.v1', 'watcher', { item: one?.item, list, position: 0 }),
    );
    interface Summary {
      lists: number;
      total: { clicks: number; impressions: number };
      by_day: { day: string }[];
      unattributed: { clicks: number };
    }
    const { body } = await get<Summary>(`/v1/feedback/summary?min_seq=${after.seq}`);
    expect(body).toMatchObject({ lists: 1, total: { clicks: 1, impressions: 2 }, unattributed: { clicks: 0 } });
    expect(body.by_day[0]?.day).toBe(new Date().toISOString().slice(0, 10));
    const byBody = await jsonPost('/v1/recommendations', { user: 'watcher', served: true });
    expect(byBody.body).toMatchObject({ served: expect.any(Number) });
    expect((await get('/v1/users/watcher/recommendations')).body).not.toHaveProperty('served');
    isProblem(
      await jsonPost('/v1/recommendations', { history: ['served-1'], served: true }),
      400,
      'FRESHET_BAD_REQUEST',
    );
  });

  test('the gateway reports each list of several users', async () => {
    const { body } = await request<{ answers: { ranking: { list: string; served: number } }[] }>(
      url,
      '/v1/recommendations/batch',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ users: ['shown-1', 'shown-2'], served: true, n: 1 }),
      },
    );
    const before = body.answers.map(({ ranking }) => ranking.served);
    expect(before).toEqual([expect.any(Number), expect.any(Number)]);
    expect(new Set(body.answers.map(({ ranking }) => ranking.list)).size).toBe(2);
  });

  test('the feedback summary counts the reactions to lists', async () => {
    const { body } = await get('/v1/feedback/summary');
    expect(body).toMatchObject({ total: { impressions: expect.any(Number), ctr: expect.any(Number) } });
    // Null until there is a snapshot.
    expect(body).toHaveProperty('prequential');
  });
});

describe('the HTTP server', () => {
  test('an unknown path is 404, and a wrong method is 405 with the right ones', async () => {
    isProblem(await get('/v1/nothing'), 404, 'FRESHET_ROUTE_UNKNOWN');
    isProblem(await get('/index.html'), 404, 'FRESHET_ROUTE_UNKNOWN');
    const wrong = await request(url, '/v1/events', { method: 'GET' });
    isProblem(wrong, 405, 'FRESHET_METHOD_NOT_ALLOWED');
    expect(wrong.headers.get('allow')).toBe('OPTIONS, POST');
    const put = await request(url, '/v1/users/u', { method: 'PUT', body: 'whatever' });
    isProblem(put, 405, 'FRESHET_METHOD_NOT_ALLOWED');
    expect(put.headers.get('allow')).toBe('DELETE, GET, HEAD, OPTIONS');
    const options = await request(url, '/v1/trending', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    expect((await request(url, '/v1/trending', { method: 'HEAD' })).status).toBe(200);
  });

  test('bytes that are not HTTP get an answer, too', async () => {
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connectTcp(Number(new URL(url).port), '127.0.0.1', () => socket.write('HELO freshet\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(said).toMatch(/^HTTP\/1\.1 400/);
    expect(said).toContain('application/problem+json');
  });

  test('the gateway keeps a valid request id and replaces another one', async () => {
    const id = async (given: string): Promise<string | null> =>
      (await request(url, '/v1/trending', { headers: { 'x-request-id': given } })).headers.get('x-request-id');
    expect(await id('req-42.a/b')).toBe('req-42.a/b');
    expect(await id('two words')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await id('x'.repeat(200))).toMatch(/^[0-9a-f-]{36}$/);
    expect((await get('/v1/nothing')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('health, readiness and metrics answer', async () => {
    expect((await get('/healthz')).body).toEqual({ status: 'ok' });
    expect((await get('/readyz')).body).toEqual({ ready: true, waiting: [], missing: [] });
    expect((await get('/metrics')).headers.get('content-type')).toMatch(/^text\/plain/);
  });

  test('each metric of the gateway moves, and no label contains a text of a caller', async () => {
    const read = async (): Promise<Map<string, number>> => {
      const { text } = await get('/metrics');
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(
        lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
      );
    };
    const sum = (metrics: Map<string, number>, name: string, ...labels: string[]): number =>
      [...metrics]
        .filter(([key]) => key.startsWith(name) && labels.every((label) => key.includes(label)))
        .reduce((total, [, value]) => total + value, 0);
    const before = await read();
    const one = viewed('secret-reader', 'i1');
    await publish(url, one, 5);
    await publish(url, one);
    await get('/v1/users/secret-reader/recommendations?n=0');
    await get('/v1/users/secret-reader/recommendations?n=1');
    await get('/secret-address');
    const after = await read();
    const moved = (name: string, ...labels: string[]): number =>
      sum(after, name, ...labels) - sum(before, name, ...labels);
    expect(moved('freshet_http_events_total', 'outcome="accepted"')).toBe(1);
    expect(moved('freshet_http_events_total', 'outcome="duplicate"')).toBe(1);
    expect(moved('freshet_http_events_total', 'outcome="rejected"', 'code="FRESHET_EVENT_MALFORMED"')).toBe(1);
    expect(moved('freshet_publish_ack_seconds_count')).toBe(2);
    const route = 'route="/v1/users/:id/recommendations"';
    expect(moved('freshet_http_request_seconds_count', route, 'status="2xx"')).toBe(1);
    expect(moved('freshet_http_request_seconds_count', route, 'status="4xx"')).toBe(1);
    expect(moved('freshet_http_request_seconds_count', 'route="unknown"')).toBe(1);
    expect(moved('freshet_uptime_seconds')).toBeGreaterThan(0);
    expect(sum(after, 'freshet_nats_connected')).toBe(1);
    expect([...after.keys()].join('\n')).not.toContain('secret');
  });
});
