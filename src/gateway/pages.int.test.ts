/** The pages of the gateway: `/`, and `/docs` with its document; also behind a proxy that serves them under a path. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { type PrefixProxy, startPrefixProxy } from '../../test/support/prefix-proxy.ts';
import { until } from '../../test/support/wait.ts';
import { publish, request, type Stack, startStack } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
/** A proxy that serves the gateway under /shop/freshet, and its address with that path. */
let proxied: string;
let proxy: PrefixProxy;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  proxy = await startPrefixProxy('/shop/freshet', stack.url);
  proxied = `${proxy.url}/shop/freshet`;
  const { body } = await publish(
    stack.url,
    published('shelley-frankenstein'),
    published('other'),
    viewed('reader-1', 'shelley-frankenstein'),
  );
  for (const path of ['/v1/trending', '/v1/items', '/v1/users/reader-1', '/v1/feedback/summary'])
    await request(stack.url, `${path}?min_seq=${body.seq}&timeout_ms=20000`);
});
afterAll(async () => {
  await proxy?.close();
  await stack?.stop();
  await nats?.stop();
});

const addressesIn = (html: string): string[] =>
  [...html.matchAll(/<(?:a|link|script)[^>]+?(?:src|href)="([^"]+)"/g)].map(([, address]) => address as string);
/** Where a page is, or where its base says that it is. */
const baseOf = (html: string, url: string): string => new URL(/<base href="([^"]+)"/.exec(html)?.[1] ?? '', url).href;

describe.each(['direct', 'behind a proxy under a path'])('%s', (way) => {
  const root = (): string => (way === 'direct' ? stack.url : proxied);

  test.each(['', '/', '/docs', '/docs/', '/console', '/console/'])(
    'the page %s loads nothing from other servers, and each address answers',
    async (path) => {
      const page = await fetch(root() + path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      const html = await page.text();
      expect(html).toContain('Freshet');
      expect(html).not.toContain('Swagger UI');
      const addresses = addressesIn(html);
      expect(addresses.length).toBeGreaterThan(2);
      for (const address of addresses) {
        expect(address).not.toMatch(/^(https?:)?\//);
        const found = new URL(address, baseOf(html, page.url)).href;
        expect(found).toMatch(new RegExp(`^${root()}/`));
        expect([address, (await fetch(found)).status]).toEqual([address, 200]);
      }
    },
  );

  test('the page of calls finds its document, whose server is the gateway', async () => {
    const url = `${root()}/docs/json`;
    const document = (await (await fetch(url)).json()) as { servers: { url: string }[] };
    expect(new URL(`${document.servers[0]?.url}/`, url).href).toBe(`${root()}/`);
  });

  test('/openapi.json names the path of the proxy as its server', async () => {
    const { servers } = (await (await fetch(`${root()}/openapi.json`)).json()) as { servers: { url: string }[] };
    expect(servers[0]?.url).toBe(way === 'direct' ? '/' : '/shop/freshet');
  });
});

test.each(['//evil.example', '/a"><script>', '/a/../b c', 'a', `/${'a'.repeat(300)}`])(
  'a prefix that is not a path has no effect: %s',
  async (prefix) => {
    const page = await request(stack.url, '/', { headers: { 'x-forwarded-prefix': prefix } });
    expect(page.text).not.toContain('<base');
  },
);

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; example?: unknown; schema?: Record<string, unknown> }[];
  requestBody?: { content: Record<string, { example?: unknown }> };
}

test('the examples of the page of calls answer, and it fills in no optional parameter', async () => {
  const { body } = await request<{ paths: Record<string, Record<string, Operation>> }>(stack.url, '/docs/json');
  let asked = 0;
  for (const [address, methods] of Object.entries(body.paths))
    for (const [method, { parameters = [], requestBody, operationId }] of Object.entries(methods)) {
      for (const one of parameters.filter(({ required }) => required !== true)) {
        const prefilled = { ...one, ...one.schema } as Record<string, unknown>;
        expect([prefilled.example, prefilled.examples, prefilled.default], one.name).toEqual([
          undefined,
          undefined,
          undefined,
        ]);
      }
      if (!address.startsWith('/v1/') || /erasure|stream|export|\/at$/.test(address)) continue;
      const exampleIn = (one: (typeof parameters)[number] | undefined): string =>
        encodeURIComponent(String(one?.example));
      const query = parameters
        .filter(({ in: where, required }) => where === 'query' && required === true)
        .map((one) => `${one.name}=${exampleIn(one)}`);
      const path =
        address.replace(/\{\w+\}/, () => exampleIn(parameters.find(({ in: where }) => where === 'path'))) +
        (query.length > 0 ? `?${query.join('&')}` : '');
      const example = requestBody?.content['application/json']?.example;
      if (method !== 'get' && !(method === 'post' && example && operationId !== 'createToken')) continue;
      const answer = await request(stack.url, path, {
        method: method.toUpperCase(),
        ...(example ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(example) } : {}),
      });
      expect(answer.status, `${method} ${path} ${answer.text}`).toBe(200);
      asked++;
    }
  expect(asked).toBeGreaterThan(10);
});
