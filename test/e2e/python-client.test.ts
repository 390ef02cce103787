/**
 * The Python client against a running system, under each Python of this machine. A recorder between the two compares what
 * both clients send with the OpenAPI document of the gateway, and breaks a connection whose events the log has taken.
 */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request as proxied, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stagingFolder } from '../../scripts/setup/cache.mjs';
import { ROOT } from '../../scripts/setup.mjs';
import { createClient } from '../../src/client/mod.ts';
import { publish, request, type Stack, startStack, testConfig } from '../../src/gateway/stack.fixture.ts';
import { published, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { withPackage } from '../support/python.ts';
import { until } from '../support/wait.ts';

const CLIENT = join(ROOT, 'clients/python/freshet.py');
const SCRIPT = join(ROOT, 'test/support/python-client.py');
/** The newest release that checks types as of 3.9. */
const MYPY = 'mypy==1.18.2';
const RUN_MS = 90_000;

const answers = (program: string): boolean =>
  spawnSync(program, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;
const PYTHONS = ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14'].map((version) => `python${version}`).filter(answers);
if (PYTHONS.length === 0 && answers('python3')) PYTHONS.push('python3');

interface Call {
  method: string;
  path: string;
  query: string[];
  members: string[];
}

interface Operation {
  parameters?: { in: string; name: string }[];
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, unknown> } }> };
}
type Paths = Record<string, Record<string, Operation>>;

let nats: TestNatsServer;
let stack: Stack;
let recorder: Server;
let address: string;
const calls: Call[] = [];
/** Whether the recorder breaks the next answer to events. */
let breaks = false;

function record({ method = '', url = '' }: IncomingMessage, body: string): void {
  const { pathname, searchParams } = new URL(url, 'http://gateway');
  const given: unknown = body === '' ? undefined : JSON.parse(body);
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  calls.push({ method, path: pathname, query: [...searchParams.keys()], members: isObject ? Object.keys(given) : [] });
}

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'off' }) });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  await publish(stack.url, ...['a', 'b', 'c', 'd'].map((item) => published(item, { tags: ['shape'] })));
  await publish(stack.url, ...['r1', 'r2'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b')]));
  recorder = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts);
      record(incoming, body.toString());
      const { method, url, headers } = incoming;
      const passed = proxied(`${stack.url}${url}`, { method, headers }, (answer) => {
        if (breaks && url === '/v1/events') {
          breaks = false;
          answer.resume();
          incoming.socket.destroy();
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      outgoing.on('close', () => passed.destroy());
      passed.on('error', () => outgoing.destroy());
      passed.end(body);
    });
  });
  recorder.listen(0, '127.0.0.1');
  await once(recorder, 'listening');
  address = `http://127.0.0.1:${(recorder.address() as AddressInfo).port}`;
}, 120_000);
afterAll(async () => {
  recorder?.close();
  recorder?.closeAllConnections();
  await stack?.stop();
  await nats?.stop();
});

/** Calls that the document does not describe. */
async function undescribed(): Promise<string[]> {
  const { paths } = (await request<{ paths: Paths }>(stack.url, '/openapi.json')).body;
  const found = new Set<string>();
  for (const { method, path, query, members } of calls) {
    const template = Object.keys(paths).find((one) =>
      new RegExp(`^${one.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
    if (operation === undefined) found.add(`${method} ${path}`);
    const names = operation?.parameters?.filter((one) => one.in === 'query').map(({ name }) => name) ?? [];
    const body = Object.keys(operation?.requestBody?.content['application/json']?.schema.properties ?? {});
    for (const name of query) if (!names.includes(name)) found.add(`${method} ${template}: query ${name}`);
    for (const name of members) if (!body.includes(name)) found.add(`${method} ${template}: member ${name}`);
  }
  return [...found];
}

describe.skipIf(PYTHONS.length === 0)('the Python client', () => {
  it.each(PYTHONS)('does what it says, under %s', { timeout: 2 * RUN_MS }, async (python) => {
    breaks = true;
    const started = Date.now();
    const { stdout } = await promisify(execFile)(python, [SCRIPT, address, join(ROOT, 'clients/python')], {
      timeout: RUN_MS,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    expect(breaks).toBe(false);
    const got = JSON.parse(stdout);
    expect(got.batch).toMatchObject({ accepted: 4, duplicates: 0, seq: expect.any(Number) });
    expect(got.batch.rejected).toEqual([
      expect.objectContaining({ index: 4, code: expect.stringMatching(/^FRESHET_/) }),
    ]);
    expect(got.refused).toMatchObject({ status: 400, code: expect.stringMatching(/^FRESHET_/) });
    expect(got.unknown).toMatchObject({ status: 404, text: expect.stringContaining(got.unknown.code) });
    expect(got.page).toMatchObject({ source: 'model', items: [expect.objectContaining({ item: 'b' })] });
    expect(got.page.seq).toBeGreaterThanOrEqual(got.batch.seq);
    expect(got.anonymous.items[0].item).toBe('b');
    expect(got.many).toHaveLength(2);
    expect(JSON.stringify(got.many[0])).toContain('"fields":{"title":');
    expect(got.by_id).toMatchObject({ items: [expect.objectContaining({ item: 'a' })], unknown: ['none'] });
    expect(got.similar.items).toHaveLength(1);
    expect(got.trending.items).toHaveLength(1);
    expect(got.shelves.shelves.length).toBeGreaterThan(0);
    // The event whose answer never came counted once, and repeated views as often as they were published.
    expect(got.history).toEqual(['d', 'c', 'd', 'c', 'a']);
    expect(got.item).toMatchObject({ item: 'a' });
    expect(got.items.items).toHaveLength(2);
    expect(got.search).toMatchObject({ order: 'user', more: true, complete: true });
    expect(got.search.items).toHaveLength(2);
    expect(got.search.items[0].fields.title).toMatch(/^Title of/);
    expect(got.feedback.total).toMatchObject({ impressions: expect.any(Number) });
    expect(got.clicked).toBeGreaterThan(got.rendered);
    const [first, second] = got.watched;
    expect(first.items.map(({ item }: { item: string }) => item)).toContain('b');
    expect(second.items.map(({ item }: { item: string }) => item)).not.toContain('b');
    expect(Date.parse(got.erasure.requested)).toBeGreaterThanOrEqual(started - 1_000);
    expect(await undescribed()).toEqual([]);
  });

  it('does what the documentation shows', { timeout: RUN_MS }, async () => {
    const page = readFileSync(join(ROOT, 'docs/how-to/use-the-client.md'), 'utf8');
    const shown = /cat > shop\.py <<'END'\n(.*?)\nEND\n/s.exec(page)?.[1] ?? '';
    const script = shown.replace('http://127.0.0.1:8080', address);
    expect(script).not.toBe(shown);
    const { stdout } = await promisify(execFile)(PYTHONS.at(-1) as string, ['-B', '-c', script], {
      cwd: ROOT,
      timeout: RUN_MS,
    });
    expect(stdout).toMatch(/^The event is at \d+\n(\w+ [\d.]+\n){3}$/);
  });

  it('parses as Python 3.9', () => {
    const source = `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 9))`;
    expect(spawnSync(PYTHONS.at(-1) as string, ['-c', source, CLIENT]).status).toBe(0);
    expect(readFileSync(CLIENT, 'utf8')).toContain('from __future__ import annotations');
  });
});

it('sends what the OpenAPI document describes, from JavaScript', async () => {
  calls.splice(0);
  const freshet = createClient({ url: address, source: 'client-test', waitMs: 5 });
  freshet.publish('user.viewed.v1', 'js', { item: 'a' });
  const seq = (await freshet.flush()) as number;
  const page = await freshet.recommend('js', { n: 2, min_seq: seq, filter: { tags: 'shape' }, explain: true });
  freshet.rendered(page);
  await freshet.similar('a', 2);
  await freshet.trending(2);
  const found = await freshet.search('title', {
    user: 'js',
    tag: 'shape',
    filter: { tags: 'shape' },
    fields: ['title'],
  });
  expect(found.items[0]?.fields.title).toMatch(/^Title of/);
  const stop = new AbortController();
  await freshet.watch('js', () => stop.abort(), { signal: stop.signal, n: 2 });
  await freshet.close();
  expect(calls.length).toBeGreaterThan(4);
  expect(await undescribed()).toEqual([]);
});

/** A Python with mypy; undefined where none can have it. */
function mypy(): { program: string; env: NodeJS.ProcessEnv } | undefined {
  for (const program of PYTHONS.toReversed()) {
    const env = withPackage(program, MYPY, ['-m', 'mypy', '--version']);
    if (env) return { program, env };
  }
  return undefined;
}

const checker = mypy();
it.skipIf(checker === undefined)('has types that mypy accepts for Python 3.9', { timeout: RUN_MS }, async () => {
  const { program, env } = checker as NonNullable<typeof checker>;
  const cache = stagingFolder(process.env, 'mypy-cache');
  try {
    const run = spawnSync(
      program,
      ['-m', 'mypy', '--strict', '--python-version', '3.9', '--cache-dir', cache, CLIENT],
      {
        env,
        encoding: 'utf8',
        timeout: RUN_MS,
      },
    );
    expect(run.stdout).toContain('Success: no issues found');
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
});
