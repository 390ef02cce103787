/** Several engines as real processes: one writes rankings, and when it is killed another does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NatsConnection } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LEASES, RANKINGS } from '../../streams.config.ts';
import { publishAll, published, viewed } from '../../test/support/events.ts';
import { startNatsServer, type TestNatsServer } from '../../test/support/nats.ts';
import { QUICK_LOOP } from '../../test/support/settings.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import { until } from '../../test/support/wait.ts';
import { createPublisher, type Publisher } from '../bus/nats/publisher.ts';
import { applyStreams } from '../bus/streams/plan.ts';

const ENTRY = fileURLToPath(new URL('../../bin/freshet.mjs', import.meta.url));
let server: TestNatsServer;
let nc: NatsConnection;
let publisher: Publisher;
let data: string;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  server = await startNatsServer();
  nc = await server.connect();
  publisher = createPublisher(nc, { timeoutMs: 200, retries: 50 });
  await applyStreams(nc);
  data = makeTempDir('replicas');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await publisher.close();
  await server.stop();
  removeTempDir(data);
});

const publish = (...events: unknown[]): Promise<number> => publishAll(publisher, events);

function launch(replica: number, engine: object = {}): ChildProcess {
  const config = join(data, `config-${replica}.json`);
  writeFileSync(config, JSON.stringify({ projection: QUICK_LOOP, engine: { lease_ms: 1_000, ...engine } }));
  const args = ['service', 'engine', '--replica', String(replica), '--data', data, '--nats', server.url];
  const child = spawn(process.execPath, [ENTRY, ...args, '--config', config], { stdio: 'ignore' });
  children.add(child);
  return child;
}

const writer = async (): Promise<string | undefined> => {
  const entry = await (await nc.jetstream().views.kv(LEASES.name, { bindOnly: true })).get('rankings');
  return entry?.operation === 'PUT' ? entry.json<{ holder: string }>().holder : undefined;
};
const writtenAt = async (user: string): Promise<number> => {
  const entry = await (await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true })).get(`user.${user}`);
  return entry?.operation === 'PUT' ? entry.json<{ seq: number }>().seq : 0;
};
const similarAt = async (item: string): Promise<number> => {
  const entry = await (await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true })).get(`similar.${item}`);
  return entry?.operation === 'PUT' ? entry.json<{ seq: number }>().seq : 0;
};
const isWritten = (user: string, seq: number): Promise<boolean> =>
  until(async () => (await writtenAt(user)) >= seq, { within: 90_000, what: `the ranking of ${user} at ${seq}` });
const isWriter = (instance: string): Promise<boolean> =>
  until(async () => (await writer()) === instance, { within: 90_000, what: `${instance} as the writer` });
const isReady = (instance: string, { pid }: ChildProcess): Promise<boolean> =>
  until(
    async () => {
      for await (const { metadata } of await nc.services.client().ping('freshet-engine'))
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
