/** `freshet status` as a process, beside services that run here. */
import { expect, it } from 'vitest';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';

const services = useServices('status');
const start = (replica: number) => services.start('user', { replica });
const status = (...args: string[]) => services.runFreshet('status', ...args);

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

  await services.stop(second);
  expect((await told()).replicas).toMatchObject([{ instance: 'user-2', state: 'down', pid: null }]);
  expect((await status()).stderr).toContain('user-2 does not answer');

  // An instance that answers represents the service, and the first one is listed beside it.
  await start(2);
  await services.stop(first);
  const without = await told();
  expect(without.services[0]).toMatchObject({ service: 'user', state: 'ready' });
  expect(without.replicas).toMatchObject([{ instance: 'user', state: 'down' }]);
});
