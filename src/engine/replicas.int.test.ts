/** Several engines as real processes: one writes rankings, and when it is killed another does. */
import type { ChildProcess } from 'node:child_process';
import { expect, it } from 'vitest';
import { LEASES, RANKINGS } from '../../streams.config.ts';
import { published, viewed } from '../../test/support/events.ts';
import { useServices } from '../../test/support/services.ts';
import { until } from '../../test/support/wait.ts';
import type { Config } from '../config/schema.ts';

const services = useServices('replicas', {
  settings: { engine: { lease_ms: 1_000 } },
  publisher: { timeoutMs: 200, retries: 50 },
});
const { publish, kvValue } = services;
const launch = (replica: number, engine: Partial<Config['engine']> = {}): ChildProcess =>
  services.launch('engine', { replica, settings: { engine } });

const writer = async () => (await kvValue<{ holder: string }>(LEASES.name, 'rankings'))?.holder;
const seqOf = async (key: string) => (await kvValue<{ seq: number }>(RANKINGS.name, key))?.seq ?? 0;
const writtenAt = (user: string): Promise<number> => seqOf(`user.${user}`);
const similarAt = (item: string): Promise<number> => seqOf(`similar.${item}`);
const isWritten = (user: string, seq: number): Promise<boolean> =>
  until(async () => (await writtenAt(user)) >= seq, { within: 90_000, what: `the ranking of ${user} at ${seq}` });
const isWriter = (instance: string): Promise<boolean> =>
  until(async () => (await writer()) === instance, { within: 90_000, what: `${instance} as the writer` });
const isReady = (instance: string, { pid }: ChildProcess): Promise<boolean> =>
  until(
    async () => {
      for await (const { metadata } of await services.nc.services.client().ping('freshet-engine'))
        if (metadata?.instance === instance && metadata.pid === String(pid)) return true;
      return false;
    },
    { within: 90_000, what: instance },
  );

it('another replica publishes rankings when the publisher is killed, and only one does when it comes back', async () => {
  const first = launch(1);
  await isWriter('engine');
  await isWritten('u1', await publish(...['a', 'b', 'c'].map((item) => published(item)), viewed('u1', 'a')));
  await isReady('engine-2', launch(2));
  expect(await writer()).toBe('engine');

  first.kill('SIGKILL');
  // No replica publishes now, so the next publisher must.
  const missed = await publish(viewed('u2', 'b'));
  await isWriter('engine-2');
  await isWritten('u2', missed);
  await until(async () => (await similarAt('b')) >= missed, { within: 90_000, what: 'what goes with b' });
  await isWritten('u1', await publish(viewed('u1', 'b')));

  await isReady('engine', launch(1));
  await isWritten('u3', await publish(viewed('u3', 'c')));
  expect(await writer()).toBe('engine-2');
});

it('the next publisher publishes the lists of similar items that were due at the killed one', async () => {
  // The first one publishes none in the time that this takes.
  const first = launch(1, { similar_interval_ms: 3_600_000 });
  await isWriter('engine');
  const seq = await publish(...['a', 'b', 'c'].map((item) => published(item)), viewed('u1', 'a'));
  await isWritten('u1', seq);
  // The replica has the events in its rows when it is started for the second time.
  const replica = launch(2);
  await isReady('engine-2', replica);
  replica.kill('SIGKILL');
  await isReady('engine-2', launch(2, { similar_interval_ms: 100 }));
  expect(await similarAt('a')).toBe(0);
  first.kill('SIGKILL');
  await isWriter('engine-2');
  for (const item of ['a', 'b', 'c'])
    await until(async () => (await similarAt(item)) >= seq, { within: 20_000, what: `what goes with ${item}` });
});
