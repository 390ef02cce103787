import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { makeKey } from './access/key.ts';
import type { Scope } from './access/scopes.ts';
import { type KeyStore, openKeyStore } from './access/store.ts';
import { signToken } from './access/token.ts';
import { type Answer, type PublishBody, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let store: KeyStore;
let stack: Stack;
let other: Stack;
let url: string;
let admin: string;

const config = testConfig({ body_bytes: 1_048_576, cors_origins: ['https://shop.example'], keys: 'required' });

/** A key that every gateway of these tests knows. */
async function keyWith(scopes: Scope[], more: { expires?: number; ratePerS?: number } = {}): Promise<string> {
  const { key, record } = makeKey({ name: scopes.join(' '), scopes, now: Date.now(), ...more });
  await store.add(record);
  for (const at of [stack.url, other.url])
    await until(async () => ![401, 503].includes((await get('/v1/trending', key, at)).status));
  return key;
}
const idOf = (key: string): string => key.split('_')[1] as string;
/** The event as a browser publishes it, under the source of its token. */
const from = (source: string | undefined, event: object) => ({ ...event, source });
const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };
const get = <Body = Record<string, unknown>>(path: string, key?: string, at = url) =>
  request<Body>(at, path, { headers: bearer(key) });
const send = <Body = Record<string, unknown>>(path: string, body: unknown, key?: string, at = url) =>
  request<Body>(at, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(key) },
    body: JSON.stringify(body),
  });
const isProblem = (answer: Answer, status: number, code: string): void => {
  expect(answer.body).toMatchObject({ status, code, detail: expect.any(String) });
  // The caller learns what the request requires.
  if ([401, 403, 429].includes(status)) expect(answer.body.next).toEqual(expect.any(String));
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
};

beforeAll(async () => {
  nats = await startNatsServer();
  store = await openKeyStore(await nats.connect());
  stack = await startStack({ natsUrl: nats.url, config });
  other = await startStack({ natsUrl: nats.url, config });
  url = stack.url;
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready, { what: 'every service ready' });
  const made = makeKey({ name: 'admin', scopes: ['admin'], now: Date.now() });
  await store.add(made.record);
  admin = made.key;
  for (const at of [stack.url, other.url])
    await until(async () => (await get('/v1/trending', admin, at)).status === 200);
});
afterAll(async () => {
  await stack?.stop();
  await other?.stop();
  await nats?.stop();
});

describe('the lists of several users', () => {
  interface Batch {
    answers: { user: string; ranking?: object; problem?: { status: number; code: string; retry_after?: number } }[];
  }

  test('count one by one for the rate limit of the caller', async () => {
    const key = await keyWith(['recommend'], { ratePerS: 2 });
    const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
    // The look for the key has taken some of what the caller may send at once.
    const { body } = await until(async () => {
      const answer = await send<Batch>('/v1/recommendations/batch', { users }, key);
      return answer.status === 200 && answer;
    });
    expect(body.answers).toHaveLength(20);
    expect(body.answers[0]).toHaveProperty('ranking');
    expect(body.answers.at(-1)?.problem).toMatchObject({ status: 429, code: 'FRESHET_RATE_LIMITED', retry_after: 1 });
  });

  test('are for a token those of its user alone, and need the scope of publishing for served', async () => {
    const key = await keyWith(['recommend']);
    const token = (await send<{ token: string }>('/v1/tokens', { user: 'mine', source: 's' }, admin)).body.token;
    const { body } = await send<Batch>('/v1/recommendations/batch', { users: ['mine', 'theirs'] }, token);
    expect(body.answers).toMatchObject([
      { user: 'mine', ranking: { user: 'mine' } },
      { user: 'theirs', problem: { status: 403, code: 'FRESHET_OTHER_USER' } },
    ]);
    isProblem(
      (await send('/v1/recommendations/batch', { users: ['u'], served: true }, key)) as Answer,
      403,
      'FRESHET_SCOPE_MISSING',
    );
    isProblem((await send('/v1/recommendations/batch', { users: ['u'] })) as Answer, 401, 'FRESHET_KEY_MISSING');
  });
});

describe('GET /v1/caller', () => {
  test('says what a key allows, and what a token of a user allows', async () => {
    const key = await keyWith(['erase', 'events:content']);
    expect((await get('/v1/caller', key)).body).toEqual({
      kind: 'key',
      name: 'erase events:content',
      scopes: ['erase', 'events:content'],
      expires: null,
    });
    const { token, source, expires } = (
      await send<{ token: string; source: string; expires: string }>('/v1/tokens', { user: 'mine' }, admin)
    ).body;
    const { body } = await get<{ scopes: string[] }>('/v1/caller', token);
    expect(body).toMatchObject({ kind: 'token', user: 'mine', source, expires });
    expect(body.scopes.sort()).toEqual(['events:user', 'recommend']);
    isProblem((await get('/v1/caller')) as Answer, 401, 'FRESHET_KEY_MISSING');
  });
});

describe('keys', () => {
  test('are not required until the operator has made one, and always from then on', async () => {
    const fresh = await startNatsServer();
    onTestFinished(() => fresh.stop());
    const open = await startStack({ natsUrl: fresh.url });
    onTestFinished(() => open.stop());
    const status = async (): Promise<number> => (await get('/v1/users/u/history?n=1', undefined, open.url)).status;
    // No service answers, and only a caller with access gets to see that.
    await until(
      async () => (await get('/v1/users/u', undefined, open.url)).body.code === 'FRESHET_SERVICE_UNAVAILABLE',
    );
    const keys = await openKeyStore(await fresh.connect());
    const { record } = makeKey({ name: 'first', scopes: ['recommend'], now: Date.now() });
    await keys.add(record);
    await until(async () => (await status()) === 401);
    await keys.revoke(record.id, Date.now());
    expect(await status()).toBe(401);
  });

  test('missing, wrong and malformed ones are 401 with the header that carries a key', async () => {
    const none = await get('/v1/trending');
    isProblem(none, 401, 'FRESHET_KEY_MISSING');
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="freshet"');
    const wrong = makeKey({ name: 'never kept', scopes: ['admin'], now: Date.now() }).key;
    isProblem(await get('/v1/trending', wrong), 401, 'FRESHET_KEY_INVALID');
    isProblem(await get('/v1/trending', `${admin.slice(0, -3)}xxx`), 401, 'FRESHET_KEY_INVALID');
    isProblem(await get('/v1/trending', 'fk_'), 401, 'FRESHET_KEY_INVALID');
    isProblem(await get('/v1/trending', 'letmein'), 401, 'FRESHET_TOKEN_INVALID');
    const basic = await request(url, '/v1/trending', { headers: { authorization: 'Basic dTpw' } });
    isProblem(basic, 401, 'FRESHET_KEY_MISSING');
    const inHeader = await request(url, '/v1/trending', { headers: { 'x-api-key': admin } });
    expect(inHeader.status).toBe(200);
    // In a URL, every log on the way would contain it.
    isProblem(await get(`/v1/trending?access_token=${admin}`), 401, 'FRESHET_KEY_MISSING');
  });

  test('a revoked one is refused by every gateway', async () => {
    const key = await keyWith(['recommend']);
    expect((await get('/v1/trending', key)).status).toBe(200);
    expect((await get('/v1/trending', key, other.url)).status).toBe(200);
    await store.revoke(idOf(key), Date.now());
    for (const at of [url, other.url]) {
      await until(async () => (await get('/v1/trending', key, at)).status === 401);
      isProblem(await get('/v1/trending', key, at), 401, 'FRESHET_KEY_INVALID');
    }
  });

  test('an expired one is refused', async () => {
    const { key, record } = makeKey({ name: 'old', scopes: ['admin'], now: 0, expires: 1 });
    await store.add(record);
    await until(async () => /expired/.test(String((await get('/v1/trending', key)).body.detail)));
    isProblem(await get('/v1/trending', key), 401, 'FRESHET_KEY_INVALID');
  });

  test('one without the scope is 403, and the error names the scope', async () => {
    const reader = await keyWith(['recommend']);
    const content = await keyWith(['events:content']);
    const publishing = await send('/v1/events', viewed('u', 'i'), reader);
    isProblem(publishing, 403, 'FRESHET_SCOPE_MISSING');
    expect(publishing.body).toMatchObject({ scope: ['events:user', 'events:content'] });
    for (const path of [
      '/v1/trending',
      '/v1/users/u',
      '/v1/users/u/recommendations',
      '/v1/items',
      '/v1/feedback/summary',
    ])
      isProblem(await get(path, content), 403, 'FRESHET_SCOPE_MISSING');
    isProblem(await send('/v1/recommendations', { user: 'u' }, content), 403, 'FRESHET_SCOPE_MISSING');
    isProblem(await send('/v1/tokens', { user: 'u' }, content), 403, 'FRESHET_SCOPE_MISSING');
    isProblem(await get('/v1/users/u/recommendations?served=true', reader), 403, 'FRESHET_SCOPE_MISSING');

    const mixed = await send<PublishBody>('/v1/events', [published('mixed-1'), viewed('u', 'mixed-1')], content);
    expect(mixed.status).toBe(200);
    expect(mixed.body).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: 'FRESHET_SCOPE_MISSING' }] });
    isProblem(await send('/v1/events', [viewed('u', 'mixed-1')], content), 403, 'FRESHET_SCOPE_MISSING');
  });

  test('health, readiness, metrics and the OpenAPI document require none; unknown paths are 404', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'])
      expect([path, (await get(path)).status]).toEqual([path, 200]);
    isProblem(await get('/v1/nothing'), 404, 'FRESHET_ROUTE_UNKNOWN');
    isProblem(await request(url, '/v1/events', { method: 'PUT' }), 405, 'FRESHET_METHOD_NOT_ALLOWED');
  });

  test('are valid again after a lost connection to NATS only once the gateway has read them again', async () => {
    const mine = await startNatsServer();
    onTestFinished(() => mine.stop());
    const keys = await openKeyStore(await mine.connect());
    const { key, record } = makeKey({ name: 'k', scopes: ['recommend'], now: Date.now() });
    await keys.add(record);
    const gateway = await startStack({ natsUrl: mine.url, config });
    onTestFinished(() => gateway.stop());
    const code = async (): Promise<unknown> => (await get('/v1/trending', key, gateway.url)).body.code;
    await until(async () => (await code()) === 'FRESHET_SERVICE_UNAVAILABLE');
    await mine.kill();
    await until(async () => (await get('/readyz', undefined, gateway.url)).text.includes('"nats"'));
    await mine.restart();
    const again = await openKeyStore(await mine.connect());
    await again.revoke(record.id, Date.now());
    await until(async () => (await code()) === 'FRESHET_KEY_INVALID');
  });
});

describe('tokens', () => {
  test('that the holder of a key signed without the gateway allow no more than the key', async () => {
    const key = await keyWith(['events:content']);
    const claims = { user: 'u1', scopes: ['recommend', 'events:user'] as const, source: 'shop/u1' };
    const expires = Math.floor(Date.now() / 1_000) + 600;
    const token = await signToken(key, idOf(key), { ...claims, expires }, Date.now());
    isProblem(await get('/v1/users/u1/recommendations', token), 403, 'FRESHET_SCOPE_MISSING');
    isProblem(await send('/v1/events', from('shop/u1', viewed('u1', 'a')), token), 403, 'FRESHET_SCOPE_MISSING');
    const reader = await keyWith(['recommend']);
    const wider = await signToken(reader, idOf(reader), { ...claims, expires }, Date.now());
    expect((await get('/v1/users/u1/recommendations', wider)).status).toBe(200);
    isProblem(await send('/v1/events', from('shop/u1', viewed('u1', 'a')), wider), 403, 'FRESHET_SCOPE_MISSING');
  });

  interface Made {
    token: string;
    source: string;
    session_source?: string;
  }
  const made = async (key: string, body: object): Promise<Made> => {
    const { status, body: answer } = await send<Made & Record<string, unknown>>('/v1/tokens', body, key);
    expect(status).toBe(200);
    return answer;
  };
  const tokenFor = async (key: string, body: object): Promise<string> => (await made(key, body)).token;

  test('give access to one user at every gateway, and to no other user', async () => {
    const key = await keyWith(['recommend', 'events:user']);
    const { token, source, session_source } = await made(key, { user: 'u1', session: 's1' });
    expect((await get('/v1/users/u1/recommendations', token)).status).toBe(200);
    expect((await get('/v1/users/u1/recommendations', token, other.url)).status).toBe(200);
    const { body } = await send<PublishBody>(
      '/v1/events',
      [from(source, viewed('u1', 'i1')), from(session_source, viewed('s1', 'i2'))],
      token,
    );
    expect(body).toMatchObject({ accepted: 2 });
    expect((await get(`/v1/users/u1/history?min_seq=${body.seq}`, token)).status).toBe(200);
    expect((await get(`/v1/items/i1/similar?min_seq=${body.seq}`, token)).status).toBe(200);

    isProblem(await get('/v1/users/u2/recommendations', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await get('/v1/users/u2/recommendations/stream', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await get('/v1/users/u2', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await get('/v1/users/u2/history', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await get('/v1/users/u%32', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await send('/v1/recommendations', { user: 'u2' }, token), 403, 'FRESHET_OTHER_USER');
    isProblem(await send('/v1/events', viewed('u2', 'i1'), token), 403, 'FRESHET_OTHER_USER');
    isProblem(await get('/v1/feedback/summary', token), 403, 'FRESHET_OTHER_USER');
    isProblem(await send('/v1/tokens', { user: 'u1' }, token), 403, 'FRESHET_OTHER_USER');
    isProblem(await send('/v1/events', published('i9'), token), 403, 'FRESHET_SCOPE_MISSING');
  });

  test('publish under a source of their own user, so that no user occupies the identities of another', async () => {
    const key = await keyWith(['recommend', 'events:user']);
    const [a, b] = [
      await made(key, { user: 'u1', session: 's1', source: 'shop-web' }),
      await made(key, { user: 'u.2', source: 'shop-web' }),
    ];
    expect([a.source, a.session_source, b.source, b.session_source]).toEqual([
      'shop-web/u1',
      'shop-web/s1',
      'shop-web/u=2E2',
      undefined,
    ]);
    // An id that the other user's page is going to use, and one that the shop's server is going to use.
    for (const source of [b.source, 'shop-web', 'freshet-gateway', 'shop-web/s1'])
      isProblem(
        await send('/v1/events', from(source, viewed('u1', 'i1', { id: '1' })), a.token),
        403,
        'FRESHET_OTHER_SOURCE',
      );
    isProblem(await send('/v1/events', from(a.source, viewed('s1', 'i1')), a.token), 403, 'FRESHET_OTHER_SOURCE');
    const mixed = await send<PublishBody>(
      '/v1/events',
      [from(a.source, viewed('u1', 'i1', { id: '1' })), from('shop-web', viewed('u1', 'i1', { id: '2' }))],
      a.token,
    );
    expect(mixed.body).toMatchObject({
      accepted: 1,
      rejected: [{ index: 1, code: 'FRESHET_OTHER_SOURCE', message: expect.stringContaining('shop-web/u1') }],
    });
    expect(
      (await send<PublishBody>('/v1/events', from(b.source, viewed('u.2', 'i1', { id: '1' })), b.token)).body,
    ).toMatchObject({ accepted: 1, duplicates: 0 });
    // The key itself publishes under any source.
    expect((await send('/v1/events', from('shop-web', viewed('u1', 'i1', { id: '2' })), key)).status).toBe(200);
  });

  test('have the name of their key as source unless the request names one, and fit any user', async () => {
    const key = await keyWith(['recommend', 'events:user']);
    expect((await made(key, { user: 'u1' })).source).toBe('recommend events:user/u1');
    const long = 'u'.repeat(128);
    const { source, token } = await made(key, { user: long, source: 'shop-web' });
    expect(source).toMatch(/^shop-web\/~[A-Za-z0-9_-]{22}$/);
    expect((await made(key, { user: long, source: 'shop-web' })).source).toBe(source);
    expect((await made(key, { user: `${long.slice(1)}v`, source: 'shop-web' })).source).not.toBe(source);
    expect((await send('/v1/events', from(source, viewed(long, 'i1')), token)).status).toBe(200);
    for (const bad of ['', 'x'.repeat(101), 'line\nbreak', 7]) {
      const answer = await send('/v1/tokens', { user: 'u1', source: bad }, key);
      isProblem(answer, 400, 'FRESHET_BAD_REQUEST');
      expect(answer.body).toMatchObject({ member: 'source' });
    }
  });

  test('of an earlier release name no source, and publish under any until they expire', async () => {
    const key = await keyWith(['recommend', 'events:user']);
    const expires = Math.floor(Date.now() / 1_000) + 60;
    const token = await signToken(key, idOf(key), { user: 'u1', scopes: ['events:user'], expires }, Date.now());
    expect((await send('/v1/events', from('anything', viewed('u1', 'i1')), token)).status).toBe(200);
  });

  test('have no more scopes than their key, and end when they expire or their key is revoked', async () => {
    const key = await keyWith(['recommend']);
    isProblem(await send('/v1/tokens', { user: 'u', scopes: ['events:user'] }, key), 403, 'FRESHET_SCOPE_MISSING');
    isProblem(await send('/v1/tokens', { user: 'u', scopes: ['admin'] }, key), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await send('/v1/tokens', { user: 'u', ttl_s: 86_401 }, key), 400, 'FRESHET_BAD_REQUEST');
    isProblem(await send('/v1/tokens', {}, key), 400, 'FRESHET_BAD_REQUEST');
    const brief = await tokenFor(key, { user: 'u', ttl_s: 1 });
    await until(async () => (await get('/v1/users/u/recommendations', brief)).status === 401);
    expect((await get('/v1/users/u/recommendations', brief)).body).toMatchObject({
      code: 'FRESHET_TOKEN_INVALID',
      expired: true,
    });
    const token = await tokenFor(key, { user: 'u' });
    expect((await get('/v1/users/u/recommendations', token)).status).toBe(200);
    await store.revoke(idOf(key), Date.now());
    await until(async () => (await get('/v1/users/u/recommendations', token)).status === 401);
    isProblem(await get('/v1/users/u/recommendations', token), 401, 'FRESHET_TOKEN_INVALID');
  });

  test('are refused while the gateway requires no keys', async () => {
    const open = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'off' }) });
    onTestFinished(() => open.stop());
    await until(async () => (await get('/v1/trending', undefined, open.url)).status === 200);
    isProblem(await send('/v1/tokens', { user: 'u' }, undefined, open.url), 409, 'FRESHET_KEYS_UNUSED');
  });
});

describe('limits', () => {
  test('a key over its rate gets 429 with Retry-After; other callers and health are not affected', async () => {
    const key = await keyWith(['recommend'], { ratePerS: 0.5 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => get('/v1/trending', key)));
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    for (const answer of limited) {
      isProblem(answer, 429, 'FRESHET_RATE_LIMITED');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect((await get('/v1/trending', admin)).status).toBe(200);
    expect((await get('/healthz', key)).status).toBe(200);
  });

  test('a body of 50 MB is 413, sent whole or in pieces, and the process goes on', async () => {
    const key = await keyWith(['events:user', 'recommend']);
    const body = Buffer.alloc(50_000_000, 0x20);
    for (const path of ['/v1/events', '/v1/recommendations'])
      expect(await rawPost(path, key, body, true)).toMatch(/^HTTP\/1\.1 413 [\s\S]*FRESHET_BODY_TOO_LARGE/);
    expect(await rawPost('/v1/events', key, body, false)).toMatch(/^HTTP\/1\.1 413 [\s\S]*FRESHET_BODY_TOO_LARGE/);
    expect(await rawPost('/v1/events', 'wrong', body, true)).toMatch(/^HTTP\/1\.1 401 /);
    expect((await get('/v1/trending', key)).status).toBe(200);
  });

  test('a caller that sends its head or body too slowly gets 408 and is cut off', async () => {
    const slow = await startStack({ natsUrl: nats.url, config: testConfig({ arrival_ms: 200, keys: 'off' }) });
    onTestFinished(() => slow.stop());
    const head = 'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    for (const part of [head, `${head}content-length: 1000\r\n\r\n{"spec`]) {
      const answer = await converse(slow.url, (socket) => socket.write(part));
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toContain('application/problem+json');
    }
    expect((await get('/healthz', undefined, slow.url)).status).toBe(200);
  });
});

describe('pages of other origins', () => {
  const ask = (origin: string, headers: Record<string, string> = {}, method = 'GET') =>
    request(url, '/v1/trending', { method, headers: { origin, ...headers } });

  test('may call if a setting names them, before the gateway requires a key', async () => {
    const preflight = await ask('https://shop.example', { 'access-control-request-method': 'GET' }, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const answer = await ask('https://shop.example', bearer(admin));
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(answer.headers.get('vary')).toMatch(/^origin$/i);
    // A page must be able to read the reason of the refusal.
    expect((await ask('https://shop.example')).headers.get('access-control-allow-origin')).toBe('https://shop.example');
  });

  test('an OPTIONS request that is no preflight gets the methods of the path', async () => {
    const options = await request(url, '/v1/trending', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    const unknown = await request(url, '/v1/nothing', { method: 'OPTIONS' });
    expect(unknown.body).toMatchObject({ status: 404, code: 'FRESHET_ROUTE_UNKNOWN' });
    expect((await get('/metrics')).text).not.toContain('route="*"');
  });

  test('may not call if no setting names them', async () => {
    const preflight = await ask('https://evil.example', { 'access-control-request-method': 'GET' }, 'OPTIONS');
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask('https://evil.example', bearer(admin))).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('traces', () => {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const store = async (headers: Record<string, string>, event: object): Promise<Record<string, unknown>> => {
    const { body } = await request<PublishBody>(url, '/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(admin), ...headers },
      body: JSON.stringify(event),
    });
    const nc = await nats.connect();
    return (await (await nc.jetstreamManager()).streams.getMessage('EVENTS', { seq: body.seq as number })).json();
  };

  test('of a request are in its events, unless an event has its own', async () => {
    expect(await store({ traceparent: parent, tracestate: 'a=b' }, viewed('t', 'i'))).toMatchObject({
      traceparent: parent,
      tracestate: 'a=b',
    });
    const own = parent.replace('4bf9', '1111');
    expect(await store({ traceparent: parent }, { ...viewed('t', 'i'), traceparent: own })).toMatchObject({
      traceparent: own,
    });
    expect(await store({ traceparent: 'garbage' }, viewed('t', 'i'))).not.toHaveProperty('traceparent');
  });
});

test('the gateway counts refused requests by code', async () => {
  await get('/v1/trending');
  expect((await get('/metrics')).text).toMatch(
    /freshet_http_refused_total\{[^}]*code="FRESHET_KEY_MISSING"[^}]*\} [1-9]/,
  );
});

test('no list of keys contains a key', async () => {
  const { records } = await store.list();
  expect(records.length).toBeGreaterThan(0);
  expect(JSON.stringify(records)).not.toContain(admin.slice(-43));
});

/** The bytes that a gateway sends until it closes the connection. */
function converse(at: string, start: (socket: ReturnType<typeof connectTcp>) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(Number(new URL(at).port), '127.0.0.1', () => start(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** A POST that is written to its end, or until the other side has had enough. */
function rawPost(path: string, key: string, body: Buffer, whole: boolean): Promise<string> {
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  return converse(url, (socket) => {
    socket.write(`${head}${whole ? `content-length: ${body.length}` : 'transfer-encoding: chunked'}\r\n\r\n`);
    const step = 500_000;
    let at = 0;
    const more = (): void => {
      while (at < body.length && !socket.destroyed) {
        const part = body.subarray(at, at + step);
        at += step;
        if (!whole) socket.write(`${part.length.toString(16)}\r\n`);
        const room = socket.write(part);
        if (!whole) socket.write('\r\n');
        if (!room) return void socket.once('drain', more);
      }
      if (!whole && !socket.destroyed) socket.write('0\r\n\r\n');
    };
    more();
  });
}
