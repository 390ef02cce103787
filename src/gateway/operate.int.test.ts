import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { clicked, published, served, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import type { SnapshotsAnswer } from '../engine/lifecycle/rollback.ts';
import { startShadow } from '../engine/lifecycle/shadow/start.ts';
import { createLogger } from '../observability/log.ts';
import { makeKey } from './access/key.ts';
import { openKeyStore } from './access/store.ts';
import { publish, request, type Stack, send, startStack, testConfig } from './stack.fixture.ts';

let nats: TestNatsServer;
let stack: Stack;
const settings = { engine: { snapshot_events: 20, snapshot_interval_ms: 1_000, training_content: false } };
const config = testConfig({}, settings);
const get = async <Body>(path: string): Promise<Body> => (await request<Body>(stack.url, path)).body;
const post = (path: string, body: object = {}) => send(stack.url, path, body);
const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
const some = () => publish(stack.url, ...users.flatMap((user) => [viewed(user, 'i1'), viewed(user, 'i2')]));

beforeAll(async () => {
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  await publish(stack.url, published('i1'), published('i2'), published('i3'));
  await some();
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

describe('experiments', () => {
  const arms = [
    { arm: 'as-is', share: 0.5 },
    { arm: 'diverse', share: 0.5, settings: { diversity: { lambda: 0.7 } } },
  ];

  interface Body {
    experiments: { experiment: string; state: string; results: { arms: { arm: string; clicks: number }[] } | null }[];
  }

  test('start, show results by arm, and end with a reason', async () => {
    expect(await get('/v1/experiments')).toEqual({ experiments: [] });
    const started = await post('/v1/experiments', { experiment: 'diverse', arms });
    expect(started.body).toMatchObject({ experiment: 'diverse', state: 'running', arms: [{ settings: {} }, arms[1]] });
    await publish(
      stack.url,
      served('u1', 'l1', ['i2', 'i1'], { arm: 'diverse/as-is' }),
      clicked('u1', 'i2', { list: 'l1' }),
    );
    const { experiments } = await until(async () => {
      const found = await get<Body>('/v1/experiments');
      return found.experiments[0]?.results?.arms[0]?.clicks === 1 && found;
    });
    expect(experiments[0]?.results?.arms.map(({ arm }) => arm)).toEqual(['as-is', 'diverse']);
    expect((await post('/v1/experiments', { experiment: 'second', arms })).body).toMatchObject({
      status: 400,
      running: 'diverse',
    });
    expect((await post('/v1/experiments/diverse/end', { reason: 'enough' })).body).toMatchObject({
      state: 'ended',
      reason: 'enough',
    });
    expect((await get<Body>('/v1/experiments')).experiments).toMatchObject([{ experiment: 'diverse', state: 'ended' }]);
  });

  test('that are wrong are refused by the member', async () => {
    for (const body of [{ experiment: 'x' }, { experiment: 'x', arms: [arms[0]] }, { experiment: 'a b', arms }])
      expect((await post('/v1/experiments', body)).body, JSON.stringify(body)).toMatchObject({
        status: 400,
        member: expect.stringMatching(/^(arms|experiment)$/),
      });
    expect((await post('/v1/experiments/nothing/end')).body).toMatchObject({ status: 404, code: 'FRESHET_NOT_FOUND' });
  });
});

describe('snapshots', () => {
  test('are listed, and the settings and ranker of one come back until the rollback ends', async () => {
    const snapshot = await until(async () => (await get<SnapshotsAnswer>('/v1/snapshots')).snapshots.at(-1)?.object);
    expect((await post('/v1/snapshots/rollback', { snapshot: 'model-none' })).body).toMatchObject({ status: 404 });
    expect((await post('/v1/snapshots/rollback', { end: true })).body).toMatchObject({ status: 400 });
    const back = await post('/v1/snapshots/rollback', { snapshot, reason: 'worse' });
    expect(back.body).toMatchObject({ verb: 'rolled_back', snapshot, state: 'in force' });
    // The ranker is that of the snapshot from the next event on.
    await some();
    const inForce = async () =>
      (await get<{ in_force: { act: object | null; pinned: string | null } }>('/v1/system')).in_force;
    await until(async () => (await inForce()).pinned === snapshot);
    expect(await inForce()).toMatchObject({ act: { verb: 'rolled_back' } });
    expect((await post('/v1/snapshots/rollback', { end: true })).body).toMatchObject({ verb: 'promoted' });
    expect((await get<SnapshotsAnswer>('/v1/snapshots')).acts).toMatchObject([
      { verb: 'promoted', file: true },
      { verb: 'rolled_back', snapshot, reason: 'worse' },
    ]);
    expect((await inForce()).act).toBeNull();
  });
});

describe('the shadow', () => {
  interface Body {
    shadow: {
      state: string;
      current: boolean;
      settings: Record<string, unknown>;
      compared: { events: number; intervals: Record<string, [number, number] | null> };
    } | null;
  }

  test('is null while none runs, and there is nothing to promote then', async () => {
    expect(await get('/v1/shadow')).toEqual({ shadow: null });
    expect((await post('/v1/shadow/promote')).body).toMatchObject({
      status: 503,
      next: expect.stringContaining('freshet shadow start'),
    });
  });

  test('is compared with the settings in force, promoted and ended', async () => {
    const data = makeTempDir('gateway-shadow');
    onTestFinished(() => removeTempDir(data));
    let ended = (): void => undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const shadow = await startShadow({
      config: testConfig({}, { engine: { ...settings.engine, ranker_rate: 0.3 }, shadow: { every: 1 } }),
      inForce: config,
      natsUrl: nats.url,
      data,
      healthPort: 0,
      logger: createLogger({ service: 'test', level: 'silent' }),
      onStop: ended,
    });
    onTestFinished(() => shadow.stop());
    await some();
    const found = await until(async () => {
      const { shadow: status } = await get<Body>('/v1/shadow');
      return status?.state === 'ready' && status.compared.events > 0 && status;
    });
    expect(found.current).toBe(true);
    expect(Object.keys(found.settings)).toEqual(['ranker_rate']);
    const [low, high] = found.compared.intervals.hr ?? [1, 0];
    expect(low).toBeLessThanOrEqual(high);
    const promoted = await until(async () => {
      const answer = await post('/v1/shadow/promote');
      return answer.status === 200 && answer.body;
    });
    expect(promoted).toMatchObject({ act: expect.any(String), snapshot: expect.stringMatching(/^model-/) });
    await end;
  });
});

test('acts take a JSON body alone, so that no page of another site can send one to a gateway without keys', async () => {
  for (const path of [
    '/v1/snapshots/rollback',
    '/v1/shadow/promote',
    '/v1/experiments/x/end',
    '/v1/dead-letters/1/discard',
  ]) {
    const without = await request(stack.url, path, { method: 'POST' });
    expect(without.body, path).toMatchObject({ status: 400, member: 'body' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
      expect(
        (await request(stack.url, path, { method: 'POST', headers: { 'content-type': type }, body: '{}' })).status,
      ).toBe(415);
  }
});

test('all of it is for keys with admin', async () => {
  const keyed = await startStack({ natsUrl: nats.url, config: testConfig({ keys: 'required' }) });
  onTestFinished(() => keyed.stop());
  const { key, record } = makeKey({
    name: 'k',
    scopes: ['events:user', 'events:content', 'recommend', 'erase'],
    now: Date.now(),
  });
  await (await openKeyStore(await nats.connect())).add(record);
  const headers = { authorization: `Bearer ${key}` };
  await until(async () => (await request(keyed.url, '/v1/erasures', { headers })).status === 200);
  for (const path of [
    '/v1/system',
    '/v1/system/recent',
    '/v1/dead-letters',
    '/v1/experiments',
    '/v1/shadow',
    '/v1/snapshots',
  ])
    expect((await request(keyed.url, path, { headers })).body, path).toMatchObject({ code: 'FRESHET_SCOPE_MISSING' });
  for (const path of [
    '/v1/experiments',
    '/v1/experiments/x/end',
    '/v1/shadow/promote',
    '/v1/snapshots/rollback',
    '/v1/dead-letters/1/retry',
    '/v1/dead-letters/1/discard',
  ])
    expect((await send(keyed.url, path, {}, headers)).body, path).toMatchObject({ code: 'FRESHET_SCOPE_MISSING' });
});
