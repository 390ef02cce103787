import { afterEach, expect, it } from 'vitest';
import { LEASES } from '../../../streams.config.ts';
import { useServices } from '../../../test/support/services.ts';
import { SyncUnderWayError } from '../../errors.ts';
import { createSourceLease, type Holder, leaseKey, type SourceLease } from './lease.ts';

const services = useServices('source-lease');
const leases: SourceLease[] = [];
afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.release();
});

function leaseOf(source: string, lapseMs = 400, onWait?: (holder: Holder) => void): SourceLease {
  const lease = createSourceLease({ nc: services.nc, source, lapseMs, onWait });
  leases.push(lease);
  return lease;
}

it('is held by one process per source, and the error of the second names the holder and what to do', async () => {
  await leaseOf('shop').hold();
  const second = leaseOf('shop', 60_000);
  const refused = await second.hold().catch((err: unknown) => err);
  expect(refused).toBeInstanceOf(SyncUnderWayError);
  expect(refused).toMatchObject({
    message: expect.stringContaining(`Process ${process.pid} on`),
    next: expect.stringContaining('run this command again'),
    details: { source: 'shop', pid: process.pid },
  });
  expect(await leaseOf('books').hold()).toBe(1);
});

it('is free once its holder gives it back', async () => {
  const first = leaseOf('a source, with "quotes"/…');
  await first.hold();
  await first.release();
  expect(await leaseOf('a source, with "quotes"/…', 60_000).hold()).toBe(1);
});

it('passes to the next process if its holder was killed', async () => {
  const kv = await services.nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  await kv.put(leaseKey('shop'), JSON.stringify({ holder: 'host-a/4711/0a', pid: 4711, beat: 3 }));
  const waited: Holder[] = [];
  expect(await leaseOf('shop', 400, (holder) => void waited.push(holder)).hold()).toBe(1);
  expect(waited).toEqual([{ pid: 4711, host: 'host-a' }]);
});

it('counts once more after another process may have held it', async () => {
  const kv = await services.nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  const first = leaseOf('shop');
  expect(await first.hold()).toBe(1);
  expect(await first.hold()).toBe(1);
  await kv.put(leaseKey('shop'), JSON.stringify({ holder: 'host-a/4711/0a', pid: 4711, beat: 1 }));
  // Until it notices the other holder, it still counts as held for as long as its last renewal lasts.
  let turn = 1;
  while (turn === 1) {
    turn = await first.hold();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(turn).toBe(2);
});

it('needs the bucket of leases', async () => {
  const jsm = await services.nc.jetstreamManager();
  await jsm.streams.delete(`KV_${LEASES.name}`);
  await expect(leaseOf('shop').hold()).rejects.toMatchObject({
    code: 'FRESHET_STREAM_MISSING',
    next: 'freshet streams apply',
  });
});
