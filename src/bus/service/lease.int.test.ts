import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LEASES } from '../../../streams.config.ts';
import { silent } from '../../../test/support/counting.ts';
import { startNatsServer, type TestNatsServer } from '../../../test/support/nats.ts';
import { until } from '../../../test/support/wait.ts';
import { applyStreams } from '../streams/plan.ts';
import { createLease, type Lease } from './lease.ts';

const LAPSE_MS = 400;
let server: TestNatsServer;
let nc: NatsConnection;
const leases: Lease[] = [];
beforeEach(async () => {
  server = await startNatsServer();
  nc = await server.connect();
  await applyStreams(nc, {});
});
afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.stop();
  await server.stop();
});

interface Contender {
  lease: Lease;
  said: string[];
  ready: boolean;
  refuses: boolean;
}

function contend(holder: string, connection = nc): Contender {
  const said: string[] = [];
  const contender: Contender = {
    said,
    ready: true,
    refuses: false,
    lease: createLease({
      nc: connection,
      key: 'work',
      holder,
      lapseMs: LAPSE_MS,
      ready: () => contender.ready,
      refuses: () => contender.refuses,
      onGained: () => void said.push('gained'),
      onLost: () => void said.push('lost'),
      logger: silent,
    }),
  };
  leases.push(contender.lease);
  contender.lease.start();
  return contender;
}
const holder = async (): Promise<unknown> => {
  const kv = await nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  const entry = await kv.get('work');
  return entry?.operation === 'PUT' ? entry.json<{ holder: string }>().holder : undefined;
};

it('is held by one of many, and by another at once when it is given back', async () => {
  const all = Array.from({ length: 5 }, (_, i) => contend(`c${i}`));
  await until(() => all.some(({ lease }) => lease.held()));
  const first = all.find(({ lease }) => lease.held()) as Contender;
  await until(async () => (await holder()) !== undefined);
  expect(all.filter(({ said }) => said.length > 0)).toEqual([first]);
  await first.lease.stop();
  expect(first.said).toEqual(['gained', 'lost']);
  await until(() => all.some((one) => one !== first && one.lease.held()), { within: 20_000 });
  expect(all.filter(({ said }) => said.includes('gained'))).toHaveLength(2);
});

it('is had by another once nothing was heard of its holder, and lost by who comes back after that', async () => {
  const connection = await server.connect();
  const first = contend('c1', connection);
  await until(() => first.lease.held());
  // A holder that hears and says nothing any more, as one that was killed or cut off.
  await connection.close();
  const second = contend('c2');
  await until(() => second.lease.held(), { within: 20_000 });
  expect(await holder()).toBe('c2');
  await until(() => !first.lease.held(), { within: 20_000 });
  await until(() => first.said.includes('lost'), { within: 20_000 });
});

it('goes on with who has the same name, without a wait, and is taken by nobody who is not ready', async () => {
  const kv = await nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  await kv.put('work', JSON.stringify({ holder: 'c1', pid: 1, beat: 1 }));
  const waiting = contend('c2');
  waiting.ready = false;
  const again = contend('c1');
  await until(() => again.lease.held());
  again.refuses = true;
  again.ready = false;
  await until(async () => (await holder()) === undefined);
  expect(again.said).toEqual(['gained', 'lost']);
  expect(waiting.said).toEqual([]);
  waiting.ready = true;
  await until(() => waiting.lease.held());
});

it('is lost to a holder of another name, also where its process has the same number', async () => {
  const first = contend('c1');
  await until(() => first.lease.held());
  const kv = await nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  await kv.put('work', JSON.stringify({ holder: 'c2', pid: process.pid, beat: 1 }));
  await until(() => first.said.includes('lost'));
});
