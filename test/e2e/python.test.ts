/** The Python example against a running system; left out where Python is not there, or nats-py can't be had. */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { publish, type Stack, startStack, testConfig } from '../../src/gateway/stack.fixture.ts';
import { published, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { withPackage } from '../support/python.ts';
import { until } from '../support/wait.ts';

/** What the example is written for. */
const NATS_PY = 'nats-py==2.16.0';

const PYTHON = process.env.FRESHET_PYTHON ?? 'python3';
const CHECK = ['-c', 'import nats'];
const hasNats = spawnSync(PYTHON, CHECK).status === 0;
const environment = hasNats ? process.env : withPackage(PYTHON, NATS_PY, CHECK);
const missing = environment === undefined;

let nats: TestNatsServer;
let stack: Stack;

beforeAll(async () => {
  if (missing) return;
  nats = await startNatsServer();
  stack = await startStack({ natsUrl: nats.url, config: testConfig() });
  await stack.start('user', 'content', 'feedback', 'engine');
  await until(async () => (await stack.gateway.ready()).ready);
  await publish(stack.url, ...['a', 'b', 'c'].map((item) => published(item)));
  await publish(stack.url, viewed('r1', 'a'), viewed('r1', 'b'), viewed('r2', 'a'), viewed('r2', 'b'));
});
afterAll(async () => {
  await stack?.stop();
  await nats?.stop();
});

it.skipIf(missing)('publishes, requests a list, and reports impressions and clicks', async () => {
  const said = await new Promise<string>((resolve, reject) => {
    execFile(
      PYTHON,
      [join(ROOT, 'examples/python/recommend.py'), nats.url, 'py thon/ü', 'a'],
      { timeout: 75_000, env: environment },
      (err, stdout, stderr) => (err ? reject(new Error(stderr)) : resolve(stdout)),
    );
  });
  const [first = '', second = ''] = said.trim().split('\n');
  const { seq, ranking } = JSON.parse(first) as { seq: number; ranking: { seq: number; items: { item: string }[] } };
  expect(ranking.seq).toBeGreaterThanOrEqual(seq);
  expect(ranking.items[0]?.item).toBe('b');
  expect(JSON.parse(second)).toMatchObject({ total: { impressions: ranking.items.length, clicks: 1 } });
});
