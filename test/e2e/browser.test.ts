/**
 * The client library in a real browser, as its page in the documentation says it is used: built by the command that
 * stands there, loaded by a page of another origin, with tokens that a shop's server asks for in the name of its user.
 * Left out where there is no browser.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { type Browser, findBrowser, NO_BROWSER, type Page, startBrowser } from '../support/browser.ts';
import { published, type TestEvent, viewed } from '../support/events.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

const found = findBrowser();
if (found === undefined) console.warn(`These tests do not run the client library in a browser: ${NO_BROWSER}.`);

/** A name rather than localhost, so that the page is of an origin that no browser trusts more than others. */
const SHOP = 'shop.test';
/** Milliseconds, for what must not happen by itself while a test runs. */
const NEVER = 3_600_000;

let folder: string;
let shop: Server;
let shopUrl: string;
let system: TestSystem;
let nc: NatsConnection;
let browser: Browser;
let key: string;
let tokens = 0;

/** The shop: its page, the library, and a token for the user whose page it is. */
async function startShop(): Promise<Server> {
  const library = readFileSync(join(folder, 'freshet-client.js'));
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop');
    const answer = (status: number, media: string, body: string | Buffer): void => {
      response.writeHead(status, { 'content-type': media, 'cache-control': 'no-store' }).end(body);
    };
    if (pathname === '/freshet-client.js') answer(200, 'text/javascript', library);
    else if (pathname === '/') answer(200, 'text/html', pageOf(searchParams.get('options') ?? '{}'));
    else if (pathname === '/elsewhere') answer(200, 'text/html', '<!doctype html><title>Elsewhere</title>');
    else if (pathname === '/my-token')
      tokenFor(searchParams.get('user') ?? '').then(
        (token) => answer(200, 'text/plain', token),
        (err) => answer(502, 'text/plain', String(err)),
      );
    else answer(404, 'text/plain', 'nothing');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const pageOf = (options: string): string => `<!doctype html><title>Shop</title><ol></ol>
<script type="module">
import { createClient, FreshetClientError } from './freshet-client.js';
const options = ${options};
Object.assign(globalThis, { FreshetClientError, troubles: [], rejected: [], lists: [] });
globalThis.freshet = createClient({
  url: '${system.http}',
  source: 'shop-web',
  key: () => fetch('/my-token?user=' + options.user).then((answer) => answer.text()),
  storage: localStorage,
  onTrouble: (error) => troubles.push(String(error)),
  onRejected: ({ event, code }) => rejected.push([event.id, code]),
  ...options,
});
</script>`;

async function tokenFor(user: string): Promise<string> {
  tokens++;
  const response = await fetch(`${system.http}/v1/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ user, source: 'shop-web' }),
  });
  return ((await response.json()) as { token: string }).token;
}

async function publishAsServer(...events: TestEvent[]): Promise<number> {
  const response = await fetch(`${system.http}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${key}` },
    body: JSON.stringify(events),
  });
  const { accepted, seq } = (await response.json()) as { accepted: number; seq: number };
  expect(accepted).toBe(events.length);
  return seq;
}

beforeAll(async () => {
  if (found === undefined) return;
  folder = makeTempDir('browser-client');
  await promisify(execFile)(
    'npm',
    ['run', '--silent', 'client', '--', `--outfile=${join(folder, 'freshet-client.js')}`],
    {
      cwd: ROOT,
    },
  );
  shop = await startShop();
  shopUrl = `http://${SHOP}:${(shop.address() as AddressInfo).port}`;
  system = await startSystem({
    args: ['--no-demo'],
    env: { FRESHET_HTTP_CORS_ORIGINS: JSON.stringify([shopUrl]) },
  });
  ({ key } = await system.json<{ key: string }>('keys', 'create', 'shop-server', '--scope', 'admin'));
  nc = await system.connect();
  await until(async () => (await fetch(`${system.http}/v1/trending`)).status === 401);
  await publishAsServer(
    ...['a', 'b', 'c', 'd', 'e'].map((item) => published(item)),
    ...['r1', 'r2', 'r3'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b')]),
  );
  browser = await startBrowser(found, [SHOP]);
});
afterAll(async () => {
  await browser?.close();
  await nc?.close();
  await system?.stop();
  shop?.closeAllConnections();
  shop?.close();
  if (folder) removeTempDir(folder);
});

const address = (user: string, options: object = {}): string =>
  `${shopUrl}/?options=${encodeURIComponent(JSON.stringify({ user, ...options }))}`;

/** A tab that is closed with the test. */
async function open(url: string): Promise<Page> {
  const page = await browser.open(url);
  onTestFinished(async () => {
    await page.run('localStorage.clear()').catch(() => {});
    await page.close().catch(() => {});
  });
  return page;
}

interface Stored {
  id: string;
  source: string;
  type: string;
  subject: string;
  data: { item?: string; list?: string; items?: { item: string }[] };
}

/** What the page of a user has published, as the log holds it, every copy. */
async function storedOf(user: string): Promise<Stored[]> {
  const jsm = await nc.jetstreamManager();
  const { state } = await jsm.streams.info('EVENTS');
  const events: Stored[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++)
    events.push((await jsm.streams.getMessage('EVENTS', { seq })).json<Stored>());
  return events.filter(({ source, subject }) => source === `shop-web/${user}` && subject === user);
}
const publishedIds = async (user: string): Promise<string[]> => (await storedOf(user)).map(({ id }) => id);

/** What the user service has folded, newest first. */
async function history(user: string, seq: number): Promise<string[]> {
  const response = await fetch(`${system.http}/v1/users/${user}/history?n=1000&min_seq=${seq}&timeout_ms=30000`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return ((await response.json()) as { events: { item: string }[] }).events.map(({ item }) => item);
}

const views = (user: string, ...items: string[]): string =>
  `return ${JSON.stringify(items)}.map((item) => freshet.publish('user.viewed.v1', '${user}', { item }))`;

describe.skipIf(found === undefined)('the client library in a browser', () => {
  test('publishes, shows a list that reflects the event, and reports impressions and clicks', async () => {
    const page = await open(address('b1'));
    const { seq, list, again } = await page.run<{
      seq: number;
      list: { list: string; user: string; items: { item: string }[] };
      again: number;
    }>(`
      freshet.publish('user.viewed.v1', 'b1', { item: 'a' });
      const seq = await freshet.flush();
      const list = await freshet.recommend('b1', { n: 3, min_seq: seq, timeout_ms: 30000 });
      document.querySelector('ol').replaceChildren(...list.items.map(({ item }) => {
        const li = document.createElement('li');
        li.textContent = item;
        return li;
      }));
      freshet.rendered(list);
      freshet.rendered(list);
      freshet.clicked(list, list.items[1].item);
      freshet.dismissed(list, list.items[2].item);
      const again = await freshet.flush();
      return { seq, list, again };`);
    expect(list).toMatchObject({ user: 'b1', items: [{ item: 'b' }, {}, {}] });
    expect(await page.run("return [...document.querySelectorAll('li')].map((li) => li.textContent)")).toEqual(
      list.items.map(({ item }) => item),
    );
    expect(again).toBeGreaterThan(seq);
    expect(await history('b1', seq)).toEqual(['a']);
    const stored = await storedOf('b1');
    expect(stored.map(({ type }) => type)).toEqual([
      'user.viewed.v1',
      'feedback.served.v1',
      'feedback.clicked.v1',
      'feedback.dismissed.v1',
    ]);
    expect(stored[1]?.data).toMatchObject({ list: list.list, items: list.items.map(({ item }) => ({ item })) });
    const summary = await fetch(`${system.http}/v1/feedback/summary?min_seq=${again}&timeout_ms=30000`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(await summary.json()).toMatchObject({
      lists: 1,
      total: { impressions: 3, clicks: 1, dismissals: 1 },
      unattributed: { clicks: 0, dismissals: 0 },
    });
    expect(await page.run('return [troubles, rejected, freshet.pending]')).toEqual([[], [], 0]);
  });

  test('requests one token for all concurrent calls of a page', async () => {
    const page = await open(address('b2'));
    const before = tokens;
    await page.run(`
      freshet.publish('user.viewed.v1', 'b2', { item: 'a' });
      await Promise.all([freshet.flush(), freshet.recommend('b2'), freshet.similar('a'), freshet.trending()]);`);
    expect(tokens - before).toBe(1);
  });

  test('sends an event again after a lost answer, and the log stores it once', async () => {
    const page = await open(address('b3', { retryMs: 10 }));
    await page.loseAnswer('/v1/events');
    const ids = await page.run<string[]>(views('b3', 'a', 'b'));
    await until(async () => (await page.run('return freshet.pending')) === 0);
    expect(await page.run('return troubles.length')).toBe(1);
    expect(await publishedIds('b3')).toEqual(ids);
  });

  test('keeps unsent events, also over a reload, and sends them once the gateway is back', async () => {
    // Nothing but being back would send it.
    const patient = address('b4', { retryMs: NEVER, retryMaxMs: NEVER });
    const page = await open(patient);
    await page.run('await freshet.trending()');
    await page.offline(true);
    const first = await page.run<string[]>(views('b4', 'a', 'b', 'c'));
    await page.run("await freshet.flush().then(() => { throw new Error('sent'); }, () => {})");
    expect(await page.run('return freshet.pending')).toBe(3);
    await page.offline(false);
    await until(async () => (await page.run('return freshet.pending')) === 0);
    expect(await publishedIds('b4')).toEqual(first);

    await page.offline(true);
    const second = await page.run<string[]>(views('b4', 'd', 'e'));
    await page.run("await freshet.flush().then(() => { throw new Error('sent'); }, () => {})");
    await page.close();
    const back = await open(patient);
    await until(async () => (await back.run('return freshet.pending')) === 0);
    expect(await publishedIds('b4')).toEqual([...first, ...second]);
  });

  test('sends the queued events when the user leaves the page', async () => {
    const page = await open(address('b5', { waitMs: NEVER, storage: null }));
    await page.run('await freshet.trending()');
    const ids = await page.run<string[]>(views('b5', 'a', 'b'));
    await page.goto(`${shopUrl}/elsewhere`);
    await until(async () => (await storedOf('b5')).length >= 2);
    expect(await publishedIds('b5')).toEqual(ids);

    const other = await open(address('b5', { waitMs: NEVER, storage: null }));
    await other.run('await freshet.trending()');
    const last = await other.run<string[]>(views('b5', 'c'));
    await other.close();
    await until(async () => (await storedOf('b5')).length >= 3);
    expect(await publishedIds('b5')).toEqual([...ids, ...last]);
  });

  test('sends more events at once than a browser allows for a page that ends', async () => {
    const page = await open(address('b6', { retryMs: NEVER, retryMaxMs: NEVER }));
    // Lists of a hundred items each: 20 of them are more than 64 KiB, the most of the Fetch standard (section 4.6).
    const ids = await page.run<string[]>(`
      const items = Array.from({ length: 100 }, (_, i) => ({ item: 'item-with-a-name-that-is-not-short-' + i, score: 1 / 3 }));
      return Array.from({ length: 20 }, (_, i) => freshet.publish('feedback.served.v1', 'b6', {
        list: 'list-' + i, items, snapshot: 's', config: 'c', arm: 'main' }))`);
    await page.run('await freshet.flush()');
    expect(await publishedIds('b6')).toEqual(ids);
    expect(await page.run('return troubles')).toEqual([]);
  });

  test('loses no event if two tabs share a storage', async () => {
    const waiting = address('b7', { waitMs: NEVER, retryMs: NEVER, retryMaxMs: NEVER });
    const [one, other] = [await open(waiting), await open(waiting)];
    await one.offline(true);
    await other.offline(true);
    const ids = [
      ...(await one.run<string[]>(views('b7', 'a'))),
      ...(await other.run<string[]>(views('b7', 'b'))),
      ...(await one.run<string[]>(views('b7', 'c'))),
    ];
    await one.close();
    await other.close();
    const back = await open(address('b7'));
    await until(async () => (await back.run('return freshet.pending')) === 0);
    expect((await publishedIds('b7')).toSorted()).toEqual(ids.toSorted());
  });

  test('watches a list, by itself and with EventSource, and comes back after a break', async () => {
    const page = await open(address('b8', { retryMs: 10 }));
    await page.run(`
      globalThis.enough = new AbortController();
      globalThis.watched = freshet.watch('b8', ({ items }) => lists.push(items.map(({ item }) => item)), { signal: enough.signal });
      globalThis.sourced = [];
      const token = await fetch('/my-token?user=b8').then((answer) => answer.text());
      globalThis.source = new EventSource('${system.http}/v1/users/b8/recommendations/stream?access_token=' + token);
      source.addEventListener('ranking', ({ data }) => sourced.push(JSON.parse(data).items.map(({ item }) => item)));`);
    await until(() => page.run('return lists.length > 0 && sourced.length > 0'));
    await publishAsServer(viewed('b8', 'a'));
    await until(() => page.run("return !lists.at(-1).includes('a') && !sourced.at(-1).includes('a')"));
    system.kill('gateway');
    await until(() => page.run('return troubles.length > 0'));
    await until(async () => (await fetch(`${system.http}/readyz`)).ok, { within: 60_000 });
    await publishAsServer(viewed('b8', 'b'));
    await until(() => page.run("return !lists.at(-1).includes('b')"));
    await page.run('source.close(); enough.abort(); await watched');
  });

  test('reports an invalid request, and an event that the gateway rejects', async () => {
    const page = await open(address('b9'));
    const errorOf = (call: string): Promise<unknown> =>
      page.run(
        `return ${call}.then(() => 'no error', (err) => [err instanceof FreshetClientError, err.status, err.code])`,
      );
    expect(await errorOf("freshet.recommend('b1')")).toEqual([true, 403, 'FRESHET_OTHER_USER']);
    expect(await errorOf("freshet.recommend('b9', { n: 0 })")).toEqual([true, 400, 'FRESHET_BAD_REQUEST']);
    const [bad, good] = await page.run<string[]>(`
      const ids = [freshet.publish('user.viewed.v1', 'b1', { item: 'a' }), freshet.publish('user.viewed.v1', 'b9', { item: 'a' })];
      await freshet.flush();
      return ids;`);
    expect(await page.run('return rejected')).toEqual([[bad, 'FRESHET_OTHER_USER']]);
    expect(await publishedIds('b9')).toEqual([good]);
  });
});
