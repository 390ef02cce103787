/** `freshet status` as a process, beside services that run here. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { makeTempDir, removeTempDir } from '../../../test/support/tempdir.ts';
import { until } from '../../../test/support/wait.ts';
import type { RunningService } from '../../bus/service/description.ts';
import { applyStreams } from '../../bus/streams/plan.ts';
import { completeConfig } from '../../config/load.ts';
import { startUser } from '../../user/start.ts';

const FRESHET = fileURLToPath(new URL('../../../bin/freshet.mjs', import.meta.url));
let server: TestNatsServer;
let data: string;
const running: RunningService[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  data = makeTempDir('status');
  await applyStreams(await server.connect());
});
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
  await server.stop();
  removeTempDir(data);
});

async function start(replica: number): Promise<RunningService> {
  const service = await startUser({
    config: completeConfig({}),
    natsUrl: server.url,
    data,
    healthPort: 0,
    logger: silent,
    replica,
  });
  running.push(service);
  return service;
}

async function stop(service: RunningService): Promise<void> {
  running.splice(running.indexOf(service), 1);
  await service.stop();
}

const status = async (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [FRESHET, 'status', '--data', data, '--nats', server.url, ...args]);

interface Told {
  services: { service: string; state: string }[];
  replicas: { instance: string; service: string; state: string; pid: number | null }[];
}
const told = async (): Promise<Told> => JSON.parse((await status('--json')).stdout) as Told;

it('shows every instance of a service, also those that are down', async () => {
  const first = await start(1);
  expect(await told()).toMatchObject({ replicas: [] });
  const second = await start(2);
  await until(async () => (await told()).replicas[0]?.state === 'ready', { within: 60_000, what: 'the replica' });
  const both = await told();
  expect(both.services.map(({ service }) => service)).toEqual(['user', 'content', 'feedback', 'engine']);
  expect(both.services[0]).toMatchObject({ service: 'user', state: 'ready' });
  expect(both.replicas).toMatchObject([{ instance: 'user-2', service: 'user', state: 'ready', pid: process.pid }]);
  expect((await status()).stdout).toMatch(/^user-2 +ready /m);

  await stop(second);
  expect((await told()).replicas).toMatchObject([{ instance: 'user-2', state: 'down', pid: null }]);
  expect((await status()).stderr).toContain('user-2 does not answer');

  // An instance that answers represents the service, and the first one is listed beside it.
  await start(2);
  await stop(first);
  const without = await told();
  expect(without.services[0]).toMatchObject({ service: 'user', state: 'ready' });
  expect(without.replicas).toMatchObject([{ instance: 'user', state: 'down' }]);
});
