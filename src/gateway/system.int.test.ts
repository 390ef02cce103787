import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { until } from '../../test/support/wait.ts';
import type { Sample } from './samples.ts';
import { publish, request, type Stack, startStack, testConfig } from './stack.fixture.ts';

interface SystemBody {
  ready: boolean;
  head: number;
  services: { service: string; instance: string; state: string; seq: number; lag: number; fold_version?: string }[];
  dead_letters: { count: number; open: number | null };
  rankings: { users: number; oldest_s: number } | null;
  snapshot: { id: string; seq: number; age_s: number | null; behind: number } | null;
  training: { due: boolean } | null;
  erasures: { open: number; overdue: number; next_deadline: string | null } | null;
  quality: { windows: { model: { hr: number } }[] } | null;
}
interface RecentBody {
  every_s: number;
  since: string | null;
  samples: Sample[];
}

let nats: TestNatsServer;
let stack: Stack;
const EVERY_MS = 50;
const read = async (): Promise<SystemBody> => (await request<SystemBody>(stack.url, '/v1/system')).body;
const recent = async (): Promise<RecentBody> => (await request<RecentBody>(stack.url, '/v1/system/recent')).body;

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({
    natsUrl: nats.url,
    config: testConfig({ system_sample_ms: EVERY_MS, system_samples_s: 1 }, { engine: { prequential_every: 1 } }),
  });
  await stack.start('user', 'content', 'feedback');
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

test('the overview shows a service that is down, and everything about it once it is there', async () => {
  await until(async () => (await read()).services.filter(({ state }) => state === 'ready').length === 3);
  const without = await read();
  expect(without).toMatchObject({ ready: false, snapshot: null, quality: null, rankings: null, training: null });
  expect(without.services.find(({ service }) => service === 'engine')).toMatchObject({
    instance: 'engine',
    state: 'down',
  });
  await stack.start('engine');
  const { body } = await publish(
    stack.url,
    published('i1'),
    published('i2'),
    viewed('u1', 'i1'),
    viewed('u1', 'i2'),
    viewed('u2', 'i1'),
    viewed('u2', 'i2'),
  );
  const system = await until(async () => {
    const found = await read();
    return found.ready && found.services.every(({ seq }) => seq === body.seq) && found.quality !== null && found;
  });
  expect(system).toMatchObject({
    head: body.seq,
    dead_letters: { count: 0, open: 0 },
    erasures: { open: 0, overdue: 0, next_deadline: null },
    training: { due: false, running: null },
    in_force: { act: null },
    model: { users: 2, items: 2 },
  });
  expect(system.services.map(({ service }) => service)).toEqual(['user', 'content', 'feedback', 'engine']);
  for (const service of system.services) {
    expect(service).toMatchObject({ lag: 0, fold_version: expect.any(String), pid: process.pid });
    for (const elsewhere of ['model', 'rankings', 'erasures']) expect(service).not.toHaveProperty(elsewhere);
  }
  expect(system.quality?.windows[0]?.model.hr).toEqual(expect.any(Number));
  await until(async () => (await read()).rankings?.users === 0);
});

test('an erasure under way shows with its deadline, and the list says what it waits for', async () => {
  const begun = await request<{ erasure: string }>(stack.url, '/v1/users/u2', { method: 'DELETE' });
  const { erasures } = await until(async () => {
    const found = await read();
    return found.erasures?.open === 1 && found;
  });
  expect(erasures?.overdue).toBe(0);
  expect(Date.parse(erasures?.next_deadline ?? '')).toBeGreaterThan(Date.now());
  const { body } = await request(stack.url, '/v1/erasures');
  expect(body).toMatchObject({
    open: 1,
    overdue: 0,
    total: 1,
    erasures: [{ erasure: begun.body.erasure, overdue: false, waits_for: expect.any(Array) }],
  });
  // The server writes its index later than this test waits.
  await until(async () => {
    const { waits_for = [] } = (await request<{ waits_for?: string[] }>(stack.url, begun.headers.get('location') ?? ''))
      .body;
    return waits_for.some((sentence) => sentence.includes('index of subjects'));
  });
});

test('an event that no service can fold counts once per service', async () => {
  const nc = await nats.connect();
  await nc.jetstream().publish('ev.user.u1.viewed', 'no event');
  await until(async () => (await read()).dead_letters.count === 4);
  expect((await read()).dead_letters.open).toBe(4);
});

test('samples follow the log, and the oldest make room for the newest', async () => {
  const before = (await recent()).samples.at(-1)?.head ?? 0;
  expect((await recent()).every_s).toBe(EVERY_MS / 1_000);
  await publish(stack.url, viewed('u3', 'i1'), viewed('u3', 'i2'));
  await request(stack.url, '/v1/users/u3/recommendations?max_age_ms=0');
  const found = await until(async () => {
    const { samples } = await recent();
    return (
      samples.some(({ events_per_s }) => (events_per_s ?? 0) > 0) &&
      samples.some(({ lists_per_s }) => (lists_per_s ?? 0) > 0) &&
      samples
    );
  });
  const { text } = await request(stack.url, '/metrics');
  expect(Number(/freshet_http_lists_total\{service="gateway"\} (\d+)/.exec(text)?.[1])).toBe(1);
  const newest = found.at(-1) as Sample;
  expect(newest.head).toBeGreaterThan(before);
  expect(Object.keys(newest.lag)).toEqual(['user', 'content', 'feedback', 'engine']);
  expect(newest.hr).toEqual(expect.any(Number));
  const first = found[0] as Sample;
  await until(async () => (await recent()).samples[0]?.at !== first.at);
  expect((await recent()).samples.length).toBeLessThanOrEqual(1_000 / EVERY_MS);
});

test('a gateway that keeps no samples says so, and takes none', async () => {
  const other = await startStack({ natsUrl: nats.url, config: testConfig({ system_sample_ms: 0 }) });
  onTestFinished(() => other.stop());
  await until(async () => other.gateway.trouble() === undefined);
  expect((await request(other.url, '/v1/system/recent')).body).toEqual({ every_s: 0, since: null, samples: [] });
});

test('neither takes members', async () => {
  expect((await request(stack.url, '/v1/system?services=engine')).body).toMatchObject({
    status: 400,
    code: 'FRESHET_BAD_REQUEST',
  });
});
