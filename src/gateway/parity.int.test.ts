/** One schema for each request: HTTP and NATS refuse the same requests, with the same code, member and words. */
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { call, type Json } from '../bus/nats/micro.ts';
import { type Problem, RemoteProblemError } from '../bus/nats/problem.ts';
import { publish, request, type Stack, startStack } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
let nc: NatsConnection;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  nc = await nats.connect();
  const { body } = await publish(stack.url, published('i1'), published('i2'), viewed('u', 'i1'));
  await Promise.all(
    ['/v1/users/u', '/v1/items', '/v1/trending', '/v1/feedback/summary'].map(async (address) =>
      expect((await request(stack.url, `${address}?min_seq=${body.seq}&timeout_ms=20000`)).status).toBe(200),
    ),
  );
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const problemOverNats = async (subject: string, body: Json): Promise<Problem | undefined> =>
  call(nc, `freshet.${subject}`, body).then(
    () => undefined,
    (err: unknown) => {
      if (err instanceof RemoteProblemError) return err.problem;
      throw err;
    },
  );

const overHttp = (body: Json) =>
  request<Json>(stack.url, '/v1/recommendations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const long = 'x'.repeat(129);
const many = Array.from({ length: 1_001 }, (_, i) => `i${i}`);

describe('a list with a body', () => {
  test.each<[member: string, body: Json]>([
    ['user', {}],
    ['user', { user: 7 }],
    ['user', { user: '' }],
    ['user', { user: long }],
    ['user', { user: 'a\u0000b' }],
    ['user', { user: 'e\u0301' }],
    ['nn', { user: 'u', nn: 5 }],
    ['n', { user: 'u', n: 0 }],
    ['n', { user: 'u', n: 1_001 }],
    ['n', { user: 'u', n: 1.5 }],
    ['n', { user: 'u', n: '5' }],
    ['min_seq', { user: 'u', min_seq: -1 }],
    ['timeout_ms', { user: 'u', min_seq: 1, timeout_ms: 30_001 }],
    ['explain', { user: 'u', explain: 'yes' }],
    ['include_seen', { user: 'u', include_seen: 1 }],
    ['max_age_ms', { user: 'u', max_age_ms: -1 }],
    ['cursor', { user: 'u', cursor: 'nonsense' }],
    ['cursor', { user: 'u', cursor: 'x'.repeat(1_001) }],
    ['exclude', { user: 'u', exclude: 'i1' }],
    ['exclude', { user: 'u', exclude: many }],
    ['exclude[1]', { user: 'u', exclude: ['i1', long] }],
    ['history[0]', { history: [5] }],
    ['candidates', { user: 'u', candidates: many }],
    ['like', { user: 'u', like: ['i1'], history: ['i2'] }],
    ['unlike[0]', { user: 'u', unlike: [''] }],
    ['unlike_weight', { user: 'u', unlike_weight: 11 }],
    ['exploration', { user: 'u', exploration: 2 }],
    ['filter', { user: 'u', filter: 'tags:sea' }],
    ['filter', { user: 'u', filter: { title: { $regex: 'a' } } }],
    ['filters', { user: 'u', filters: Array.from({ length: 21 }, () => ({})) }],
    ['filters[0]', { user: 'u', filters: [{ color: 'red' }] }],
    ['boosts', { user: 'u', boosts: {} }],
    ['boosts[0]', { user: 'u', boosts: [{ filter: {} }] }],
    ['boosts[0]', { user: 'u', boosts: [{ filter: {}, by: 1, with: 2 }] }],
    ['boosts[0].by', { user: 'u', boosts: [{ filter: {}, by: 11 }] }],
    ['boosts[0].filter', { user: 'u', boosts: [{ filter: { $where: 'x' }, by: 1 }] }],
    ['diversity', { user: 'u', diversity: 0.5 }],
    ['diversity', { user: 'u', diversity: {} }],
    ['diversity.lambda', { user: 'u', diversity: { lambda: 2 } }],
    ['quotas[0]', { user: 'u', quotas: [{ per: 'color', max: 1 }] }],
    ['quotas[0]', { user: 'u', quotas: [{ per: 'tags' }] }],
    ['quotas[0]', { user: 'u', quotas: [{ filter: {}, min: 5, max: 2 }] }],
    ['quotas[0].max', { user: 'u', quotas: [{ per: 'tags', max: 10_001 }] }],
    ['new.share', { user: 'u', new: { share: 2 } }],
    ['new.days', { user: 'u', new: { share: 0.5, days: 36_501 } }],
    ['seen_for_s', { user: 'u', seen_for_s: -1 }],
    ['seen_for_s', { user: 'u', seen_for_s: { 'user.viewed.v1': -2 } }],
    ['seen_for_s', { user: 'u', seen_for_s: { 'user.fed.v1': 1 } }],
    ['context', { user: 'u', context: 'tv' }],
    ['context', { user: 'u', context: { page: 'x'.repeat(2_000) } }],
    ['context.hour', { user: 'u', context: { hour: 24 } }],
    ['context.device', { user: 'u', context: { device: 7 } }],
    ['fields', { user: 'u', fields: 'title' }],
    ['fields[1]', { user: 'u', fields: ['title', 'color'] }],
    ['fields[0]', { user: 'u', fields: [''] }],
    ['fields[0]', { user: 'u', fields: ['description'] }],
  ])('is refused for its %s: %j', async (member, body) => {
    const problem = await problemOverNats('engine.recommend', body);
    expect(problem).toMatchObject({ status: 400, code: 'FRESHET_BAD_REQUEST', member });
    const answer = await overHttp(body);
    // The gateway's request has one member more than the engine's.
    const detail = String(answer.body.detail).replace(', served.', '.');
    expect({ ...answer.body, detail }).toEqual(problem);
    expect(answer.status).toBe(400);
  });

  test.each<[body: Json]>([
    [{ user: 'u', n: null, filter: null, boosts: null, cursor: null }],
    [{ user: 'u', new: { share: 0.5, days: null }, quotas: [{ filter: {}, min: 1, max: null }] }],
    [{ user: null, history: ['i1'] }],
    [{ user: 'u', context: { device: 'tv', page: null } }],
  ])('takes null for a member that is left out: %j', async (body) => {
    expect(await problemOverNats('engine.recommend', body)).toBeUndefined();
    expect((await overHttp(body)).status).toBe(200);
  });
});

describe('a read with a query', () => {
  test.each<[subject: string, body: Json, address: string, member: string]>([
    ['user.get', { user: long }, `/v1/users/${long}`, 'user'],
    ['user.get', { user: 'a\u0001b' }, '/v1/users/a%01b', 'user'],
    ['user.get', { user: 'u', mni_seq: 5 }, '/v1/users/u?mni_seq=5', 'mni_seq'],
    ['user.history', { user: 'u', n: 0 }, '/v1/users/u/history?n=0', 'n'],
    ['user.history', { user: 'u', n: 1_001 }, '/v1/users/u/history?n=1001', 'n'],
    ['user.history', { user: 'u', before: 0 }, '/v1/users/u/history?before=0', 'before'],
    ['user.erasure', { erasure: long }, `/v1/erasures/${long}`, 'erasure'],
    ['user.erasure', { n: 0 }, '/v1/erasures?n=0', 'n'],
    ['content.get', { item: long }, `/v1/items/${long}`, 'item'],
    ['content.list', { n: 0 }, '/v1/items?n=0', 'n'],
    ['content.list', { n: 1_001 }, '/v1/items?n=1001', 'n'],
    ['content.list', { tag: 'x'.repeat(1_001) }, `/v1/items?tag=${'x'.repeat(1_001)}`, 'tag'],
    ['content.list', { cursor: 'x'.repeat(1_001) }, `/v1/items?cursor=${'x'.repeat(1_001)}`, 'cursor'],
    ['content.search', { q: '' }, '/v1/items?q=', 'q'],
    ['content.search', { q: '*' }, '/v1/items?q=*', 'q'],
    ['content.search', { q: 'x'.repeat(201) }, `/v1/items?q=${'x'.repeat(201)}`, 'q'],
    ['content.search', { q: 'sea', n: 201 }, '/v1/items?q=sea&n=201', 'n'],
    ['content.search', { q: 'sea', fields: ['listed'] }, '/v1/items?q=sea&fields=listed', 'fields[0]'],
    ['content.search', { q: 'sea', filter: { listed: 'now' } }, '/v1/items?q=sea&filter={"listed":"now"}', 'filter'],
    ['content.search', { q: 'sea', user: '' }, '/v1/items?q=sea&user=', 'user'],
    ['content.search', { q: 'sea', cursor: 'x' }, '/v1/items?q=sea&cursor=x', 'cursor'],
    ['content.list', { filter: {} }, '/v1/items?filter={}', 'filter'],
    ['content.list', { user: 'u' }, '/v1/items?user=u', 'user'],
    ['feedback.summary', { n: 5 }, '/v1/feedback/summary?n=5', 'n'],
    ['feedback.summary', { min_seq: -1 }, '/v1/feedback/summary?min_seq=-1', 'min_seq'],
    ['engine.similar', { item: long }, `/v1/items/${long}/similar`, 'item'],
    ['engine.similar', { item: 'i1', exclude: ['i2'] }, '/v1/items/i1/similar?exclude=i2', 'exclude'],
    ['engine.trending', { n: 0 }, '/v1/trending?n=0', 'n'],
    ['engine.trending', { segment: {} }, '/v1/trending?segment={}', 'segment'],
    ['engine.trending', { filter: { color: 'red' } }, '/v1/trending?filter={"color":"red"}', 'filter'],
    ['engine.trending', { fields: ['color'] }, '/v1/trending?fields=color', 'fields[0]'],
    ['engine.similar', { item: 'i1', fields: ['title', 'a.b'] }, '/v1/items/i1/similar?fields=title,a.b', 'fields[1]'],
    ['engine.shelves', { user: 'u', fields: ['attributes.'] }, '/v1/users/u/shelves?fields=attributes.', 'fields[0]'],
    ['engine.shelves', { user: 'u', rows: 21 }, '/v1/users/u/shelves?rows=21', 'rows'],
  ])('%s refuses %j, as %s does', async (subject, body, address, member) => {
    const problem = await problemOverNats(subject, body);
    expect(problem).toMatchObject({ status: 400, code: 'FRESHET_BAD_REQUEST', member });
    const answer = await request<Json>(stack.url, encodeURI(decodeURI(address)));
    expect(answer.body).toMatchObject({ status: 400, code: 'FRESHET_BAD_REQUEST', member });
  });

  test('an invalid request is refused without waiting for its min_seq', async () => {
    const later = { min_seq: 1_000_000, timeout_ms: 30_000 };
    expect(await problemOverNats('engine.recommend', { user: '', ...later })).toMatchObject({ member: 'user' });
    expect(await problemOverNats('user.get', { user: 'a\u0000b', ...later })).toMatchObject({ member: 'user' });
  });
});
