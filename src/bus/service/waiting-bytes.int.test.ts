/** Requests with min_seq that wait in a service have a bound in bytes. */
import { expect, it } from 'vitest';
import { viewed } from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';

const services = useServices('waiting-bytes', { settings: { http: { min_seq_waiting_bytes: 10_000 } } });

it('refuses a request that would wait beyond the bound with 503, and answers it once the position is reached', async () => {
  const user = await services.start('user');
  const seq = await services.publish(viewed('u1', 'a'));
  await services.caughtUp(seq, user);
  const later = { user: 'u1', min_seq: seq + 1, timeout_ms: 30_000 };
  const waiting = [1, 2].map(() => services.ask('user.get', later));
  const refused = services.ask('user.get', later);
  await expect(refused).rejects.toMatchObject({
    problem: { status: 503, code: 'FRESHET_SERVICE_UNAVAILABLE', detail: expect.stringContaining('of 10000 that may') },
  });
  // A request for a position that the service has reached does not wait.
  expect(await services.ask('user.get', { user: 'u1', min_seq: seq })).toMatchObject({ user: 'u1' });
  await services.publish(viewed('u1', 'b'));
  expect(await Promise.all(waiting)).toMatchObject([{ user: 'u1' }, { user: 'u1' }]);
  expect(await services.ask('user.get', later)).toMatchObject({ user: 'u1' });
});
