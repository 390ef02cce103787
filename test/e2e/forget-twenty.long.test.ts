/**
 * Twenty users forgotten at once, under the default wait for the server's index: each erasure ends, and no file of the
 * services or of nats-server holds any of them, when all are done and after a stop. One user has many events
 * (`FRESHET_FORGET_EVENTS`), and a shadow and a rebuild died before. Prints the seconds of each erasure.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { instanceName } from '../../src/bus/projection/files.ts';
import { history, ITEMS, useErasures } from '../support/erasures.ts';
import { linked, outgoing, registered, viewed } from '../support/events.ts';
import { ENTRY } from '../support/system.ts';
import { findTraces, traceLines } from '../support/traces.ts';
import { until } from '../support/wait.ts';

const EVENTS = Number(process.env.FRESHET_FORGET_EVENTS ?? 100_000);
const INDEX_MS = Number(process.env.FRESHET_FORGET_INDEX_MS ?? 155_000);
const WAIT_MS = 80 * 60_000;

const { services, forget, status, expectEqualWithout } = useErasures('forget-twenty');
const { start, stop, publish } = services;

const BIG = 'gone-19-with many events';
const PLAIN = Array.from({ length: 13 }, (_, i) => `gone-${i}-Zoë/${i}`);
const WITH_SESSIONS = Array.from({ length: 6 }, (_, i) => `gone-${13 + i}-linked`);
const USERS = [...PLAIN, ...WITH_SESSIONS, BIG];
const SESSIONS = WITH_SESSIONS.map((user) => `a=session of ${user}`);

/** Ends a process by SIGKILL as soon as a condition holds. */
async function killOnce(args: string[], condition: () => boolean | Promise<boolean>): Promise<void> {
  const { server, data, settingsFile } = services;
  const all = [ENTRY, ...args, '--data', data, '--nats', server.url];
  const child = spawn(process.execPath, args.includes('--config') ? all : [...all, '--config', settingsFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString('utf8');
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await until(async () => child.exitCode !== null || (await condition()), { within: 60_000 });
  if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}: ${said}`);
  child.kill('SIGKILL');
  await exited;
}

it('forgets twenty users, and leaves no byte of them', { timeout: WAIT_MS }, async () => {
  await publish(...history());
  for (let n = 0; n < 20; n++)
    await publish(
      ...USERS.filter((user) => user !== BIG).map((user) => viewed(user, ITEMS[n % 6] as string)),
      ...Array.from({ length: 30 }, (_, i) => viewed(`u${i}`, ITEMS[(n + i) % 6] as string)),
    );
  await publish(
    ...USERS.map((user) => registered(user, { town: `the town of ${user}` })),
    ...SESSIONS.flatMap((session, i) => [viewed(session, 'a'), linked(WITH_SESSIONS[i] as string, session)]),
  );
  await services.publisher.publish({ ...outgoing(viewed(PLAIN[0] as string, 'a')), payload: Buffer.from('no event') });
  let last = 0;
  // Between the events of others: half of each block is theirs.
  for (let n = 0; n < EVENTS; n += 500)
    last = await publish(
      ...Array.from({ length: 500 }, (_, i) => [
        viewed(BIG, ITEMS[(n + i) % 6] as string),
        viewed(`u${(n + i) % 997}`, ITEMS[i % 6] as string),
      ]).flat(),
    );
  // A server that stops writes its index, with the subjects of all of them.
  await services.server.restart('SIGTERM');
  const settings = { erasure: { look_ms: 250, rebuild_after_ms: 2_000, server_index_ms: INDEX_MS } };
  for (const service of SERVICES) await start(service, { settings });
  await until(() => services.running.every((one) => one.progress().state === 'ready' && one.progress().seq >= last), {
    within: 80_000,
  });
  console.log(`the services have read ${last} messages`);
  const file = (name: string): string => join(services.data, name);
  const other = file('other.json');
  writeFileSync(other, JSON.stringify({ engine: { training_content: false, ranker_rate: 0.3 } }));
  await killOnce(['shadow', 'run', '--config', other], async () => {
    const { seq } = await services
      .ask<{ seq: number }>('shadow.status', {}, { timeoutMs: 1_000 })
      .catch(() => ({ seq: 0 }));
    return seq > 0;
  });
  console.log('a shadow is dead');
  await killOnce(['replay', 'feedback'], () => existsSync(file(`${instanceName('feedback')}.rebuild.sqlite-wal`)));
  const left = ['engine-shadow.sqlite', 'feedback.rebuild.sqlite'].filter((name) => existsSync(file(name)));
  expect(left).toEqual(['engine-shadow.sqlite', 'feedback.rebuild.sqlite']);

  const texts = [...USERS, ...SESSIONS];
  const found = async (): Promise<string[]> =>
    traceLines(await findTraces([services.data, services.server.dir], texts));
  const before = await found();
  const where = new Set(before.map((line) => line.replace(/^.* in (?:\S+\/streams\/)?/, '').replace(/: \d+$/, '')));
  console.log(`before: ${before.length} traces in ${[...where].sort().join(', ')}`);

  const asked = await Promise.all(USERS.map(async (user) => ({ user, erasure: (await forget(user)).erasure })));
  let shown = 0;
  await Promise.all(
    asked.map(async ({ user, erasure }) => {
      for (;;) {
        // A service that removes the rows of many events does not answer meanwhile.
        const entry = await until(() => status(erasure), { within: 80_000 });
        if (user === BIG && performance.now() - shown > 30_000) {
          shown = performance.now();
          console.log(JSON.stringify({ state: entry.state, messages: entry.messages, services: entry.services }));
        }
        if (entry.state === 'done') {
          const seconds = (Date.parse(entry.done as string) - Date.parse(entry.requested)) / 1_000;
          console.log(`${user}: done in ${seconds.toFixed(1)} s, ${entry.messages?.removed} messages overwritten`);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }),
  );
  expect(await found()).toEqual([]);
  await expectEqualWithout(PLAIN[0] as string, WITH_SESSIONS[0] as string, BIG);
  for (const service of SERVICES) await stop(service);
  expect(await found()).toEqual([]);
  await services.server.restart('SIGTERM');
  expect(await found()).toEqual([]);
});
