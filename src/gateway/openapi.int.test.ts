import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clicked, published, served, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import { publish, request, type Stack, startStack } from './stack.fixture.ts';

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: { name: string; in: string; required: boolean; schema: object; description?: string }[];
  requestBody?: { content: Record<string, { schema: object }> };
  description?: string;
  security?: object[];
  responses: Record<string, { description: string; content?: Record<string, { schema: { $ref?: string } }> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

let nats: TestNatsServer;
let stack: Stack;
let document: Document;
let seq: number;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  document = (await request<Document>(stack.url, '/openapi.json')).body;
  const { body } = await publish(
    stack.url,
    published('i1', { tags: ['t'], attributes: { year: 1883, good: true }, published: '1883-01-01T00:00:00Z' }),
    published('i2'),
    viewed('u1', 'i1', { value: 2 }),
    viewed('u2', 'i1'),
    viewed('u2', 'i2'),
    served('u1', 'l1', ['i2', 'i1']),
    clicked('u1', 'i2', { list: 'l1' }),
  );
  seq = body.seq as number;
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

const operations = (): [address: string, method: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([address, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [address, method, operation]),
  );

test('the document is OpenAPI 3.1 and lists every route', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(document.info).toMatchObject({ title: 'Freshet', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  const listed = operations().map(([address, method]) => `${method.toUpperCase()} ${address}`);
  expect(listed.sort()).toEqual(
    [
      'POST /v1/events',
      'DELETE /v1/users/{id}',
      'GET /v1/erasures',
      'GET /v1/erasures/{erasure}',
      'POST /v1/recommendations',
      'POST /v1/recommendations/batch',
      'GET /v1/users',
      'GET /v1/users/{id}',
      'GET /v1/users/{id}/history',
      'GET /v1/users/{id}/export',
      'GET /v1/users/{id}/recommendations',
      'GET /v1/users/{id}/recommendations/stream',
      'POST /v1/tokens',
      'GET /v1/users/{id}/shelves',
      'GET /v1/items',
      'GET /v1/catalogue',
      'GET /v1/items/{id}',
      'GET /v1/items/{id}/similar',
      'GET /v1/trending',
      'GET /v1/ping',
      'GET /v1/feedback/summary',
      'GET /v1/feedback/items',
      'GET /v1/feedback/items/{id}',
      'GET /v1/caller',
      'GET /v1/system',
      'GET /v1/dead-letters',
      'POST /v1/dead-letters/{seq}/retry',
      'POST /v1/dead-letters/{seq}/discard',
      'POST /v1/what-if',
      'GET /v1/users/{id}/recommendations/at',
      'GET /v1/experiments',
      'POST /v1/experiments',
      'POST /v1/experiments/{experiment}/end',
      'GET /v1/shadow',
      'POST /v1/shadow/promote',
      'GET /v1/snapshots',
      'POST /v1/snapshots/rollback',
      'GET /v1/log',
      'GET /v1/log/{seq}',
      'GET /v1/log/stream',
      'GET /v1/log/publishers',
      'GET /v1/system/recent',
      'GET /healthz',
      'GET /readyz',
      'GET /metrics',
      'GET /openapi.json',
    ].sort(),
  );
});

test('each operation has an id, a summary, and a schema of its answer', () => {
  const names = new Set<string>();
  for (const [address, , operation] of operations()) {
    expect(operation.operationId, address).toMatch(/^[a-zA-Z]+$/);
    expect(names.has(operation.operationId), operation.operationId).toBe(false);
    names.add(operation.operationId);
    expect(operation.summary, address).toBeTruthy();
    expect(operation.tags, address).toHaveLength(1);
    expect((operation.responses['200'] ?? operation.responses['202'])?.description, address).toBeTruthy();
    for (const [status, { content, description }] of Object.entries(operation.responses)) {
      expect(description, `${address} ${status}`).not.toBe('Default Response');
      expect(Object.keys(content ?? {}), `${address} ${status}`).toHaveLength(1);
    }
    const placeholders = [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = (operation.parameters ?? []).filter(({ in: where }) => where === 'path');
    expect(inPath.map(({ name }) => name)).toEqual(placeholders);
    for (const parameter of operation.parameters ?? [])
      expect(parameter.description, `${address} ${parameter.name}`).toBeTruthy();
  }
});

test('every reference resolves, and the document uses nothing of OpenAPI 3.0', () => {
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === '$ref')
        expect(document.components.schemas).toHaveProperty((inner as string).replace('#/components/schemas/', ''));
      expect(key).not.toBe('nullable');
      walk(inner);
    }
  };
  walk(document);
});

test('each operation names the scope that it requires, and its answer without a key', () => {
  for (const [address, method, { description, responses, security }] of operations()) {
    const open = !address.startsWith('/v1/');
    expect(security !== undefined, `${method} ${address}`).toBe(!open);
    if (open) continue;
    expect(description, address).toMatch(/caller needs the scope `/);
    for (const status of ['401', '403', '429'])
      expect(Object.keys(responses), `${method} ${address}`).toContain(status);
  }
});

test('the document lists every media type for publishing', () => {
  expect(Object.keys(document.paths['/v1/events']?.post?.requestBody?.content ?? {})).toEqual([
    'application/cloudevents+json',
    'application/cloudevents-batch+json',
    'application/x-ndjson',
    'application/json',
  ]);
});

/** A schema with its references resolved. */
const resolved = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(resolved);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as { $ref?: string };
  if ($ref !== undefined) return resolved(document.components.schemas[$ref.replace('#/components/schemas/', '')]);
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value)]));
};

test.each([
  ['/v1/users/{id}/recommendations', '/v1/users/u1/recommendations?explain=true'],
  [
    '/v1/users/{id}/recommendations',
    '/v1/users/u1/recommendations?fields=title,attributes,published,listed,attributes.no',
  ],
  ['/v1/items/{id}/similar', '/v1/items/i1/similar'],
  ['/v1/items/{id}/similar', '/v1/items/nowhere/similar'],
  ['/v1/trending', '/v1/trending'],
  ['/v1/ping', '/v1/ping'],
  ['/v1/users/{id}/shelves', '/v1/users/u1/shelves?fields=title,attributes.no'],
  ['/v1/users/{id}', '/v1/users/u1'],
  ['/v1/users/{id}/history', '/v1/users/u1/history'],
  ['/v1/users/{id}/export', '/v1/users/u1/export'],
  ['/v1/users', '/v1/users?q=u'],
  ['/v1/catalogue', '/v1/catalogue?n=3'],
  ['/v1/items/{id}', '/v1/items/i1'],
  ['/v1/items', '/v1/items'],
  ['/v1/items', '/v1/items?q=title&user=u1'],
  ['/v1/items', '/v1/items?q=title&fields=title,attributes.no'],
  ['/v1/feedback/summary', '/v1/feedback/summary'],
  ['/v1/feedback/items', '/v1/feedback/items?order=never'],
  ['/v1/feedback/items/{id}', '/v1/feedback/items/i1'],
  ['/v1/dead-letters', '/v1/dead-letters?all=true'],
  ['/v1/erasures', '/v1/erasures'],
  ['/v1/experiments', '/v1/experiments'],
  ['/v1/shadow', '/v1/shadow'],
  ['/v1/snapshots', '/v1/snapshots'],
  ['/v1/log', '/v1/log?n=3'],
  ['/v1/log/{seq}', '/v1/log/1'],
  ['/v1/log/{seq}', '/v1/log/99999'],
  ['/v1/log/publishers', '/v1/log/publishers'],
  ['/v1/system', '/v1/system'],
  ['/v1/system/recent', '/v1/system/recent'],
  ['/v1/users/{id}', '/v1/users/nobody'],
  ['/v1/users/{id}', '/v1/users/a%01b'],
])('what %s answers is what its schema says (%s)', async (address, asked) => {
  const waits = document.paths[address]?.get?.parameters?.some(({ name }) => name === 'min_seq');
  const { status, headers, body } = await request(
    stack.url,
    waits ? `${asked}${asked.includes('?') ? '&' : '?'}min_seq=${seq}` : asked,
  );
  const media = headers.get('content-type')?.split(';')[0] as string;
  const schema = document.paths[address]?.get?.responses[String(status)]?.content?.[media]?.schema;
  expect(schema, `${status} ${media}`).toBeDefined();
  const validator = Compile(resolved(schema) as object);
  expect([...validator.Errors(body)], JSON.stringify(body)).toEqual([]);
});

test('the examples of events are valid events', async () => {
  const single = document.paths['/v1/events']?.post?.requestBody?.content['application/cloudevents+json']?.schema;
  const example = (resolved(single) as { examples: unknown[] }).examples[0];
  const answer = await publish(stack.url, example);
  expect(answer.body).toMatchObject({ accepted: 1, rejected: [] });
});
