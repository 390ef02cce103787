/** The Python example against a running system; left out where Python is not there, or nats-py can't be had. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cacheFolder, stagingFolder } from '../../scripts/setup/cache.mjs';
import { ROOT } from '../../scripts/setup.mjs';
import { publish, type Stack, startStack, testConfig } from '../../src/gateway/stack.fixture.ts';
import { published, viewed } from '../support/events.ts';
import { startNatsServer, type TestNatsServer } from '../support/nats.ts';
import { until } from '../support/wait.ts';

/** What the example is written for. */
const NATS_PY = 'nats-py==2.16.0';
const INSTALL_MS = 90_000;

/** What a Python needs around it to have nats-py: nothing, or a folder in the cache; undefined where neither is there. */
function withNats(): NodeJS.ProcessEnv | undefined {
  const has = (env: NodeJS.ProcessEnv): boolean => spawnSync(PYTHON, ['-c', 'import nats'], { env }).status === 0;
  if (has(process.env)) return process.env;
  const folder = join(cacheFolder(), `python-${NATS_PY}`);
  const env = { ...process.env, PYTHONPATH: folder };
  if (has(env)) return env;
  const staging = stagingFolder(process.env, 'python');
  const pip = ['-m', 'pip', 'install', '--quiet', '--target', staging, NATS_PY];
  const made = spawnSync(PYTHON, pip, { timeout: INSTALL_MS }).status === 0;
  // Where another run was quicker, its folder is as good.
  if (made && !existsSync(folder)) renameSync(staging, folder);
  else rmSync(staging, { recursive: true, force: true });
  return has(env) ? env : undefined;
}

const PYTHON = process.env.FRESHET_PYTHON ?? 'python3';
const environment = withNats();
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
