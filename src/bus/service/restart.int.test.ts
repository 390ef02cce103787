/** A restart of nats-server, as an operator makes it: it ends in order, and comes back on the same port and store. */
import { it } from 'vitest';
import { viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';

const services = useServices('restart');

it.each(['SIGTERM', 'SIGKILL'] as const)('services go on after the server was restarted by %s', async (signal) => {
  const content = await services.start('content');
  await services.caughtUp(await services.publish(viewed('u1', 'a')));
  await services.server.restart(signal);
  await until(() => content.status().state === 'ready', { within: 60_000, what: 'ready without a new event' });
  await until(async () => (await services.publish(viewed('u1', 'b')).catch(() => 0)) > 0, { within: 60_000 });
  const seq = await services.publish(viewed('u1', 'c'));
  await services.caughtUp(seq);
});
